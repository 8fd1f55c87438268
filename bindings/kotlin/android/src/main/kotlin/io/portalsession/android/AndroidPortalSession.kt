// A session with Android's parts: store, boot identity, foreground and background.
package io.portalsession.android

import android.app.Application
import android.content.Context
import android.os.Build
import android.provider.Settings
import io.portalsession.PortalSession
import io.portalsession.PortalSessionException
import io.portalsession.TokenProvider

/**
 * Opens a session for an Android app: kept in a [KeystoreStore], and told when the app comes and goes.
 *
 * ```
 * class App : Application() {
 *     val session by lazy { PortalSession.open(this, { request -> … }) }
 * }
 * ```
 *
 * Fit for the main thread: files and keystore are touched on a thread of the library's own.
 */
@JvmSynthetic
public inline fun PortalSession.Companion.open(
    context: Context,
    provider: TokenProvider,
    configure: PortalSession.Builder.() -> Unit = {},
): PortalSession =
    AndroidPortalSession.builder(context).provider(provider).apply(configure).open().also { session ->
        AndroidPortalSession.follow(context, session)
    }

/** The parts that [open] puts together; for Java, and for who wants to choose. */
public object AndroidPortalSession {
    /** A builder that knows this boot and has a [KeystoreStore]. */
    @JvmStatic
    public fun builder(context: Context): PortalSession.Builder {
        val builder = PortalSession.Builder().store(KeystoreStore(context))
        bootTag(context)?.let { builder.bootTag(it) }
        return builder
    }

    /** Tells the session of foreground and background until the returned one is closed; without androidx. */
    @JvmStatic
    public fun follow(
        context: Context,
        session: PortalSession,
    ): AutoCloseable {
        val application = context.applicationContext as Application
        val notices =
            ForegroundNotices { notice ->
                try {
                    session.notify(notice)
                } catch (_: PortalSessionException) {
                    // Closed: nobody is there to be told.
                }
            }
        application.registerActivityLifecycleCallbacks(notices)
        return AutoCloseable { application.unregisterActivityLifecycleCallbacks(notices) }
    }

    /** How often the device booted, plus one; null where Android does not tell: before API 24. */
    internal fun bootTag(context: Context): Long? {
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.N) return null
        val count = Settings.Global.getInt(context.contentResolver, Settings.Global.BOOT_COUNT, -1)
        return if (count < 0) null else count.toLong() + 1
    }
}

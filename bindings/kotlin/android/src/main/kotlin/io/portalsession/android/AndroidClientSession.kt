// A session with Android's parts: store, boot identity, foreground and background.
package io.portalsession.android

import android.app.Application
import android.content.Context
import android.os.Build
import android.provider.Settings
import io.portalsession.ClientSession
import io.portalsession.ClientSessionBuilder
import io.portalsession.ClientSessionException

/**
 * Opens a session for an Android app: kept in a [KeystoreStore], and aware of foreground and background until it is closed.
 *
 * ```
 * class App : Application() {
 *     val session by lazy { ClientSession.open(this) { provider { request -> … } } }
 * }
 * ```
 *
 * Fit for the main thread: files and keystore are touched on a thread of the library's own. In `attachBaseContext`, pass
 * the `Application` itself.
 *
 * @throws ClientSessionException if a value is out of its bounds
 */
@JvmSynthetic
public fun ClientSession.Companion.open(
    context: Context,
    configure: ClientSessionBuilder.() -> Unit,
): ClientSession {
    val application = applicationOf(context)
    val session = AndroidClientSession.builder(application).apply(configure).open()
    AndroidClientSession.follow(application, session)
    return session
}

/** The parts that [open] puts together; for Java, and for apps that choose their own. */
public object AndroidClientSession {
    /** A builder that knows this boot and has a [KeystoreStore]. */
    @JvmStatic
    public fun builder(context: Context): ClientSessionBuilder {
        val builder = ClientSessionBuilder().store(KeystoreStore(context))
        bootTag(context)?.let { builder.bootTag(it) }
        return builder
    }

    /** Tells the session of foreground and background, until either it or the result is closed. Needs no androidx. */
    @JvmStatic
    public fun follow(
        context: Context,
        session: ClientSession,
    ): AutoCloseable {
        val application = applicationOf(context)
        val notices =
            ForegroundNotices { notice ->
                try {
                    session.notify(notice)
                } catch (_: ClientSessionException.Closed) {
                    // It was closed a moment ago.
                }
            }
        application.registerActivityLifecycleCallbacks(notices)
        session.invokeOnClose { application.unregisterActivityLifecycleCallbacks(notices) }
        return AutoCloseable { application.unregisterActivityLifecycleCallbacks(notices) }
    }

    /** How often the device booted, plus one; null where Android does not tell: before API 24. */
    internal fun bootTag(context: Context): Long? {
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.N) return null
        val count = Settings.Global.getInt(context.contentResolver, Settings.Global.BOOT_COUNT, -1)
        return if (count < 0) null else count.toLong() + 1
    }
}

/** In `attachBaseContext` no context knows its application yet, but the application is a context itself. */
private fun applicationOf(context: Context): Application =
    context as? Application
        ?: context.applicationContext as? Application
        ?: throw IllegalStateException("The Application is not attached yet: pass it as the context, or open it in onCreate.")

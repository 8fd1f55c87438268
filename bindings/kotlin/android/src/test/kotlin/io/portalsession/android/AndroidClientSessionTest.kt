// A session in an Android app: its store, its boot, its coming and going.
package io.portalsession.android

import android.app.Activity
import android.app.Application
import android.content.Context
import android.content.ContextWrapper
import android.os.Looper
import android.provider.Settings
import io.portalsession.ClientSession
import io.portalsession.ClientSessionBuilder
import io.portalsession.ClientSessionTestingApi
import io.portalsession.SessionClock
import io.portalsession.SessionNotice
import io.portalsession.SessionReason
import io.portalsession.TokenAnswer
import io.portalsession.TokenRequest
import java.io.File
import java.security.UnrecoverableKeyException
import java.util.concurrent.CopyOnWriteArrayList
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import kotlinx.coroutines.yield
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.annotation.Config

@OptIn(ClientSessionTestingApi::class)
@RunWith(RobolectricTestRunner::class)
class AndroidClientSessionTest {
    private val application = RuntimeEnvironment.getApplication()
    private val requests = CopyOnWriteArrayList<TokenRequest>()
    private val sessions = mutableListOf<ClientSession>()

    @Volatile private var passedMillis = 0L
    private val clock = SessionClock { SessionClock.Reading(3_600_000 + passedMillis, 1_700_000_000_000 + passedMillis, 1) }

    @Before
    fun install() {
        FakeKeystore.install()
        File(application.noBackupFilesDir, "portal-session").deleteRecursively()
    }

    @After
    fun close() {
        for (session in sessions) session.close(60_000)
    }

    private fun open(configure: ClientSessionBuilder.() -> Unit = {}) =
        ClientSession.open(application) {
            provider { request ->
                requests += request
                TokenAnswer.Token("token-${requests.size}", "client")
            }
            configure()
        }.also { sessions += it }

    private fun lifecycleCallbacks(): Int {
        val field = Application::class.java.getDeclaredField("mActivityLifecycleCallbacks").apply { isAccessible = true }
        return (field.get(application) as Collection<*>).size
    }

    @Test
    fun `a closed session leaves nothing in the application`() {
        val before = lifecycleCallbacks()
        repeat(5) { open().close() }
        assertEquals(before, lifecycleCallbacks())
    }

    /** As in attachBaseContext: no context knows the application yet. */
    private class UnattachedApplication(base: Context) : Application() {
        init {
            attachBaseContext(base)
        }

        override fun getApplicationContext(): Context? = null
    }

    @Test
    fun `a session opens in attachBaseContext, given the application, and else fails before it opens`() =
        runBlocking {
            val session = ClientSession.open(UnattachedApplication(application)) { provider { TokenAnswer.Token("early") } }
            sessions += session
            assertEquals("early", session.lease().token())
            val base =
                object : ContextWrapper(application) {
                    override fun getApplicationContext(): Context? = null
                }
            val failure = runCatching { ClientSession.open(base) { provider { TokenAnswer.Token("never") } } }.exceptionOrNull()
            assertTrue("$failure", failure is IllegalStateException)
        }

    @Test
    fun `a token outlives the process, and the main thread touches neither file nor keystore`() =
        runBlocking {
            val session = open()
            assertEquals("token-1", session.lease().token())
            session.close(60_000)
            assertEquals("token-1", open().lease().token())
            assertEquals(1, requests.size)
            assertTrue(FakeKeystore.threads.isNotEmpty())
            assertFalse(FakeKeystore.threads.any { it === Looper.getMainLooper().thread })
        }

    @Test
    fun `a keystore that lost its key means a new token, not a crash`() =
        runBlocking {
            open().lease()
            sessions.single().close(60_000)
            FakeKeystore.held.clear()
            assertEquals("token-2", open().lease().token())
            assertEquals(SessionReason.STORAGE_LOST, requests.last().reason)
        }

    @Test
    fun `a logout leaves no token that the key could open`() =
        runBlocking {
            val session = open()
            session.lease()
            session.signOut()
            session.close(60_000)
            val next = open()
            next.awaitNotice(SessionNotice.FOREGROUND)
            assertEquals("SIGNED_OUT", next.readStatus().state.name)
        }

    @Test
    fun `a keystore that fails after a sign-out does not undo it`() =
        runBlocking {
            val session = open()
            session.lease()
            session.signOut()
            session.close(60_000)
            FakeKeystore.broken = UnrecoverableKeyException("System error")
            val next = open()
            next.awaitNotice(SessionNotice.FOREGROUND)
            assertEquals("SIGNED_OUT", next.readStatus().state.name)
            assertEquals(1, requests.size)
        }

    @Test
    fun `the boot is told by Android's own count`() {
        Settings.Global.putInt(application.contentResolver, Settings.Global.BOOT_COUNT, 41)
        assertEquals(42L, AndroidClientSession.bootTag(application))
    }

    @Test
    @Config(sdk = [35])
    fun `without a count the boot is not known`() {
        Settings.Global.putString(application.contentResolver, Settings.Global.BOOT_COUNT, null)
        assertEquals(null, AndroidClientSession.bootTag(application))
    }

    @Test
    fun `an app that comes and goes tells the session, and a turned screen does not`() {
        val told = mutableListOf<SessionNotice>()
        val notices = ForegroundNotices { told += it }
        application.registerActivityLifecycleCallbacks(notices)
        val activity = Robolectric.buildActivity(Activity::class.java).create().start()
        assertEquals(listOf(SessionNotice.FOREGROUND), told)
        val second = Robolectric.buildActivity(Activity::class.java).create().start()
        activity.stop()
        assertEquals(listOf(SessionNotice.FOREGROUND), told)
        second.stop()
        assertEquals(listOf(SessionNotice.FOREGROUND, SessionNotice.BACKGROUND), told)
        val turning = Robolectric.buildActivity(TurningActivity::class.java).create().start()
        turning.stop().destroy()
        Robolectric.buildActivity(TurningActivity::class.java).create().start()
        assertEquals(listOf(SessionNotice.FOREGROUND, SessionNotice.BACKGROUND, SessionNotice.FOREGROUND), told)
        application.unregisterActivityLifecycleCallbacks(notices)
    }

    @Test
    fun `a session that is opened late still hears when the app goes`() {
        val early = Robolectric.buildActivity(Activity::class.java).create().start()
        val told = mutableListOf<SessionNotice>()
        val notices = ForegroundNotices { told += it }
        application.registerActivityLifecycleCallbacks(notices)
        val later = Robolectric.buildActivity(Activity::class.java).create().start()
        early.stop()
        assertEquals(listOf(SessionNotice.FOREGROUND), told)
        later.stop()
        assertEquals(listOf(SessionNotice.FOREGROUND, SessionNotice.BACKGROUND), told)
        application.unregisterActivityLifecycleCallbacks(notices)
    }

    @Test
    fun `activities of an app whose session was closed go on`() {
        val session = open()
        session.close(60_000)
        Robolectric.buildActivity(Activity::class.java).create().start().stop()
    }

    @Test
    fun `in the background the last slide is written`() =
        runBlocking {
            val activity = Robolectric.buildActivity(Activity::class.java).create().start()
            val session = open { clock(clock) }
            session.lease()
            passedMillis = 60_000
            session.report(session.lease(), 200)
            val before = recordBytes()
            activity.stop()
            withTimeout(60_000) { while (before.contentEquals(recordBytes())) yield() }
        }

    /** Stopped because the screen turns. */
    class TurningActivity : Activity() {
        override fun isChangingConfigurations() = true
    }

    private fun recordBytes(): ByteArray {
        val files = checkNotNull(File(application.noBackupFilesDir, "portal-session").listFiles())
        return files.single { it.extension.isEmpty() }.readBytes()
    }
}

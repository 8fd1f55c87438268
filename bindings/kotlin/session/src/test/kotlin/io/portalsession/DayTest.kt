// A sample app's days against the fake Portal, over real TLS: OkHttp with the interceptor, a backend, a store, a clock.
//
// The faults that the world has in store for it, each with a test:
//   Portal    an idle token is dead · a week-old token is dead · 401 without warning · 503
//   backend   no network · an exception in the provider · slow, and the user logs out meanwhile
//   device    the process dies · the store is locked at boot · the store is of another device · the date was moved
package io.portalsession

import io.portalsession.okhttp.PortalInterceptor
import io.portalsession.okhttp.await
import io.portalsession.okhttp.toTokenAnswer
import io.portalsession.okhttp.withoutPortalToken
import java.io.IOException
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.time.Duration
import kotlin.time.Duration.Companion.days
import kotlin.time.Duration.Companion.hours
import kotlin.time.Duration.Companion.minutes
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test

class DayTest : SessionTests() {
    private lateinit var portal: FakePortal
    private lateinit var user: TokenAnswer.Token
    private lateinit var client: OkHttpClient
    private lateinit var session: ClientSession
    private val bare by lazy { portal.client().build() }

    @Volatile private var airplaneMode = false
    private var mintsBefore = 0L

    @BeforeEach
    fun `the user installs the app and logs in`() {
        portal = FakePortal()
        clock.unixMillis = portal.count("now_unix_ms")
        user = portal.createClient()
        start()
        session.push(user)
        mintsBefore = portal.count("mints")
    }

    @AfterEach
    fun stop() {
        closeAll()
        for (each in listOf(client, bare)) {
            each.dispatcher.executorService.shutdown()
            each.connectionPool.evictAll()
        }
        portal.close()
    }

    private val mints get() = portal.count("mints") - mintsBefore

    /** The process starts: what an app's Application.onCreate does. */
    private fun start() {
        session =
            open(backend) {
                store(store)
                allowLoopback()
                portalUrl(portal.url)
            }
        client =
            portal.client()
                .addInterceptor { chain ->
                    if (airplaneMode) throw IOException("no network")
                    chain.proceed(chain.request())
                }
                .addInterceptor(PortalInterceptor(session))
                .build()
    }

    private var backendFault: (() -> Unit)? = null
    private val reasons = CopyOnWriteArrayList<SessionReason>()

    private val backend =
        TokenProvider { ask ->
            reasons += ask.reason
            backendFault?.invoke()
            val body = """{"client_id": "${user.clientId}"}""".toRequestBody()
            val request = Request.Builder().url("${portal.url}/_app/token").post(body).withoutPortalToken().build()
            client.newCall(request).execute().toTokenAnswer { json ->
                TokenAnswer.Token(FakePortal.text(json, "clientSessionToken"), FakePortal.text(json, "id"))
            }
        }

    private suspend fun use(): Int =
        client.newCall(Request.Builder().url("${portal.url}/api/v3/clients/me").build()).await().use { it.code }

    private suspend fun pass(time: Duration) {
        portal.advance(time)
        clock.advance(session, time)
    }

    /** The process dies without a word, and the next one knows what is in the store. */
    private fun dieAndStart() = start()

    @Test
    fun `the login's token serves the first day`() =
        blocking {
            repeat(5) {
                assertEquals(200, use())
                pass(2.hours)
            }
            assertEquals(0, mints)
        }

    @Test
    fun `ten calls at a start after a quiet day cause one ask of the backend`() =
        blocking {
            assertEquals(200, use())
            pass(25.hours)
            val codes = coroutineScope { List(10) { async(Dispatchers.IO) { use() } }.awaitAll() }
            assertEquals(List(10) { 200 }, codes)
            assertEquals(1, mints)
            assertEquals(0, portal.count("rejected"))
        }

    @Test
    fun `four weeks of use take a token a week, and Portal refuses nothing`() =
        blocking {
            repeat(28) {
                repeat(3) {
                    assertEquals(200, use())
                    pass(4.hours)
                }
                pass(12.hours)
                session.notify(SessionNotice.FOREGROUND)
                session.prepare()
            }
            session.awaitNotice(SessionNotice.FOREGROUND)
            assertTrue(mints in 3..4, "$mints tokens beside the first")
            assertEquals(0, portal.count("rejected"))
        }

    @Test
    fun `in airplane mode calls fail as such, and afterwards the token is still there`() =
        blocking {
            assertEquals(200, use())
            airplaneMode = true
            repeat(3) { assertEquals("no network", failsWith<IOException> { use() }.message) }
            pass(3.hours)
            airplaneMode = false
            assertEquals(200, use())
            assertEquals(0, mints)
        }

    @Test
    fun `no network while a token is needed says so, and the first call after it succeeds`() =
        blocking {
            pass(25.hours)
            airplaneMode = true
            backendFault = { throw IOException("no network") }
            failsWith<ClientSessionException.ProviderFailed> { session.lease() }
            airplaneMode = false
            backendFault = null
            pass(5.minutes)
            assertEquals(200, use())
            assertEquals(1, mints)
        }

    @Test
    fun `a mistake in the provider fails its callers and nothing else`() =
        blocking {
            pass(25.hours)
            backendFault = { throw NullPointerException("a mistake") }
            failsWith<ClientSessionException.ProviderFailed> { use() }
            backendFault = null
            pass(10.minutes)
            assertEquals(200, use())
        }

    @Test
    fun `a backend that is down is left alone as long as it says`() =
        blocking {
            pass(25.hours)
            portal.arm("""{"kind": "status", "scope": "app", "status": 503, "retry_after_seconds": 600}""")
            assertTrue(failsWith<ClientSessionException.ProviderFailed> { use() }.retryAfterMillis >= 600_000)
            pass(5.minutes)
            failsWith<ClientSessionException.ProviderFailed> { use() }
            assertEquals(1, portal.count("app_requests"))
            pass(30.minutes)
            assertEquals(200, use())
        }

    @Test
    fun `a 401 without warning is mended within the call`() =
        blocking {
            portal.arm("""{"kind": "status", "scope": "client", "status": 401}""")
            assertEquals(200, use())
            assertEquals(1, mints)
            assertEquals(1, session.readStatus().rejections)
        }

    @Test
    fun `a 503 of Portal is the caller's and costs no token`() =
        blocking {
            portal.arm("""{"kind": "status", "scope": "client", "status": 503}""")
            assertEquals(503, use())
            assertEquals(200, use())
            assertEquals(0, mints)
        }

    @Test
    fun `a logout during a renewal stays a logout`() =
        blocking {
            pass(25.hours)
            portal.arm("""{"kind": "hold", "scope": "app"}""")
            coroutineScope {
                val call = async(Dispatchers.IO, CoroutineStart.UNDISPATCHED) { runCatching { use() }.exceptionOrNull() }
                while (portal.count("held") == 0L) kotlinx.coroutines.yield()
                session.signOut()
                assertTrue(call.await() is ClientSessionException.SignInNeeded, "${call.await()}")
                portal.release()
            }
            session.awaitNotice(SessionNotice.FOREGROUND)
            assertNull(session.tryLease())
            failsWith<ClientSessionException.SignInNeeded> { use() }
            assertFalse(store.text().contains(user.text))
        }

    @Test
    fun `another user after a logout never sees the first one's token`() =
        blocking {
            assertEquals(200, use())
            session.signOut()
            user = portal.createClient()
            session.push(user)
            assertEquals(user.text, session.lease().token())
            assertEquals(200, use())
        }

    @Test
    fun `a process that died comes back with its token`() =
        blocking {
            assertEquals(200, use())
            pass(1.hours)
            dieAndStart()
            assertEquals(200, use())
            assertEquals(0, mints)
            pass(25.hours)
            dieAndStart()
            assertEquals(200, use())
            assertEquals(1, mints)
            assertEquals(0, portal.count("rejected"))
        }

    @Test
    fun `a store that is locked at boot delays the first call and signs nobody out`() =
        blocking {
            assertEquals(200, use())
            session.awaitNotice(SessionNotice.BACKGROUND)
            closeAll()
            clock.reboot()
            portal.advance(1.minutes)
            store.locked = true
            start()
            failsWith<ClientSessionException.StoreFailed> { session.awaitNotice(SessionNotice.FOREGROUND) }
            coroutineScope {
                val call = async(Dispatchers.IO) { use() }
                store.locked = false
                session.awaitNotice(SessionNotice.STORE_CHANGED)
                assertEquals(200, call.await())
            }
            assertEquals(0, mints)
        }

    @Test
    fun `a backup of another device brings no token, and the app goes on with a new one`() =
        blocking {
            assertEquals(200, use())
            closeAll()
            store.lost = true
            start()
            assertEquals(200, use())
            assertEquals(1, mints)
            assertEquals(SessionReason.STORAGE_LOST, reasons.last())
        }

    @Test
    fun `a date that was moved back across a reboot makes the token suspect, not the user signed out`() =
        blocking {
            assertEquals(200, use())
            closeAll()
            portal.advance(3.hours)
            clock.reboot()
            clock.unixMillis -= 30.days.inWholeMilliseconds
            start()
            assertEquals(200, use())
            assertEquals(1, mints)
            assertEquals(SessionReason.CLOCK_UNTRUSTED, reasons.last())
        }
}

// Calls that take a thread only once their token is there.
package io.portalsession.okhttp

import io.portalsession.ClientSessionException
import io.portalsession.TokenAnswer
import io.portalsession.TokenProvider
import io.portalsession.blocking
import io.portalsession.failsWith
import java.io.IOException
import java.util.concurrent.atomic.AtomicInteger
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import okhttp3.Call
import okhttp3.Dispatcher
import okhttp3.EventListener
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class CallFactoryTest : OkHttpTests() {
    @Test
    fun `with a dispatcher of one thread the provider's own call on it comes through`() =
        blocking {
            val client = client { dispatcher(Dispatcher().apply { maxRequests = 1 }) }
            val session = session(backendProvider(client))
            val calls = PortalCallFactory(session, client)
            suspend fun code() = calls.newCall(get().build()).await().use { it.code }
            val codes = coroutineScope { List(10) { async { code() } }.awaitAll() }
            assertEquals(List(10) { 200 }, codes)
            assertEquals(List(10) { "token-1" }, tokens())
            assertEquals(1, minted.get())
        }

    @Test
    fun `after a 401 an enqueued call is sent once more, with one thread too`() =
        blocking {
            answer = unauthorizedFor("token-1")
            val client = client { dispatcher(Dispatcher().apply { maxRequests = 1 }) }
            val calls = PortalCallFactory(session(backendProvider(client)), client)
            assertEquals(200, calls.newCall(get().build()).await().use { it.code })
            assertEquals(listOf<String?>("token-1", "token-2"), tokens())
        }

    @Test
    fun `a second 401 is the caller's, and a POST's first one`() =
        blocking {
            answer = unauthorizedFor("token-1", "token-2", "token-3")
            val calls = PortalCallFactory(session(), client())
            assertEquals(401, calls.newCall(get().build()).await().use { it.code })
            assertEquals(2, seen.size)
            assertEquals(401, calls.newCall(get().post("x".toRequestBody()).build()).await().use { it.code })
            assertEquals(3, seen.size)
        }

    @Test
    fun `a call that is executed does the same`() {
        answer = unauthorizedFor("token-1")
        val call = PortalCallFactory(session(), client()).newCall(get().build())
        assertEquals(200, call.execute().use { it.code })
        assertTrue(call.isExecuted())
        failsWith<IllegalStateException> { call.execute() }
        assertEquals(200, call.clone().execute().use { it.code })
        assertEquals(listOf<String?>("token-1", "token-2", "token-2"), tokens())
    }

    @Test
    fun `other hosts' calls are the client's own`() {
        val call = PortalCallFactory(session(), client()).newCall(Request.Builder().url(other).build())
        assertEquals(200, call.execute().use { it.code })
        assertEquals(listOf<String?>(null), tokens())
    }

    @Test
    fun `each call has one event listener of the client, and each hears its end`() =
        blocking {
            val made = AtomicInteger()
            val ended = AtomicInteger()
            val client =
                client {
                    eventListenerFactory {
                        made.incrementAndGet()
                        object : EventListener() {
                            override fun callEnd(call: Call) {
                                ended.incrementAndGet()
                            }
                        }
                    }
                }
            val calls = PortalCallFactory(session(), client)
            repeat(3) {
                val call = calls.newCall(get().tag(String::class.java, "mine").build())
                assertEquals("mine", call.tag(String::class.java))
                call.await().use { it.body.string() }
            }
            assertEquals(3 to 3, made.get() to ended.get())
        }

    @Test
    fun `a call is cancelled while it waits for its token`() =
        blocking {
            val started = CompletableDeferred<Unit>()
            val silent =
                TokenProvider {
                    started.complete(Unit)
                    CompletableDeferred<TokenAnswer>().await()
                }
            val session = session(silent)
            val call = PortalCallFactory(session, client()).newCall(get().build())
            coroutineScope {
                val ended = async(start = CoroutineStart.UNDISPATCHED) { runCatching { call.await() }.exceptionOrNull() }
                started.await()
                call.cancel()
                assertEquals("Canceled", (ended.await() as IOException).message)
            }
            assertTrue(call.isCanceled())
            assertEquals(0, seen.size)
        }

    @Test
    fun `a failure says why, on a thread of the dispatcher`() =
        blocking {
            val client = client()
            val session = session(TokenProvider { TokenAnswer.Declined() })
            val calls = PortalCallFactory(session, client)
            failsWith<ClientSessionException.SignInNeeded> { calls.newCall(get().build()).await() }
            session.close()
            failsWith<ClientSessionException.Closed> { calls.newCall(get().build()).await() }
            assertFalse(seen.isNotEmpty())
        }
}

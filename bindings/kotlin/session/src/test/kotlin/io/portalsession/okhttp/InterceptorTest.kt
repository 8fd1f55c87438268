// The interceptor: which requests carry the token, and what their answers do.
package io.portalsession.okhttp

import io.portalsession.ClientSession
import io.portalsession.ClientSessionException
import io.portalsession.Lease
import io.portalsession.LeaseCallback
import io.portalsession.SessionErrorCode
import io.portalsession.SessionState
import io.portalsession.TokenAnswer
import io.portalsession.TokenProvider
import io.portalsession.failsWith
import java.io.IOException
import java.nio.file.Files
import java.util.concurrent.CountDownLatch
import java.util.concurrent.ExecutionException
import java.util.concurrent.Executors
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlin.time.Duration.Companion.hours
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.runBlocking
import mockwebserver3.MockResponse
import okhttp3.Cache
import okhttp3.Headers.Companion.headersOf
import okhttp3.MediaType
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody
import okhttp3.RequestBody.Companion.toRequestBody
import okhttp3.Response
import okhttp3.WebSocket
import okhttp3.WebSocketListener
import okio.BufferedSink
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class InterceptorTest : OkHttpTests() {
    private fun OkHttpClient.send(request: Request.Builder) =
        newCall(request.build()).execute().use { it.code to it.body.string() }

    private fun clientOf(
        session: ClientSession,
        configure: OkHttpClient.Builder.() -> Unit = {},
    ) = client {
        addInterceptor(PortalInterceptor(session))
        configure()
    }

    /** Its provider never answers. */
    private fun silentSession(started: CountDownLatch) =
        session(
            TokenProvider {
                started.countDown()
                CompletableDeferred<TokenAnswer>().await()
            },
        )

    @Test
    fun `a request to Portal carries the token, and its answer slides the deadline from the send instant`() {
        val session = session()
        val client = clientOf(session)
        assertEquals(200 to "ok", client.send(get()))
        assertEquals(listOf<String?>("token-1"), tokens())
        clock.move(2.hours)
        answer = { _, _ -> MockResponse(body = "slow").also { clock.move(1.hours) } }
        client.send(get())
        assertEquals(23.hours.inWholeMilliseconds, session.readStatus().idleLeftMillis)
    }

    @Test
    fun `other hosts' requests pass untouched, so one client serves the provider too`() {
        lateinit var shared: OkHttpClient
        val session = session(TokenProvider { backendProvider(shared).fetch(it) })
        shared = clientOf(session)
        shared.send(Request.Builder().url(other))
        assertEquals(0, minted.get())
        shared.send(get())
        assertEquals(listOf(null, "token-1"), tokens())
    }

    @Test
    fun `after a close other hosts' requests pass untouched, and Portal's say why they fail`() {
        val session = session()
        val client = clientOf(session)
        val calls = PortalCallFactory(session, client())
        client.send(get())
        session.close()
        repeat(2) {
            assertEquals(200, client.send(Request.Builder().url(other)).first)
            assertEquals(200, calls.newCall(Request.Builder().url(other).build()).execute().use { it.code })
            failsWith<ClientSessionException.Closed> { client.send(get()) }
        }
        assertEquals(listOf("token-1", null, null, null, null), tokens())
    }

    @Test
    fun `a blocking request on the library's own thread is refused at once`() {
        val session = session()
        val client = clientOf(session)
        val ended = LinkedBlockingQueue<Any>()
        val callback =
            object : LeaseCallback {
                override fun onLease(lease: Lease) {
                    session.report(lease, 401) // so that the request below has to wait
                    ended += runCatching { client.send(get()) }.exceptionOrNull() ?: "sent"
                }

                override fun onFailure(failure: ClientSessionException) {
                    ended += failure
                }
            }
        session.lease({ it.run() }, callback)
        val refused = ended.poll(60, TimeUnit.SECONDS)
        assertEquals(SessionErrorCode.IN_CALLBACK, (refused as ClientSessionException).code)
        assertEquals(200, client.send(get()).first)
    }

    @Test
    fun `what the backend answered to OkHttp is read by the one rule`() {
        fun ended(answer: MockResponse): Any {
            backend = { answer }
            return runBlocking { runCatching { session().lease().token() }.getOrElse { it } }
        }
        assertEquals("with-bom", ended(MockResponse(body = "\uFEFFwith-bom")))
        assertTrue(ended(MockResponse(code = 401)) is ClientSessionException.SignInNeeded)
        assertTrue(ended(MockResponse(body = "<html>log in</html>")) is ClientSessionException.BadToken)
        assertTrue(ended(MockResponse(code = 204)) is ClientSessionException.BadToken)
        val busy = ended(MockResponse(503, headersOf("Retry-After", "90"))) as ClientSessionException.ProviderFailed
        assertEquals(503, busy.httpStatus)
        assertTrue(busy.retryAfterMillis >= 89_000, "${busy.retryAfterMillis}")
    }

    @Test
    fun `an Authorization of the app's own stays, and a request may refuse the token`() {
        val session = session()
        val client = clientOf(session)
        client.send(get().header("Authorization", "Basic app"))
        client.send(get().withoutPortalToken())
        assertEquals(listOf("Basic app", null), seen.map { it.headers["Authorization"] })
        assertEquals(0, minted.get())
    }

    @Test
    fun `after a 401 the request is sent once more with a newer token`() {
        answer = unauthorizedFor("token-1")
        val session = session()
        assertEquals(200 to "body", clientOf(session).send(get()))
        assertEquals(listOf<String?>("token-1", "token-2"), tokens())
        assertEquals(1, session.readStatus().rejections)
    }

    @Test
    fun `a second 401 is the caller's`() {
        answer = unauthorizedFor("token-1", "token-2", "token-3")
        assertEquals(401 to "body", clientOf(session()).send(get()))
        assertEquals(listOf<String?>("token-1", "token-2"), tokens())
    }

    @Test
    fun `a POST is sent again only where that was said`() {
        answer = unauthorizedFor("token-1", "token-2")
        val client = clientOf(session())
        assertEquals(401 to "body", client.send(get().post("once".toRequestBody())))
        assertEquals(listOf<String?>("token-1"), tokens())
        assertEquals(200 to "body", client.send(get().post("twice".toRequestBody()).replayAfterUnauthorized()))
        assertEquals(listOf("token-1", "token-2", "token-3"), tokens())
        assertEquals(listOf("once", "twice", "twice"), seen.map { it.body!!.utf8() })
    }

    @Test
    fun `a body that can be written only once is not sent again`() {
        answer = unauthorizedFor("token-1")
        val once =
            object : RequestBody() {
                override fun contentType(): MediaType? = null

                override fun isOneShot() = true

                override fun writeTo(sink: BufferedSink) {
                    sink.writeUtf8("stream")
                }
            }
        assertEquals(401 to "body", clientOf(session()).send(get().put(once)))
        assertEquals(1, seen.size)
    }

    @Test
    fun `a streamed answer is reported by its head, and read by the app as it comes`() {
        val session = session()
        answer = { _, _ -> MockResponse.Builder().chunkedBody("0123456789".repeat(10_000), 1000).build() }
        clientOf(session).newCall(get().build()).execute().use { response ->
            assertEquals(1, session.readStatus().generation)
            assertEquals(100_000, response.body.byteStream().readBytes().size)
        }
    }

    @Test
    fun `403, 429 and 5xx change nothing`() {
        val session = session()
        val client = clientOf(session)
        client.send(get())
        clock.move(1.hours)
        for (status in listOf(403, 429, 500, 503)) {
            answer = { _, _ -> MockResponse(code = status) }
            assertEquals(status, client.send(get()).first)
        }
        assertEquals(23.hours.inWholeMilliseconds, session.readStatus().idleLeftMillis)
        assertEquals(1, minted.get())
    }

    @Test
    fun `an answer of the cache slides nothing, nor does one that Portal only confirmed`() {
        val session = session()
        val folder = Files.createTempDirectory("portal-session-cache").toFile()
        try {
            val client = clientOf(session) { cache(Cache(folder, 1_000_000)) }
            answer = { request, number ->
                val age = if (request.url.encodedPath == "/kept") "max-age=3600" else "max-age=0"
                val fresh = MockResponse(headers = headersOf("Cache-Control", age, "ETag", "v1"), body = "cached")
                if (number <= 2) fresh else MockResponse(code = 304)
            }
            client.send(get("/kept"))
            client.send(get("/asked"))
            clock.move(1.hours)
            assertEquals(200 to "cached", client.send(get("/kept")))
            assertEquals(2, seen.size)
            assertEquals(200 to "cached", client.send(get("/asked")))
            assertEquals(3, seen.size)
            assertEquals(23.hours.inWholeMilliseconds, session.readStatus().idleLeftMillis)
        } finally {
            folder.deleteRecursively()
        }
    }

    @Test
    fun `an answer after a redirect slides nothing, and the token does not follow to another host`() {
        val session = session()
        val client = clientOf(session)
        client.send(get())
        clock.move(1.hours)
        answer = { request, _ ->
            val away = MockResponse(302, headersOf("Location", other.resolve("/elsewhere").toString()))
            if (request.url.host == "127.0.0.1") away else MockResponse(body = "there")
        }
        assertEquals(200 to "there", client.send(get()))
        assertNull(tokens().last())
        assertEquals(23.hours.inWholeMilliseconds, session.readStatus().idleLeftMillis)
    }

    @Test
    fun `a WebSocket's upgrade carries the token, and a refused one is tried once more`() {
        val session = session()
        val opened = LinkedBlockingQueue<Any>()
        answer = { request, _ ->
            if (request.headers["Authorization"] == "Bearer token-1") {
                MockResponse(code = 401)
            } else {
                MockResponse.Builder().webSocketUpgrade(object : WebSocketListener() {
                    override fun onClosing(webSocket: WebSocket, code: Int, reason: String) {
                        webSocket.close(code, reason)
                    }
                }).build()
            }
        }
        val socket =
            clientOf(session).newWebSocket(
                get("/connect").build(),
                object : WebSocketListener() {
                    override fun onOpen(webSocket: WebSocket, response: Response) {
                        opened += response.code
                    }

                    override fun onFailure(webSocket: WebSocket, t: Throwable, response: Response?) {
                        opened += t
                    }
                },
            )
        assertEquals(101, opened.poll(60, TimeUnit.SECONDS))
        assertEquals(listOf<String?>("token-1", "token-2"), tokens())
        socket.cancel()
    }

    @Test
    fun `no token in time is told as the reason, and so is a user who must sign in`() {
        val started = CountDownLatch(1)
        val silent = silentSession(started)
        val pool = Executors.newSingleThreadExecutor()
        val call = pool.submit<Any> { clientOf(silent).send(get()) }
        pool.shutdown()
        started.await()
        runBlocking { clock.advance(silent, 11.seconds) }
        runBlocking { clock.advance(silent, 11.seconds) } // the first was late by far, as after a freeze: some seconds more
        assertTrue(failsWith<ExecutionException> { call.get(60, TimeUnit.SECONDS) }.cause is ClientSessionException.TimedOut)

        val declined = session(TokenProvider { TokenAnswer.Declined() })
        failsWith<ClientSessionException.SignInNeeded> { clientOf(declined).send(get()) }
        assertEquals(0, seen.size)
    }

    @Test
    fun `a cancelled call stops waiting for its token`() {
        val started = CountDownLatch(1)
        val silent = silentSession(started)
        val call = clientOf(silent).newCall(get().build())
        val ended = LinkedBlockingQueue<IOException>()
        call.enqueue(
            object : okhttp3.Callback {
                override fun onResponse(call: okhttp3.Call, response: Response) = response.close()

                override fun onFailure(call: okhttp3.Call, e: IOException) {
                    ended += e
                }
            },
        )
        started.await()
        call.cancel()
        assertEquals("Canceled", checkNotNull(ended.poll(60, TimeUnit.SECONDS)).message)
    }

    @Test
    fun `a logout during the request leaves the answer to the caller and the session signed out`() {
        val session = session()
        val client = clientOf(session)
        answer = { _, _ -> runBlocking { session.signOut() }.let { MockResponse(code = 401, body = "gone") } }
        assertEquals(401 to "gone", client.send(get()))
        assertEquals(SessionState.SIGNED_OUT, session.readStatus().state)
        failsWith<ClientSessionException.SignInNeeded> { client.send(get()) }
    }
}

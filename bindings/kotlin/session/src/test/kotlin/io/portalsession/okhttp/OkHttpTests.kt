// A server that plays Portal and the app's backend, and what it was asked.
package io.portalsession.okhttp

import io.portalsession.ClientSession
import io.portalsession.SessionTests
import io.portalsession.TokenAnswer
import io.portalsession.TokenProvider
import java.util.concurrent.CopyOnWriteArrayList
import mockwebserver3.Dispatcher
import mockwebserver3.MockResponse
import mockwebserver3.MockWebServer
import mockwebserver3.RecordedRequest
import okhttp3.Call
import okhttp3.Headers.Companion.headersOf
import okhttp3.OkHttpClient
import okhttp3.Request
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.BeforeEach

/** Portal is 127.0.0.1, which is allowed; the app's backend is the same server as localhost, which is not. */
abstract class OkHttpTests : SessionTests() {
    val server = MockWebServer()
    val seen = CopyOnWriteArrayList<RecordedRequest>()

    /** What Portal answers to the n-th request with a token. */
    var answer: (RecordedRequest, Int) -> MockResponse = { _, _ -> MockResponse(body = "ok") }
    var backend: (RecordedRequest) -> MockResponse = { MockResponse(body = "token-${minted.incrementAndGet()}") }
    val minted = java.util.concurrent.atomic.AtomicInteger()
    val clients = mutableListOf<OkHttpClient>()

    @BeforeEach
    fun start() {
        server.dispatcher =
            object : Dispatcher() {
                override fun dispatch(request: RecordedRequest): MockResponse {
                    if (request.url.host == "localhost" && request.url.encodedPath == "/token") return backend(request)
                    seen += request
                    return answer(request, seen.size)
                }
            }
        server.start(java.net.InetAddress.getByName("localhost"), 0)
    }

    @AfterEach
    fun stop() {
        closeAll()
        for (client in clients) {
            client.dispatcher.executorService.shutdown()
            client.connectionPool.evictAll()
            client.cache?.close()
        }
        server.close()
    }

    val portal get() = server.url("/").newBuilder().host("127.0.0.1").build()
    val other get() = server.url("/").newBuilder().host("localhost").build()

    fun client(configure: OkHttpClient.Builder.() -> Unit = {}): OkHttpClient =
        OkHttpClient.Builder().apply(configure).build().also { clients += it }

    fun session(provider: TokenProvider = backendProvider(client())): ClientSession =
        open(provider) { allowLoopback() }

    /** As an app has it: its backend through OkHttp, enqueued. */
    fun backendProvider(calls: Call.Factory): TokenProvider =
        TokenProvider {
            val response = calls.newCall(Request.Builder().url(other.resolve("/token")!!).build()).await()
            response.toTokenAnswer { TokenAnswer.Token(it) }
        }

    fun tokens() = seen.map { it.headers["Authorization"]?.removePrefix("Bearer ") }

    fun get(path: String = "/api") = Request.Builder().url(portal.resolve(path)!!)

    fun unauthorizedFor(vararg tokens: String): (RecordedRequest, Int) -> MockResponse =
        { request, _ ->
            val isRefused = request.headers["Authorization"]?.removePrefix("Bearer ") in tokens
            MockResponse(if (isRefused) 401 else 200, headersOf(), "body")
        }
}

suspend fun Call.await(): okhttp3.Response =
    kotlinx.coroutines.suspendCancellableCoroutine { continuation ->
        continuation.invokeOnCancellation { cancel() }
        enqueue(
            object : okhttp3.Callback {
                override fun onResponse(
                    call: Call,
                    response: okhttp3.Response,
                ) = continuation.resumeWith(Result.success(response))

                override fun onFailure(
                    call: Call,
                    e: java.io.IOException,
                ) = continuation.resumeWith(Result.failure(e))
            },
        )
    }

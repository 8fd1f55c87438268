// An app that has the AAR's classes, an older compiler, and the oldest libraries that are promised.
package consumer

import com.sun.net.httpserver.HttpServer
import io.portalsession.ClientSession
import io.portalsession.ClientSessionException
import io.portalsession.TokenAnswer
import io.portalsession.guard.PortalGuard
import io.portalsession.okhttp.PortalCallFactory
import io.portalsession.okhttp.PortalInterceptor
import io.portalsession.okhttp.replayAfterUnauthorized
import io.portalsession.okhttp.toTokenAnswer
import java.net.InetAddress
import java.net.InetSocketAddress
import kotlinx.coroutines.runBlocking
import okhttp3.Call
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody

/** Plays the app's backend and Portal, which takes the second token alone. */
private fun serve(): HttpServer {
    val server = HttpServer.create(InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0), 0)
    var minted = 0
    server.createContext("/") { exchange ->
        val isBackend = exchange.requestURI.path == "/token"
        val isGood = isBackend || exchange.requestHeaders.getFirst("Authorization") == "Bearer token-2"
        val body = (if (isBackend) "token-${++minted}" else "hello").toByteArray()
        exchange.sendResponseHeaders(if (isGood) 200 else 401, body.size.toLong())
        exchange.responseBody.use { it.write(body) }
    }
    server.start()
    return server
}

class Portal(val apiKey: String)

fun main() {
    val server = serve()
    val url = "http://127.0.0.1:${server.address.port}"
    val backend = OkHttpClient()
    val session =
        ClientSession.open {
            allowLoopback()
            provider { _ ->
                backend.newCall(Request.Builder().url("$url/token").build()).execute().toTokenAnswer { TokenAnswer.Token(it) }
            }
        }
    val client = OkHttpClient.Builder().addInterceptor(PortalInterceptor(session)).build()
    val post = Request.Builder().url("$url/api").post("body".toRequestBody()).replayAfterUnauthorized().build()
    val calls: Call.Factory = PortalCallFactory(session, backend)
    runBlocking {
        println("lease ${session.lease().token()}")
        println("interceptor ${client.newCall(post).execute().use { it.code }}")
        println("factory ${calls.newCall(post).execute().use { it.code }}")
        println("guard " + PortalGuard(session) { token -> Portal(token) }.read { it.apiKey })
        session.signOut()
        try {
            session.lease()
        } catch (failure: ClientSessionException.SignInNeeded) {
            println("code ${failure.code}")
        }
    }
    session.close(60_000)
    server.stop(0)
    for (each in listOf(client, backend)) each.dispatcher.executorService.shutdown()
}

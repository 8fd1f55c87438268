// The Kotlin of bindings/kotlin/README.md, so that it compiles.
package io.portalsession.android

import android.app.Application
import android.content.Context
import io.portalsession.ClientSession
import io.portalsession.TokenAnswer
import io.portalsession.TokenProvider
import io.portalsession.guard.PortalGuard
import io.portalsession.guard.RetryWithNewTokenException
import io.portalsession.okhttp.PortalInterceptor
import io.portalsession.okhttp.toTokenAnswer
import java.io.File
import okhttp3.OkHttpClient
import okhttp3.Request
import org.json.JSONObject
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

class WalletApp : Application() {
    private val backend = OkHttpClient()

    val session by lazy {
        ClientSession.open(this) {
            provider { request ->
                val call = backend.newCall(Request.Builder().url("https://backend.example.com/portal-token").build())
                call.execute().toTokenAnswer { body ->
                    val json = JSONObject(body)
                    TokenAnswer.Token(json.getString("clientSessionToken"), json.getString("id"))
                }
            }
        }
    }

    val client by lazy { OkHttpClient.Builder().addInterceptor(PortalInterceptor(session)).build() }
}

/** Stands in for Portal's own. */
class Portal(private val apiKey: String) {
    fun addresses(): List<String> = listOf(apiKey)

    fun send(amount: String): String = amount
}

fun guardOf(session: ClientSession): PortalGuard<Portal> =
    PortalGuard(session) { token -> Portal(apiKey = token) }

suspend fun addresses(guard: PortalGuard<Portal>): List<String> = guard.read { portal -> portal.addresses() }

suspend fun send(guard: PortalGuard<Portal>): String? =
    try {
        guard.write { portal -> portal.send("0.1") }
    } catch (rejected: RetryWithNewTokenException) {
        null // a new token is there: look whether the transfer was made, then decide
    }

suspend fun signedIn(session: ClientSession, token: String, clientId: String) =
    session.push(TokenAnswer.Token(token, clientId))

suspend fun switched(session: ClientSession, token: String, clientId: String) =
    session.switchUser(TokenAnswer.Token(token, clientId))

suspend fun signedOut(session: ClientSession) = session.signOut()

fun openInPushProcess(context: Context, provider: TokenProvider): ClientSession =
    ClientSession.open(context) {
        role("push")
        provider(provider)
    }

class GuideTest {
    private val kotlin = File(System.getProperty("repository"), "bindings/kotlin")

    /** Without indentation, which differs where a snippet stands inside a method. */
    private fun lines(text: String) = text.lines().joinToString("\n") { it.trim() }

    @Test
    fun `each snippet of the guide stands in a source that the tests compile`() {
        val here = "android/src/test/kotlin/io/portalsession/android/GuideTest.kt"
        val java = "session/src/test/java/io/portalsession/JavaCallersTest.java"
        val sources = mapOf("kotlin" to here, "java" to java).mapValues { lines(File(kotlin, it.value).readText()) }
        val snippets = Regex("```(\\w+)\n(.*?)```", RegexOption.DOT_MATCHES_ALL).findAll(File(kotlin, "README.md").readText())
        val counts = mutableMapOf<String, Int>()
        for (snippet in snippets) {
            val (language, text) = snippet.destructured
            counts[language] = (counts[language] ?: 0) + 1
            if (language != "groovy") assertTrue(text, lines(text) in sources.getValue(language))
        }
        assertEquals(mapOf("groovy" to 1, "kotlin" to 4, "java" to 1), counts)
    }
}

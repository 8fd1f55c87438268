// The quick start of the README, so that it compiles.
package io.portalsession.android

import android.app.Application
import io.portalsession.ClientSession
import io.portalsession.TokenAnswer
import io.portalsession.okhttp.PortalInterceptor
import io.portalsession.okhttp.toTokenAnswer
import java.io.File
import okhttp3.OkHttpClient
import okhttp3.Request
import org.json.JSONObject
import org.junit.Assert.assertTrue
import org.junit.Test

class App : Application() {
    private val backend = OkHttpClient()

    val session by lazy {
        ClientSession.open(this) {
            provider { _ ->
                val call = backend.newCall(Request.Builder().url("https://backend.example.com/portal-token").build())
                call.execute().toTokenAnswer { body ->
                    val json = JSONObject(body)
                    TokenAnswer.Token(json.getString("clientSessionToken"), json.getString("id"))
                }
            }
        }
    }

    /** Requests to Portal carry the token, wait for a new one where it is due, and survive a 401. Others pass untouched. */
    val client by lazy { OkHttpClient.Builder().addInterceptor(PortalInterceptor(session)).build() }
}

class ReadmeTest {
    @Test
    fun `the README's quick start is this file's`() {
        val repository = File(System.getProperty("repository"))
        val example = File(repository, "README.md").readText().substringAfter("```kotlin\n").substringBefore("```")
        val tests = File(repository, "bindings/kotlin/android/src/test/kotlin/io/portalsession/android")
        assertTrue(example in File(tests, "ReadmeTest.kt").readText())
    }
}

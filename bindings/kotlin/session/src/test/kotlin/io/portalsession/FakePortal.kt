// tests/fake_portal as a process: Portal's API and the app's backend over real TLS, with a clock that this moves.
package io.portalsession

import java.io.File
import java.nio.file.Files
import java.security.KeyStore
import java.security.cert.CertificateFactory
import javax.net.ssl.SSLContext
import javax.net.ssl.TrustManagerFactory
import javax.net.ssl.X509TrustManager
import kotlin.time.Duration
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody

class FakePortal : AutoCloseable {
    private val folder = Files.createTempDirectory("fake-portal-").toFile()
    private val process: Process
    val url: String
    private val apiKey: String
    private val trust: X509TrustManager
    private val control: OkHttpClient

    init {
        val program = System.getProperty("fake.portal")
        val options = listOf("--port", "0", "--tls-dir", folder.path, "--manual-clock", "--exit-with-stdin", "--seed", "7")
        process =
            ProcessBuilder(listOf(program) + options)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start()
        val ready = checkNotNull(process.inputStream.bufferedReader().readLine()) { "fake-portal did not start" }
        url = text(ready, "url")
        apiKey = text(ready, "api_key")
        trust = trustOnly(File(text(ready, "ca_file")))
        control = client().build()
    }

    /** A client as the app has it, which trusts this server alone. */
    fun client(): OkHttpClient.Builder {
        val context = SSLContext.getInstance("TLS").apply { init(null, arrayOf(trust), null) }
        return OkHttpClient.Builder().sslSocketFactory(context.socketFactory, trust)
    }

    /** What the app's backend hands over at a login: the client's id and its first token. */
    fun createClient(): TokenAnswer.Token {
        val json = post("/api/v3/custodians/me/clients", "{}") { header("Authorization", "Bearer $apiKey") }
        return TokenAnswer.Token(text(json, "clientSessionToken"), text(json, "id"))
    }

    fun advance(by: Duration) {
        post("/_fake/advance", """{"seconds": ${by.inWholeSeconds}}""")
    }

    fun arm(fault: String) {
        post("/_fake/faults", fault)
    }

    fun release() {
        post("/_fake/release", "")
    }

    fun count(name: String): Long {
        val request = Request.Builder().url("$url/_fake/counters").build()
        return number(control.newCall(request).execute().use { it.body.string() }, name)
    }

    private fun post(
        path: String,
        body: String,
        configure: Request.Builder.() -> Unit = {},
    ): String {
        val request = Request.Builder().url(url + path).post(body.toRequestBody()).apply(configure).build()
        return control.newCall(request).execute().use { response ->
            check(response.isSuccessful) { "$path: ${response.code}" }
            response.body.string()
        }
    }

    override fun close() {
        control.dispatcher.executorService.shutdown()
        control.connectionPool.evictAll()
        process.outputStream.close() // it ends with its standard input
        process.waitFor()
        folder.deleteRecursively()
    }

    companion object {
        fun text(
            json: String,
            name: String,
        ): String = checkNotNull(Regex("\"$name\" *: *\"([^\"]*)\"").find(json)) { "no $name" }.groupValues[1]

        private fun number(
            json: String,
            name: String,
        ): Long = checkNotNull(Regex("\"$name\" *: *(-?\\d+)").find(json)) { "no $name" }.groupValues[1].toLong()

        private fun trustOnly(certificate: File): X509TrustManager {
            val store = KeyStore.getInstance(KeyStore.getDefaultType()).apply { load(null) }
            val certificates = CertificateFactory.getInstance("X.509")
            val authority = certificate.inputStream().use(certificates::generateCertificate)
            store.setCertificateEntry("ca", authority)
            val factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm()).apply { init(store) }
            return factory.trustManagers.filterIsInstance<X509TrustManager>().single()
        }
    }
}

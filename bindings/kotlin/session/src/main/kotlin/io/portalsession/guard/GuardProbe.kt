// Asks Portal itself whether it takes a token, where an error says "401" and hides whose.
package io.portalsession.guard

import java.io.IOException
import java.net.HttpURLConnection
import java.net.URL
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext

/** Asks Portal for the client that [url] names, with the token; gives the answer's status. Throws if there is no answer. */
public fun interface GuardTransport {
    @Throws(IOException::class)
    public fun status(
        url: String,
        authorization: String,
    ): Int

    public companion object {
        private const val TIMEOUT_MILLIS = 10_000

        /** By the platform's own HTTP client: no redirect, no cache, no interceptor of the app. */
        public val PLATFORM: GuardTransport =
            GuardTransport { url, authorization ->
                val connection = URL(url).openConnection() as HttpURLConnection
                try {
                    connection.instanceFollowRedirects = false
                    connection.useCaches = false
                    connection.connectTimeout = TIMEOUT_MILLIS
                    connection.readTimeout = TIMEOUT_MILLIS
                    connection.setRequestProperty("Authorization", authorization)
                    connection.responseCode
                } finally {
                    connection.disconnect()
                }
            }
    }
}

/** Single-flight for each token; a "yes" is trusted for a minute. */
internal class GuardProbe(
    portalUrl: String,
    private val transport: GuardTransport,
    private val dispatcher: CoroutineDispatcher,
    private val nanoTime: () -> Long = System::nanoTime,
) {
    private val url = portalUrl.trimEnd('/') + "/api/v3/clients/me"
    private val mutex = Mutex()
    private var trusted: Pair<TokenId, Long>? = null
    private var rejected: TokenId? = null

    /** True only where Portal itself answers 401. A time-out, 403, 429 or 5xx says nothing about the token. */
    suspend fun isRejected(
        token: TokenId,
        authorization: String,
    ): Boolean =
        mutex.withLock {
            if (rejected == token) return@withLock true
            if (trusted?.first == token && nanoTime() - checkNotNull(trusted).second < TRUSTED_NANOS) return@withLock false
            val status =
                withContext(dispatcher) {
                    try {
                        transport.status(url, authorization)
                    } catch (_: IOException) {
                        0
                    }
                }
            if (status in SUCCESS) trusted = token to nanoTime()
            if (status == UNAUTHORIZED) rejected = token
            status == UNAUTHORIZED
        }

    private companion object {
        const val UNAUTHORIZED = 401
        const val TRUSTED_NANOS = 60_000_000_000L
        val SUCCESS = 200..299
    }
}

// The interceptor of an OkHttpClient.
package io.portalsession.okhttp

import io.portalsession.Lease
import io.portalsession.ClientSession
import io.portalsession.ClientSessionException
import io.portalsession.SessionErrorCode
import io.portalsession.internal.NativeBridge
import io.portalsession.positiveMillis
import java.io.IOException
import java.io.InterruptedIOException
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import okhttp3.Call
import okhttp3.Interceptor
import okhttp3.Response

/**
 * Puts the token on requests to Portal, reports the answers, and after a 401 gets a newer token and sends once more, if the
 * method is idempotent or [replayAfterUnauthorized] was said. Requests to other hosts pass untouched, so one client may
 * serve the provider's own call too.
 *
 * ```
 * val client = OkHttpClient.Builder().addInterceptor(PortalInterceptor(session)).build()
 * ```
 *
 * While a token is fetched it blocks the call's thread, [timeoutMillis] at most; then the call fails with the
 * [ClientSessionException] that says why. Calls that are enqueued count against the dispatcher's limits meanwhile, so let
 * the provider *execute* its own call on the same client, or use [PortalCallFactory], which takes no thread for the wait.
 * It is no network interceptor: those see neither a cache nor a WebSocket's upgrade.
 */
public class PortalInterceptor
    @JvmOverloads
    constructor(
        private val session: ClientSession,
        private val timeoutMillis: Long = DEFAULT_TIMEOUT_MILLIS,
    ) : Interceptor {
        init {
            positiveMillis("timeoutMillis", timeoutMillis)
        }

        @Throws(IOException::class)
        override fun intercept(chain: Interceptor.Chain): Response {
            val request = chain.request()
            if (!session.mayCarryToken(request)) return chain.proceed(request)

            val lease = session.tryLease() ?: session.awaitLease(chain.call(), timeoutMillis, newerThan = null)
            val response = lease.use { chain.proceed(request.with(it)) }
            if (!session.judge(lease, request, response)) return response

            response.close()
            val newer = session.awaitLease(chain.call(), timeoutMillis, newerThan = lease)
            return newer.use { chain.proceed(request.with(it)) }.also { session.judge(newer, request, it) }
        }
    }

private const val LOOK_EVERY_MILLIS = 50L

private fun inCallback() =
    ClientSessionException.of(
        SessionErrorCode.IN_CALLBACK,
        "A blocking request on the library's own thread would wait for itself. Run it on a thread of yours: give the " +
            "callback another executor, and the provider its default context.",
    )

/** Blocks until there is a token, or none, or nobody wants the call's answer any more. */
internal fun ClientSession.awaitLease(
    call: Call,
    timeoutMillis: Long,
    newerThan: Lease?,
): Lease {
    if (NativeBridge.isLibraryThread()) throw inCallback()
    val ended = CountDownLatch(1)
    var result: Lease? = null
    var failure: ClientSessionException? = null
    val pending =
        acquire(leaseOptions(timeoutMillis, newerThan), 0) { lease, why ->
            result = lease
            failure = why
            ended.countDown()
        }
    try {
        while (!ended.await(LOOK_EVERY_MILLIS, TimeUnit.MILLISECONDS)) {
            if (call.isCanceled()) pending.cancel() // its end comes at once, be it a token that was faster
        }
    } catch (_: InterruptedException) {
        pending.cancel()
        Thread.currentThread().interrupt()
        throw InterruptedIOException("Interrupted while waiting for a token.")
    }
    if (call.isCanceled()) {
        result?.close()
        throw IOException("Canceled")
    }
    failure?.let { throw it }
    return checkNotNull(result).also(::stamp)
}

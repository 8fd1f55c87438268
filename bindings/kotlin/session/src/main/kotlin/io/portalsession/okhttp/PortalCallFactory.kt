// Calls that wait for a token before they take a thread.
package io.portalsession.okhttp

import io.portalsession.Lease
import io.portalsession.PendingLease
import io.portalsession.ClientSession
import io.portalsession.ClientSessionException
import io.portalsession.positiveMillis
import java.io.IOException
import java.util.concurrent.RejectedExecutionException
import java.util.concurrent.TimeUnit
import kotlin.reflect.KClass
import okhttp3.Call
import okhttp3.Callback
import okhttp3.EventListener
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.Response
import okio.Timeout

/**
 * What [PortalInterceptor] does, for calls that are enqueued: a call takes a thread of the client's dispatcher only once
 * its token is there. So the dispatcher may be as small as it likes, and the provider may use the same client.
 *
 * ```
 * val calls: Call.Factory = PortalCallFactory(session, client) // Retrofit: .callFactory(calls)
 * ```
 *
 * The client must not have a [PortalInterceptor] too.
 */
public class PortalCallFactory
    @JvmOverloads
    constructor(
        private val session: ClientSession,
        private val client: OkHttpClient,
        private val timeoutMillis: Long = DEFAULT_TIMEOUT_MILLIS,
    ) : Call.Factory {
        init {
            positiveMillis("timeoutMillis", timeoutMillis)
        }

        override fun newCall(request: Request): Call {
            if (!session.mayCarryToken(request)) return client.newCall(request)
            return LeasingCall(session, client, timeoutMillis, request)
        }
    }

private class LeasingCall(
    private val session: ClientSession,
    private val client: OkHttpClient,
    private val timeoutMillis: Long,
    private val request: Request,
) : Call {
    /** Never run: it keeps the tags. Made only for who asks, and without the client's listeners: it is no call to them. */
    private val model by lazy { client.newBuilder().eventListener(EventListener.NONE).build().newCall(request) }
    private val timeout = Timeout().timeout(client.callTimeoutMillis.toLong(), TimeUnit.MILLISECONDS)
    private val listeners = mutableListOf<EventListener>()

    // Guarded by this.
    private var isExecuted = false
    private var isCanceled = false
    private var running: Call? = null
    private var waiting: PendingLease? = null

    override fun execute(): Response {
        begin()
        val lease = session.tryLease() ?: session.awaitLease(this, timeoutMillis, newerThan = null)
        val response = lease.use { next(it).execute() }
        if (!session.judge(lease, request, response)) return response
        response.close()
        val newer = session.awaitLease(this, timeoutMillis, newerThan = lease)
        return newer.use { next(it).execute() }.also { session.judge(newer, request, it) }
    }

    override fun enqueue(responseCallback: Callback) {
        begin()
        val lease = session.tryLease()
        if (lease != null) send(lease, isReplay = false, responseCallback) else await(null, isReplay = false, responseCallback)
    }

    private fun await(
        newerThan: Lease?,
        isReplay: Boolean,
        callback: Callback,
    ) {
        val pending =
            try {
                session.acquire(leaseOptions(timeoutMillis, newerThan), 0) { lease, failure ->
                    if (lease == null) {
                        fail(callback, if (isCanceled()) IOException("Canceled") else checkNotNull(failure))
                    } else {
                        runCatching { session.stamp(lease) } // a session that was closed says so at the report
                        send(lease, isReplay, callback)
                    }
                }
            } catch (failure: ClientSessionException) {
                return fail(callback, failure)
            }
        val cancelNow =
            synchronized(this) {
                waiting = pending
                isCanceled
            }
        if (cancelNow) pending.cancel()
    }

    private fun send(
        lease: Lease,
        isReplay: Boolean,
        callback: Callback,
    ) {
        val call = lease.use(::next)
        call.enqueue(
            object : Callback {
                override fun onResponse(
                    call: Call,
                    response: Response,
                ) {
                    if (session.judge(lease, request, response) && !isReplay) {
                        response.close()
                        await(lease, isReplay = true, callback)
                    } else {
                        callback.onResponse(this@LeasingCall, response)
                    }
                }

                override fun onFailure(
                    call: Call,
                    e: IOException,
                ) = callback.onFailure(this@LeasingCall, e)
            },
        )
    }

    /** As with any call, on a thread of the dispatcher: this one may be the library's. */
    private fun fail(
        callback: Callback,
        failure: IOException,
    ) {
        try {
            client.dispatcher.executorService.execute { callback.onFailure(this, failure) }
        } catch (_: RejectedExecutionException) {
            callback.onFailure(this, failure)
        }
    }

    private fun begin() =
        synchronized(this) {
            check(!isExecuted) { "Already Executed" }
            isExecuted = true
        }

    /** The call that is really made. */
    private fun next(lease: Lease): Call {
        val call = client.newCall(request.with(lease))
        call.timeout().timeout(timeout.timeoutNanos(), TimeUnit.NANOSECONDS)
        val cancelNow =
            synchronized(this) {
                listeners.forEach(call::addEventListener)
                running = call
                isCanceled
            }
        if (cancelNow) call.cancel()
        return call
    }

    override fun cancel() {
        val (call, pending) =
            synchronized(this) {
                isCanceled = true
                running to waiting
            }
        pending?.cancel()
        call?.cancel()
    }

    override fun request(): Request = request

    override fun isExecuted(): Boolean = synchronized(this) { isExecuted }

    override fun isCanceled(): Boolean = synchronized(this) { isCanceled }

    override fun timeout(): Timeout = timeout

    override fun addEventListener(eventListener: EventListener) {
        synchronized(this) { listeners += eventListener }
    }

    override fun <T : Any> tag(type: KClass<T>): T? = model.tag(type)

    override fun <T> tag(type: Class<out T>): T? = model.tag(type)

    override fun <T : Any> tag(
        type: KClass<T>,
        computeIfAbsent: () -> T,
    ): T = model.tag(type, computeIfAbsent)

    override fun <T : Any> tag(
        type: Class<T>,
        computeIfAbsent: () -> T,
    ): T = model.tag(type, computeIfAbsent)

    override fun clone(): Call = LeasingCall(session, client, timeoutMillis, request)
}

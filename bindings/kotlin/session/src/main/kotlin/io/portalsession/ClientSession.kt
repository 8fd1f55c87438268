// The session: what an app holds.
package io.portalsession

import io.portalsession.internal.NativeBridge
import io.portalsession.internal.NativeCompletion
import io.portalsession.internal.NativeHandle
import io.portalsession.internal.SessionHost
import io.portalsession.internal.handingUncaught
import java.util.concurrent.Executor
import kotlin.coroutines.resume
import kotlin.coroutines.resumeWithException
import kotlinx.coroutines.flow.SharedFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asSharedFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.suspendCancellableCoroutine

/**
 * Keeps the Client Session Token of one Portal user: in memory, in the store if there is one, and renewed by the provider
 * exactly when Portal will no longer take it.
 *
 * Any thread may call anything, and nothing blocks but [close] with a wait. Keep one for the user, as long as the app
 * lives.
 */
public class ClientSession internal constructor(
    private val handle: NativeHandle,
    private val host: SessionHost,
    private val flows: SessionFlows,
    internal val portalUrl: String,
) : AutoCloseable {
    private val closeActions = CloseActions()

    /** What the session has and does, as of its last event. See [readStatus] for this instant. */
    public val status: StateFlow<SessionStatus> = flows.status.asStateFlow()

    /** What happens, in order. Who collects too slowly misses the oldest: see [SessionEvent.sequence]. */
    public val events: SharedFlow<SessionEvent> = flows.events.asSharedFlow()

    // ---- tokens out ----

    /**
     * A valid token; waits for one, asking the provider once, however many wait. Cancelling ends this wait alone.
     *
     * @throws ClientSessionException if there is none
     */
    @JvmSynthetic
    public suspend fun lease(options: LeaseOptions = LeaseOptions.DEFAULT): Lease {
        val present = if (options.isPlain) tryLease() else null
        return present ?: await(options, 0)
    }

    /** The valid token, without waiting; null: none to give now. */
    @Throws(ClientSessionException::class)
    public fun tryLease(): Lease? = handle.use { NativeBridge.tryLease(it) }?.let(::Lease)

    /**
     * A token made after this call, whatever the present one is worth. It skips the back-off, at most once in 10 s, but
     * never a `Retry-After`.
     *
     * @throws ClientSessionException if there is none
     */
    @JvmSynthetic
    public suspend fun renew(options: LeaseOptions = LeaseOptions.DEFAULT): Lease =
        await(options, NativeBridge.ACQUIRE_FORCE)

    /**
     * Calls [block] with a valid token and wipes it after it. Report what Portal answers.
     *
     * ```
     * session.useToken { lease ->
     *     if (portal == null || portalGeneration != lease.generation) {
     *         portal = Portal(apiKey = lease.token(), …) // it keeps the token it was made with
     *         portalGeneration = lease.generation
     *     }
     *     try {
     *         portal.request(…).also { session.report(lease, 200) }
     *     } catch (error: Exception) {
     *         session.report(lease, error)
     *         throw error
     *     }
     * }
     * ```
     *
     * @throws ClientSessionException if there is none
     */
    @JvmSynthetic
    public suspend fun <Result> useToken(block: suspend (Lease) -> Result): Result {
        val lease = lease()
        try {
            return block(lease)
        } finally {
            lease.close()
        }
    }

    /** For Java: [lease]; [executor] calls [callback]. */
    @JvmOverloads
    @Throws(ClientSessionException::class)
    public fun lease(
        executor: Executor,
        callback: LeaseCallback,
        options: LeaseOptions = LeaseOptions.DEFAULT,
    ): PendingLease = acquire(options, 0, callback.on(executor))

    /** For Java: [renew]; [executor] calls [callback]. */
    @JvmOverloads
    @Throws(ClientSessionException::class)
    public fun renew(
        executor: Executor,
        callback: LeaseCallback,
        options: LeaseOptions = LeaseOptions.DEFAULT,
    ): PendingLease = acquire(options, NativeBridge.ACQUIRE_FORCE, callback.on(executor))

    // ---- what came of them ----

    /**
     * Says that the lease's request leaves now: for one that leaves later than its lease was taken. Never needed for
     * safety: without it the session expects the end earlier than Portal does.
     */
    @Throws(ClientSessionException::class)
    public fun stamp(lease: Lease): Unit = handle.use { NativeBridge.stamp(it, lease.bytes) }

    /**
     * Reports what Portal answered to a request with the lease's token: 2xx slides the deadline, 401 ends the token,
     * everything else changes nothing. No answer of a cache, none after a redirect. From the return on no call gives a
     * rejected token.
     *
     * @throws ClientSessionException.Stale if the user signed out since; nothing is wrong
     */
    @Throws(ClientSessionException::class)
    public fun report(
        lease: Lease,
        httpStatus: Int,
    ): Unit = handle.use { NativeBridge.report(it, lease.bytes, httpStatus) }

    /** The same, of an error of Portal's own SDK; returns what it means. */
    @Throws(ClientSessionException::class)
    public fun report(
        lease: Lease,
        error: Throwable,
    ): Verdict {
        val verdict = PortalErrors.verdict(error)
        if (verdict == Verdict.REJECTED) report(lease, HTTP_UNAUTHORIZED)
        return verdict
    }

    // ---- tokens in ----

    /**
     * Gives a token unasked, after a login for example. It takes the place of any other, and signs in.
     *
     * @param expectedEpoch the epoch that it was fetched in, from [Lease.epoch] or [SessionStatus.epoch]: after a logout
     *   meanwhile it is [ClientSessionException.Stale]; null: any
     * @throws ClientSessionException if it cannot be used
     */
    @JvmOverloads
    @Throws(ClientSessionException::class)
    public fun push(
        token: TokenAnswer.Token,
        expectedEpoch: Long? = null,
    ): Unit =
        token.pass { text, clientId ->
            handle.use { NativeBridge.push(it, text, clientId, token.ageMillis, nativeEpoch(expectedEpoch)) }
        }

    /**
     * Signs out the current user and signs in the next one, in one step. No caller gets a sign-in error in between.
     * Once this is called, no call returns the old token. When it resumes, that token is wiped and erased in the store.
     *
     * @param expectedEpoch as for [push]
     * @throws ClientSessionException if the token cannot be used: then the current user is still signed in
     */
    @JvmSynthetic
    public suspend fun switchUser(
        token: TokenAnswer.Token,
        expectedEpoch: Long? = null,
    ): Unit = awaitDone { completion -> startSwitch(token, expectedEpoch, completion) }

    /** For Java: [switchUser]; [executor] calls [callback]. A token that cannot be used is thrown at once. */
    @JvmOverloads
    @Throws(ClientSessionException::class)
    public fun switchUser(
        token: TokenAnswer.Token,
        executor: Executor,
        callback: DoneCallback,
        expectedEpoch: Long? = null,
    ): Unit = startSwitch(token, expectedEpoch, callback.on(executor))

    /** Starts a renewal that is due, if any, so that the wait hides behind the app's first screen. */
    @Throws(ClientSessionException::class)
    public fun prepare(): Unit = handle.use { NativeBridge.prepare(it) }

    // ---- life ----

    /**
     * Signs out. From the call's start no call gives the token; this resumes when every copy of ours is wiped and the store
     * overwritten. Cancelling ends the wait, not the sign-out.
     *
     * @throws ClientSessionException if the store could not be wiped now; it is tried again
     */
    @JvmSynthetic
    public suspend fun signOut(): Unit = awaitDone(::startSignOut)

    /** For Java: [signOut]; [executor] calls [callback]. */
    @Throws(ClientSessionException::class)
    public fun signOut(
        executor: Executor,
        callback: DoneCallback,
    ): Unit = startSignOut(callback.on(executor))

    /** Tells of the outside world. On Android the session notices foreground and background itself. */
    @Throws(ClientSessionException::class)
    public fun notify(notice: SessionNotice): Unit = startNotice(notice) { _, _ -> }

    /** The same; resumes when all that it caused (reload, save, due timers and their callbacks) is over. */
    @JvmSynthetic
    public suspend fun awaitNotice(notice: SessionNotice): Unit = awaitDone { startNotice(notice, it) }

    /** For Java: [awaitNotice]; [executor] calls [callback]. */
    @Throws(ClientSessionException::class)
    public fun notify(
        notice: SessionNotice,
        executor: Executor,
        callback: DoneCallback,
    ): Unit = startNotice(notice, callback.on(executor))

    /** For Java: [events], each with a status at least as new; [executor] calls [observer] until the result is closed. */
    public fun observe(
        executor: Executor,
        observer: SessionObserver,
    ): AutoCloseable = flows.observe(executor, observer)

    /** Runs [action] once the session is closed; at once, if it is closed already. */
    public fun invokeOnClose(action: Runnable): Unit = closeActions.add(action)

    /** What the session has and does at this instant. */
    @Throws(ClientSessionException::class)
    public fun readStatus(): SessionStatus = handle.use(flows::read)

    /** The status and the last 32 transitions as one JSON object, for support: no secret is in it. */
    @Throws(ClientSessionException::class)
    public fun explain(): String = handle.use { NativeBridge.explain(it) }.decodeToString()

    /** Whether the token may go to this place. Answers after [close] too: the list of hosts never changes. */
    public fun allows(
        scheme: String,
        host: String,
        port: Int,
    ): Boolean = port in PORTS && isAllowed(scheme, host, port)

    /** The same, at the scheme's own port. */
    public fun allows(
        scheme: String,
        host: String,
    ): Boolean = isAllowed(scheme, host, SCHEMES_OWN_PORT)

    /** Ends the session: waiting callers get [ClientSessionException.Closed]. The token stays in the store. Does not wait. */
    override fun close(): Unit = close(0)

    /** The same, and waits at most this long for what still runs. Never on the main thread. */
    public fun close(waitMillis: Long) {
        handle.close(waitMillis)
        host.close()
        closeActions.run()
    }

    // ---- inside ----

    private fun isAllowed(
        scheme: String,
        host: String,
        port: Int,
    ): Boolean =
        handle.useEvenClosed { NativeBridge.allows(it, scheme.encodeToByteArray(), host.encodeToByteArray(), port) }

    private fun startSwitch(
        token: TokenAnswer.Token,
        expectedEpoch: Long?,
        completion: NativeCompletion,
    ) = token.pass { text, clientId ->
        val epoch = nativeEpoch(expectedEpoch)
        handle.use { NativeBridge.switchUser(it, text, clientId, token.ageMillis, epoch, completion) }
    }

    /** The C API reads 0 as "any". */
    private fun nativeEpoch(expected: Long?): Long {
        require(expected != 0L) { "expectedEpoch is 0: no token was there yet. Leave it out for any epoch." }
        return expected ?: 0
    }

    private inline fun TokenAnswer.Token.pass(call: (text: ByteArray, clientId: ByteArray?) -> Unit) {
        val bytes = text.encodeToByteArray()
        try {
            call(bytes, clientId?.encodeToByteArray())
        } finally {
            bytes.fill(0)
        }
    }

    private suspend fun await(
        options: LeaseOptions,
        flags: Int,
    ): Lease =
        suspendCancellableCoroutine { continuation ->
            val pending =
                acquire(options, flags) { lease, failure ->
                    if (lease != null) {
                        continuation.resume(lease) { _, unused, _ -> unused.close() }
                    } else {
                        continuation.resumeWithException(checkNotNull(failure))
                    }
                }
            continuation.invokeOnCancellation { pending.cancel() }
        }

    private fun startSignOut(completion: NativeCompletion) = handle.use { NativeBridge.clear(it, completion) }

    private fun startNotice(
        notice: SessionNotice,
        completion: NativeCompletion,
    ) = handle.use { NativeBridge.notify(it, notice.value, completion) }

    internal fun acquire(
        options: LeaseOptions,
        flags: Int,
        done: (Lease?, ClientSessionException?) -> Unit,
    ): PendingLease {
        val allFlags = flags or if (options.withoutStore) NativeBridge.ACQUIRE_WITHOUT_STORE else 0
        val id =
            handle.use {
                NativeBridge.acquire(it, allFlags, options.nativeTimeoutMillis, options.nativeNewerThan) { bytes, failure ->
                    handingUncaught { done(bytes?.let(::Lease), failure) }
                }
            }
        return PendingLease(id)
    }

    private suspend inline fun awaitDone(crossinline start: (NativeCompletion) -> Unit): Unit =
        suspendCancellableCoroutine { continuation ->
            start { _, failure ->
                if (failure == null) continuation.resume(Unit) else continuation.resumeWithException(failure)
            }
        }

    public companion object {
        private const val SCHEMES_OWN_PORT = 0
        private val PORTS = 1..65_535
        private const val HTTP_UNAUTHORIZED = 401

        /** Opens a session: `ClientSession.open { provider { request -> … } }`. See [ClientSessionBuilder.open]. */
        @JvmSynthetic
        public fun open(configure: ClientSessionBuilder.() -> Unit): ClientSession =
            ClientSessionBuilder().apply(configure).open()

        /** The version of the native library. */
        @JvmStatic
        public fun version(): String = NativeBridge.version().decodeToString()
    }
}

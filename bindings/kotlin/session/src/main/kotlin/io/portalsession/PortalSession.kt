// The session: what an app holds.
package io.portalsession

import io.portalsession.internal.NativeBridge
import io.portalsession.internal.NativeCompletion
import io.portalsession.internal.NativeHandle
import io.portalsession.internal.SessionHost
import java.util.concurrent.Executor
import java.util.concurrent.atomic.AtomicLong
import kotlin.coroutines.CoroutineContext
import kotlin.coroutines.resume
import kotlin.coroutines.resumeWithException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.channels.BufferOverflow
import kotlinx.coroutines.flow.MutableSharedFlow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.SharedFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asSharedFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.suspendCancellableCoroutine

/**
 * Keeps the Client Session Token of one Portal user: in memory, in the store if there is one, and renewed by the provider
 * exactly when Portal will no longer take it.
 *
 * Any thread may call anything, and nothing blocks but [close] with a wait. Keep one for the user, as long as the app
 * lives.
 */
public class PortalSession private constructor(
    private val handle: NativeHandle,
    private val host: SessionHost,
    private val flows: Flows,
) : AutoCloseable {
    /** What the session has and does, as of its last event. See [readStatus] for this instant. */
    public val status: StateFlow<SessionStatus> = flows.status.asStateFlow()

    /** What happens, in order. Who collects too slowly misses the oldest: see [SessionEvent.sequence]. */
    public val events: SharedFlow<SessionEvent> = flows.events.asSharedFlow()

    // ---- tokens out ----

    /**
     * A valid token; waits for one, asking the provider once, however many wait. Cancelling ends this wait alone.
     *
     * @throws PortalSessionException if there is none
     */
    @JvmSynthetic
    public suspend fun lease(options: LeaseOptions = LeaseOptions.DEFAULT): Lease {
        val present = if (options.isPlain) tryLease() else null
        return present ?: await(options, 0)
    }

    /** The valid token, without waiting; null: none to give now. */
    public fun tryLease(): Lease? = handle.use { NativeBridge.tryLease(it) }?.let(::Lease)

    /**
     * A token made after this call, whatever the present one is worth. It skips the back-off, at most once in 10 s, but
     * never a `Retry-After`.
     *
     * @throws PortalSessionException if there is none
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
     * @throws PortalSessionException if there is none
     */
    @JvmSynthetic
    public suspend inline fun <Result> useToken(block: (Lease) -> Result): Result = lease().use(block)

    /** For Java: [lease], told to [callback] by [executor]. */
    @JvmOverloads
    public fun lease(
        executor: Executor,
        callback: LeaseCallback,
        options: LeaseOptions = LeaseOptions.DEFAULT,
    ): PendingLease =
        acquire(options, 0) { lease, failure ->
            executor.execute { if (lease != null) callback.onLease(lease) else callback.onFailure(checkNotNull(failure)) }
        }

    // ---- what came of them ----

    /**
     * Says that the lease's request leaves now: for one that leaves later than its lease was taken. Never needed for
     * safety: without it the session expects the end earlier than Portal does.
     */
    public fun stamp(lease: Lease): Unit = handle.use { NativeBridge.stamp(it, lease.bytes) }

    /**
     * Reports what Portal answered to a request with the lease's token: 2xx slides the deadline, 401 ends the token,
     * everything else changes nothing. No answer of a cache, none after a redirect. From the return on no call gives a
     * rejected token.
     *
     * @throws PortalSessionException.Stale if the session was cleared since; nothing is wrong
     */
    public fun report(
        lease: Lease,
        httpStatus: Int,
    ): Unit = handle.use { NativeBridge.report(it, lease.bytes, httpStatus) }

    /** The same, of an error of Portal's own SDK; returns what it means. */
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
     *   meanwhile it is [PortalSessionException.Stale]; null: any
     * @throws PortalSessionException if it cannot be used
     */
    @JvmOverloads
    public fun push(
        token: TokenAnswer.Token,
        expectedEpoch: Long? = null,
    ): Unit =
        token.pass { text, clientId ->
            handle.use { NativeBridge.push(it, text, clientId, token.ageMillis, nativeEpoch(expectedEpoch)) }
        }

    /**
     * Signs the present user out and the next one in, in one step: nobody is told to sign in between the two. From the
     * return on no call gives the old token; it is wiped and erased in the store when this resumes.
     *
     * @param expectedEpoch as for [push]
     * @throws PortalSessionException if the token cannot be used: then the present user is still signed in
     */
    @JvmSynthetic
    public suspend fun switchUser(
        token: TokenAnswer.Token,
        expectedEpoch: Long? = null,
    ): Unit = awaitDone { completion -> startSwitch(token, expectedEpoch, completion) }

    /** For Java: [switchUser], told to [callback] by [executor]. A token that cannot be used is thrown at once. */
    @JvmOverloads
    public fun switchUser(
        token: TokenAnswer.Token,
        executor: Executor,
        callback: DoneCallback,
        expectedEpoch: Long? = null,
    ): Unit = startSwitch(token, expectedEpoch) { _, failure -> executor.execute { callback.onDone(failure) } }

    /** Starts a renewal that is due, if any, so that the wait hides behind the app's first screen. */
    public fun prepare(): Unit = handle.use { NativeBridge.prepare(it) }

    // ---- life ----

    /**
     * Signs out. Already when this suspends no call gives the token; it returns when every copy of ours is wiped and the
     * store overwritten. Cancelling ends the wait, not the logout.
     *
     * @throws PortalSessionException if the store could not be wiped now; it is tried again
     */
    @JvmSynthetic
    public suspend fun clear(): Unit = awaitDone { completion -> handle.use { NativeBridge.clear(it, completion) } }

    /** For Java: [clear], told to [callback] by [executor]. */
    public fun clear(
        executor: Executor,
        callback: DoneCallback,
    ): Unit = handle.use { NativeBridge.clear(it) { _, failure -> executor.execute { callback.onDone(failure) } } }

    /** Tells of the outside world. On Android the session is told by itself of foreground and background. */
    public fun notify(notice: SessionNotice): Unit = handle.use { NativeBridge.notify(it, notice.value) { _, _ -> } }

    /** The same; returns when all that it caused (reload, save, due timers and their callbacks) is over. */
    @JvmSynthetic
    public suspend fun awaitNotice(notice: SessionNotice): Unit =
        awaitDone { completion -> handle.use { NativeBridge.notify(it, notice.value, completion) } }

    /** What the session has and does at this instant. */
    public fun readStatus(): SessionStatus = handle.use(flows::read)

    /** The status and the last 32 transitions as one JSON object, for support: no secret is in it. */
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

    /** Ends the session: those who wait get [PortalSessionException.Closed]. The token stays in the store. No wait. */
    override fun close(): Unit = close(0)

    /** The same, and waits for what still runs, so long at most. Never on the main thread. */
    public fun close(waitMillis: Long) {
        handle.close(waitMillis)
        host.close()
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

    internal fun acquire(
        options: LeaseOptions,
        flags: Int,
        done: (Lease?, PortalSessionException?) -> Unit,
    ): PendingLease {
        val allFlags = flags or if (options.withoutStore) NativeBridge.ACQUIRE_WITHOUT_STORE else 0
        val id =
            handle.use {
                NativeBridge.acquire(it, allFlags, options.nativeTimeoutMillis, options.nativeNewerThan) { bytes, failure ->
                    done(bytes?.let(::Lease), failure)
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

    /** What observers see. Apart from the session, since events may come before its constructor has run. */
    private class Flows {
        private val reads = AtomicLong()
        val events =
            MutableSharedFlow<SessionEvent>(extraBufferCapacity = EVENTS, onBufferOverflow = BufferOverflow.DROP_OLDEST)
        val status = MutableStateFlow(SessionStatus(LongArray(NativeBridge.STATUS_FIELDS), 0))

        fun read(session: Long): SessionStatus {
            val version = reads.incrementAndGet()
            val values = LongArray(NativeBridge.STATUS_FIELDS)
            NativeBridge.status(session, values)
            return SessionStatus(values, version)
        }

        /** Of two that read at once the later wins: it has seen what made the earlier one read. */
        fun publish(read: SessionStatus) = status.update { if (it.version > read.version) it else read }
    }

    /** All that a session is given; there are no setters. What is not set has Portal's value. */
    public class Builder {
        private var name = ""
        private var clientId = ""
        private var portalUrl = ""
        private var role = ""
        private var allowedHosts: List<String>? = null
        private var flags = 0
        private var bootTag = 0L
        private var policy = SessionPolicy.DEFAULT
        private var provider: TokenProvider? = null
        private var context: CoroutineContext = Dispatchers.IO
        private var store: SessionStore? = null
        private var logger: SessionLogger? = null
        private var level = SessionLogger.Level.OFF

        @OptIn(PortalSessionTestingApi::class)
        private var clock: SessionClock? = null

        /** Which session; 1 to 128 bytes of UTF-8. Two with one name and store behave as two processes would. */
        public fun name(name: String): Builder = apply { this.name = given("name", name) }

        /** Whose session; if it is not set, it is learnt from the first token that names one. */
        public fun clientId(clientId: String): Builder = apply { this.clientId = given("clientId", clientId) }

        /** Portal's address: `https://api.portalhq.io`. Its host may get the token too. */
        public fun portalUrl(url: String): Builder = apply { portalUrl = given("portalUrl", url) }

        /**
         * Which process of the app this is, where several share a store: `main`, `push`; at most 16 printable characters.
         * While one process asks its provider, the others wait for its token; if it is killed meanwhile, a new process of
         * the same role does not wait for it.
         */
        public fun role(role: String): Builder = apply { this.role = given("role", role) }

        /** Who may get the token, each with its sub-domains: `host` or `host:port`. Only `portalhq.io` if it is not set. */
        public fun allowedHosts(vararg hosts: String): Builder =
            apply {
                require(hosts.isNotEmpty()) { "allowedHosts has no host. Leave it out for Portal's own." }
                allowedHosts = hosts.toList()
            }

        /** Lets the token go to 127.0.0.1 and [::1], over http too: for tests against a server of one's own. */
        public fun allowLoopback(): Builder = apply { flags = flags or NativeBridge.ALLOW_LOOPBACK }

        /** The app's way to its backend; without it only a push brings tokens. */
        public fun provider(provider: TokenProvider): Builder = apply { this.provider = provider }

        /** The same, for Java. */
        public fun provider(provider: CallbackTokenProvider): Builder = provider(provider.asSuspending())

        /** Where the provider runs: [Dispatchers.IO]. */
        public fun providerContext(context: CoroutineContext): Builder = apply { this.context = context }

        /** Where the session is kept; without it in memory alone. */
        public fun store(store: SessionStore): Builder = apply { this.store = store }

        /** Where log lines go, and which. */
        public fun logger(
            level: SessionLogger.Level,
            logger: SessionLogger,
        ): Builder =
            apply {
                this.level = level
                this.logger = logger
            }

        /** Portal's rule where it differs from the published one, and what the session adds to it. */
        public fun policy(policy: SessionPolicy): Builder = apply { this.policy = policy }

        /** This boot as the host names it, for systems that hide their own name for it. */
        public fun bootTag(tag: Long): Builder =
            apply {
                require(tag != 0L) { "bootTag is 0. Leave it out where the boot is not known." }
                bootTag = tag
            }

        /** Another clock than the system's. */
        @PortalSessionTestingApi
        public fun clock(clock: SessionClock): Builder = apply { this.clock = clock }

        private fun given(
            what: String,
            text: String,
        ): String {
            require(text.isNotEmpty()) { "$what is empty. Leave it out for the default." }
            return text
        }

        /**
         * Opens it, and starts to load what the store has. No input or output, no wait: fit for the main thread.
         *
         * @throws PortalSessionException if a value is out of its bounds
         */
        @OptIn(PortalSessionTestingApi::class)
        public fun open(): PortalSession {
            val flows = Flows()
            val host = SessionHost(provider, store, logger, clock, context)
            val opened = AtomicHandle()
            host.onEvent = { event ->
                opened.value?.let { handle -> runCatching { handle.use { flows.publish(flows.read(it)) } } }
                flows.events.tryEmit(event)
            }
            val session =
                NativeBridge.open(
                    host,
                    host.parts,
                    level.ordinal,
                    flags,
                    name.encodeToByteArray(),
                    clientId.encodeToByteArray(),
                    portalUrl.encodeToByteArray(),
                    role.encodeToByteArray(),
                    allowedHosts?.map { it.encodeToByteArray() }?.toTypedArray(),
                    policy.values() + bootTag,
                )
            val handle = NativeHandle(session)
            opened.value = handle
            flows.publish(handle.use(flows::read))
            return PortalSession(handle, host, flows)
        }

        private class AtomicHandle {
            @Volatile var value: NativeHandle? = null
        }
    }

    public companion object {
        private const val EVENTS = 64
        private const val SCHEMES_OWN_PORT = 0
        private val PORTS = 1..65_535
        private const val HTTP_UNAUTHORIZED = 401

        /** Opens a session: `PortalSession.open(provider) { store(…) }`. See [Builder.open]. */
        @JvmSynthetic
        public inline fun open(
            provider: TokenProvider,
            configure: Builder.() -> Unit = {},
        ): PortalSession = Builder().provider(provider).apply(configure).open()

        /** The version of the native library. */
        @JvmStatic
        public fun version(): String = NativeBridge.version().decodeToString()
    }
}

/** What the app tells of the outside world. */
public enum class SessionNotice(
    internal val value: Int,
) {
    /** The app came to the front: look again at clock, store and timers. */
    FOREGROUND(1),

    /** The app goes: write what is unwritten. */
    BACKGROUND(2),

    /** Another process wrote, or the store became readable. */
    STORE_CHANGED(3),

    /** The clock of a test jumped. */
    CLOCK_CHANGED(4),
}

/** A wait that can be cancelled; the callback still runs once. */
public class PendingLease internal constructor(
    private val id: Long,
) {
    /** Ends this wait alone; harmless at any time. */
    public fun cancel(): Unit = NativeBridge.cancel(id)
}

/** For Java: how a wait ended. Exactly one of both is called, once. */
public interface LeaseCallback {
    public fun onLease(lease: Lease)

    public fun onFailure(failure: PortalSessionException)
}

/** For Java: how an operation ended. */
public fun interface DoneCallback {
    /** [failure] is null if all is well. */
    public fun onDone(failure: PortalSessionException?)
}

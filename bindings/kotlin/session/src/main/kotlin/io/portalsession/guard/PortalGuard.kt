// A client of Portal's SDK that always has a token that works.
package io.portalsession.guard

import io.portalsession.ClientSession
import io.portalsession.ClientSessionException
import io.portalsession.Lease
import io.portalsession.LeaseOptions
import io.portalsession.SessionEvent
import io.portalsession.SessionReason
import io.portalsession.SessionRenewal
import io.portalsession.SessionState
import io.portalsession.SessionStatus
import kotlin.random.Random
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow

/**
 * Wraps an SDK that keeps the token it was made with, as Portal's does. It makes one client object for each token, sees
 * when a call failed because of the token, renews, and repeats the call where that is safe.
 *
 * ```
 * val guard = PortalGuard(session) { token -> Portal(apiKey = token) }
 * val assets = guard.read { portal -> portal.getAssets(chain) }
 * val hash = guard.write { portal -> portal.sendAsset(chain, parameters) }
 * ```
 *
 * Each call should make at least one request to Portal: its success counts as Portal's answer to the token. Whose client
 * is [AutoCloseable] has it closed when the last call on it is over.
 */
public class PortalGuard<Client : Any>(
    private val session: ClientSession,
    private val options: GuardOptions<Client> = GuardOptions(),
    create: suspend (token: String) -> Client,
) : AutoCloseable {
    private val clients = GuardClients(create) { old, new -> options.onReplaced(old, new) }
    private val probe = GuardProbe(session.portalUrl, options.transport, options.dispatcher)
    private val mutableState = MutableStateFlow(stateOf(session.readStatus()))
    private var toldEpoch = -1L // on the session's callback thread alone
    private var lastReason = SessionReason.NONE
    private val observing = session.observe({ it.run() }, ::observe)

    /** What the guard can do now. */
    public val state: StateFlow<GuardState> = mutableState.asStateFlow()

    /**
     * Calls [block] with a client whose token works. After a 401 it renews and repeats the call once; a failure that passes
     * (no network, 408, 429, 5xx) it repeats within the budget of [GuardOptions.retries]. So [block] must be safe to repeat.
     *
     * @throws ClientSessionException if there is no token
     */
    public suspend fun <Result> read(block: suspend (Client) -> Result): Result {
        var lease = lease()
        var isRenewed = false
        var retries = 0
        while (true) {
            val error = attempt(lease, block).let { if (it.isSuccess) return it.getOrThrow() else checkNotNull(it.exceptionOrNull()) }
            when (judge(lease, error)) {
                GuardVerdict.REJECTED -> {
                    if (isRenewed) throw error
                    isRenewed = true
                    lease = lease(newerThan = lease)
                }
                GuardVerdict.TRANSIENT -> {
                    if (retries == options.retries) throw error
                    delay(backOff(retries++))
                    lease = lease()
                }
                else -> throw error
            }
        }
    }

    /**
     * Calls [block], which moves something: a signature, a transfer. It renews ahead if little of the token's life is left,
     * and repeats the call after a 401 only with [isRepeatable], since one call of an SDK can be several requests.
     *
     * @throws RetryWithNewTokenException if the token was rejected: a new one is there, and you decide
     * @throws ClientSessionException if there is no token
     */
    public suspend fun <Result> write(
        isRepeatable: Boolean = false,
        block: suspend (Client) -> Result,
    ): Result {
        val lease = renewedAhead(lease())
        val error = attempt(lease, block).let { if (it.isSuccess) return it.getOrThrow() else checkNotNull(it.exceptionOrNull()) }
        if (judge(lease, error) != GuardVerdict.REJECTED) throw error
        val newer = lease(newerThan = lease)
        if (!isRepeatable) throw RetryWithNewTokenException(error)
        return attempt(newer, block).getOrElse { second ->
            judge(newer, second)
            throw second
        }
    }

    /** Stops listening to the session, which stays open. Calls that run go on. */
    override fun close() {
        observing.close()
        clients.retireOlderThan(Long.MAX_VALUE)
    }

    // ---- inside ----

    private suspend fun lease(newerThan: Lease? = null): Lease {
        session.tryLease()?.takeIf { newerThan == null || TokenId(it) > TokenId(newerThan) }?.let { return it }
        val start = System.nanoTime()
        val lease = session.lease(LeaseOptions(newerThan = newerThan))
        options.metrics.waited((System.nanoTime() - start) / NANOS_A_MILLI)
        return lease
    }

    /** A token that dies in the middle of a transfer is worse than a renewal ahead of it. */
    private suspend fun renewedAhead(lease: Lease): Lease {
        if (lease.leftMillis >= AHEAD.inWholeMilliseconds) return lease
        return try {
            session.renew()
        } catch (_: ClientSessionException) {
            lease
        }
    }

    private suspend fun <Result> attempt(
        lease: Lease,
        block: suspend (Client) -> Result,
    ): kotlin.Result<Result> {
        val slot = clients.enter(lease)
        return try {
            val result = block(slot.client)
            report(lease, HTTP_OK)
            kotlin.Result.success(result)
        } catch (cancelled: CancellationException) {
            throw cancelled
        } catch (
            @Suppress("TooGenericExceptionCaught") error: Throwable,
        ) {
            kotlin.Result.failure(error)
        } finally {
            clients.leave(slot)
        }
    }

    /** What the error means, once it is proven; a rejected token is reported. */
    private suspend fun judge(
        lease: Lease,
        error: Throwable,
    ): GuardVerdict {
        var verdict = GuardErrors.verdict(error)
        if (verdict == GuardVerdict.SUSPECTED) {
            val isRejected = probe.isRejected(TokenId(lease), lease.authorization())
            verdict = if (isRejected) GuardVerdict.REJECTED else GuardVerdict.OTHER
        }
        if (verdict == GuardVerdict.REJECTED) {
            options.metrics.rejected()
            report(lease, HTTP_UNAUTHORIZED)
        }
        return verdict
    }

    private fun report(
        lease: Lease,
        status: Int,
    ) {
        try {
            session.report(lease, status)
        } catch (_: ClientSessionException) {
            // Signed out or closed meanwhile: the caller's result stands all the same.
        }
    }

    /** Exponential, with full jitter. */
    private fun backOff(retry: Int): Duration {
        val most = options.firstRetryAfter * (1 shl retry.coerceAtMost(MOST_DOUBLINGS))
        return Random.nextLong(most.inWholeMilliseconds + 1).milliseconds
    }

    private fun observe(
        event: SessionEvent,
        status: SessionStatus,
    ) {
        if (event.kind == SessionEvent.Kind.CLEARED) clients.retireOlderThan(event.epoch)
        if (event.kind == SessionEvent.Kind.RENEWAL_STARTED) lastReason = event.reason
        if (event.kind == SessionEvent.Kind.NEW_TOKEN) options.metrics.newToken(lastReason)
        mutableState.value = stateOf(status)
        if (event.kind == SessionEvent.Kind.NEW_TOKEN) toldEpoch = -1
        if (event.kind == SessionEvent.Kind.SIGN_IN_NEEDED && toldEpoch != event.epoch) {
            toldEpoch = event.epoch
            options.onSignInNeeded()
        }
    }

    private companion object {
        const val HTTP_OK = 200
        const val HTTP_UNAUTHORIZED = 401
        const val NANOS_A_MILLI = 1_000_000
        const val MOST_DOUBLINGS = 6
        val AHEAD = 10.minutes

        fun stateOf(status: SessionStatus): GuardState =
            when {
                status.state == SessionState.SIGNED_OUT || status.renewal == SessionRenewal.DECLINED -> GuardState.SIGN_IN_NEEDED
                status.renewal == SessionRenewal.ASKING || status.renewal == SessionRenewal.ELSEWHERE -> GuardState.RENEWING
                status.state in USABLE -> GuardState.ACTIVE
                else -> GuardState.UNKNOWN
            }

        val USABLE = setOf(SessionState.FRESH, SessionState.EXPIRING, SessionState.OVERDUE)
    }
}

/** What a guard can do now. */
public enum class GuardState {
    /** No token yet, or it is dead: the next call gets one. */
    UNKNOWN,

    /** There is a good token. */
    ACTIVE,

    /** A new token is on its way. */
    RENEWING,

    /** Show the login. */
    SIGN_IN_NEEDED,
}

/** Counts for the app's own monitoring. No secret passes here. Called on any thread: return soon. */
public interface GuardMetrics {
    /** A new token holds; [reason] says why it was needed. */
    public fun newToken(reason: SessionReason)

    /** A call had to wait for a token. */
    public fun waited(millis: Long)

    /** Portal rejected a token that was believed to be good. */
    public fun rejected()

    /** Counts nothing. */
    public object None : GuardMetrics {
        override fun newToken(reason: SessionReason): Unit = Unit

        override fun waited(millis: Long): Unit = Unit

        override fun rejected(): Unit = Unit
    }
}

/** What a [PortalGuard] may be told beside its session. */
public class GuardOptions<Client : Any>(
    /** How often [PortalGuard.read] repeats a call after a failure that passes; 0: never. */
    internal val retries: Int = 3,
    /** The most that it waits before the first repetition; doubled for each further one. */
    internal val firstRetryAfter: Duration = 500.milliseconds,
    /** How Portal is asked about a suspected token. */
    internal val transport: GuardTransport = GuardTransport.PLATFORM,
    /** Where [transport] runs. */
    internal val dispatcher: CoroutineDispatcher = Dispatchers.IO,
    /** Counts for monitoring. */
    internal val metrics: GuardMetrics = GuardMetrics.None,
    /** Called once when the user must sign in again, until a new token holds. */
    internal val onSignInNeeded: () -> Unit = {},
    /** A new client takes the place of the old one: move your listeners and connections. */
    internal val onReplaced: (old: Client?, new: Client) -> Unit = { _, _ -> },
) {
    init {
        require(retries >= 0) { "retries is $retries. Pass 0 or more." }
        require(!firstRetryAfter.isNegative()) { "firstRetryAfter is negative." }
    }
}

/** The token was rejected and a new one holds. The call was not repeated, since it may have moved something: you decide. */
public class RetryWithNewTokenException internal constructor(
    cause: Throwable,
) : Exception("Portal rejected the token. A new one holds: check what was done, then call again.", cause)

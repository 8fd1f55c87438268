// The app's parts of a session, as native code calls them.
package io.portalsession.internal

import io.portalsession.PortalSessionTestingApi
import io.portalsession.SaveOutcome
import io.portalsession.SessionClock
import io.portalsession.SessionEvent
import io.portalsession.SessionLogger
import io.portalsession.SessionReason
import io.portalsession.SessionState
import io.portalsession.SessionStore
import io.portalsession.StoredRecord
import io.portalsession.TokenAnswer
import io.portalsession.TokenProvider
import io.portalsession.TokenRequest
import io.portalsession.enumOf
import java.io.IOException
import java.util.concurrent.ConcurrentHashMap
import kotlin.coroutines.CoroutineContext
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineName
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch

/**
 * Nothing that the app's code throws gets past here: an exception in a native thread has nobody to catch it.
 *
 * No text of an exception is logged, since it may hold a token (a parser's names what it read): only its class.
 */
@OptIn(PortalSessionTestingApi::class)
internal class SessionHost(
    private val provider: TokenProvider?,
    private val store: SessionStore?,
    private val logger: SessionLogger?,
    private val clock: SessionClock?,
    context: CoroutineContext,
) : NativeHost {
    private val scope = CoroutineScope(context + SupervisorJob() + CoroutineName("portal-session"))
    private val requests = ConcurrentHashMap<Long, Job>()

    /** Set before the session is opened. */
    lateinit var onEvent: (SessionEvent) -> Unit

    val parts: Int
        get() =
            (if (provider != null) NativeHost.PROVIDER else 0) or
                (if (store != null) NativeHost.STORE else 0) or
                (if (clock != null) NativeHost.CLOCK else 0)

    fun close() = scope.cancel()

    // ---- provider ----

    override fun ask(
        id: Long,
        reason: Int,
        attempt: Int,
        timeoutMillis: Long,
        generation: Long,
        clientId: ByteArray,
    ) {
        val request =
            TokenRequest(
                reason = enumOf(reason, SessionReason.NONE),
                attempt = attempt,
                timeoutMillis = timeoutMillis,
                generation = generation,
                clientId = clientId.decodeToString().ifEmpty { null },
            )
        val job = scope.launch(start = CoroutineStart.LAZY) { send(id, fetch(request)) }
        requests[id] = job
        job.invokeOnCompletion { failure ->
            requests.remove(id)
            // Whatever ended it, those who wait are told. After a withdrawal nobody waits, and the answer is stale.
            if (failure != null) send(id, TokenAnswer.Failed(isRetryable = true))
        }
        job.start()
    }

    override fun withdrawn(id: Long) {
        requests[id]?.cancel()
    }

    private suspend fun fetch(request: TokenRequest): TokenAnswer =
        try {
            checkNotNull(provider).fetch(request)
        } catch (cancelled: CancellationException) {
            throw cancelled // our withdrawal, or the provider's own time-out: see `ask`
        } catch (io: IOException) {
            failed(io, isRetryable = true)
        } catch (
            @Suppress("TooGenericExceptionCaught") error: Throwable,
        ) {
            failed(error, isRetryable = false)
        }

    private fun failed(
        error: Throwable,
        isRetryable: Boolean,
    ): TokenAnswer {
        logThrown("token provider", error)
        return TokenAnswer.Failed(isRetryable)
    }

    private fun send(
        id: Long,
        answer: TokenAnswer,
    ) {
        when (answer) {
            is TokenAnswer.Token -> {
                val token = answer.text.encodeToByteArray()
                NativeBridge.fulfil(id, token, answer.clientId?.encodeToByteArray(), answer.ageMillis)
                token.fill(0)
            }
            is TokenAnswer.Declined -> NativeBridge.decline(id, answer.hostCode)
            is TokenAnswer.Failed ->
                NativeBridge.fail(
                    id,
                    if (answer.isRetryable) NativeBridge.FAILURE_RETRYABLE else 0,
                    answer.httpStatus,
                    answer.retryAfterMillis,
                    answer.retryAfter?.encodeToByteArray(),
                    answer.hostCode,
                )
        }
    }

    // ---- observer, log ----

    override fun event(
        kind: Int,
        state: Int,
        reason: Int,
        code: Int,
        sequence: Long,
        generation: Long,
        epoch: Long,
        retryAfterMillis: Long,
        atUnixMillis: Long,
    ) = guarded("observer") {
        onEvent(
            SessionEvent(
                kind = enumOf(kind, SessionEvent.Kind.OTHER),
                state = enumOf(state, SessionState.UNKNOWN),
                reason = enumOf(reason, SessionReason.NONE),
                code = code,
                sequence = sequence,
                generation = generation,
                epoch = epoch,
                retryAfterMillis = retryAfterMillis,
                atUnixMillis = atUnixMillis,
            ),
        )
    }

    override fun log(
        level: Int,
        line: ByteArray,
    ) = log(enumOf(level, SessionLogger.Level.ERROR), line.decodeToString())

    private fun log(
        level: SessionLogger.Level,
        line: String,
    ) {
        runCatching { logger?.log(level, line) }
    }

    private fun logThrown(
        part: String,
        error: Throwable,
    ) = log(SessionLogger.Level.ERROR, "The $part threw ${error.javaClass.name}.")

    private inline fun guarded(
        part: String,
        call: () -> Unit,
    ) {
        runCatching(call).onFailure { logThrown(part, it) }
    }

    // ---- store ----

    override fun load(
        id: Long,
        name: ByteArray,
    ) {
        val stored =
            runCatching { checkNotNull(store).load(name.decodeToString()) }
                .onFailure { logThrown("store", it) }
                .getOrDefault(StoredRecord.Failed)
        when (stored) {
            is StoredRecord.Found -> {
                NativeBridge.storeLoaded(id, FOUND, stored.revision, stored.record)
                stored.record.fill(0)
            }
            // A record that no version of the library can read: it takes its place and tells of the loss.
            is StoredRecord.Lost -> NativeBridge.storeLoaded(id, FOUND, stored.revision, byteArrayOf(0))
            StoredRecord.Absent -> NativeBridge.storeLoaded(id, ABSENT, 0, null)
            StoredRecord.Unavailable -> NativeBridge.storeLoaded(id, UNAVAILABLE, 0, null)
            StoredRecord.Failed -> NativeBridge.storeLoaded(id, FAILED, 0, null)
        }
    }

    override fun save(
        id: Long,
        name: ByteArray,
        revision: Long,
        record: ByteArray,
    ) {
        val outcome =
            runCatching { checkNotNull(store).save(name.decodeToString(), revision, record) }
                .onFailure { logThrown("store", it) }
                .getOrDefault(SaveOutcome.FAILED)
        record.fill(0)
        NativeBridge.storeSaved(id, outcome.ordinal + 1)
    }

    // ---- clock ----

    override fun readClock(): LongArray =
        checkNotNull(clock).read().let { longArrayOf(it.bootMillis, it.unixMillis, it.bootTag) }

    private companion object {
        const val FOUND = 1
        const val ABSENT = 2
        const val UNAVAILABLE = 3
        const val FAILED = 4
    }
}

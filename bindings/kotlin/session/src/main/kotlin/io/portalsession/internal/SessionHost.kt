// The app's parts of a session, as native code calls them.
package io.portalsession.internal

import io.portalsession.InvalidAnswer
import io.portalsession.ClientSessionException
import io.portalsession.ClientSessionTestingApi
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
import java.io.InterruptedIOException
import java.util.concurrent.ConcurrentHashMap
import javax.net.ssl.SSLException
import kotlin.coroutines.CoroutineContext
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineName
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.TimeoutCancellationException
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch

/**
 * Nothing that the app's code throws gets past here: an exception in a native thread has nobody to catch it.
 *
 * No text of an exception is logged, since it may hold a token (a parser's names what it read): only its class.
 */
@OptIn(ClientSessionTestingApi::class)
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
        val job = scope.launch(start = CoroutineStart.LAZY) { fetch(id, request) }
        requests[id] = job
        job.invokeOnCompletion { failure ->
            requests.remove(id)
            // Whatever ended it, the waiting callers hear of it. After a withdrawal nobody waits, and the answer is stale.
            if (failure != null) sendNoAnswer(id, failure)
        }
        job.start()
    }

    override fun withdrawn(id: Long) {
        requests[id]?.cancel()
    }

    private suspend fun fetch(
        id: Long,
        request: TokenRequest,
    ) {
        try {
            send(id, checkNotNull(provider).fetch(request))
        } catch (cancelled: CancellationException) {
            throw cancelled // our withdrawal, or the provider's own time-out: see `ask`
        } catch (failure: ClientSessionException) {
            logThrown("token provider", failure)
            send(id, TokenAnswer.Failed(failure.isRetryable, failure.retryAfterMillis))
        } catch (io: IOException) {
            logThrown("token provider", io)
            sendNoAnswer(id, io)
        } catch (mistake: InvalidAnswer) {
            log(SessionLogger.Level.ERROR, "The token provider made no valid answer: ${mistake.message}")
            send(id, TokenAnswer.Failed())
        } catch (
            @Suppress("TooGenericExceptionCaught") error: Throwable,
        ) {
            logThrown("token provider", error)
            send(id, TokenAnswer.Failed())
        }
    }

    private fun send(
        id: Long,
        answer: TokenAnswer,
    ) {
        when (answer) {
            is TokenAnswer.Token -> sendHttp(id, HTTP_OK, answer)
            is TokenAnswer.Http -> sendHttp(id, answer.httpStatus, answer.token, answer.retryAfter, answer.date)
            is TokenAnswer.Declined -> NativeBridge.decline(id, answer.hostCode)
            is TokenAnswer.Failed -> {
                val flags = if (answer.isRetryable) NativeBridge.FAILURE_RETRYABLE else 0
                NativeBridge.fail(id, flags, answer.retryAfterMillis, answer.hostCode)
            }
        }
    }

    private fun sendHttp(
        id: Long,
        httpStatus: Int,
        token: TokenAnswer.Token?,
        retryAfter: String? = null,
        date: String? = null,
    ) {
        val text = token?.text.orEmpty().encodeToByteArray()
        try {
            NativeBridge.answer(
                id,
                NativeBridge.ANSWER_PARSED,
                httpStatus,
                NativeBridge.OK,
                0,
                retryAfter?.encodeToByteArray(),
                date?.encodeToByteArray(),
                text,
                token?.clientId?.encodeToByteArray(),
                token?.ageMillis ?: 0,
            )
        } catch (_: ClientSessionException.Stale) {
            // Nobody waits for it any more.
        } catch (refused: ClientSessionException) {
            log(SessionLogger.Level.ERROR, "The token provider's answer was refused: ${refused.message}")
            NativeBridge.fail(id, 0, 0, 0) // in case that the refusal left the request open
        } finally {
            text.fill(0)
        }
    }

    /** The backend gave no answer. Why is read from the type of the exception or of one of its causes. */
    private fun sendNoAnswer(
        id: Long,
        failure: Throwable,
    ) {
        val causes = generateSequence(failure) { it.cause }.take(DEEPEST_CAUSE).toList()
        val isTls = causes.any { it is SSLException }
        val isTimeout = !isTls && causes.any { it is InterruptedIOException || it is TimeoutCancellationException }
        val flags = if (isTls) NativeBridge.ANSWER_TLS else 0
        val code = if (isTimeout) NativeBridge.ERR_TIMEOUT else NativeBridge.ERR_NETWORK
        try {
            NativeBridge.answer(id, flags, 0, code, 0, null, null, null, null, 0)
        } catch (_: ClientSessionException.Stale) {
            // A withdrawal was faster.
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
        const val HTTP_OK = 200
        const val DEEPEST_CAUSE = 8
    }
}

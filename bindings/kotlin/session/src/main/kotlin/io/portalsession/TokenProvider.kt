// The app's way to its own backend.
package io.portalsession

import kotlin.coroutines.resume
import kotlinx.coroutines.suspendCancellableCoroutine

/**
 * Gets a token from the app's backend. Called when one is needed, and only then; once at a time, however many wait.
 *
 * It runs in the builder's context, [kotlinx.coroutines.Dispatchers.IO] by default, so it may block. It is cancelled when
 * the session is cleared or closed.
 *
 * An [java.io.IOException] that it throws means that the backend gave no answer: time-out, TLS fault or unreachable, as the
 * exception's type says. The session may then ask again by itself. Anything else that it throws is a mistake of the
 * provider: a failure, and the session asks again only when somebody needs a token.
 */
public fun interface TokenProvider {
    public suspend fun fetch(request: TokenRequest): TokenAnswer
}

/** For Java: starts to get a token and returns; answers once, from any thread. */
public fun interface CallbackTokenProvider {
    public fun fetch(
        request: TokenRequest,
        answer: TokenAnswer.Receiver,
    )
}

/** One ask for a new token. */
public class TokenRequest internal constructor(
    /** Why a token is needed. */
    public val reason: SessionReason,
    /** 1, 2, … since the last success. */
    public val attempt: Int,
    /** Then those who wait give up; a later answer is still welcome. */
    public val timeoutMillis: Long,
    /** The newest generation that this session has had; 0: none. */
    public val generation: Long,
    /** Whose token; null: not known. */
    public val clientId: String?,
) {
    override fun toString(): String = "TokenRequest(reason=$reason, attempt=$attempt)"
}

internal fun CallbackTokenProvider.asSuspending(): TokenProvider =
    TokenProvider { request ->
        suspendCancellableCoroutine { continuation ->
            val answered = java.util.concurrent.atomic.AtomicBoolean()
            fetch(request) { answer -> if (answered.compareAndSet(false, true)) continuation.resume(answer) }
        }
    }

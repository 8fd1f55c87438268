// The app's way to its own backend.
package io.portalsession

import kotlin.coroutines.resume
import kotlinx.coroutines.suspendCancellableCoroutine

/**
 * Gets a token from the app's backend. Called when one is needed, and only then; once at a time, however many wait.
 *
 * It runs in the builder's context, [kotlinx.coroutines.Dispatchers.IO] by default, so it may block. It is cancelled when
 * the session is cleared or closed. What it throws counts as [TokenAnswer.Failed]: retryable if it is an
 * [java.io.IOException].
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

/** What the provider answers. */
public sealed class TokenAnswer private constructor() {
    /** A new token, as Portal's answer has it in `clientSessionToken`. */
    public class Token
        @JvmOverloads
        constructor(
            internal val text: String,
            /** The `id` beside it in Portal's answer; null: as before. */
            public val clientId: String? = null,
            /** Since Portal issued it, by the backend's own clock; 0: just made. */
            public val ageMillis: Long = 0,
        ) : TokenAnswer() {
            override fun toString(): String = "Token(clientId=$clientId)"
        }

    /** The user must sign in again. Nobody is asked any more until a push, a renew or a new process. */
    public class Declined
        @JvmOverloads
        constructor(
            /** Shown in [PortalSession.explain]; 0: none. */
            public val hostCode: Int = 0,
        ) : TokenAnswer() {
            override fun toString(): String = "Declined(hostCode=$hostCode)"
        }

    /** None this time; a back-off starts. */
    public class Failed
        @JvmOverloads
        constructor(
            /** Whether the session may ask again by itself. */
            public val isRetryable: Boolean = false,
            /** Of the app's backend; 0: none. */
            public val httpStatus: Int = 0,
            /** The `Retry-After` header as it came; null: none. Nobody is asked before. */
            public val retryAfter: String? = null,
            /** The same, known otherwise; 0: not known. */
            public val retryAfterMillis: Long = 0,
            /** Shown in [PortalSession.explain] and as [PortalSessionException.osCode]; 0: none. */
            public val hostCode: Int = 0,
        ) : TokenAnswer() {
            override fun toString(): String = "Failed(isRetryable=$isRetryable, httpStatus=$httpStatus)"
        }

    /** Takes the answer of a [CallbackTokenProvider]; what comes after the first is dropped. */
    public fun interface Receiver {
        public fun answer(answer: TokenAnswer)
    }

    public companion object {
        private const val HTTP_TIMEOUT = 408
        private const val HTTP_TOO_MANY = 429
        private const val HTTP_SERVER_ERRORS = 500

        /** What an unsuccessful answer of the app's backend means: 408, 429 and 5xx pass, all else does not. */
        @JvmStatic
        @JvmOverloads
        public fun ofHttp(
            httpStatus: Int,
            retryAfter: String? = null,
        ): Failed {
            val passes = httpStatus == HTTP_TIMEOUT || httpStatus == HTTP_TOO_MANY || httpStatus >= HTTP_SERVER_ERRORS
            return Failed(isRetryable = passes, httpStatus = httpStatus, retryAfter = retryAfter)
        }
    }
}

internal fun CallbackTokenProvider.asSuspending(): TokenProvider =
    TokenProvider { request ->
        suspendCancellableCoroutine { continuation ->
            val answered = java.util.concurrent.atomic.AtomicBoolean()
            fetch(request) { answer -> if (answered.compareAndSet(false, true)) continuation.resume(answer) }
        }
    }

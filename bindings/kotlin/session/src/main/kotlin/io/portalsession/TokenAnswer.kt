// What a token provider answers.
package io.portalsession

/** What a [TokenProvider] answers. */
public sealed class TokenAnswer private constructor() {
    /** A new token, as Portal's answer has it in `clientSessionToken`. */
    public class Token
        @JvmOverloads
        constructor(
            internal val text: String,
            /** The `id` beside it in Portal's answer; null: not said. */
            public val clientId: String? = null,
            /** Since Portal issued it, by the backend's own clock; 0: just made. */
            public val ageMillis: Long = 0,
        ) : TokenAnswer() {
            override fun toString(): String = "Token(clientId=$clientId)"
        }

    /**
     * What the app's backend answered over HTTP. One rule, the same on every platform, decides what that means:
     *
     * | status | meaning |
     * |---|---|
     * | 2xx with [token] | the token |
     * | 2xx without | [ClientSessionException.BadToken] |
     * | 401 | the user must sign in: [ClientSessionException.SignInNeeded] |
     * | 408, 429, 5xx, 407 | a failure; the session may ask again by itself, after [retryAfter] |
     * | anything else | a failure |
     *
     * With OkHttp: `response.toTokenAnswer { body -> … }` makes it.
     */
    public class Http
        @JvmOverloads
        constructor(
            /** 100 to 599, as in the answer. */
            public val httpStatus: Int,
            /** Found in the body of a 2xx; null: there was none. */
            public val token: Token? = null,
            /** The `Retry-After` header as it came: seconds, or a date, which needs [date]; null: none. */
            public val retryAfter: String? = null,
            /** The answer's own `Date` header; null: none. */
            public val date: String? = null,
        ) : TokenAnswer() {
            init {
                requireAnswer(httpStatus > 0) { "httpStatus is $httpStatus. Pass the answer's status; throw if none came." }
            }

            override fun toString(): String = "Http(httpStatus=$httpStatus, token=$token)"
        }

    /** The user must sign in again. The provider is not asked again until a push, a renew or a new process. */
    public class Declined
        @JvmOverloads
        constructor(
            /** Your own number for it, shown in [ClientSession.explain]; 0: none. */
            public val hostCode: Int = 0,
        ) : TokenAnswer() {
            override fun toString(): String = "Declined(hostCode=$hostCode)"
        }

    /** No token this time; a back-off starts. For a failure that no HTTP status describes: see [Http]. */
    public class Failed
        @JvmOverloads
        constructor(
            /** Whether the session may ask again by itself. */
            public val isRetryable: Boolean = false,
            /** The provider is not asked again sooner than this, nor before the back-off ends. */
            public val retryAfterMillis: Long = 0,
            /** Your own number for it, shown in [ClientSession.explain] and as [ClientSessionException.osCode]; 0: none. */
            public val hostCode: Int = 0,
        ) : TokenAnswer() {
            init {
                requireAnswer(retryAfterMillis >= 0) { "retryAfterMillis is $retryAfterMillis. Pass 0 or more." }
            }

            override fun toString(): String = "Failed(isRetryable=$isRetryable)"
        }

    /** Takes the answer of a [CallbackTokenProvider]; only the first answer counts. */
    public fun interface Receiver {
        public fun answer(answer: TokenAnswer)
    }
}

/** A mistake in the provider's own code. The text holds no secret, so it may be logged. */
internal class InvalidAnswer(message: String) : IllegalArgumentException(message)

private inline fun requireAnswer(
    isTrue: Boolean,
    message: () -> String,
) {
    if (!isTrue) throw InvalidAnswer(message())
}

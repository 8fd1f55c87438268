// What answers of Portal and errors of its SDK mean for the token.
package io.portalsession

import io.portalsession.internal.NativeBridge

/** What an answer means for the token. */
public enum class Verdict {
    /** Says nothing about the token. */
    OTHER,

    /** 2xx: slides the idle deadline. */
    ACCEPTED,

    /** 401 and its other spellings: a new token is needed. */
    REJECTED,

    /** 403: wrong kind of credential or permission; never an expiry. */
    FORBIDDEN,

    /** 429. */
    THROTTLED,

    /** 5xx, or no answer at all. */
    UNAVAILABLE,
}

/** Reads the errors of Portal's own SDK, which name an expired token in several ways. */
public object PortalErrors {
    private const val DEEPEST = 8

    /** By the error's class, its super classes, its message and its causes: `PortalHttpUnauthorizedException` and so on. */
    @JvmStatic
    public fun verdict(error: Throwable): Verdict =
        generateSequence(error) { it.cause }
            .take(DEEPEST)
            .map(::verdictOfOne)
            .firstOrNull { it != Verdict.OTHER } ?: Verdict.OTHER

    /** By a code: `SESSION_EXPIRED`, `INVALID_API_KEY`, `AUTH_FAILED`. */
    @JvmStatic
    public fun verdict(code: String): Verdict = verdict(errorId = code)

    /** By the status of an HTTP answer. */
    @JvmStatic
    public fun verdict(httpStatus: Int): Verdict = verdict(httpStatus = httpStatus, errorId = null)

    private fun verdictOfOne(error: Throwable): Verdict {
        val byClass =
            generateSequence<Class<*>>(error.javaClass) { it.superclass }
                .map { verdict(exception = it.simpleName) }
                .firstOrNull { it != Verdict.OTHER }
        return byClass ?: error.message?.let { verdict(errorId = it) } ?: Verdict.OTHER
    }

    private fun verdict(
        httpStatus: Int = 0,
        errorId: String? = null,
        exception: String? = null,
    ): Verdict {
        val value = NativeBridge.verdict(httpStatus, errorId?.encodeToByteArray(), exception?.encodeToByteArray(), 0)
        return enumOf(value, Verdict.OTHER)
    }
}

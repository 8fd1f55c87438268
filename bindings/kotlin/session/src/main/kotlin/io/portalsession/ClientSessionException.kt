// Why a call failed: one type for each thing that an app can do about it, and the C API's code.
package io.portalsession

import java.io.IOException

/**
 * Why there is no token, or why a call could not be done. An [IOException], so that it passes through OkHttp.
 *
 * The type says what to do, [code] says what happened, and the message says both for a log. It never holds a secret.
 */
public sealed class ClientSessionException private constructor(details: Details) : IOException(details.message) {
    /** What happened. */
    public val code: SessionErrorCode = SessionErrorCode.of(details.code)

    /** The status that your backend or Portal answered; 0: none. */
    public val httpStatus: Int = details.httpStatus

    /** `errno`, or your own number; 0: none. */
    public val osCode: Int = details.osCode

    /** When the same call may succeed; 0: not known. */
    public val retryAfterMillis: Long = details.retryAfterMillis

    /** Whether the same call may succeed later. */
    public val isRetryable: Boolean = details.flags and FLAG_RETRYABLE != 0

    /** Whether the fault is in TLS: certificate, pin, protocol. */
    public val isTls: Boolean = details.flags and FLAG_TLS != 0

    /** Show the login: the user signed out, the backend declined, or only a push can bring a token. */
    public class SignInNeeded internal constructor(details: Details) : ClientSessionException(details)

    /** Try again after [retryAfterMillis]: the backend failed, or Portal rejects each new token. */
    public class ProviderFailed internal constructor(details: Details) : ClientSessionException(details)

    /** Mend the backend or the provider: it gave a token that cannot be used, or one of another client. */
    public class BadToken internal constructor(details: Details) : ClientSessionException(details)

    /** Try again, or wait longer: no token came in time. */
    public class TimedOut internal constructor(details: Details) : ClientSessionException(details)

    /** The store is locked now, or does not work. A locked store loses nothing. */
    public class StoreFailed internal constructor(details: Details) : ClientSessionException(details)

    /** Ignore it: the lease is older than a logout. */
    public class Stale internal constructor(details: Details) : ClientSessionException(details)

    /** Ignore it: the session was closed, or the wait was cancelled. */
    public class Closed internal constructor(details: Details) : ClientSessionException(details)

    /** Mend the calling code: a value that is out of its bounds, a host that may not get the token, a blocking call. */
    public class Misuse internal constructor(details: Details) : ClientSessionException(details)

    /** No memory, or a mistake in this library: please report it. */
    public class Internal internal constructor(details: Details) : ClientSessionException(details)

    internal class Details(
        val code: Int,
        val httpStatus: Int,
        val osCode: Int,
        val flags: Int,
        val retryAfterMillis: Long,
        val message: String,
    )

    internal companion object {
        private const val FLAG_RETRYABLE = 1
        private const val FLAG_TLS = 2

        fun of(details: Details): ClientSessionException =
            when (SessionErrorCode.of(details.code)) {
                SessionErrorCode.SIGN_IN_NEEDED, SessionErrorCode.CLEARED, SessionErrorCode.NO_PROVIDER -> SignInNeeded(details)
                SessionErrorCode.PROVIDER_FAILED, SessionErrorCode.REFUSED, SessionErrorCode.NETWORK -> ProviderFailed(details)
                SessionErrorCode.BAD_TOKEN, SessionErrorCode.CLIENT_MISMATCH, SessionErrorCode.TOKEN_TOO_OLD,
                SessionErrorCode.REPEATED_TOKEN,
                -> BadToken(details)
                SessionErrorCode.TIMEOUT, SessionErrorCode.NO_TOKEN -> TimedOut(details)
                SessionErrorCode.STORE_UNAVAILABLE, SessionErrorCode.STORE_FAILED -> StoreFailed(details)
                SessionErrorCode.STALE -> Stale(details)
                SessionErrorCode.CLOSED, SessionErrorCode.CANCELLED -> Closed(details)
                SessionErrorCode.INVALID_ARGUMENT, SessionErrorCode.POLICY, SessionErrorCode.HOST_NOT_ALLOWED,
                SessionErrorCode.UNSUPPORTED, SessionErrorCode.IN_CALLBACK, SessionErrorCode.BUFFER_TOO_SMALL,
                -> Misuse(details)
                SessionErrorCode.INTERNAL, SessionErrorCode.OUT_OF_MEMORY, SessionErrorCode.OTHER -> Internal(details)
            }

        fun closed(): ClientSessionException = of(SessionErrorCode.CLOSED, "The session was closed.")

        fun of(
            code: SessionErrorCode,
            message: String,
        ): ClientSessionException = of(Details(code.value, 0, 0, 0, 0, message))
    }
}

/** What happened, as the C API names it. A newer library may add values: keep an `else`. */
public enum class SessionErrorCode(
    /** The number of the C API, `PORTAL_ERR_…`. */
    public val value: Int,
) {
    /** A code of a newer library. */
    OTHER(0),

    /** A value that the session does not take: the message names it. */
    INVALID_ARGUMENT(-1),

    /** The session was closed. */
    CLOSED(-2),

    /** Users of this wrapper never see it. */
    BUFFER_TOO_SMALL(-3),

    /** This build of the library lacks the part. */
    UNSUPPORTED(-4),

    /** No memory, or no thread. */
    OUT_OF_MEMORY(-5),

    /** A mistake in this library. */
    INTERNAL(-6),

    /** A blocking call on a thread of the library. */
    IN_CALLBACK(-7),

    /** That lease or epoch is over. */
    STALE(-8),

    /** No token without waiting. */
    NO_TOKEN(-9),

    /** The deadline passed. */
    TIMEOUT(-10),

    /** The wait was cancelled. */
    CANCELLED(-11),

    /** Somebody signed out meanwhile, here or in another process. */
    CLEARED(-12),

    /** Signed out, or the backend declined. */
    SIGN_IN_NEEDED(-13),

    /** The provider failed, or is left alone after a failure. */
    PROVIDER_FAILED(-14),

    /** Only a push can bring a token. */
    NO_PROVIDER(-15),

    /** The token is empty, too long or not fit for a header. */
    BAD_TOKEN(-16),

    /** The token belongs to another client: use [ClientSession.switchUser]. */
    CLIENT_MISMATCH(-17),

    /** The store is locked now; nothing is lost. */
    STORE_UNAVAILABLE(-18),

    /** The store does not work. */
    STORE_FAILED(-19),

    /** The host is outside the allow-list, or the URL is not https. */
    HOST_NOT_ALLOWED(-20),

    /** No answer came. */
    NETWORK(-21),

    /** A policy value is out of its bounds. */
    POLICY(-22),

    /** Portal rejects each new token. */
    REFUSED(-23),

    /** The token's age leaves too little of its life. */
    TOKEN_TOO_OLD(-24),

    /** The provider gave the very token that is no longer good. */
    REPEATED_TOKEN(-25),
    ;

    internal companion object {
        private val byValue = values().associateBy { it.value }

        fun of(value: Int): SessionErrorCode = byValue[value] ?: OTHER
    }
}

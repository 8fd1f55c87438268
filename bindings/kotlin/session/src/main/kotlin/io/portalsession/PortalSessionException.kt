// Why a call failed: one case for each code of the C API.
package io.portalsession

import java.io.IOException

/**
 * Why there is no token, or why a call could not be done. An [IOException], so that it passes through OkHttp.
 *
 * The message says the cause and the next step, and never holds a secret.
 */
public sealed class PortalSessionException private constructor(details: Details) : IOException(details.message) {
    /** The number of the C API, `PORTAL_ERR_…`. */
    public val code: Int = details.code

    /** Of the app's backend or of Portal; 0: none. */
    public val httpStatus: Int = details.httpStatus

    /** `errno`, or the host's own number; 0: none. */
    public val osCode: Int = details.osCode

    /** When the same call may succeed; 0: not known. */
    public val retryAfterMillis: Long = details.retryAfterMillis

    /** Whether the same call may succeed later. */
    public val isRetryable: Boolean = details.flags and FLAG_RETRYABLE != 0

    /** Whether the fault is in TLS: certificate, pin, protocol. */
    public val isTls: Boolean = details.flags and FLAG_TLS != 0

    /** A mistake in the calling code. */
    public class InvalidArgument internal constructor(details: Details) : PortalSessionException(details)

    /** The session was closed. */
    public class Closed internal constructor(details: Details) : PortalSessionException(details)

    /** A buffer was too small: never seen by users of this wrapper. */
    public class BufferTooSmall internal constructor(details: Details) : PortalSessionException(details)

    /** This build of the library lacks the part. */
    public class Unsupported internal constructor(details: Details) : PortalSessionException(details)

    /** No memory. */
    public class OutOfMemory internal constructor(details: Details) : PortalSessionException(details)

    /** A mistake in this library: please report it. */
    public class Internal internal constructor(details: Details) : PortalSessionException(details)

    /** A blocking call inside a callback: never seen by users of this wrapper. */
    public class InCallback internal constructor(details: Details) : PortalSessionException(details)

    /** That lease or epoch is over; nothing happened, nothing is wrong. */
    public class Stale internal constructor(details: Details) : PortalSessionException(details)

    /** None to give without waiting. */
    public class NoToken internal constructor(details: Details) : PortalSessionException(details)

    /** The deadline passed. */
    public class Timeout internal constructor(details: Details) : PortalSessionException(details)

    /** The wait was cancelled. */
    public class Cancelled internal constructor(details: Details) : PortalSessionException(details)

    /** The session was cleared meanwhile, here or by another process. */
    public class Cleared internal constructor(details: Details) : PortalSessionException(details)

    /** Signed out, or the provider declined: until a push or a [PortalSession.renew]. */
    public class SignInNeeded internal constructor(details: Details) : PortalSessionException(details)

    /** The provider failed, or is left alone for [retryAfterMillis] after a failure. */
    public class ProviderFailed internal constructor(details: Details) : PortalSessionException(details)

    /** A token is needed and only a push can bring it. */
    public class NoProvider internal constructor(details: Details) : PortalSessionException(details)

    /** The token is empty, too long or not fit for a header. */
    public class BadToken internal constructor(details: Details) : PortalSessionException(details)

    /** The token belongs to another client: clear first, then push. */
    public class ClientMismatch internal constructor(details: Details) : PortalSessionException(details)

    /** The store is locked now; nothing is lost. */
    public class StoreUnavailable internal constructor(details: Details) : PortalSessionException(details)

    /** The store does not work. */
    public class StoreFailed internal constructor(details: Details) : PortalSessionException(details)

    /** The host is outside the allow-list, or the URL is not https. */
    public class HostNotAllowed internal constructor(details: Details) : PortalSessionException(details)

    /** No answer came. */
    public class Network internal constructor(details: Details) : PortalSessionException(details)

    /** A policy value of the builder is out of its bounds. */
    public class Policy internal constructor(details: Details) : PortalSessionException(details)

    /** Portal rejects each new token: wait for [retryAfterMillis]. */
    public class Refused internal constructor(details: Details) : PortalSessionException(details)

    /** The token's age leaves too little of its life. */
    public class TokenTooOld internal constructor(details: Details) : PortalSessionException(details)

    /** The provider gave the very token that is no longer good. */
    public class RepeatedToken internal constructor(details: Details) : PortalSessionException(details)

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
        private const val CODE_CLOSED = -2

        /** In the order of their codes: the first is -1. */
        private val cases: List<(Details) -> PortalSessionException> =
            listOf(
                ::InvalidArgument, ::Closed, ::BufferTooSmall, ::Unsupported, ::OutOfMemory, ::Internal, ::InCallback,
                ::Stale, ::NoToken, ::Timeout, ::Cancelled, ::Cleared, ::SignInNeeded, ::ProviderFailed, ::NoProvider,
                ::BadToken, ::ClientMismatch, ::StoreUnavailable, ::StoreFailed, ::HostNotAllowed, ::Network, ::Policy,
                ::Refused, ::TokenTooOld, ::RepeatedToken,
            )

        fun of(details: Details): PortalSessionException = cases.getOrElse(-details.code - 1) { ::Internal }(details)

        fun closed(): PortalSessionException = Closed(Details(CODE_CLOSED, 0, 0, 0, 0, "The session was closed."))
    }
}

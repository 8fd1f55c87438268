// What a session has and does.
package io.portalsession

import io.portalsession.internal.NativeBridge

/** What the session has. The order is that of the C API, here and below. */
public enum class SessionState {
    /** The store is not read yet, or unavailable now. */
    UNKNOWN,

    /** No token yet. */
    NONE,

    /** A good token. */
    FRESH,

    /** A good token near one of its deadlines. */
    EXPIRING,

    /** At its 7 days, or of unknown age: renewed first, used if that fails. */
    OVERDUE,

    /** 24 hours without a request. */
    EXPIRED,

    /** Portal answered 401. */
    REJECTED,

    /** Cleared. */
    SIGNED_OUT,
}

/** Why the state is what it is; in a [TokenRequest], why a token is needed. */
public enum class SessionReason {
    /** Nothing to tell. */
    NONE,

    /** The store has not answered yet. */
    LOADING,

    /** The store is locked now. */
    STORE_UNAVAILABLE,

    /** There was no token yet. */
    FIRST,

    /** Little is left of the idle window; the next request slides it. */
    NEAR_IDLE,

    /** 24 hours passed without a request. */
    IDLE,

    /** The absolute deadline is near: the session renews in the background. */
    NEAR_ABSOLUTE,

    /** The absolute deadline passed. */
    ABSOLUTE,

    /** Portal answered 401 to this token. */
    REJECTED,

    /** The user signed out. */
    CLEARED,

    /** The backend said that the user must sign in. */
    DECLINED,

    /** There was a record, but it cannot be read any more. */
    STORAGE_LOST,

    /** The date was moved across a reboot: the token's age is not known. */
    CLOCK_UNTRUSTED,

    /** The app asked for a new token. */
    FORCED,

    /** The store holds another client's record; it is left untouched. */
    OTHER_CLIENT,

    /** The stored record is for another Portal URL; it is left untouched. */
    OTHER_ORIGIN,

    /** The key does not open the stored record; it is left untouched. */
    WRONG_KEY,

    /** Another version of this library wrote the record; it is left untouched. */
    OTHER_VERSION,
}

/** What the session does about a new token. */
public enum class SessionRenewal {
    /** Nothing. */
    IDLE,

    /** It asks the provider. */
    ASKING,

    /** Another process asks; its token is adopted. */
    ELSEWHERE,

    /** It leaves the provider alone after a failure. */
    BACKING_OFF,

    /** The provider said that the user must sign in. */
    DECLINED,
}

/** How the token's age is known. */
public enum class SessionClockVerdict {
    /** By time since boot: right whatever the user did to the date. */
    SAME_BOOT,

    /** By the date, across a reboot. */
    WALL,

    /** Not known: the date contradicts itself. */
    UNTRUSTED,
}

/** Where the session is kept. */
public enum class SessionStoreVerdict {
    /** In the store. */
    PERSISTENT,

    /** In memory: there is no store, or it does not work. */
    MEMORY_ONLY,

    /** The store is unavailable now; the session tries again. */
    LOCKED,

    /** The record could not be read. */
    LOST,
}

/** What a session has and does, at one instant. */
public class SessionStatus internal constructor(
    private val values: LongArray,
    internal val version: Long,
) {
    public val state: SessionState get() = enumAt(0, SessionState.UNKNOWN)
    public val reason: SessionReason get() = enumAt(1, SessionReason.NONE)
    public val renewal: SessionRenewal get() = enumAt(2, SessionRenewal.IDLE)
    public val clock: SessionClockVerdict get() = enumAt(3, SessionClockVerdict.UNTRUSTED)
    public val store: SessionStoreVerdict get() = enumAt(4, SessionStoreVerdict.MEMORY_ONLY)

    /** Grows by one with each new token; 0: no token yet. */
    public val generation: Long get() = values[5]

    /** Grows by one with each clear. */
    public val epoch: Long get() = values[6]

    /** 24 hours after the last answer, for display; null: no token, or [areTimesKnown] is false. */
    public val idleDeadlineUnixMillis: Long? get() = timeAt(7, deadline = 7)

    /** 7 days after the token was issued, for display; null: no token, or [areTimesKnown] is false. */
    public val absoluteDeadlineUnixMillis: Long? get() = timeAt(8, deadline = 8)

    /** Until the idle deadline, negative past it; null: no token, or [areTimesKnown] is false. */
    public val idleLeftMillis: Long? get() = timeAt(9, deadline = 7)

    /** Until the absolute deadline, negative past it; null: no token, or [areTimesKnown] is false. */
    public val absoluteLeftMillis: Long? get() = timeAt(10, deadline = 8)

    /** False: the device's clock cannot be trusted, so deadlines and times left are not known. */
    public val areTimesKnown: Boolean get() = values[22] and NativeBridge.STATUS_TIMES_UNKNOWN == 0L

    /** False: the store's folder cannot be watched, so news of other processes may come late. */
    public val isStoreWatched: Boolean get() = values[22] and NativeBridge.STATUS_UNWATCHED == 0L

    /** Until the provider may be asked again; 0: it may be asked now. */
    public val retryAfterMillis: Long get() = values[11]

    /** New tokens since open, whatever the reason. */
    public val mints: Long get() = values[12] + values[13] + values[14] + values[15] + values[16]

    /** Tokens that came by push, since open. */
    public val pushes: Long get() = values[17]

    /** Generations that Portal rejected, since open. */
    public val rejections: Long get() = values[18]

    /** Leases that had to wait, since open. */
    public val waits: Long get() = values[19]

    /** Tokens handed out though the store did not take them, since open. */
    public val degradedSaves: Long get() = values[20]

    /** The longest wait for a lease, since open. */
    public val longestWaitMillis: Long get() = values[21]

    override fun equals(other: Any?): Boolean = other is SessionStatus && values.contentEquals(other.values)

    override fun hashCode(): Int = values.contentHashCode()

    override fun toString(): String =
        "SessionStatus(state=$state, reason=$reason, renewal=$renewal, store=$store, generation=$generation, epoch=$epoch)"

    private fun timeAt(
        index: Int,
        deadline: Int,
    ): Long? = if (areTimesKnown && values[deadline] != 0L) values[index] else null

    private inline fun <reified E : Enum<E>> enumAt(
        index: Int,
        unknown: E,
    ): E = enumOf(values[index].toInt(), unknown)
}

/** One change of a session. */
public class SessionEvent internal constructor(
    public val kind: Kind,
    public val state: SessionState,
    public val reason: SessionReason,
    /** Why, for the kinds that tell of a failure: a number of the C API, `PORTAL_ERR_…`; else 0. */
    public val code: Int,
    /** Grows by one each: a gap means that older ones were dropped. */
    public val sequence: Long,
    public val generation: Long,
    public val epoch: Long,
    /** 0: none. */
    public val retryAfterMillis: Long,
    /** When, for display. */
    public val atUnixMillis: Long,
) {
    public enum class Kind {
        /** Of a newer library. */
        OTHER,

        /** State or reason changed. */
        STATE,

        /** A new token holds. */
        NEW_TOKEN,

        /** Portal rejected the current generation. */
        REJECTED,

        /** The provider is asked. */
        RENEWAL_STARTED,

        /** No token this time: [code] says why. */
        RENEWAL_FAILED,

        /** The user must sign in. */
        SIGN_IN_NEEDED,

        /** Signed out, here or by another process. */
        CLEARED,

        /** The store verdict changed. */
        STORE,

        /** The clock verdict changed. */
        CLOCK,
    }

    override fun toString(): String =
        "SessionEvent(kind=$kind, state=$state, reason=$reason, code=$code, generation=$generation, epoch=$epoch)"
}

internal inline fun <reified E : Enum<E>> enumOf(
    value: Int,
    unknown: E,
): E = enumValues<E>().getOrElse(value) { unknown }

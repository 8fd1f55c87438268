// A clock for tests that travel in time.
package io.portalsession

import io.portalsession.internal.NativeBridge

/** For tests alone: an app in the hands of a user runs on the system's clock. */
@RequiresOptIn("For tests: an app in the hands of a user runs on the system's clock.", RequiresOptIn.Level.ERROR)
@Retention(AnnotationRetention.BINARY)
@Target(AnnotationTarget.CLASS, AnnotationTarget.FUNCTION)
public annotation class ClientSessionTestingApi

/**
 * The session's clock, read on any thread and inside calls: be quick, and lock nothing. After moving it, wait for
 * [ClientSession.awaitNotice] of [SessionNotice.CLOCK_CHANGED]; then all that was due is over.
 */
@ClientSessionTestingApi
public fun interface SessionClock {
    public fun read(): Reading

    /** One reading. */
    @ClientSessionTestingApi
    public class Reading(
        /** Since boot, sleep included. */
        public val bootMillis: Long,
        /** Wall time, as the user may have set it. */
        public val unixMillis: Long,
        /** This boot's identity; 0: not known. */
        public val bootTag: Long,
    )

    public companion object {
        /** The system's clocks. */
        @JvmStatic
        public fun system(): Reading {
            val values = LongArray(3)
            NativeBridge.readSystemClock(values)
            return Reading(values[0], values[1], values[2])
        }
    }
}

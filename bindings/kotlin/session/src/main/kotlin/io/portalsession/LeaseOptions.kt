// How to wait for a token.
package io.portalsession

import kotlin.time.Duration

/** How to wait for a token. In Java: `LeaseOptions.DEFAULT.timeoutMillis(5_000)`. */
public class LeaseOptions private constructor(
    private val timeout: Long?,
    private val failed: Lease?,
    private val isWithoutStore: Boolean,
) {
    /**
     * @param timeout when the wait fails; null: after 35 s. From 1 ms to 10 min; [ClientSession.tryLease] does not wait.
     * @param newerThan a lease whose token failed: only a newer token will do
     * @param withoutStore while the store is locked, ask the provider and go on in memory, instead of waiting for it
     */
    public constructor(timeout: Duration? = null, newerThan: Lease? = null, withoutStore: Boolean = false) :
        this(timeout?.let { positiveMillis("timeout", it) }, newerThan, withoutStore)

    /** When the wait fails: from 1 ms to 10 min. */
    public fun timeoutMillis(millis: Long): LeaseOptions =
        LeaseOptions(positiveMillis("timeout", millis), failed, isWithoutStore)

    /** Only a token newer than this lease's will do. */
    public fun newerThan(lease: Lease): LeaseOptions = LeaseOptions(timeout, lease, isWithoutStore)

    /** While the store is locked, ask the provider and go on in memory, instead of waiting for it. */
    public fun withoutStore(): LeaseOptions = LeaseOptions(timeout, failed, true)

    internal val isPlain: Boolean get() = failed == null
    internal val withoutStore: Boolean get() = isWithoutStore

    /** As the C API has them, where 0 is the default. */
    internal val nativeTimeoutMillis: Long get() = timeout ?: 0
    internal val nativeNewerThan: Long get() = failed?.generation ?: 0

    public companion object {
        /** Any valid token, within 35 s. */
        @JvmField public val DEFAULT: LeaseOptions = LeaseOptions(null as Long?, null, false)
    }
}

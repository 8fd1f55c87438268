// The numbers of Portal's rule, and how early the session acts on them.
package io.portalsession

import kotlin.time.Duration

/**
 * How long a token lives and how early the session acts. What is not set keeps its default; what may be absent has a
 * function of its own, `without…`. A value out of its bounds is refused when the session is opened.
 */
public class SessionPolicy private constructor(private val fields: LongArray) {
    public constructor() : this(LongArray(FIELDS))

    /** How long a token lives without a request: 24 h; from 5 min to 30 days. */
    @JvmSynthetic
    public fun idle(duration: Duration): SessionPolicy = with(IDLE, positiveMillis("idle", duration))

    /** The same, for Java. */
    public fun idleMillis(millis: Long): SessionPolicy = with(IDLE, positiveMillis("idle", millis))

    /** How long a token lives in all: 7 days; from the idle time to 90 days. */
    @JvmSynthetic
    public fun absolute(duration: Duration): SessionPolicy = with(ABSOLUTE, positiveMillis("absolute", duration))

    /** The same, for Java. */
    public fun absoluteMillis(millis: Long): SessionPolicy = with(ABSOLUTE, positiveMillis("absolute", millis))

    /** How much earlier than Portal the session treats a token as dead: 60 s; from 5 s to a tenth of the idle time. */
    @JvmSynthetic
    public fun margin(duration: Duration): SessionPolicy = with(MARGIN, positiveMillis("margin", duration))

    /** The same, for Java. */
    public fun marginMillis(millis: Long): SessionPolicy = with(MARGIN, positiveMillis("margin", millis))

    /** Treats a token as good until the very instant of its deadline. */
    public fun withoutMargin(): SessionPolicy = with(MARGIN, NONE)

    /** The last part of the idle time, in which the state is [SessionState.EXPIRING]: 10 min; at most half of it. */
    @JvmSynthetic
    public fun softWindow(duration: Duration): SessionPolicy = with(SOFT_WINDOW, positiveMillis("softWindow", duration))

    /** The same, for Java. */
    public fun softWindowMillis(millis: Long): SessionPolicy = with(SOFT_WINDOW, positiveMillis("softWindow", millis))

    /** No [SessionState.EXPIRING] before the idle deadline. */
    public fun withoutSoftWindow(): SessionPolicy = with(SOFT_WINDOW, NONE)

    /** How long before the absolute deadline a renewal starts in the background: 6 h; at most a quarter of it. */
    @JvmSynthetic
    public fun renewalLead(duration: Duration): SessionPolicy = with(RENEWAL_LEAD, positiveMillis("renewalLead", duration))

    /** The same, for Java. */
    public fun renewalLeadMillis(millis: Long): SessionPolicy = with(RENEWAL_LEAD, positiveMillis("renewalLead", millis))

    /** Renews only when a token is needed and the old one is dead. */
    public fun withoutRenewalLead(): SessionPolicy = with(RENEWAL_LEAD, NONE)

    /** How long the provider may take until the waiting callers give up: 30 s; from 1 s to 5 min. */
    @JvmSynthetic
    public fun requestTimeout(duration: Duration): SessionPolicy =
        with(REQUEST_TIMEOUT, positiveMillis("requestTimeout", duration))

    /** The same, for Java. */
    public fun requestTimeoutMillis(millis: Long): SessionPolicy =
        with(REQUEST_TIMEOUT, positiveMillis("requestTimeout", millis))

    private fun with(
        field: Int,
        value: Long,
    ) = SessionPolicy(fields.copyOf().also { it[field] = value })

    /** As the C API has them: 0 is the default. */
    internal fun values(): LongArray = fields.copyOf()

    internal companion object {
        val DEFAULT = SessionPolicy()
        private const val NONE = -1L
        private const val FIELDS = 6
        private const val IDLE = 0
        private const val ABSOLUTE = 1
        private const val MARGIN = 2
        private const val SOFT_WINDOW = 3
        private const val RENEWAL_LEAD = 4
        private const val REQUEST_TIMEOUT = 5
    }
}

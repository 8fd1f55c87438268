// The C API reads a duration of 0 as its default. Here a default is what was not said, and 0 is refused.
package io.portalsession

import kotlin.time.Duration

internal fun positiveMillis(
    what: String,
    duration: Duration,
): Long = positiveMillis(what, duration.inWholeMilliseconds)

internal fun positiveMillis(
    what: String,
    millis: Long,
): Long {
    require(millis > 0) { "$what is $millis ms. It must be at least 1 ms; leave it out for the default." }
    return millis
}

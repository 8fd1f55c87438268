// Where a session's log lines go.
package io.portalsession

/** Takes the session's log lines, which never hold a secret. */
public fun interface SessionLogger {
    public fun log(
        level: Level,
        line: String,
    )

    /** A level includes those before it. */
    public enum class Level {
        OFF,

        /** Faults of the app's parts or of this library. */
        ERROR,
        WARNING,
        INFO,
        DEBUG,
    }
}

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
        /** No line. */
        OFF,

        /** Faults of the app's parts or of this library. */
        ERROR,

        /** Changes that tell of a failure. */
        WARNING,

        /** All changes, and each ask of the provider. */
        INFO,

        /** Reserved: no line has it yet. */
        DEBUG,
    }
}

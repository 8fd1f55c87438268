// Where a session is kept across restarts. On Android: io.portalsession.android.KeystoreStore.
package io.portalsession

/**
 * The app's own store. Records are opaque, 8 KiB at most, and **in clear**: the store must protect them.
 *
 * Both run on one thread of the library's own, never on the main thread, and may block; after 10 s without an answer the
 * session goes on as if the store were unavailable. What they throw counts as failed: the session goes on in memory.
 */
public interface SessionStore {
    /** Reads the record of the session [name]. */
    public fun load(name: String): StoredRecord

    /**
     * Writes [record] with [revision], only if the stored revision is `revision - 1` (nothing stored counts as 0), else
     * answers [SaveOutcome.CONFLICT]. A logout is a save too, of a record that holds no token. [record] is wiped after it.
     */
    public fun save(
        name: String,
        revision: Long,
        record: ByteArray,
    ): SaveOutcome
}

/** How a load ended. */
public sealed class StoredRecord private constructor() {
    /** The record and the number that came with its save. The bytes are wiped once they are read. */
    public class Found(
        internal val revision: Long,
        internal val record: ByteArray,
    ) : StoredRecord() {
        override fun toString(): String = "Found(revision=$revision)"
    }

    /** There is a record that cannot be read any more: the session starts anew and takes its place. */
    public class Lost(
        internal val revision: Long,
    ) : StoredRecord() {
        override fun toString(): String = "Lost(revision=$revision)"
    }

    /** Surely nothing there. A store that is locked is [Unavailable], whatever it says. */
    public object Absent : StoredRecord()

    /** Cannot be told now: tried again, nothing is dropped. */
    public object Unavailable : StoredRecord()

    /** Does not work: the session goes on in memory. */
    public object Failed : StoredRecord()
}

/** How a save ended. */
public enum class SaveOutcome {
    /** The record is stored. */
    SAVED,

    /** The stored revision was another one; nothing was written. */
    CONFLICT,

    /** Cannot be written now: tried again. */
    UNAVAILABLE,

    /** The store does not work: the session goes on in memory. */
    FAILED,
}

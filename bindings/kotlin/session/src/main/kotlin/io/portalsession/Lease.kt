// A token to make requests with.
package io.portalsession

/**
 * A token, and which one it is. It serves any number of requests; report the status of each answer that came from Portal.
 *
 * [close] wipes the token and leaves the rest, so that a late answer can still be reported.
 */
public class Lease internal constructor(internal val bytes: ByteArray) : AutoCloseable {
    // `bytes` is the C API's portal_lease, and behind it the token.

    @Volatile private var wiped = false

    /** Grows by one with each new token. */
    public val generation: Long get() = longAt(OFFSET_GENERATION)

    /** Grows by one with each clear. */
    public val epoch: Long get() = longAt(OFFSET_EPOCH)

    /** To the nearer deadline, when it was handed out. */
    public val leftMillis: Long get() = longAt(OFFSET_LEFT)

    /** Past its 7 days or of unknown age, with no new token to be had: Portal may refuse it. */
    public val isOverdue: Boolean get() = bytes[OFFSET_FLAGS].toInt() and FLAG_OVERDUE != 0

    /** The token is in no store: it ends with this process. */
    public val isMemoryOnly: Boolean get() = bytes[OFFSET_FLAGS].toInt() and FLAG_MEMORY_ONLY != 0

    /** The token's text, a copy that cannot be wiped: for Portal's own SDK, which takes nothing else. */
    public fun token(): String {
        check(!wiped) { "The lease was closed: its token is wiped." }
        return String(bytes, HEADER, bytes.size - HEADER, Charsets.ISO_8859_1)
    }

    /** The value of the `Authorization` header; like [token]. */
    public fun authorization(): String = "Bearer " + token()

    /** Wipes the token. */
    override fun close() {
        wiped = true
        bytes.fill(0, HEADER)
    }

    /** Which token it is; never its text. */
    override fun toString(): String = "Lease(generation=$generation, epoch=$epoch)"

    /** Little endian, as every processor of Android and of the desktops is. */
    private fun longAt(offset: Int): Long {
        var value = 0L
        for (at in offset + Long.SIZE_BYTES - 1 downTo offset) {
            value = value shl Byte.SIZE_BITS or (bytes[at].toLong() and 0xff)
        }
        return value
    }

    private companion object {
        const val HEADER = 64
        const val OFFSET_FLAGS = 4
        const val OFFSET_GENERATION = 16
        const val OFFSET_EPOCH = 24
        const val OFFSET_LEFT = 56
        const val FLAG_OVERDUE = 1
        const val FLAG_MEMORY_ONLY = 2
    }
}

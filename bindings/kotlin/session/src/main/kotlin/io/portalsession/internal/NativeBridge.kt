// The native methods, each one call of the C API (bindings/kotlin/jni/bridge.cpp). Text is UTF-8, times are milliseconds.
package io.portalsession.internal

import io.portalsession.ClientSessionException

/** What native code calls in a session's own parts. Nothing may be thrown. */
internal interface NativeHost {
    fun ask(id: Long, reason: Int, attempt: Int, timeoutMillis: Long, generation: Long, clientId: ByteArray)

    fun withdrawn(id: Long)

    fun event(
        kind: Int,
        state: Int,
        reason: Int,
        code: Int,
        sequence: Long,
        generation: Long,
        epoch: Long,
        retryAfterMillis: Long,
        atUnixMillis: Long,
    )

    fun log(level: Int, line: ByteArray)

    fun load(id: Long, name: ByteArray)

    fun save(id: Long, name: ByteArray, revision: Long, record: ByteArray)

    /** Time since boot, wall time, the boot's tag. */
    fun readClock(): LongArray

    companion object {
        const val PROVIDER = 1
        const val STORE = 2
        const val CLOCK = 4
    }
}

/** Hears the end of an operation once: a lease's bytes, or null where there is none, and why there is none. */
internal fun interface NativeCompletion {
    fun complete(lease: ByteArray?, failure: ClientSessionException?)
}

@Suppress("LongParameterList", "TooManyFunctions")
internal object NativeBridge {
    /** PORTAL_ABI that this wrapper was written against. */
    private const val ABI = 2

    const val STATUS_FIELDS = 23
    const val ALLOW_LOOPBACK = 1
    const val ACQUIRE_FORCE = 1
    const val ACQUIRE_WITHOUT_STORE = 2
    const val FAILURE_RETRYABLE = 1
    const val ANSWER_PARSED = 2
    const val ANSWER_TLS = 4
    const val STATUS_TIMES_UNKNOWN = 1L
    const val STATUS_UNWATCHED = 2L
    const val OK = 0
    const val ERR_TIMEOUT = -10
    const val ERR_NETWORK = -21

    init {
        NativeLibrary.load()
        check(abi() >= ABI) { "libportal_session is older than its Kotlin wrapper: ABI ${abi()}, needed $ABI" }
    }

    // Each throws a ClientSessionException where the C API returns an error, unless it returns the code itself.

    @JvmStatic
    external fun open(
        host: NativeHost,
        parts: Int,
        logLevel: Int,
        flags: Int,
        name: ByteArray,
        clientId: ByteArray,
        portalUrl: ByteArray,
        role: ByteArray,
        allowedHosts: Array<ByteArray>?,
        policy: LongArray,
    ): Long

    @JvmStatic external fun close(session: Long, waitMillis: Long): Int

    @JvmStatic external fun release(session: Long)

    @JvmStatic external fun clear(session: Long, completion: NativeCompletion)

    @JvmStatic external fun notify(session: Long, notice: Int, completion: NativeCompletion)

    @JvmStatic external fun status(session: Long, out: LongArray)

    @JvmStatic external fun explain(session: Long): ByteArray

    @JvmStatic external fun allows(session: Long, scheme: ByteArray, host: ByteArray, port: Int): Boolean

    /** Null: none to give now. */
    @JvmStatic external fun tryLease(session: Long): ByteArray?

    @JvmStatic external fun acquire(
        session: Long,
        flags: Int,
        timeoutMillis: Long,
        newerThan: Long,
        completion: NativeCompletion,
    ): Long

    @JvmStatic external fun cancel(id: Long)

    @JvmStatic external fun stamp(session: Long, lease: ByteArray)

    @JvmStatic external fun report(session: Long, lease: ByteArray, httpStatus: Int)

    @JvmStatic external fun prepare(session: Long)

    @JvmStatic external fun push(
        session: Long,
        token: ByteArray,
        clientId: ByteArray?,
        ageMillis: Long,
        expectedEpoch: Long,
    )

    @JvmStatic external fun switchUser(
        session: Long,
        token: ByteArray,
        clientId: ByteArray?,
        ageMillis: Long,
        expectedEpoch: Long,
        completion: NativeCompletion,
    )

    @JvmStatic external fun answer(
        requestId: Long,
        flags: Int,
        httpStatus: Int,
        code: Int,
        hostCode: Int,
        retryAfter: ByteArray?,
        date: ByteArray?,
        token: ByteArray?,
        clientId: ByteArray?,
        ageMillis: Long,
    )

    @JvmStatic external fun decline(requestId: Long, hostCode: Int): Int

    @JvmStatic external fun fail(requestId: Long, flags: Int, retryAfterMillis: Long, hostCode: Int): Int

    @JvmStatic external fun storeLoaded(id: Long, found: Int, revision: Long, record: ByteArray?): Int

    @JvmStatic external fun storeSaved(id: Long, saved: Int): Int

    @JvmStatic external fun verdict(httpStatus: Int, errorId: ByteArray?, exception: ByteArray?, legacyCode: Int): Int

    /** Whether this thread is the library's own: a blocking wait on it would wait for itself. */
    @JvmStatic external fun isLibraryThread(): Boolean

    @JvmStatic external fun abi(): Int

    @JvmStatic external fun version(): ByteArray

    @JvmStatic external fun readSystemClock(out: LongArray)

    @JvmStatic external fun liveObjects(): Long

    /** Called by native code. */
    @JvmStatic
    fun failure(
        code: Int,
        httpStatus: Int,
        osCode: Int,
        flags: Int,
        retryAfterMillis: Long,
        message: ByteArray,
    ): ClientSessionException =
        ClientSessionException.of(
            ClientSessionException.Details(code, httpStatus, osCode, flags, retryAfterMillis, message.decodeToString()),
        )
}

// The wrapper's vocabulary is the C header's.
package io.portalsession

import io.portalsession.internal.NativeBridge
import java.io.File
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

class HeaderTest {
    private val header = File(System.getProperty("repository"), "capi/include/portal_session/portal_session.h").readText()

    /** The values of `prefix…`, by their names without it. */
    private fun values(
        prefix: String,
        body: String = header,
    ): Map<String, Int> {
        val lines = Regex("""\b${prefix}_([A-Z_]+)\s*=\s*(-?\d+)[,\s]""").findAll(body)
        return lines.associate { it.groupValues[1] to it.groupValues[2].toInt() }
    }

    /** The number of a `#define`. */
    private fun defined(name: String): Int =
        checkNotNull(Regex("""#define $name +(\d+)""").find(header)) { "no $name" }.groupValues[1].toInt()

    @Test
    fun `flags have the header's numbers, and the wrapper knows the whole ABI`() {
        assertEquals(defined("PORTAL_ABI"), NativeBridge.abi())
        assertEquals(defined("PORTAL_ANSWER_PARSED"), NativeBridge.ANSWER_PARSED)
        assertEquals(defined("PORTAL_ANSWER_TLS"), NativeBridge.ANSWER_TLS)
        assertEquals(defined("PORTAL_FAILURE_RETRYABLE"), NativeBridge.FAILURE_RETRYABLE)
        assertEquals(defined("PORTAL_ACQUIRE_FORCE"), NativeBridge.ACQUIRE_FORCE)
        assertEquals(defined("PORTAL_ACQUIRE_WITHOUT_STORE"), NativeBridge.ACQUIRE_WITHOUT_STORE)
        assertEquals(defined("PORTAL_STATUS_TIMES_UNKNOWN").toLong(), NativeBridge.STATUS_TIMES_UNKNOWN)
        assertEquals(defined("PORTAL_STATUS_UNWATCHED").toLong(), NativeBridge.STATUS_UNWATCHED)
        val codes = values("PORTAL_ERR")
        assertEquals(codes["TIMEOUT"], NativeBridge.ERR_TIMEOUT)
        assertEquals(codes["NETWORK"], NativeBridge.ERR_NETWORK)
    }

    private inline fun <reified E : Enum<E>> words(from: Int = 0) =
        enumValues<E>().drop(from).associate { it.name to it.ordinal }

    @Test
    fun `error codes have the header's names and numbers, and each has an exception that tells them`() {
        val codes = values("PORTAL_ERR")
        assertEquals(25, codes.size)
        assertEquals(codes, (SessionErrorCode.entries - SessionErrorCode.OTHER).associate { it.name to it.value })
        for ((name, code) in codes) {
            val made = ClientSessionException.of(ClientSessionException.Details(code, 503, 7, 1, 250, "why"))
            val read = made.run { listOf(this.code.name, httpStatus, osCode, isRetryable, isTls, retryAfterMillis, message) }
            assertEquals(listOf<Any?>(name, 503, 7, true, false, 250L, "why"), read)
            val isOurs = name in setOf("INTERNAL", "OUT_OF_MEMORY")
            assertEquals(isOurs, made is ClientSessionException.Internal, name)
        }
        val base = ClientSessionException::class.java
        assertEquals(9, base.declaredClasses.count { base.isAssignableFrom(it) })
    }

    @Test
    fun `states, reasons, renewals, verdicts and events have the header's names and numbers`() {
        assertEquals(values("PORTAL_STATE"), words<SessionState>())
        assertEquals(values("PORTAL_REASON"), words<SessionReason>())
        assertEquals(values("PORTAL_RENEWAL"), words<SessionRenewal>())
        assertEquals(values("PORTAL_CLOCK"), words<SessionClockVerdict>())
        assertEquals(values("PORTAL_VERDICT"), words<Verdict>())
        assertEquals(values("PORTAL_LEVEL"), words<SessionLogger.Level>())
        assertEquals(values("PORTAL_EVENT"), words<SessionEvent.Kind>(from = 1))
        assertEquals(values("PORTAL_NOTICE"), SessionNotice.entries.associate { it.name to it.value })
        val storeVerdicts = header.substringAfter("PORTAL_ENUM(portal_store_verdict)").substringBefore("};")
        assertEquals(values("PORTAL_STORE", storeVerdicts), words<SessionStoreVerdict>())
    }
}

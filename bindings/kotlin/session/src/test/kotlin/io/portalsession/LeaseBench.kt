// What a lease for a valid token costs, beside an empty native call in the same run. A program, since the JVM of the tests
// checks each native call, which costs more than the call.
package io.portalsession

import com.sun.management.ThreadMXBean
import io.portalsession.internal.NativeBridge
import java.lang.management.ManagementFactory
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

private const val ROUNDS = 200
private const val CALLS = 5_000
private const val LONGEST_TOKEN = 400

/** The median over the rounds, in nanoseconds a call. */
private inline fun medianNanos(call: () -> Unit): Double {
    val rounds =
        DoubleArray(ROUNDS) {
            val start = System.nanoTime()
            repeat(CALLS) { call() }
            (System.nanoTime() - start).toDouble() / CALLS
        }
    rounds.sort()
    return rounds[ROUNDS / 2]
}

fun main() {
    val session = ClientSession.open { provider { TokenAnswer.Token("t".repeat(LONGEST_TOKEN)) } }
    runBlocking { session.lease() }
    var sink = 0
    repeat(2) { // the first time warms up
        val empty = medianNanos { sink += NativeBridge.abi() }
        val lease = medianNanos { sink += checkNotNull(session.tryLease()).bytes.size }
        val suspending = runBlocking { medianNanos { sink += session.lease().bytes.size } }

        val memory = ManagementFactory.getThreadMXBean() as ThreadMXBean
        val thread = Thread.currentThread().id
        val before = memory.getThreadAllocatedBytes(thread)
        repeat(CALLS) { sink += checkNotNull(session.tryLease()).bytes.size }
        val allocated = (memory.getThreadAllocatedBytes(thread) - before) / CALLS
        println("empty_ns=%.1f lease_ns=%.1f suspending_ns=%.1f allocated=%d".format(empty, lease, suspending, allocated))
    }
    session.close()
    check(sink != 0)
}

class LeaseBenchTest {
    @Test
    fun `a lease takes no memory but its bytes and itself`() {
        val figures = OtherJvm.run("io.portalsession.LeaseBenchKt").lines().last { it.startsWith("empty_ns") }
        println(figures)
        val values = figures.split(' ').associate { it.substringBefore('=') to it.substringAfter('=').toDouble() }
        // The array has 64 bytes of ticket, the token and a head of 16; the lease itself takes 16 to 24.
        val array = 16 + 64 + LONGEST_TOKEN
        assertTrue(values.getValue("allocated").toInt() in array..array + 32, figures)
        // The times are for the reader: they depend on the processor.
        assertEquals(setOf("empty_ns", "lease_ns", "suspending_ns", "allocated"), values.keys)
    }
}

// A session's native handle, which is released once and never under a call that uses it.
package io.portalsession.internal

import io.portalsession.PortalSessionException
import java.util.concurrent.atomic.AtomicBoolean
import java.util.concurrent.atomic.AtomicLong

internal class NativeHandle(private val session: Long) {
    /** Calls that run, and [CLOSED] once no new one may begin. */
    private val calls = AtomicLong()
    private val released = AtomicBoolean()

    inline fun <Result> use(call: (session: Long) -> Result): Result {
        enter()
        try {
            return call(session)
        } finally {
            leave()
        }
    }

    /** Closes; the last call that still runs releases. Native calls answer CLOSED from now on. */
    fun close(waitMillis: Long) {
        if (!tryEnter()) return
        try {
            NativeBridge.close(session, waitMillis)
            refuseNewCalls()
        } finally {
            leave()
        }
    }

    fun enter() {
        if (!tryEnter()) throw PortalSessionException.closed()
    }

    fun leave() {
        if (calls.decrementAndGet() == CLOSED && released.compareAndSet(false, true)) NativeBridge.release(session)
    }

    private fun refuseNewCalls() {
        do { // AtomicLong's own update functions begin with API 24
            val now = calls.get()
        } while (now >= 0 && !calls.compareAndSet(now, now + CLOSED))
    }

    private fun tryEnter(): Boolean {
        if (calls.incrementAndGet() >= 0) return true
        leave()
        return false
    }

    private companion object {
        const val CLOSED = Long.MIN_VALUE
    }
}

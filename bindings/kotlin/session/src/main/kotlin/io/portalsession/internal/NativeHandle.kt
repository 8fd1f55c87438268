// One session of the C API, safe to close while other threads call it.
package io.portalsession.internal

import io.portalsession.ClientSessionException
import java.lang.ref.PhantomReference
import java.lang.ref.ReferenceQueue
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicBoolean
import java.util.concurrent.atomic.AtomicLong

/**
 * After a close the native session still answers which hosts are allowed, so it is released only when this object is
 * unreachable and no call runs. Releases happen when a later session is opened or closed: no thread waits for them.
 */
internal class NativeHandle(session: Long) {
    private val native = Native(session)

    init {
        releaseUnreachable()
        val reference = Unreachable(this, native)
        references[reference] = Unit
    }

    inline fun <Result> use(call: (session: Long) -> Result): Result {
        native.enter(evenClosed = false)
        try {
            return call(native.session)
        } finally {
            native.leave()
        }
    }

    /** For what the C API answers after a close too. */
    inline fun <Result> useEvenClosed(call: (session: Long) -> Result): Result {
        native.enter(evenClosed = true)
        try {
            return call(native.session)
        } finally {
            native.leave()
        }
    }

    /** Native calls answer CLOSED from now on. */
    fun close(waitMillis: Long) {
        try {
            use {
                NativeBridge.close(it, waitMillis)
                native.refuseNewCalls()
            }
        } catch (_: ClientSessionException.Closed) {
            // Closed before.
        }
        releaseUnreachable()
    }

    /** The session and who uses it: each running call, and the [NativeHandle] itself until it is unreachable. */
    class Native(val session: Long) {
        private val users = AtomicLong(1)
        private val released = AtomicBoolean()

        fun enter(evenClosed: Boolean) {
            val now = users.incrementAndGet()
            if (now >= 0 || evenClosed) return
            leave()
            throw ClientSessionException.closed()
        }

        fun leave() {
            if (users.decrementAndGet() == CLOSED && released.compareAndSet(false, true)) NativeBridge.release(session)
        }

        fun refuseNewCalls() {
            do { // AtomicLong's own update functions begin with API 24
                val now = users.get()
            } while (now >= 0 && !users.compareAndSet(now, now + CLOSED))
        }
    }

    private class Unreachable(
        handle: NativeHandle,
        val native: Native,
    ) : PhantomReference<NativeHandle>(handle, queue)

    companion object {
        private const val CLOSED = Long.MIN_VALUE
        private val queue = ReferenceQueue<NativeHandle>()
        private val references = ConcurrentHashMap<Unreachable, Unit>()

        /** Sessions that are open, or closed and still reachable. */
        val kept: Int get() = references.size

        fun releaseUnreachable() {
            while (true) {
                val reference = queue.poll() as Unreachable? ?: return
                if (references.remove(reference) != null) reference.native.leave()
            }
        }
    }
}

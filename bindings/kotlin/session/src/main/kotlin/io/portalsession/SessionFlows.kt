// A session's events and status, as flows and for observers.
package io.portalsession

import io.portalsession.internal.NativeBridge
import io.portalsession.internal.handingUncaught
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.Executor
import java.util.concurrent.atomic.AtomicLong
import kotlinx.coroutines.channels.BufferOverflow
import kotlinx.coroutines.flow.MutableSharedFlow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.update

/** What observers see. Apart from the session, since events may come before its constructor has run. */
internal class SessionFlows {
    private val reads = AtomicLong()
    private val observers = CopyOnWriteArrayList<(SessionEvent) -> Unit>()
    val events =
        MutableSharedFlow<SessionEvent>(extraBufferCapacity = EVENTS, onBufferOverflow = BufferOverflow.DROP_OLDEST)
    val status = MutableStateFlow(SessionStatus(LongArray(NativeBridge.STATUS_FIELDS), 0))

    fun read(session: Long): SessionStatus {
        val version = reads.incrementAndGet()
        val values = LongArray(NativeBridge.STATUS_FIELDS)
        NativeBridge.status(session, values)
        return SessionStatus(values, version)
    }

    /** Of two that read at once the later wins: it has seen what made the earlier one read. */
    fun publish(read: SessionStatus) = status.update { if (it.version > read.version) it else read }

    fun tell(event: SessionEvent) {
        events.tryEmit(event)
        for (observer in observers) handingUncaught { observer(event) }
    }

    fun observe(
        executor: Executor,
        observer: SessionObserver,
    ): AutoCloseable {
        val tell = { event: SessionEvent ->
            val now = status.value
            executor.execute { observer.onEvent(event, now) }
        }
        observers += tell
        return AutoCloseable { observers -= tell }
    }

    private companion object {
        const val EVENTS = 64
    }
}

// What Java callers pass and get where Kotlin suspends.
package io.portalsession

import io.portalsession.internal.NativeBridge
import io.portalsession.internal.NativeCompletion
import io.portalsession.internal.handingUncaught
import java.util.concurrent.Executor

/** What the app tells of the outside world. */
public enum class SessionNotice(
    internal val value: Int,
) {
    /** The app came to the front: look again at clock, store and timers. */
    FOREGROUND(1),

    /** The app goes: write what is unwritten. */
    BACKGROUND(2),

    /** Another process wrote, or the store became readable. */
    STORE_CHANGED(3),

    /** The clock of a test jumped. */
    CLOCK_CHANGED(4),
}

/** A wait that can be cancelled; the callback still runs once. */
public class PendingLease internal constructor(
    private val id: Long,
) {
    /** Ends this wait alone; harmless at any time. */
    public fun cancel(): Unit = NativeBridge.cancel(id)
}

/** For Java: how a wait ended. Exactly one of the two is called, once. */
public interface LeaseCallback {
    public fun onLease(lease: Lease)

    public fun onFailure(failure: ClientSessionException)
}

/** For Java: how an operation ended. */
public fun interface DoneCallback {
    /** [failure] is null if all is well. */
    public fun onDone(failure: ClientSessionException?)
}

/** For Java: hears of each change of a session. */
public fun interface SessionObserver {
    /** [status] is at least as new as [event]. */
    public fun onEvent(
        event: SessionEvent,
        status: SessionStatus,
    )
}

internal fun LeaseCallback.on(executor: Executor): (Lease?, ClientSessionException?) -> Unit =
    { lease, failure -> executor.execute { if (lease != null) onLease(lease) else onFailure(checkNotNull(failure)) } }

internal fun DoneCallback.on(executor: Executor) =
    NativeCompletion { _, failure -> handingUncaught { executor.execute { onDone(failure) } } }

/** What runs once at a close; what comes later runs at once. */
internal class CloseActions {
    private var waiting: MutableList<Runnable>? = mutableListOf()

    fun add(action: Runnable) {
        val isClosed = synchronized(this) { waiting?.add(action) == null }
        if (isClosed) action.run()
    }

    fun run() {
        val all = synchronized(this) { waiting.also { waiting = null } }
        all?.forEach(Runnable::run)
    }
}

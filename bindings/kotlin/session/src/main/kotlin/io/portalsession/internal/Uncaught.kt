// Where an exception of the app's own callback goes.
package io.portalsession.internal

/** As for any thread whose code throws: the thread's handler hears of it. Native code below could only drop it. */
internal inline fun handingUncaught(call: () -> Unit) {
    try {
        call()
    } catch (
        @Suppress("TooGenericExceptionCaught") thrown: Throwable,
    ) {
        val thread = Thread.currentThread()
        thread.uncaughtExceptionHandler.uncaughtException(thread, thrown)
    }
}

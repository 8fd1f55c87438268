// Whether the app is seen, from its activities.
package io.portalsession.android

import android.app.Activity
import android.app.Application
import android.os.Bundle
import io.portalsession.SessionNotice

/** All on the main thread, which it never holds up: a notice only posts. */
internal class ForegroundNotices(
    private val tell: (SessionNotice) -> Unit,
) : Application.ActivityLifecycleCallbacks {
    private var started = 0
    private var isTurning = false

    override fun onActivityStarted(activity: Activity) {
        if (started++ == 0 && !isTurning) tell(SessionNotice.FOREGROUND)
        isTurning = false
    }

    override fun onActivityStopped(activity: Activity) {
        isTurning = activity.isChangingConfigurations
        if (--started == 0 && !isTurning) tell(SessionNotice.BACKGROUND)
    }

    override fun onActivityCreated(
        activity: Activity,
        savedInstanceState: Bundle?,
    ): Unit = Unit

    override fun onActivityResumed(activity: Activity): Unit = Unit

    override fun onActivityPaused(activity: Activity): Unit = Unit

    override fun onActivitySaveInstanceState(
        activity: Activity,
        outState: Bundle,
    ): Unit = Unit

    override fun onActivityDestroyed(activity: Activity): Unit = Unit
}

// Whether the app is seen, from its activities.
package io.portalsession.android

import android.app.Activity
import android.app.Application
import android.os.Bundle
import io.portalsession.SessionNotice

/**
 * All on the main thread, which it never holds up: a notice only posts. Activities that were started before this began are
 * known only by their stop.
 */
internal class ForegroundNotices(
    private val tell: (SessionNotice) -> Unit,
) : Application.ActivityLifecycleCallbacks {
    private val started = HashSet<Activity>()
    private var isTurning = false

    override fun onActivityStarted(activity: Activity) {
        if (started.isEmpty() && !isTurning) tell(SessionNotice.FOREGROUND)
        started += activity
        isTurning = false
    }

    override fun onActivityStopped(activity: Activity) {
        isTurning = activity.isChangingConfigurations
        started -= activity
        if (started.isEmpty() && !isTurning) tell(SessionNotice.BACKGROUND)
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

// A small app: what it uses must still be there after a minifier went over it.
package io.portalsession

import io.portalhq.android.exceptions.PortalError
import io.portalhq.android.exceptions.PortalException
import io.portalsession.guard.GuardErrors
import kotlinx.coroutines.runBlocking

object MinifiedApp {
    private class ShortStore : SessionStore {
        private var revision = 0L

        override fun load(name: String): StoredRecord = StoredRecord.Absent

        override fun save(
            name: String,
            revision: Long,
            record: ByteArray,
        ): SaveOutcome = SaveOutcome.SAVED.also { this.revision = revision }
    }

    @JvmStatic
    fun main(arguments: Array<String>) {
        var asked = 0
        val session =
            ClientSession.open {
                provider { request -> TokenAnswer.Token("${request.reason}-${++asked}".lowercase()) }
                store(ShortStore())
                logger(SessionLogger.Level.DEBUG) { _, line -> check(line.isNotEmpty()) }
            }
        runBlocking {
            val lease = session.lease()
            session.report(lease, 401)
            println("leases ${lease.token()} ${session.lease().token()}")
            session.signOut()
            try {
                session.lease()
            } catch (failure: ClientSessionException.SignInNeeded) {
                println("code ${failure.code.value}")
            }
        }
        println("guard ${GuardErrors.verdict(PortalException.Mpc.MpcResultError(PortalError(320, null, null)))}")
        if ("killed" in arguments) Runtime.getRuntime().halt(0)
        if ("exit-without-close" !in arguments) session.close(60_000)
    }
}

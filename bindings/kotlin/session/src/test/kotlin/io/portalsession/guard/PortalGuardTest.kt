// An SDK that keeps its token, behind a guard.
package io.portalsession.guard

import io.portalhq.android.exceptions.PortalError
import io.portalhq.android.exceptions.PortalException
import io.portalsession.ClientSessionException
import io.portalsession.SessionNotice
import io.portalsession.SessionPolicy
import io.portalsession.SessionReason
import io.portalsession.SessionState
import io.portalsession.SessionTests
import io.portalsession.TokenAnswer
import io.portalsession.blocking
import io.portalsession.failsWith
import java.io.IOException
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.atomic.AtomicInteger
import kotlin.time.Duration
import kotlin.time.Duration.Companion.minutes
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class PortalGuardTest : SessionTests() {
    /** What an app has of Portal's SDK. */
    private class Portal(val token: String) : AutoCloseable {
        @Volatile var isClosed = false

        override fun close() {
            isClosed = true
        }
    }

    private val made = CopyOnWriteArrayList<Portal>()
    private val replaced = CopyOnWriteArrayList<Pair<String?, String>>()
    private val probes = AtomicInteger()
    private val signIns = AtomicInteger()
    private val rejections = AtomicInteger()
    private val reasons = CopyOnWriteArrayList<SessionReason>()

    @Volatile private var probeStatus = 200

    private val metrics =
        object : GuardMetrics {
            override fun newToken(reason: SessionReason) {
                reasons += reason
            }

            override fun waited(millis: Long) = Unit

            override fun rejected() {
                rejections.incrementAndGet()
            }
        }

    private val session by lazy { open { policy(SessionPolicy().withoutRenewalLead().withoutSoftWindow()) } }

    private val guard by lazy {
        PortalGuard(
            session,
            GuardOptions<Portal>(
                retries = 2,
                firstRetryAfter = Duration.ZERO,
                transport = { _, _ -> probeStatus.also { probes.incrementAndGet() } },
                metrics = metrics,
                onSignInNeeded = { signIns.incrementAndGet() },
                onReplaced = { old, new -> replaced += old?.token to new.token },
            ),
        ) { token -> Portal(token).also { made += it } }
    }

    private fun mpc(
        code: Int?,
        id: String?,
    ) = PortalException.Mpc.MpcResultError(PortalError(code, "failed", id))

    /** Fails for the given token alone, as a dead one does. */
    private fun Portal.orDead(error: () -> Exception): String = if (token == "token-1") throw error() else token

    @Test
    fun `a hundred calls build one client`() =
        blocking {
            val tokens = coroutineScope { List(100) { async(Dispatchers.Default) { guard.read { it.token } } }.awaitAll() }
            assertEquals(setOf("token-1"), tokens.toSet())
            assertEquals(1, made.size)
            assertEquals(listOf<Pair<String?, String>>(null to "token-1"), replaced)
        }

    @Test
    fun `a token that Portal's MPC rejects is renewed once for all, and the reads repeated`() =
        blocking {
            guard.read { it.token }
            val all =
                coroutineScope {
                    List(20) { async(Dispatchers.Default) { guard.read { it.orDead { mpc(320, null) } } } }.awaitAll()
                }
            session.awaitNotice(SessionNotice.FOREGROUND)
            assertEquals(setOf("token-2"), all.toSet())
            assertEquals(2, provider.count)
            assertEquals(2, made.size)
            assertEquals(0, probes.get())
            assertTrue(made[0].isClosed)
            assertFalse(made[1].isClosed)
            assertEquals("token-1" to "token-2", replaced.last())
            assertEquals(listOf(SessionReason.FIRST, SessionReason.REJECTED), reasons)
        }

    @Test
    fun `an old client is closed when its last call is over, not before`() =
        blocking {
            val entered = CompletableDeferred<Portal>()
            val gate = CompletableDeferred<Unit>()
            coroutineScope {
                val slow =
                    async(start = CoroutineStart.UNDISPATCHED) {
                        guard.read { portal ->
                            entered.complete(portal)
                            gate.await()
                        }
                    }
                val old = entered.await()
                assertEquals("token-2", guard.read { it.orDead { mpc(null, "INVALID_API_KEY") } })
                assertFalse(old.isClosed)
                gate.complete(Unit)
                slow.await()
                assertTrue(old.isClosed)
            }
        }

    @Test
    fun `a 401 that hides its origin is verified, and only Portal's own 401 costs the token`() =
        blocking {
            for (status in listOf(503, 403, 429, 0, 200, 401)) {
                probeStatus = status
                val error = PortalException.Api.HttpUnauthorized()
                val got = runCatching { guard.read<Unit> { throw error } }.exceptionOrNull()
                assertTrue(got === error, "$status: $got")
            }
            assertEquals(5, probes.get(), "a yes is trusted for a minute")
            assertEquals(SessionState.FRESH, session.readStatus().state)
            assertEquals(1, provider.count)
        }

    @Test
    fun `a suspected token that Portal rejects too is renewed`() =
        blocking {
            probeStatus = 401
            val wrapped = { RuntimeException("wrapped", PortalException.Api.HttpUnauthorized()) }
            assertEquals("token-2", guard.read { it.orDead(wrapped) })
            assertEquals(1, probes.get())
            assertEquals(1, rejections.get())
        }

    @Test
    fun `a write whose token is rejected after the broadcast is not sent twice`() =
        blocking {
            val broadcasts = AtomicInteger()
            failsWith<RetryWithNewTokenException> {
                guard.write { portal ->
                    broadcasts.incrementAndGet()
                    portal.orDead { mpc(320, null) }
                }
            }
            assertEquals(1, broadcasts.get())
            assertEquals("token-2", guard.write { it.token })
        }

    @Test
    fun `a write that may be repeated is, once`() =
        blocking {
            assertEquals("token-2", guard.write(isRepeatable = true) { it.orDead { mpc(320, null) } })
            val calls = AtomicInteger()
            failsWith<PortalException> {
                guard.write<Unit>(isRepeatable = true) {
                    calls.incrementAndGet()
                    throw mpc(320, null)
                }
            }
            assertEquals(2, calls.get())
        }

    @Test
    fun `a write renews ahead of a token that is about to die, a read does not`() =
        blocking {
            guard.read { it.token }
            clock.advance(session, (23 * 60 + 55).minutes)
            assertEquals("token-1", guard.read { it.token })
            clock.advance(session, (23 * 60 + 55).minutes)
            assertEquals("token-2", guard.write { it.token })
        }

    @Test
    fun `reads are repeated after failures that pass, within their budget, and writes are not`() =
        blocking {
            for (error in listOf(IOException("no network"), PortalException.Api.HttpRequestFailed("503 - unavailable"))) {
                val calls = AtomicInteger()
                assertEquals("token-1", guard.read { if (calls.incrementAndGet() < 3) throw error else it.token })
                calls.set(0)
                val got = runCatching { guard.read<Unit> { throw error.also { calls.incrementAndGet() } } }.exceptionOrNull()
                assertTrue(got === error, "$got")
                assertEquals(3, calls.get())
                calls.set(0)
                runCatching { guard.write<Unit> { throw error.also { calls.incrementAndGet() } } }
                assertEquals(1, calls.get())
            }
        }

    @Test
    fun `the app hears once that the user must sign in, and the old user's client is closed`() =
        blocking {
            guard.read { it.token }
            withTimeout(WAIT) { guard.state.first { it == GuardState.ACTIVE } }
            session.signOut()
            session.awaitNotice(SessionNotice.FOREGROUND)
            assertEquals(GuardState.SIGN_IN_NEEDED, guard.state.value)
            assertTrue(made.single().isClosed)
            session.push(TokenAnswer.Token("next-user"))
            assertEquals("next-user", guard.read { it.token })
            provider.script = { _, _ -> TokenAnswer.Declined() }
            val before = signIns.get()
            repeat(3) {
                failsWith<ClientSessionException.SignInNeeded> { guard.read<Unit> { throw mpc(320, null) } }
            }
            session.awaitNotice(SessionNotice.FOREGROUND)
            assertEquals(before + 1, signIns.get())
        }

    @Test
    fun `errors mean what Portal's SDKs say`() {
        val rows =
            listOf(
                PortalException.Api.HttpUnauthorized() to GuardVerdict.SUSPECTED,
                PortalException.Api.HttpRequestFailed("401 - Unauthorized") to GuardVerdict.SUSPECTED,
                PortalException.Api.HttpRequestFailed("404 - none") to GuardVerdict.OTHER,
                PortalException.Api.HttpRequestFailed("408 - slow") to GuardVerdict.TRANSIENT,
                PortalException.Api.HttpRequestFailed("unable to receive a valid HTTP response") to GuardVerdict.TRANSIENT,
                mpc(202, null) to GuardVerdict.REJECTED,
                mpc(null, "320") to GuardVerdict.REJECTED,
                mpc(null, "AUTH_FAILED") to GuardVerdict.REJECTED,
                mpc(7, "SIGN_FAILED") to GuardVerdict.OTHER,
                IllegalStateException("320") to GuardVerdict.OTHER,
                RuntimeException(IOException("no network")) to GuardVerdict.TRANSIENT,
            )
        for ((error, verdict) in rows) assertEquals(verdict, GuardErrors.verdict(error), "$error")
    }
}

// What an app sees of a session.
package io.portalsession

import io.portalsession.internal.NativeBridge
import io.portalsession.internal.NativeHandle
import io.portalsession.internal.SessionHost
import java.lang.ref.WeakReference
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlin.time.Duration
import kotlin.time.Duration.Companion.days
import kotlin.time.Duration.Companion.hours
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import kotlinx.coroutines.yield
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class SessionTest : SessionTests() {
    @Test
    fun `the first lease asks the provider, the next one does not`() =
        blocking {
            val session = open()
            assertNull(session.tryLease())
            assertEquals("token-1", session.lease().token())
            assertEquals("Bearer token-1", session.lease().authorization())
            assertEquals(SessionReason.FIRST, provider.requests.single().reason)
            assertEquals(1, provider.requests.single().attempt)
            assertEquals(30_000, provider.requests.single().timeoutMillis)
        }

    @Test
    fun `a thousand coroutines that need a token cause one ask and all get it`() =
        blocking {
            val session = open()
            val leases = coroutineScope { List(1000) { async(Dispatchers.Default) { session.lease() } }.awaitAll() }
            assertEquals(1, provider.count)
            assertEquals(setOf("token-1"), leases.mapTo(HashSet()) { it.token() })
        }

    @Test
    fun `cancelling a coroutine ends its wait and no other's`() =
        blocking {
            val gate = CompletableDeferred<Unit>()
            provider.script = { _, _ -> gate.await().let { TokenAnswer.Token("late") } }
            val session = open()
            coroutineScope {
                val other = async { session.lease() }
                val mine = launch(start = CoroutineStart.UNDISPATCHED) { session.lease() }
                mine.cancelAndJoin()
                gate.complete(Unit)
                assertEquals("late", other.await().token())
            }
            assertEquals(1, provider.count)
        }

    @Test
    fun `a cancelled wait leaves nothing behind in the library`() =
        blocking {
            val started = CompletableDeferred<Unit>()
            provider.script = { _, _ -> started.complete(Unit).let { CompletableDeferred<TokenAnswer>().await() } }
            val session = open()
            session.prepare()
            started.await()
            val before = NativeBridge.liveObjects()
            coroutineScope {
                repeat(100) { launch(start = CoroutineStart.UNDISPATCHED) { session.lease() }.cancelAndJoin() }
            }
            withTimeout(WAIT) { while (NativeBridge.liveObjects() > before) yield() }
        }

    @Test
    fun `the library's threads leave the JVM with the last session`() =
        blocking {
            val session = open { store(store) }
            session.lease()
            fun libraryThreads() = Thread.getAllStackTraces().keys.filter { it.name == "portal-session" }
            assertTrue(libraryThreads().let { threads -> threads.isNotEmpty() && threads.all { it.isDaemon } })
            session.close(WAIT.inWholeMilliseconds)
            withTimeout(WAIT) { while (libraryThreads().isNotEmpty()) yield() }
        }

    @Test
    fun `a closed session holds nothing of the app any more`() {
        val references =
            List(3) {
                val mine = ScriptedProvider()
                val session = open(mine) { store(MemoryStore()) }
                runBlocking { session.lease() }
                WeakReference(mine)
            }
        closeAll()
        val limit = System.nanoTime() + WAIT.inWholeNanoseconds
        while (references.any { it.get() != null } && System.nanoTime() < limit) System.gc()
        assertEquals(listOf(null, null, null), references.map { it.get() })
    }

    @Test
    @OptIn(ClientSessionTestingApi::class)
    fun `a clock that throws counts as none`() =
        blocking {
            val session = open { clock { error("no time") } }
            assertEquals("token-1", session.lease().token())
        }

    @Test
    fun `a report of 2xx moves the idle deadline, and a token in use lasts for a week`() =
        blocking {
            val session = open { policy(SessionPolicy().withoutRenewalLead()) }
            repeat(6) {
                val lease = session.lease()
                session.report(lease, 200)
                clock.advance(session, 23.hours)
            }
            session.report(session.lease(), 204)
            assertEquals(1, provider.count)
            clock.advance(session, 25.hours)
            assertEquals("token-2", session.lease().token())
            assertEquals(SessionReason.IDLE, provider.requests.last().reason)
        }

    @Test
    fun `a rejected token is given to nobody from the report's return on`() =
        blocking {
            val session = open()
            val lease = session.lease()
            session.report(lease, 401)
            assertNull(session.tryLease())
            assertEquals("token-2", session.lease(LeaseOptions(newerThan = lease)).token())
            assertEquals(SessionReason.REJECTED, provider.requests.last().reason)
        }

    @Test
    fun `renew gets a new token though the present one is good`() =
        blocking {
            val session = open()
            session.lease()
            assertEquals("token-2", session.renew().token())
            assertEquals(SessionReason.FORCED, provider.requests.last().reason)
            assertEquals("token-2", session.lease().token())
        }

    @Test
    fun `a pushed token signs in and is asked of nobody`() =
        blocking {
            val session = open(provider = null)
            failsWith<ClientSessionException.SignInNeeded> { session.lease() }
            session.push(TokenAnswer.Token("pushed", clientId = "client-7"))
            assertEquals("pushed", session.lease().token())
            failsWith<ClientSessionException.BadToken> { session.push(TokenAnswer.Token("other", "client-8")) }
            failsWith<ClientSessionException.BadToken> { session.push(TokenAnswer.Token("with space")) }
            val old = TokenAnswer.Token("old", ageMillis = 24.hours.inWholeMilliseconds)
            failsWith<ClientSessionException.BadToken> { session.push(old) }
        }

    @Test
    fun `after a logout nobody is asked until the app pushes a token`() =
        blocking {
            val session = open { store(store) }
            val lease = session.lease()
            session.signOut()
            assertNull(session.tryLease())
            failsWith<ClientSessionException.SignInNeeded> { session.lease() }
            failsWith<ClientSessionException.Stale> { session.report(lease, 200) }
            assertFalse("token-1" in store.text())
            session.push(TokenAnswer.Token("after-login"))
            assertEquals("after-login", session.lease().token())
            assertEquals(1, provider.count)
        }

    @Test
    fun `a switch of users takes one step, and no caller gets a sign-in error in between`() =
        blocking {
            val session = open(provider = null) { store(store) }
            session.push(TokenAnswer.Token("first", "client-1"))
            val lease = session.lease()
            failsWith<ClientSessionException.BadToken> { session.switchUser(TokenAnswer.Token("null", "client-2")) }
            assertEquals("first", session.lease().token())
            session.switchUser(TokenAnswer.Token("second", "client-2"), expectedEpoch = lease.epoch)
            assertEquals("second", session.lease().token())
            assertFalse("first" in store.text())
            failsWith<ClientSessionException.Stale> { session.report(lease, 401) }
            val late = TokenAnswer.Token("third", "client-3")
            failsWith<ClientSessionException.Stale> { session.switchUser(late, expectedEpoch = lease.epoch) }
            assertEquals("second", session.lease().token())
        }

    @Test
    fun `a token fetched before a logout cannot be pushed after it`() =
        blocking {
            val session = open()
            val epoch = session.lease().epoch
            session.signOut()
            val fromBefore = TokenAnswer.Token("from-before")
            failsWith<ClientSessionException.Stale> { session.push(fromBefore, expectedEpoch = epoch) }
        }

    @Test
    fun `status and events tell what happens, in order`() =
        blocking {
            val session = open()
            val seen = CopyOnWriteArrayList<SessionEvent>()
            coroutineScope {
                val collector = launch(Dispatchers.Unconfined) { session.events.collect { seen += it } }
                session.lease()
                withTimeout(WAIT) { session.status.first { it.state == SessionState.FRESH } }
                session.awaitNotice(SessionNotice.FOREGROUND)
                collector.cancelAndJoin()
            }
            val kinds = seen.map { it.kind }
            val asked = kinds.indexOf(SessionEvent.Kind.RENEWAL_STARTED)
            assertTrue(asked >= 0 && asked < kinds.indexOf(SessionEvent.Kind.NEW_TOKEN), "$kinds")
            assertEquals(seen.map { it.sequence }.sorted(), seen.map { it.sequence })
            val status = session.readStatus()
            assertEquals(SessionState.FRESH, status.state)
            assertEquals(1, status.generation)
            assertEquals(1, status.mints)
            assertEquals(24.hours.inWholeMilliseconds, status.idleLeftMillis)
            assertEquals(7.days.inWholeMilliseconds, status.absoluteLeftMillis)
            assertEquals(clock.unixMillis + 7.days.inWholeMilliseconds, status.absoluteDeadlineUnixMillis)
        }

    @Test
    fun `prepare fetches the token that the first screen will need`() =
        blocking {
            val session = open()
            session.lease()
            clock.advance(session, 30.hours)
            session.prepare()
            withTimeout(WAIT) { session.status.first { it.generation == 2L } }
            assertEquals("token-2", checkNotNull(session.tryLease()).token())
        }

    @Test
    fun `useToken wipes the token after its block`() =
        blocking {
            val session = open()
            var kept: Lease? = null
            val text = session.useToken { lease -> lease.token().also { kept = lease } }
            assertEquals("token-1", text)
            failsWith<IllegalStateException> { checkNotNull(kept).token() }
            assertTrue(checkNotNull(kept).bytes.drop(64).all { it == 0.toByte() })
            session.report(checkNotNull(kept), 200) // the ticket outlives its token
        }

    @Test
    fun `no text of a token is in what the library prints`() =
        blocking {
            provider.script = { _, number -> TokenAnswer.Token("SECRET-$number", clientId = "client") }
            val session = open { store(store) }
            val lease = session.lease()
            val printed = StringBuilder("$lease ${TokenAnswer.Token("SECRET-0")}")
            printed.append(session.status.value).append(provider.requests)
            session.report(lease, 401)
            session.lease()
            provider.script = { _, _ -> throw IllegalStateException("unexpected character at SECRET-3") }
            printed.append(failsWith<ClientSessionException.ProviderFailed> { session.renew() }.stackTraceToString())
            printed.append(session.explain()).append(log)
            assertFalse("SECRET" in printed, printed.toString())
            assertTrue("The token provider threw java.lang.IllegalStateException." in log, "$log")
        }

    @Test
    fun `what the app's callback throws reaches the thread's handler, and the session goes on`() =
        blocking {
            val thrown = LinkedBlockingQueue<Throwable>()
            val before = Thread.getDefaultUncaughtExceptionHandler()
            Thread.setDefaultUncaughtExceptionHandler { _, failure -> thrown += failure }
            try {
                val session = open()
                session.notify(SessionNotice.FOREGROUND, { throw IllegalStateException("executor is shut down") }, {})
                assertEquals("executor is shut down", thrown.poll(60, TimeUnit.SECONDS)?.message)
                session.observe({ it.run() }, { _, _ -> throw IllegalStateException("observer") })
                assertEquals("token-1", session.lease().token())
                assertEquals("observer", thrown.poll(60, TimeUnit.SECONDS)?.message)
            } finally {
                Thread.setDefaultUncaughtExceptionHandler(before)
            }
        }

    @Test
    fun `a closed session says so and answers those who wait`() =
        blocking {
            val started = CompletableDeferred<Unit>()
            provider.script = { _, _ -> started.complete(Unit).let { CompletableDeferred<TokenAnswer>().await() } }
            val session = open()
            coroutineScope {
                val waiting = async { runCatching { session.lease() }.exceptionOrNull() }
                started.await()
                session.close()
                assertTrue(waiting.await() is ClientSessionException.Closed)
            }
            session.close()
            failsWith<ClientSessionException.Closed> { session.lease() }
            failsWith<ClientSessionException.Closed> { session.explain() }
            failsWith<ClientSessionException.Closed> { session.signOut() }
        }

    @Test
    fun `closing under a thousand calls harms none of them`() =
        blocking {
            repeat(20) {
                val session = open()
                session.lease()
                coroutineScope {
                    repeat(50) {
                        launch(Dispatchers.Default) {
                            runCatching { repeat(20) { session.tryLease()?.let { lease -> session.report(lease, 200) } } }
                                .exceptionOrNull()?.let { assertTrue(it is ClientSessionException.Closed, "$it") }
                        }
                    }
                    session.close()
                }
            }
        }

    @Test
    @OptIn(ClientSessionTestingApi::class)
    fun `a handle is not released under a call that uses it`() {
        val host = SessionHost(null, null, null, null, Dispatchers.IO).apply { onEvent = {} }
        val empty = ByteArray(0)
        val (https, portal) = listOf("https", "portalhq.io").map { it.encodeToByteArray() }
        val handle = NativeHandle(NativeBridge.open(host, 0, 0, 0, empty, empty, empty, empty, null, LongArray(7)))
        handle.use {
            handle.close(WAIT.inWholeMilliseconds)
            assertEquals(NativeHandle.kept.toLong(), NativeBridge.liveObjects())
            assertTrue(handle.useEvenClosed { session -> NativeBridge.allows(session, https, portal, 443) })
        }
        failsWith<ClientSessionException.Closed> { handle.use { } }
    }

    @Test
    fun `what is out of bounds is refused at open with the reason`() {
        assertTrue("idle" in failsWith<ClientSessionException.Misuse> { open { policy(SessionPolicy().idle(1.milliseconds)) } }.message!!)
        failsWith<ClientSessionException.Misuse> { open { portalUrl("http://portal.example") } }
        failsWith<ClientSessionException.Misuse> { open { name("x".repeat(129)) } }
        val role = failsWith<ClientSessionException.Misuse> { open { role("x".repeat(17)) } }
        assertTrue("role" in role.message!!, role.message)
    }

    @Test
    fun `zero is refused where it would mean a default, and so are empty texts`() {
        val policy = SessionPolicy()
        val mistakes =
            listOf<() -> Any>(
                { LeaseOptions(timeout = Duration.ZERO) },
                { LeaseOptions.DEFAULT.timeoutMillis(-1) },
                { policy.idle(Duration.ZERO) },
                { policy.absoluteMillis(0) },
                { policy.marginMillis(-1) },
                { policy.softWindow(0.5.milliseconds) },
                { policy.renewalLeadMillis(0) },
                { policy.requestTimeout(Duration.ZERO) },
                { ClientSessionBuilder().name("") },
                { ClientSessionBuilder().clientId("") },
                { ClientSessionBuilder().portalUrl("") },
                { ClientSessionBuilder().role("") },
                { ClientSessionBuilder().allowedHosts() },
                { ClientSessionBuilder().bootTag(0) },
                { open().push(TokenAnswer.Token("good"), expectedEpoch = 0) },
            )
        mistakes.forEachIndexed { at, mistake ->
            val refused = runCatching(mistake).exceptionOrNull()
            assertTrue(refused is IllegalArgumentException, "$at: $refused")
        }
    }

    @Test
    fun `text of every alphabet crosses as it is`() =
        blocking {
            val session = open { name("Gerät 📱 \u0000").store(NameKeeper) }
            session.awaitNotice(SessionNotice.FOREGROUND)
            assertEquals("Gerät 📱 \u0000", NameKeeper.name)
        }

    @Test
    fun `hosts are allowed as the C API says`() {
        val session = open { allowedHosts("portalhq.io", "mpc.example:8443") }
        assertTrue(session.allows("https", "api.portalhq.io", 443))
        assertTrue(session.allows("https", "mpc.example", 8443))
        assertFalse(session.allows("https", "mpc.example", 443))
        assertFalse(session.allows("http", "api.portalhq.io", 80))
        assertFalse(session.allows("https", "evilportalhq.io", 443))
        assertTrue(session.allows("https", "api.portalhq.io"))
        for (port in listOf(65_536 + 443, -1, 0)) assertFalse(session.allows("https", "api.portalhq.io", port), "$port")
    }

    @Test
    fun `a closed session says which hosts are allowed until the app lets go of it`() {
        var session: ClientSession? = open(provider = null)
        closeAll()
        repeat(3) {
            assertTrue(checkNotNull(session).allows("https", "api.portalhq.io", 443))
            assertFalse(checkNotNull(session).allows("https", "backend.example", 443))
        }
        session = null
        val limit = System.nanoTime() + WAIT.inWholeNanoseconds
        while (NativeBridge.liveObjects() != 0L && System.nanoTime() < limit) {
            System.gc()
            NativeHandle.releaseUnreachable()
        }
        assertEquals(0, NativeBridge.liveObjects())
    }

    @Test
    fun `errors of Portal's SDK are read as what they mean`() =
        blocking {
            assertEquals(Verdict.REJECTED, PortalErrors.verdict(PortalHttpUnauthorizedException()))
            val wrapped = RuntimeException("wrapped", PortalHttpUnauthorizedException())
            assertEquals(Verdict.REJECTED, PortalErrors.verdict(wrapped))
            assertEquals(Verdict.REJECTED, PortalErrors.verdict(RuntimeException("AUTH_FAILED")))
            for (code in listOf("SESSION_EXPIRED", "INVALID_API_KEY", "AUTH_FAILED")) {
                assertEquals(Verdict.REJECTED, PortalErrors.verdict(code))
            }
            assertEquals(Verdict.OTHER, PortalErrors.verdict(IllegalStateException("INVALID_ADDRESS")))
            assertEquals(Verdict.FORBIDDEN, PortalErrors.verdict(403))
            val session = open()
            assertEquals(Verdict.OTHER, session.report(session.lease(), RuntimeException("no network")))
            assertSame(Verdict.REJECTED, session.report(session.lease(), PortalHttpUnauthorizedException()))
            assertNull(session.tryLease())
        }

    private class PortalHttpUnauthorizedException : RuntimeException("unauthorized request")

    private object NameKeeper : SessionStore {
        @Volatile var name: String? = null

        override fun load(name: String): StoredRecord = StoredRecord.Absent.also { this.name = name }

        override fun save(
            name: String,
            revision: Long,
            record: ByteArray,
        ) = SaveOutcome.SAVED
    }
}

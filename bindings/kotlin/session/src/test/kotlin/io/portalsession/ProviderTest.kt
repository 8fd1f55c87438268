// What the app's provider may do, and what comes of it.
package io.portalsession

import java.io.IOException
import java.net.ConnectException
import java.net.SocketTimeoutException
import java.net.UnknownHostException
import javax.net.ssl.SSLHandshakeException
import kotlin.time.Duration.Companion.hours
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineStart.UNDISPATCHED
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.cancel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class ProviderTest : SessionTests() {
    @Test
    fun `a provider that throws fails those who wait, and is asked again after the back-off`() =
        blocking {
            provider.script = { _, number -> if (number == 1) error("a mistake") else TokenAnswer.Token("good") }
            val session = open()
            val failure = failsWith<ClientSessionException.ProviderFailed> { session.lease() }
            clock.advance(session, 1.hours)
            assertEquals("good", session.lease().token())
            assertFalse(failure.isRetryable && failure.retryAfterMillis == 0L)
            assertEquals(2, provider.requests.last().attempt)
        }

    @Test
    fun `no network is retryable, and the session asks again by itself`() =
        blocking {
            val again = CompletableDeferred<Unit>()
            provider.script = { _, number ->
                if (number == 1) throw IOException("no network")
                again.complete(Unit)
                TokenAnswer.Token("good")
            }
            val session = open()
            val failure = failsWith<ClientSessionException.ProviderFailed> { session.lease() }
            assertTrue(failure.isRetryable)
            clock.advance(session, 1.hours)
            withTimeout(WAIT) { again.await() }
            assertEquals("good", session.lease().token())
        }

    @Test
    fun `nobody is asked before Retry-After has passed`() =
        blocking {
            provider.script = { _, _ -> TokenAnswer.Http(429, retryAfter = "120") }
            val session = open()
            val failure = failsWith<ClientSessionException.ProviderFailed> { session.lease() }
            assertEquals(429, failure.httpStatus)
            assertTrue(failure.retryAfterMillis >= 120_000, "${failure.retryAfterMillis}")
            clock.advance(session, 119.seconds)
            failsWith<ClientSessionException.ProviderFailed> { session.lease() }
            assertEquals(1, provider.count)
        }

    @Test
    fun `a Retry-After that is a date counts from the answer's own date`() =
        blocking {
            val date = "Tue, 14 Nov 2023 22:13:20 GMT"
            provider.script = { _, _ -> TokenAnswer.Http(503, retryAfter = "Tue, 14 Nov 2023 22:23:20 GMT", date = date) }
            val failure = failsWith<ClientSessionException.ProviderFailed> { open().lease() }
            assertTrue(failure.retryAfterMillis in 600_000..900_000, "${failure.retryAfterMillis}")
        }

    /** The rows of the table in portal_session.h, above portal_request_answer. */
    @Test
    fun `each status of the backend means what the C header says`() =
        blocking {
            suspend fun failure(status: Int): ClientSessionException {
                provider.script = { _, _ -> TokenAnswer.Http(status) }
                return failsWith<ClientSessionException> { open().lease() }.also { assertEquals(status, it.httpStatus) }
            }
            assertTrue(failure(401) is ClientSessionException.SignInNeeded)
            for (status in listOf(200, 204)) assertTrue(failure(status) is ClientSessionException.BadToken, "$status")
            for (status in listOf(407, 408, 429, 500, 503, 511)) {
                assertTrue(failure(status).let { it is ClientSessionException.ProviderFailed && it.isRetryable }, "$status")
            }
            for (status in listOf(100, 302, 400, 403, 404, 600)) {
                val permanent = failure(status).let { it is ClientSessionException.ProviderFailed && it.retryAfterMillis > 0 }
                assertTrue(permanent, "$status")
            }
            val session = open()
            provider.script = { _, _ -> TokenAnswer.Http(201, TokenAnswer.Token("good", "client-1")) }
            assertEquals("good", session.lease().token())
        }

    @Test
    fun `unreachable, too slow, unsafe and broken backends have texts of their own`() =
        blocking {
            suspend fun message(thrown: IOException): String {
                provider.script = { _, _ -> throw thrown }
                return checkNotNull(failsWith<ClientSessionException.ProviderFailed> { open().lease() }.message)
            }
            provider.script = { _, _ -> TokenAnswer.Http(503) }
            val broken = checkNotNull(failsWith<ClientSessionException.ProviderFailed> { open().lease() }.message)
            val unreachable = message(UnknownHostException("backend.example"))
            val tooSlow = message(SocketTimeoutException())
            val unsafe = message(IOException("wrapped", SSLHandshakeException("expired")))
            assertEquals(4, setOf(broken, unreachable, tooSlow, unsafe).size, "$broken\n$unreachable\n$tooSlow\n$unsafe")
            assertEquals(unreachable, message(ConnectException()))
            assertTrue("503" in broken, broken)
        }

    @Test
    fun `an answer with an impossible value fails at once and names the fault`() =
        blocking {
            for (answer in listOf(TokenAnswer.Token("good", "client 1"), TokenAnswer.Token("good", ageMillis = -1))) {
                provider.script = { _, _ -> answer }
                failsWith<ClientSessionException.BadToken> { open().lease() }
            }
            for (fault in listOf("client", "age_ms is negative")) {
                assertTrue(log.any { "answer was refused" in it && fault in it }, "$fault: $log")
            }
            provider.script = { _, _ -> TokenAnswer.Failed(isRetryable = true, retryAfterMillis = -5) }
            failsWith<ClientSessionException.ProviderFailed> { open().lease() }
            assertTrue(log.any { "retryAfterMillis is -5" in it }, "$log")
        }

    @Test
    fun `a word that stands for no token is refused and named`() =
        blocking {
            val session = open()
            for (word in listOf("null", "undefined", "None", "true", "401", "NaN", "[object Object]")) {
                val failure = failsWith<ClientSessionException.BadToken> { session.push(TokenAnswer.Token(word)) }
                assertFalse("space" in failure.message.orEmpty(), "$word: ${failure.message}")
            }
        }

    @Test
    fun `a declined user must sign in, and is asked for no more`() =
        blocking {
            provider.script = { _, _ -> TokenAnswer.Declined(hostCode = 42) }
            val session = open()
            assertEquals(42, failsWith<ClientSessionException.SignInNeeded> { session.lease() }.osCode)
            failsWith<ClientSessionException.SignInNeeded> { session.lease() }
            assertEquals(1, provider.count)
        }

    @Test
    fun `a logout cancels a running provider and answers those who wait`() =
        blocking {
            val started = CompletableDeferred<Unit>()
            val cancelled = CompletableDeferred<Unit>()
            provider.script = { _, _ ->
                started.complete(Unit)
                try {
                    awaitCancellation()
                } finally {
                    cancelled.complete(Unit)
                }
            }
            val session = open()
            coroutineScope {
                val waiting = async(start = UNDISPATCHED) { runCatching { session.lease() }.exceptionOrNull() }
                started.await()
                session.signOut()
                assertTrue(waiting.await() is ClientSessionException.SignInNeeded, "${waiting.await()}")
            }
            withTimeout(WAIT) { cancelled.await() }
        }

    @Test
    fun `a token that comes after the logout is not kept`() =
        blocking {
            val gate = CompletableDeferred<Unit>()
            val started = CompletableDeferred<Unit>()
            val handedOver = CompletableDeferred<Unit>()
            val stubborn =
                CallbackTokenProvider { _, answer ->
                    started.complete(Unit)
                    gate.invokeOnCompletion {
                        answer.answer(TokenAnswer.Token("late"))
                        handedOver.complete(Unit)
                    }
                }
            val session = open(provider = null) { callbackProvider(stubborn) }
            session.prepare()
            withTimeout(WAIT) { started.await() }
            session.signOut()
            gate.complete(Unit)
            handedOver.await()
            session.awaitNotice(SessionNotice.FOREGROUND)
            assertEquals(null, session.tryLease())
            assertEquals(SessionState.SIGNED_OUT, session.readStatus().state)
        }

    @Test
    fun `a provider's own time-out is a failure that passes, not a cancellation`() =
        blocking {
            provider.script = { _, _ -> withTimeout(1) { awaitCancellation() } }
            val session = open()
            assertTrue(failsWith<ClientSessionException.ProviderFailed> { session.lease() }.isRetryable)
        }

    @Test
    fun `a provider that cancels itself still answers those who wait`() =
        blocking {
            provider.script = { _, _ ->
                currentCoroutineContext().cancel(CancellationException("by its own hand"))
                awaitCancellation()
            }
            val session = open()
            assertTrue(failsWith<ClientSessionException.ProviderFailed> { session.lease() }.isRetryable)
        }

    @Test
    fun `a provider that never answers fails those who wait at its limit, and a late answer is welcome`() =
        blocking {
            val gate = CompletableDeferred<Unit>()
            val started = CompletableDeferred<Unit>()
            provider.script = { _, _ ->
                started.complete(Unit)
                gate.await()
                TokenAnswer.Token("late")
            }
            val session = open()
            coroutineScope {
                val waiting = async { runCatching { session.lease() }.exceptionOrNull() }
                started.await()
                // Two steps: a timer that is late by far means a frozen process, which gets some seconds more.
                clock.advance(session, 31.seconds)
                clock.advance(session, 31.seconds)
                assertTrue(waiting.await() is ClientSessionException, "${waiting.await()}")
            }
            gate.complete(Unit)
            withTimeout(WAIT) { while (session.tryLease() == null) kotlinx.coroutines.yield() }
            assertEquals("late", session.lease().token())
        }

    @Test
    fun `a token that cannot be used is told to those who wait`() =
        blocking {
            val texts = listOf("two words", "", "x".repeat(4097))
            provider.script = { _, number -> TokenAnswer.Token(texts[number - 1]) }
            val session = open()
            repeat(texts.size) {
                failsWith<ClientSessionException.BadToken> { session.lease() }
                clock.advance(session, 1.hours)
            }
        }

    @Test
    fun `the provider is told whose token is wanted and what there was`() =
        blocking {
            val session = open { clientId("client-1") }
            session.lease()
            session.renew()
            assertEquals(listOf("client-1", "client-1"), provider.requests.map { it.clientId })
            assertEquals(listOf(0L, 1L), provider.requests.map { it.generation })
        }
}

// What the tests put in the place of the outside world: clock, provider, store.
package io.portalsession

import io.portalsession.internal.NativeBridge
import io.portalsession.internal.NativeHandle
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.atomic.AtomicInteger
import kotlin.time.Duration
import kotlin.time.Duration.Companion.days
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals

/** Time stands still until it is moved. */
@OptIn(ClientSessionTestingApi::class)
class ManualClock(
    @Volatile var unixMillis: Long = 1_700_000_000_000,
) : SessionClock {
    @Volatile var bootMillis = 60_000L

    @Volatile var bootTag = 1L

    override fun read() = SessionClock.Reading(bootMillis, unixMillis, bootTag)

    fun move(by: Duration) {
        bootMillis += by.inWholeMilliseconds
        unixMillis += by.inWholeMilliseconds
    }

    suspend fun advance(
        session: ClientSession,
        by: Duration,
    ) {
        session.awaitNotice(SessionNotice.BACKGROUND) // a save under way must not seem to take as long as the jump
        move(by)
        session.awaitNotice(SessionNotice.CLOCK_CHANGED)
    }

    fun reboot() {
        bootMillis = 1.minutes.inWholeMilliseconds
        unixMillis += 1.minutes.inWholeMilliseconds
        bootTag++
    }
}

/** Makes token-1, token-2, … unless a test says otherwise. */
class ScriptedProvider(
    private val clientId: String? = null,
    var script: suspend (TokenRequest, Int) -> TokenAnswer = { _, number -> TokenAnswer.Token("token-$number", clientId) },
) : TokenProvider {
    private val number = AtomicInteger()
    val requests = CopyOnWriteArrayList<TokenRequest>()
    val count: Int get() = requests.size

    override suspend fun fetch(request: TokenRequest): TokenAnswer {
        requests += request
        return script(request, number.incrementAndGet())
    }
}

/** A device's disk; `locked` and `broken` are its faults. */
class MemoryStore : SessionStore {
    @Volatile var locked = false

    @Volatile var broken = false

    @Volatile var lost = false
    private var revision = 0L
    private var record: ByteArray? = null
    val threads = CopyOnWriteArrayList<Thread>()

    @Synchronized
    override fun load(name: String): StoredRecord {
        threads += Thread.currentThread()
        if (broken) error("the store's own fault")
        if (locked) return StoredRecord.Unavailable
        if (lost) return StoredRecord.Lost(revision)
        return record?.let { StoredRecord.Found(revision, it.copyOf()) } ?: StoredRecord.Absent
    }

    @Synchronized
    override fun save(
        name: String,
        revision: Long,
        record: ByteArray,
    ): SaveOutcome {
        threads += Thread.currentThread()
        if (broken) error("the store's own fault")
        if (locked) return SaveOutcome.UNAVAILABLE
        if (revision != this.revision + 1) return SaveOutcome.CONFLICT
        this.revision = revision
        this.record = record.copyOf()
        lost = false
        return SaveOutcome.SAVED
    }

    @Synchronized
    fun text(): String = record?.let { String(it, Charsets.ISO_8859_1) }.orEmpty()
}

/** A test class of sessions: each is closed at its end, and then nothing native is left. */
abstract class SessionTests {
    private val opened = mutableListOf<ClientSession>()
    val clock = ManualClock()
    val provider = ScriptedProvider()
    val store = MemoryStore()
    val log = CopyOnWriteArrayList<String>()

    @OptIn(ClientSessionTestingApi::class)
    fun open(
        provider: TokenProvider? = this.provider,
        configure: ClientSessionBuilder.() -> Unit = {},
    ): ClientSession {
        val builder = ClientSessionBuilder().clock(clock).logger(SessionLogger.Level.DEBUG) { _, line -> log += line }
        if (provider != null) builder.provider(provider)
        return builder.apply(configure).open().also { opened += it }
    }

    fun closeAll() {
        opened.forEach { it.close(WAIT.inWholeMilliseconds) }
        opened.clear()
    }

    @AfterEach
    fun `nothing native is left`() {
        closeAll()
        val limit = System.nanoTime() + WAIT.inWholeNanoseconds // a close without a wait still ends behind it
        while (beyondHandles() != 0L && System.nanoTime() < limit) Thread.yield()
        assertEquals(0, beyondHandles(), "live native objects")
    }

    /** A closed session keeps its handle, and nothing else, as long as the app can reach it. */
    private fun beyondHandles() = NativeBridge.liveObjects() - NativeHandle.kept

    companion object {
        val WAIT = 60.seconds
        val WEEK = 7.days
    }
}

/** As runTest, with real threads: the library's are. */
fun blocking(test: suspend () -> Unit) = runBlocking { test() }

inline fun <reified E : Throwable> failsWith(call: () -> Unit): E {
    try {
        call()
    } catch (thrown: Throwable) {
        if (thrown is E) return thrown
        throw thrown
    }
    throw AssertionError("expected ${E::class.simpleName}, and nothing was thrown")
}

// Restarts, and stores that are locked, broken or lost.
package io.portalsession

import kotlin.time.Duration.Companion.days
import kotlin.time.Duration.Companion.hours
import kotlin.time.Duration.Companion.minutes
import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class StoreTest : SessionTests() {
    @Test
    fun `a token outlives the process, and a late answer of its last life still counts`() =
        blocking {
            open { store(store) }.lease()
            closeAll()
            clock.move(2.hours)
            val next = open { store(store) }
            val lease = next.lease()
            assertEquals("token-1", lease.token())
            assertEquals(1, lease.generation)
            assertEquals(1, provider.count)
            assertEquals(SessionStoreVerdict.PERSISTENT, next.readStatus().store)
        }

    @Test
    fun `after a reboot the token is judged by the date`() =
        blocking {
            open { store(store) }.lease()
            closeAll()
            clock.reboot()
            val next = open { store(store) }
            assertEquals("token-1", next.lease().token())
            val wall = WEEK.inWholeMilliseconds - 1.minutes.inWholeMilliseconds
            assertEquals(wall, next.readStatus().absoluteLeftMillis)
        }

    @Test
    fun `with a clock that cannot be trusted the status tells no time left`() =
        blocking {
            open { store(store) }.lease()
            closeAll()
            clock.reboot()
            clock.unixMillis -= 30.days.inWholeMilliseconds
            provider.script = { _, _ -> TokenAnswer.Failed() }
            val session = open { store(store) }
            session.awaitNotice(SessionNotice.FOREGROUND)
            val status = session.readStatus()
            assertEquals(SessionClockVerdict.UNTRUSTED, status.clock)
            assertFalse(status.areTimesKnown)
            assertNull(status.idleLeftMillis)
            assertNull(status.absoluteDeadlineUnixMillis)
        }

    @Test
    fun `a locked store is waited for, and nobody is signed out`() =
        blocking {
            open { store(store) }.lease()
            closeAll()
            store.locked = true
            val session = open { store(store) }
            failsWith<ClientSessionException.StoreFailed> { session.awaitNotice(SessionNotice.FOREGROUND) }
            assertNull(session.tryLease())
            assertEquals(SessionReason.STORE_UNAVAILABLE, session.readStatus().reason)
            coroutineScope {
                val waiting = async { session.lease() }
                store.locked = false
                session.awaitNotice(SessionNotice.STORE_CHANGED)
                assertEquals("token-1", waiting.await().token())
            }
            assertEquals(1, provider.count)
        }

    @Test
    fun `with a locked store an app may go on in memory`() =
        blocking {
            store.locked = true
            val session = open { store(store) }
            val lease = session.lease(LeaseOptions(withoutStore = true))
            assertTrue(lease.isMemoryOnly)
            assertEquals("token-1", lease.token())
        }

    @Test
    fun `a store that throws degrades to memory and says so`() =
        blocking {
            store.broken = true
            val session = open { store(store) }
            val lease = session.lease()
            assertTrue(lease.isMemoryOnly)
            assertEquals(SessionStoreVerdict.MEMORY_ONLY, session.readStatus().store)
            assertTrue("The store threw java.lang.IllegalStateException." in log, "$log")
        }

    @Test
    fun `a lost record is told as such and replaced`() =
        blocking {
            open { store(store) }.lease()
            closeAll()
            store.lost = true
            val session = open { store(store) }
            assertEquals("token-2", session.lease().token())
            assertEquals(SessionReason.STORAGE_LOST, provider.requests.last().reason)
            closeAll()
            assertEquals("token-2", open { store(store) }.lease().token())
        }

    @Test
    fun `a logout leaves no token in the store, also when it was locked meanwhile`() =
        blocking {
            val session = open { store(store) }
            session.lease()
            assertTrue("token-1" in store.text())
            store.locked = true
            failsWith<ClientSessionException.StoreFailed> { session.signOut() }
            store.locked = false
            session.awaitNotice(SessionNotice.FOREGROUND)
            assertFalse("token-1" in store.text())
        }

    @Test
    fun `the store is called on a thread of the library's own`() =
        blocking {
            open { store(store) }.lease()
            assertTrue(store.threads.isNotEmpty())
            assertTrue(store.threads.all { it.isDaemon && it !== Thread.currentThread() })
        }
}

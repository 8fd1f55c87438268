// The store on a device, with the device's faults.
package io.portalsession.android

import android.app.Application
import android.os.UserManager
import io.portalsession.SaveOutcome
import io.portalsession.StoredRecord
import java.io.File
import java.io.RandomAccessFile
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf

@RunWith(RobolectricTestRunner::class)
class KeystoreStoreTest {
    private val application = RuntimeEnvironment.getApplication()
    private val store = KeystoreStore(application)
    private val folder = File(application.noBackupFilesDir, "portal-session")
    private val secret = "a record with SECRET in it".encodeToByteArray()

    @Before
    fun install() {
        FakeKeystore.install()
        folder.deleteRecursively()
    }

    private fun save(
        revision: Long,
        record: ByteArray = secret,
    ) = store.save("default", revision, record.copyOf())

    private fun load() = store.load("default")

    private fun recordFile() = folder.listFiles()!!.single { it.extension.isEmpty() }

    @Test
    fun `what is saved is loaded, by another instance too`() {
        assertEquals(StoredRecord.Absent, load())
        assertEquals(SaveOutcome.SAVED, save(1))
        assertEquals(SaveOutcome.SAVED, save(2, "newer".encodeToByteArray()))
        val found = KeystoreStore(application).load("default")
        assertEquals("Found(revision=2)", found.toString())
        assertArrayEquals("newer".encodeToByteArray(), bytesOf(found))
    }

    @Test
    fun `a save with another revision than the next one is a conflict and writes nothing`() {
        save(1)
        for (revision in listOf(1L, 3L)) assertEquals(SaveOutcome.CONFLICT, save(revision, "other".encodeToByteArray()))
        assertArrayEquals(secret, bytesOf(load()))
    }

    @Test
    fun `the file is no part of a backup and shows nothing`() {
        save(1)
        val text = String(recordFile().readBytes(), Charsets.ISO_8859_1)
        assertTrue(recordFile().path.startsWith(application.noBackupFilesDir.path))
        assertFalse("SECRET" in text)
        assertFalse("default" in recordFile().name)
        assertEquals(1, FakeKeystore.held.size)
    }

    @Test
    fun `a lost key loses the record, and the next save begins anew`() {
        save(1)
        FakeKeystore.held.clear()
        assertEquals("Lost(revision=0)", load().toString())
        assertEquals(StoredRecord.Absent, load())
        assertEquals(SaveOutcome.SAVED, save(1, "anew".encodeToByteArray()))
        assertArrayEquals("anew".encodeToByteArray(), bytesOf(load()))
        assertEquals(emptyList<File>(), folder.listFiles()!!.filter { it.extension == "lost" })
    }

    @Test
    fun `a record under another device's key is lost, not fatal`() {
        save(1)
        for (alias in FakeKeystore.held.keys) FakeKeystore.held[alias] = FakeKeystore.plainAes(256)
        assertEquals("Lost(revision=0)", load().toString())
    }

    @Test
    fun `a record that was cut or changed in any byte is lost, never trusted`() {
        save(1)
        val whole = recordFile().readBytes()
        val path = recordFile()
        for (at in whole.indices) {
            path.writeBytes(whole.copyOf().also { it[at] = (it[at] + 1).toByte() })
            assertEquals("byte $at", "Lost(revision=0)", load().toString())
        }
        for (size in listOf(0, 1, 11, 12, 40, whole.size - 1)) {
            path.writeBytes(whole.copyOf(size))
            assertEquals("size $size", "Lost(revision=0)", load().toString())
        }
    }

    @Test
    fun `one session's file is not another's`() {
        save(1)
        val mine = recordFile()
        val bytes = mine.readBytes()
        mine.delete()
        store.save("other", 1, "x".encodeToByteArray())
        recordFile().writeBytes(bytes)
        assertEquals("Lost(revision=0)", store.load("other").toString())
    }

    @Test
    fun `before the first unlock the store is unavailable, not empty`() {
        save(1)
        shadowOf(application.getSystemService(UserManager::class.java)).setUserUnlocked(false)
        assertEquals(StoredRecord.Unavailable, load())
        assertEquals(SaveOutcome.UNAVAILABLE, save(2))
        shadowOf(application.getSystemService(UserManager::class.java)).setUserUnlocked(true)
        assertArrayEquals(secret, bytesOf(load()))
    }

    @Test
    fun `a keystore that is busy is tried again, and nothing is lost`() {
        save(1)
        FakeKeystore.busy = true
        assertEquals(StoredRecord.Unavailable, load())
        assertEquals(SaveOutcome.UNAVAILABLE, save(2))
        FakeKeystore.busy = false
        assertArrayEquals(secret, bytesOf(load()))
    }

    @Test
    fun `a save that was cut off leaves the old record`() {
        save(1)
        File(recordFile().path + ".new").writeBytes(ByteArray(5))
        assertArrayEquals(secret, bytesOf(load()))
        assertEquals(SaveOutcome.SAVED, save(2))
    }

    @Test
    fun `a lock that another process holds for ever makes the store unavailable, not stuck`() {
        save(1)
        RandomAccessFile(recordFile().path + ".lock", "rw").use { file ->
            file.channel.lock().use { assertEquals(SaveOutcome.UNAVAILABLE, save(2)) }
        }
        assertEquals(SaveOutcome.SAVED, save(2))
    }

    @Test
    fun `of many saves of one revision exactly one wins`() {
        val pool = Executors.newFixedThreadPool(8)
        val saves = List(32) { pool.submit<SaveOutcome> { KeystoreStore(application).save("default", 1, secret.copyOf()) } }
        val outcomes = saves.map { it.get(60, TimeUnit.SECONDS) }
        pool.shutdown()
        assertEquals(1, outcomes.count { it == SaveOutcome.SAVED })
        assertEquals(31, outcomes.count { it == SaveOutcome.CONFLICT })
    }

    /** What only the library reads. */
    private fun bytesOf(stored: StoredRecord): ByteArray {
        val found = stored as StoredRecord.Found
        val field = StoredRecord.Found::class.java.declaredFields.first { it.type == ByteArray::class.java }
        return field.apply { isAccessible = true }.get(found) as ByteArray
    }
}

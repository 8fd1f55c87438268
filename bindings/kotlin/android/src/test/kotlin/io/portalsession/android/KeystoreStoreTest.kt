// The store on a device, with the device's faults.
package io.portalsession.android

import android.app.Application
import android.os.UserManager
import android.security.keystore.BackendBusyException
import android.security.keystore.KeyPermanentlyInvalidatedException
import android.security.keystore.StrongBoxUnavailableException
import android.security.keystore.UserNotAuthenticatedException
import io.portalsession.SaveOutcome
import io.portalsession.StoredRecord
import java.io.File
import java.io.RandomAccessFile
import java.security.InvalidKeyException
import java.security.KeyStoreException
import java.security.ProviderException
import java.security.UnrecoverableKeyException
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import javax.crypto.IllegalBlockSizeException
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotSame
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
        val before = recordFile().readBytes()
        repeat(2) { assertEquals("Lost(revision=1)", load().toString()) }
        assertArrayEquals("a load writes nothing", before, recordFile().readBytes())
        assertEquals(SaveOutcome.SAVED, save(2, "anew".encodeToByteArray()))
        assertArrayEquals("anew".encodeToByteArray(), bytesOf(load()))
    }

    /** A sign-out as the library writes it: core/store/record_codec.hpp. */
    private val tombstone = "portal".encodeToByteArray() + byteArrayOf(2, 1) + ByteArray(32) { 7 }

    @Test
    fun `a sign-out is stored and read whatever the keystore does`() {
        save(1)
        FakeKeystore.busy = true
        assertEquals(SaveOutcome.SAVED, save(2, tombstone))
        assertArrayEquals(tombstone, bytesOf(load()))
        FakeKeystore.busy = false
        FakeKeystore.broken = KeyPermanentlyInvalidatedException()
        assertArrayEquals(tombstone, bytesOf(load()))
        assertEquals("Found(revision=2)", load().toString())
    }

    /** The rows of KeystoreFault's table. */
    @Test
    fun `of all that the keystore throws only a proof loses the record`() {
        val number = { code: Int -> android.security.KeyStoreException(code, "") } // its own numbers, not the public ones
        val transient =
            listOf(
                UnrecoverableKeyException("System error"),
                InvalidKeyException("Keystore operation failed"),
                IllegalBlockSizeException(),
                KeyStoreException("not initialized"),
                ProviderException("the service restarts"),
                BackendBusyException(10),
                StrongBoxUnavailableException(),
                UnrecoverableKeyException("no number").apply { initCause(number(SYSTEM_ERROR)) },
            )
        val locked =
            listOf(UserNotAuthenticatedException(), InvalidKeyException("wrapped", UserNotAuthenticatedException()))
        val lost =
            listOf(
                KeyPermanentlyInvalidatedException(),
                UnrecoverableKeyException("wrapped").apply { initCause(KeyPermanentlyInvalidatedException()) },
                UnrecoverableKeyException("no such key").apply { initCause(number(KEY_NOT_FOUND)) },
                InvalidKeyException("corrupted", number(VALUE_CORRUPTED)),
            )
        for ((meaning, rows) in listOf("TRANSIENT" to transient, "LOCKED" to locked, "LOST" to lost)) {
            for (row in rows) {
                FakeKeystore.broken = null
                folder.deleteRecursively()
                save(1)
                FakeKeystore.broken = row
                assertEquals("$row", meaning, KeystoreFault.of(row).name)
                val isLost = meaning == "LOST"
                assertEquals("$row", if (isLost) "Lost(revision=1)" else "Unavailable", nameOf(load()))
                assertEquals("$row", if (isLost) SaveOutcome.SAVED else SaveOutcome.UNAVAILABLE, save(2))
                FakeKeystore.broken = null
                assertArrayEquals("$row", secret, bytesOf(load()))
            }
        }
    }

    private fun nameOf(stored: StoredRecord) = if (stored is StoredRecord.Lost) "$stored" else stored.javaClass.simpleName

    @Test
    fun `a fault that passes is waited out`() {
        save(1)
        FakeKeystore.failures += listOf(UnrecoverableKeyException("System error"), ProviderException("busy"))
        assertArrayEquals(secret, bytesOf(load()))
        FakeKeystore.failures += listOf(UnrecoverableKeyException("System error"), ProviderException("busy"))
        assertEquals(SaveOutcome.SAVED, save(2))
    }

    @Test
    fun `a key that is broken for good is replaced once, and the next launch finds the record`() {
        save(1)
        val old = FakeKeystore.held.values.single()
        FakeKeystore.broken = KeyPermanentlyInvalidatedException()
        assertEquals("Lost(revision=1)", load().toString())
        assertEquals(SaveOutcome.SAVED, save(2))
        assertNotSame(old, FakeKeystore.held.values.single())
        assertArrayEquals(secret, bytesOf(KeystoreStore(application).load("default")))
    }

    @Test
    fun `a record under another device's key is lost, not fatal`() {
        save(1)
        for (alias in FakeKeystore.held.keys) FakeKeystore.held[alias] = FakeKeystore.plainAes(256)
        assertEquals("Lost(revision=1)", load().toString())
    }

    @Test
    fun `a record that was cut or changed in any byte is lost, never trusted`() {
        save(1)
        val whole = recordFile().readBytes()
        val path = recordFile()
        for (at in whole.indices) {
            path.writeBytes(whole.copyOf().also { it[at] = (it[at] + 1).toByte() })
            assertTrue("byte $at: ${load()}", load() is StoredRecord.Lost)
        }
        for (size in listOf(0, 1, 11, 12, 40, whole.size - 1)) {
            path.writeBytes(whole.copyOf(size))
            assertTrue("size $size: ${load()}", load() is StoredRecord.Lost)
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
        assertEquals("Lost(revision=1)", store.load("other").toString())
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
        RandomAccessFile(File(folder, "store.lock"), "rw").use { file ->
            file.channel.lock().use {
                assertEquals(SaveOutcome.UNAVAILABLE, save(2))
                // The key is shared by all sessions, and so is the lock: two processes never make two keys.
                assertEquals(SaveOutcome.UNAVAILABLE, store.save("another", 1, secret.copyOf()))
            }
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

    private companion object {
        // Keystore2's own numbers, which the framework maps to the public ones.
        const val SYSTEM_ERROR = 4
        const val KEY_NOT_FOUND = 7
        const val VALUE_CORRUPTED = 8
    }

    /** What only the library reads. */
    private fun bytesOf(stored: StoredRecord): ByteArray {
        val found = stored as StoredRecord.Found
        val field = StoredRecord.Found::class.java.declaredFields.first { it.type == ByteArray::class.java }
        return field.apply { isAccessible = true }.get(found) as ByteArray
    }
}

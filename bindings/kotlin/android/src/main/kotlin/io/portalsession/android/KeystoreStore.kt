// The session's record on an Android device: a file that is no part of a backup, under a key of the Android keystore.
package io.portalsession.android

import android.content.Context
import android.os.Build
import android.os.UserManager
import io.portalsession.SaveOutcome
import io.portalsession.SessionStore
import io.portalsession.StoredRecord
import java.io.File
import java.io.FileNotFoundException
import java.io.FileOutputStream
import java.io.IOException
import java.io.RandomAccessFile
import java.nio.channels.OverlappingFileLockException
import java.security.MessageDigest

/**
 * Keeps sessions under `noBackupFilesDir`, encrypted by a key of the Android keystore with an alias of its own.
 *
 * A record whose key is gone or is another one (a transfer to a new device, a keystore that lost it) is lost: the session
 * reports so, makes a new key and gets a new token. Any other fault of the keystore is retried, and then the store is
 * unavailable; so it is before the first unlock after a boot. A sign-out is readable without the key, so no fault of the
 * keystore undoes it. Several processes of one app may share the store. The library calls it on a thread of its own.
 */
public class KeystoreStore
    @JvmOverloads
    constructor(
        context: Context,
        alias: String = "io.portalsession.record-key",
    ) : SessionStore {
        private val context: Context = context.applicationContext ?: context // null in attachBaseContext

        private val key = RecordKey(alias)

        /** It only reads: a record that does not open stays where it is until a save replaces it. */
        override fun load(name: String): StoredRecord {
            if (isLocked()) return StoredRecord.Unavailable
            val file = fileOf(name)
            val bytes =
                try {
                    file.readBytes()
                } catch (_: FileNotFoundException) {
                    return if (file.exists()) StoredRecord.Unavailable else StoredRecord.Absent
                } catch (_: IOException) {
                    return StoredRecord.Unavailable
                }
            val revision = SealedRecord.revisionOf(bytes)
            SealedRecord.openTombstone(bytes)?.let { return StoredRecord.Found(revision, it) }
            val opened = key.use { found -> found?.let { SealedRecord.open(it, name, bytes) } }
            return when {
                opened is RecordKey.Use.Done ->
                    opened.result?.let { StoredRecord.Found(revision, it) } ?: StoredRecord.Lost(revision)
                opened is RecordKey.Use.Fault && opened.fault == KeystoreFault.LOST -> StoredRecord.Lost(revision)
                else -> StoredRecord.Unavailable
            }
        }

        override fun save(
            name: String,
            revision: Long,
            record: ByteArray,
        ): SaveOutcome {
            if (isLocked()) return SaveOutcome.UNAVAILABLE
            return try {
                val file = fileOf(name)
                file.parentFile?.mkdirs()
                withLock(file) {
                    if (storedRevision(file) != revision - 1) return@withLock SaveOutcome.CONFLICT
                    val sealed = sealed(name, revision, record) ?: return@withLock SaveOutcome.UNAVAILABLE
                    replace(file, sealed)
                    SaveOutcome.SAVED
                } ?: SaveOutcome.UNAVAILABLE
            } catch (_: IOException) {
                SaveOutcome.FAILED
            }
        }

        /** Null: the keystore cannot do it now. */
        private fun sealed(
            name: String,
            revision: Long,
            record: ByteArray,
        ): ByteArray? {
            if (SealedRecord.isTombstone(record)) return SealedRecord.tombstone(revision, record)
            val used = key.use { SealedRecord.seal(it ?: key.make(), name, revision, record) }
            if (used is RecordKey.Use.Done) return used.result
            if ((used as RecordKey.Use.Fault).fault != KeystoreFault.LOST) return null
            val anew = key.use(replaceFirst = true) { SealedRecord.seal(checkNotNull(it), name, revision, record) }
            return (anew as? RecordKey.Use.Done)?.result
        }

        private fun isLocked(): Boolean {
            if (Build.VERSION.SDK_INT < Build.VERSION_CODES.N) return false
            return context.getSystemService(UserManager::class.java)?.isUserUnlocked == false
        }

        // ---- files ----

        /** No session's name is fit for a file's as it is. */
        private fun fileOf(name: String): File {
            val digest = MessageDigest.getInstance("SHA-256").digest(name.encodeToByteArray())
            val hex = digest.joinToString("") { "%02x".format(it) }
            return File(File(context.noBackupFilesDir, FOLDER), hex)
        }

        private fun storedRevision(file: File): Long =
            try {
                file.inputStream().use { input ->
                    val head = ByteArray(SealedRecord.HEAD)
                    if (input.read(head) == head.size) SealedRecord.revisionOf(head) else 0L
                }
            } catch (_: FileNotFoundException) {
                0
            }

        /** Old or new, never a mix, whenever the power goes. */
        private fun replace(
            file: File,
            bytes: ByteArray,
        ) {
            val temporary = File(file.path + ".new")
            FileOutputStream(temporary).use { output ->
                output.write(bytes)
                output.fd.sync()
            }
            if (!temporary.renameTo(file)) throw IOException("The record could not be replaced.")
        }

        /** One lock for all records and the key, among the app's threads and processes; null: held by another for too long. */
        private fun <Result> withLock(
            file: File,
            call: () -> Result,
        ): Result? =
            synchronized(threads) {
                RandomAccessFile(File(file.parentFile, LOCK), "rw").use { lockFile ->
                    val until = System.nanoTime() + LOCK_NANOS
                    while (System.nanoTime() < until) {
                        val lock =
                            try {
                                lockFile.channel.tryLock()
                            } catch (_: OverlappingFileLockException) {
                                null // another class loader of this process
                            }
                        if (lock != null) return@use lock.use { call() }
                        Thread.sleep(LOCK_PAUSE_MILLIS)
                    }
                    null
                }
            }

        private companion object {
            const val FOLDER = "portal-session"
            const val LOCK = "store.lock"
            const val LOCK_NANOS = 500_000_000L
            const val LOCK_PAUSE_MILLIS = 10L
            val threads = Any()
        }
    }

// The session's record on an Android device: a file that is no part of a backup, under a key of the Android keystore.
package io.portalsession.android

import android.content.Context
import android.os.Build
import android.os.UserManager
import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import io.portalsession.SaveOutcome
import io.portalsession.SessionStore
import io.portalsession.StoredRecord
import java.io.File
import java.io.FileNotFoundException
import java.io.FileOutputStream
import java.io.IOException
import java.io.RandomAccessFile
import java.nio.channels.OverlappingFileLockException
import java.security.GeneralSecurityException
import java.security.KeyStore
import java.security.KeyStoreException
import java.security.MessageDigest
import java.security.ProviderException
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey

/**
 * Keeps sessions under `noBackupFilesDir`, encrypted by a key of the Android keystore with an alias of its own.
 *
 * A record whose key is gone or is another one (a restored backup, a transfer to a new device, a keystore that lost it) is
 * lost: the session tells so and gets a new token. Before the first unlock after a boot the store is unavailable, not
 * empty. Several processes of one app may share it. The library calls it on a thread of its own, never on the main thread.
 */
public class KeystoreStore
    @JvmOverloads
    constructor(
        context: Context,
        private val alias: String = "io.portalsession.record-key",
    ) : SessionStore {
        private val context = context.applicationContext

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
            return try {
                val key = key()
                val record = if (key == null) null else SealedRecord.open(key, name, bytes)
                if (record == null) lost(file) else StoredRecord.Found(SealedRecord.revisionOf(bytes), record)
            } catch (_: KeyStoreException) {
                StoredRecord.Unavailable
            } catch (_: ProviderException) { // the keystore's service is busy or restarts
                StoredRecord.Unavailable
            } catch (_: GeneralSecurityException) {
                lost(file)
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
                    replace(file, SealedRecord.seal(key() ?: newKey(), name, revision, record))
                    SaveOutcome.SAVED
                } ?: SaveOutcome.UNAVAILABLE
            } catch (_: ProviderException) {
                SaveOutcome.UNAVAILABLE
            } catch (_: GeneralSecurityException) {
                SaveOutcome.UNAVAILABLE
            } catch (_: IOException) {
                SaveOutcome.FAILED
            }
        }

        /** Sets it aside, where the next save replaces it. */
        private fun lost(file: File): StoredRecord {
            if (!file.renameTo(asideOf(file))) file.delete()
            return StoredRecord.Lost(0)
        }

        private fun isLocked(): Boolean {
            if (Build.VERSION.SDK_INT < Build.VERSION_CODES.N) return false
            return context.getSystemService(UserManager::class.java)?.isUserUnlocked == false
        }

        // ---- key ----

        private fun key(): SecretKey? {
            val keystore = KeyStore.getInstance(PROVIDER).apply { load(null) }
            return keystore.getKey(alias, null) as SecretKey?
        }

        private fun newKey(): SecretKey {
            val purposes = KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT
            val specification =
                KeyGenParameterSpec.Builder(alias, purposes)
                    .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
                    .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
                    .setKeySize(KEY_BITS)
                    .build()
            val generator = KeyGenerator.getInstance(KeyProperties.KEY_ALGORITHM_AES, PROVIDER)
            return generator.apply { init(specification) }.generateKey()
        }

        // ---- files ----

        /** No session's name is fit for a file's as it is. */
        private fun fileOf(name: String): File {
            val digest = MessageDigest.getInstance("SHA-256").digest(name.encodeToByteArray())
            val hex = digest.joinToString("") { "%02x".format(it) }
            return File(File(context.noBackupFilesDir, FOLDER), hex)
        }

        private fun asideOf(file: File) = File(file.path + ".lost")

        private fun storedRevision(file: File): Long =
            try {
                file.inputStream().use { input ->
                    val head = ByteArray(SealedRecord.HEAD)
                    if (input.read(head) == head.size) SealedRecord.revisionOf(head) else 0
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
            asideOf(file).delete()
        }

        /** Alone among the app's threads and processes; null: another one holds the lock for too long. */
        private fun <Result> withLock(
            file: File,
            call: () -> Result,
        ): Result? =
            synchronized(threads) {
                RandomAccessFile(file.path + ".lock", "rw").use { lockFile ->
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
            const val PROVIDER = "AndroidKeyStore"
            const val FOLDER = "portal-session"
            const val KEY_BITS = 256
            const val LOCK_NANOS = 500_000_000L
            const val LOCK_PAUSE_MILLIS = 10L
            val threads = Any()
        }
    }

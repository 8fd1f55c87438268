// How a record lies in its file: magic, revision, key check, record; all but magic and revision by AES-256-GCM. A tombstone
// holds no secret, and must be readable whatever the keystore does: magic, revision, record in clear.
package io.portalsession.android

import java.nio.ByteBuffer
import javax.crypto.AEADBadTagException
import javax.crypto.Cipher
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec

/**
 * The key check is an encryption of nothing: it tells a wrong key from a damaged record. The record's own tag covers the
 * head and the session's name, so that no file stands in for another.
 */
internal object SealedRecord {
    private val magic = "PSK1".encodeToByteArray()
    private val tombstoneMagic = "PSO1".encodeToByteArray()
    private val checkText = "portal-session key check 1".encodeToByteArray()
    private const val TRANSFORMATION = "AES/GCM/NoPadding"
    private const val IV = 12
    private const val TAG = 16
    private const val TAG_BITS = 128

    /** Magic and revision. */
    const val HEAD = 4 + Long.SIZE_BYTES
    private const val CHECK = IV + TAG
    private val recordMagic = "portal".encodeToByteArray()
    private const val KIND_AT = 7
    private const val KIND_TOMBSTONE: Byte = 1
    private const val REVISIONS_END = 1L shl 62

    fun seal(
        key: SecretKey,
        name: String,
        revision: Long,
        record: ByteArray,
    ): ByteArray {
        val head = ByteBuffer.allocate(HEAD).put(magic).putLong(revision).array()
        return head + encrypt(key, checkText, ByteArray(0)) + encrypt(key, head + name.encodeToByteArray(), record)
    }

    /** Null: not a record of ours, damaged, or sealed by another key. An exception: the keystore's fault. */
    fun open(
        key: SecretKey,
        name: String,
        bytes: ByteArray,
    ): ByteArray? {
        if (bytes.size < HEAD + CHECK + IV + TAG || !bytes.startsWith(magic)) return null
        return try {
            decrypt(key, checkText, bytes, HEAD, CHECK)
            val head = bytes.copyOf(HEAD)
            decrypt(key, head + name.encodeToByteArray(), bytes, HEAD + CHECK, bytes.size - HEAD - CHECK)
        } catch (_: AEADBadTagException) {
            null
        }
    }

    /** Whether the library's record is a sign-out: byte 7 of its clear head says so (core/store/record_codec.hpp). */
    fun isTombstone(record: ByteArray): Boolean =
        record.size > KIND_AT && record.startsWith(recordMagic) && record[KIND_AT] == KIND_TOMBSTONE

    fun tombstone(
        revision: Long,
        record: ByteArray,
    ): ByteArray = ByteBuffer.allocate(HEAD + record.size).put(tombstoneMagic).putLong(revision).put(record).array()

    /** Null: no tombstone. The library checks its numbers. */
    fun openTombstone(bytes: ByteArray): ByteArray? {
        if (bytes.size <= HEAD || !bytes.startsWith(tombstoneMagic)) return null
        return bytes.copyOfRange(HEAD, bytes.size).takeIf(::isTombstone)
    }

    /** As the head says; 0 where it is none of ours. Not authenticated. */
    fun revisionOf(bytes: ByteArray): Long {
        if (bytes.size < HEAD || !(bytes.startsWith(magic) || bytes.startsWith(tombstoneMagic))) return 0
        val revision = ByteBuffer.wrap(bytes, magic.size, Long.SIZE_BYTES).long
        return if (revision in 0 until REVISIONS_END) revision else 0
    }

    private fun ByteArray.startsWith(other: ByteArray) = size >= other.size && copyOf(other.size).contentEquals(other)

    private fun encrypt(
        key: SecretKey,
        authenticated: ByteArray,
        text: ByteArray,
    ): ByteArray {
        val cipher = Cipher.getInstance(TRANSFORMATION)
        cipher.init(Cipher.ENCRYPT_MODE, key) // the keystore itself picks the nonce
        cipher.updateAAD(authenticated)
        return cipher.iv + cipher.doFinal(text)
    }

    private fun decrypt(
        key: SecretKey,
        authenticated: ByteArray,
        bytes: ByteArray,
        offset: Int,
        size: Int,
    ): ByteArray {
        val cipher = Cipher.getInstance(TRANSFORMATION)
        cipher.init(Cipher.DECRYPT_MODE, key, GCMParameterSpec(TAG_BITS, bytes, offset, IV))
        cipher.updateAAD(authenticated)
        return cipher.doFinal(bytes, offset + IV, size - IV)
    }
}

// How a record lies in its file: magic, revision, key check, record; all but magic and revision by AES-256-GCM.
package io.portalsession.android

import java.nio.ByteBuffer
import javax.crypto.Cipher
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec

/**
 * The key check is an encryption of nothing: it tells a wrong key from a damaged record. The record's own tag covers the
 * head and the session's name, so that no file stands in for another.
 */
internal object SealedRecord {
    private val magic = "PSK1".encodeToByteArray()
    private val checkText = "portal-session key check 1".encodeToByteArray()
    private const val TRANSFORMATION = "AES/GCM/NoPadding"
    private const val IV = 12
    private const val TAG = 16
    private const val TAG_BITS = 128

    /** Magic and revision. */
    const val HEAD = 4 + Long.SIZE_BYTES
    private const val CHECK = IV + TAG

    fun seal(
        key: SecretKey,
        name: String,
        revision: Long,
        record: ByteArray,
    ): ByteArray {
        val head = ByteBuffer.allocate(HEAD).put(magic).putLong(revision).array()
        return head + encrypt(key, checkText, ByteArray(0)) + encrypt(key, head + name.encodeToByteArray(), record)
    }

    /** Null: not a record of ours. An exception: of another key, or damaged. */
    fun open(
        key: SecretKey,
        name: String,
        bytes: ByteArray,
    ): ByteArray? {
        if (bytes.size < HEAD + CHECK + IV + TAG || !bytes.copyOf(magic.size).contentEquals(magic)) return null
        decrypt(key, checkText, bytes, HEAD, CHECK)
        val head = bytes.copyOf(HEAD)
        return decrypt(key, head + name.encodeToByteArray(), bytes, HEAD + CHECK, bytes.size - HEAD - CHECK)
    }

    fun revisionOf(bytes: ByteArray): Long = ByteBuffer.wrap(bytes, magic.size, Long.SIZE_BYTES).long

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

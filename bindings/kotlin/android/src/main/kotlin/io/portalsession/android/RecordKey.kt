// The key of the Android keystore that seals records.
package io.portalsession.android

import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import java.security.GeneralSecurityException
import java.security.KeyStore
import java.security.ProviderException
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey

internal class RecordKey(private val alias: String) {
    /** How a use of the key ended. */
    sealed class Use<out Result> {
        class Done<out Result>(val result: Result) : Use<Result>()

        class Fault(val fault: KeystoreFault) : Use<Nothing>()
    }

    /**
     * Calls [use] with the key, or with null where the keystore says that there is none; transient faults are retried.
     *
     * @param replaceFirst deletes the key and makes a new one: after a proven loss, since a broken entry stays broken
     */
    fun <Result> use(
        replaceFirst: Boolean = false,
        use: (SecretKey?) -> Result,
    ): Use<Result> {
        var pauseMillis = FIRST_PAUSE_MILLIS
        repeat(ATTEMPTS - 1) {
            val attempt = attempt(replaceFirst, use)
            if (attempt !is Use.Fault || attempt.fault != KeystoreFault.TRANSIENT) return attempt
            Thread.sleep(pauseMillis)
            pauseMillis *= 2
        }
        return attempt(replaceFirst, use)
    }

    private fun <Result> attempt(
        replaceFirst: Boolean,
        use: (SecretKey?) -> Result,
    ): Use<Result> =
        try {
            Use.Done(use(if (replaceFirst) replaced() else load()))
        } catch (fault: GeneralSecurityException) {
            Use.Fault(KeystoreFault.of(fault))
        } catch (fault: ProviderException) { // such as the keystore's service that is busy or restarts
            Use.Fault(KeystoreFault.of(fault))
        }

    private fun load(): SecretKey? = keystore().getKey(alias, null) as SecretKey?

    /** Under the store's lock, so that no two processes make one. */
    fun make(): SecretKey {
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

    private fun replaced(): SecretKey {
        keystore().deleteEntry(alias)
        return make()
    }

    private fun keystore(): KeyStore = KeyStore.getInstance(PROVIDER).apply { load(null) }

    private companion object {
        const val PROVIDER = "AndroidKeyStore"
        const val KEY_BITS = 256
        const val ATTEMPTS = 3
        const val FIRST_PAUSE_MILLIS = 50L
    }
}

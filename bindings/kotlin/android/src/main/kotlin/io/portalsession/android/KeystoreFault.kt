// What an exception of the Android keystore means for the record.
package io.portalsession.android

import android.os.Build
import android.security.keystore.KeyPermanentlyInvalidatedException
import android.security.keystore.UserNotAuthenticatedException

/**
 * The framework maps most of its error codes to general exceptions: a service that restarts arrives as
 * `UnrecoverableKeyException`, `InvalidKeyException` or `IllegalBlockSizeException`. So only a proof counts as a loss.
 *
 * | exception, or one of its causes | meaning |
 * |---|---|
 * | `KeyPermanentlyInvalidatedException` | [LOST] |
 * | `android.security.KeyStoreException` with ERROR_KEY_CORRUPTED or ERROR_KEY_DOES_NOT_EXIST (API 33) | [LOST] |
 * | `UserNotAuthenticatedException`, or that exception with ERROR_USER_AUTHENTICATION_REQUIRED | [LOCKED] |
 * | all others: `UnrecoverableKeyException`, `InvalidKeyException`, `IllegalBlockSizeException`, `KeyStoreException`, `ProviderException` and its kinds | [TRANSIENT] |
 *
 * A tag that does not match is no fault of the keystore: [SealedRecord.open] judges it.
 */
internal enum class KeystoreFault {
    /** Try again; then the store is unavailable, and nothing is lost. */
    TRANSIENT,

    /** The user has to unlock the key first. */
    LOCKED,

    /** The key will never work again. */
    LOST,
    ;

    companion object {
        private const val DEEPEST = 8
        private const val USER_AUTHENTICATION_REQUIRED = 2
        private const val KEY_DOES_NOT_EXIST = 6
        private const val KEY_CORRUPTED = 7

        fun of(thrown: Throwable): KeystoreFault =
            generateSequence(thrown) { it.cause }
                .take(DEEPEST)
                .map(::ofOne)
                .firstOrNull { it != TRANSIENT } ?: TRANSIENT

        private fun ofOne(thrown: Throwable): KeystoreFault =
            when (thrown) {
                is KeyPermanentlyInvalidatedException -> LOST
                is UserNotAuthenticatedException -> LOCKED
                else -> if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU) ofNumber(thrown) else TRANSIENT
            }

        private fun ofNumber(thrown: Throwable): KeystoreFault =
            when ((thrown as? android.security.KeyStoreException)?.numericErrorCode) {
                KEY_DOES_NOT_EXIST, KEY_CORRUPTED -> LOST
                USER_AUTHENTICATION_REQUIRED -> LOCKED
                else -> TRANSIENT
            }
    }
}

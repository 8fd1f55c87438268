// Robolectric has no AndroidKeyStore: this stands in for it, with the faults that the real one has.
package io.portalsession.android

import android.security.keystore.KeyGenParameterSpec
import java.io.InputStream
import java.io.OutputStream
import java.security.Key
import java.security.KeyStoreSpi
import java.security.Provider
import java.security.ProviderException
import java.security.SecureRandom
import java.security.Security
import java.security.cert.Certificate
import java.security.spec.AlgorithmParameterSpec
import java.util.Collections
import java.util.Date
import java.util.Enumeration
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.ConcurrentLinkedQueue
import java.util.concurrent.CopyOnWriteArrayList
import javax.crypto.KeyGenerator
import javax.crypto.KeyGeneratorSpi
import javax.crypto.SecretKey

/** Its faults: exceptions for the next uses or for all, an entry that is broken, keys removed or replaced behind the app. */
@Suppress("DEPRECATION") // the constructor that Android has too
object FakeKeystore : Provider("AndroidKeyStore", 1.0, "for tests") {
    val held: MutableMap<String, SecretKey> = ConcurrentHashMap()
    val threads = CopyOnWriteArrayList<Thread>()

    @Volatile var busy = false

    /** Thrown by the next uses, one each. */
    val failures = ConcurrentLinkedQueue<Throwable>()

    /** Thrown by each use of the entry until it is deleted. */
    @Volatile var broken: Throwable? = null

    init {
        put("KeyStore.AndroidKeyStore", Store::class.java.name)
        put("KeyGenerator.AES", Generator::class.java.name)
    }

    fun install() {
        held.clear()
        threads.clear()
        busy = false
        failures.clear()
        broken = null
        Security.removeProvider(name)
        Security.addProvider(this)
    }

    private fun touched() {
        threads += Thread.currentThread()
        failures.poll()?.let { throw it }
        if (busy) throw ProviderException("the keystore's service does not answer")
    }

    class Generator : KeyGeneratorSpi() {
        private lateinit var specification: KeyGenParameterSpec

        override fun engineInit(
            params: AlgorithmParameterSpec,
            random: SecureRandom?,
        ) {
            specification = params as KeyGenParameterSpec
        }

        override fun engineGenerateKey(): SecretKey {
            touched()
            return plainAes(specification.keySize).also { held[specification.keystoreAlias] = it }
        }

        override fun engineInit(random: SecureRandom?) = error("needs a specification")

        override fun engineInit(
            keysize: Int,
            random: SecureRandom?,
        ) = error("needs a specification")
    }

    fun plainAes(bits: Int): SecretKey {
        val other = Security.getProviders("KeyGenerator.AES").first { it !== this }
        return KeyGenerator.getInstance("AES", other).apply { init(bits) }.generateKey()
    }

    class Store : KeyStoreSpi() {
        override fun engineGetKey(
            alias: String,
            password: CharArray?,
        ): Key? {
            touched()
            broken?.let { throw it }
            return held[alias]
        }

        override fun engineLoad(
            stream: InputStream?,
            password: CharArray?,
        ) = Unit

        override fun engineContainsAlias(alias: String) = alias in held

        override fun engineAliases(): Enumeration<String> = Collections.enumeration(held.keys)

        override fun engineSize() = held.size

        override fun engineIsKeyEntry(alias: String) = alias in held

        override fun engineIsCertificateEntry(alias: String) = false

        override fun engineGetCertificateChain(alias: String): Array<Certificate>? = null

        override fun engineGetCertificate(alias: String): Certificate? = null

        override fun engineGetCreationDate(alias: String): Date? = null

        override fun engineGetCertificateAlias(cert: Certificate?): String? = null

        override fun engineDeleteEntry(alias: String) {
            held.remove(alias)
            broken = null
        }

        override fun engineSetKeyEntry(
            alias: String,
            key: Key,
            password: CharArray?,
            chain: Array<out Certificate>?,
        ) = error("not used")

        override fun engineSetKeyEntry(
            alias: String,
            key: ByteArray,
            chain: Array<out Certificate>?,
        ) = error("not used")

        override fun engineSetCertificateEntry(
            alias: String,
            cert: Certificate?,
        ) = error("not used")

        override fun engineStore(
            stream: OutputStream?,
            password: CharArray?,
        ) = error("not used")
    }
}

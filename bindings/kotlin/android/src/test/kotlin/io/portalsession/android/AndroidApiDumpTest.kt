// The public API of Android's parts is what android/api/portal-session-android.api says. See ApiDumpTest of `session`.
package io.portalsession.android

import java.io.File
import org.jetbrains.kotlin.abi.tools.AbiFilters
import org.jetbrains.kotlin.abi.tools.AbiTools
import org.junit.Assert.assertEquals
import org.junit.Test

class AndroidApiDumpTest {
    @Test
    fun `the public API is the one that was released`() {
        val classes = File(KeystoreStore::class.java.protectionDomain.codeSource.location.toURI())
        val dump = StringBuilder()
        val files = classes.walk().filter { it.extension == "class" }.sortedBy { it.path }
        AbiTools.getInstance().printJvmDump(dump, files.asIterable(), AbiFilters.EMPTY)
        val committed = File(System.getProperty("repository"), "bindings/kotlin/android/api/portal-session-android.api")
        if (System.getProperty("api.update") == "true") committed.apply { parentFile.mkdirs() }.writeText(dump.toString())
        assertEquals("see the head of ApiDumpTest", committed.readText(), dump.toString())
    }
}

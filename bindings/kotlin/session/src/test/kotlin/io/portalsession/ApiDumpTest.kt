// The public API is what session/api/portal-session.api says. After a change that is meant:
//   mvn test -Dtest=ApiDumpTest -Dapi.update=true
package io.portalsession

import java.io.File
import org.jetbrains.kotlin.abi.tools.AbiFilters
import org.jetbrains.kotlin.abi.tools.AbiTools
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

class ApiDumpTest {
    @Test
    fun `the public API is the one that was released`() {
        val classes = File(ClientSession::class.java.protectionDomain.codeSource.location.toURI())
        val dump = StringBuilder()
        val files = classes.walk().filter { it.extension == "class" }.sortedBy { it.path }
        AbiTools.getInstance().printJvmDump(dump, files.asIterable(), AbiFilters.EMPTY)
        val committed = File(System.getProperty("repository"), "bindings/kotlin/session/api/portal-session.api")
        if (System.getProperty("api.update") == "true") committed.apply { parentFile.mkdirs() }.writeText(dump.toString())
        assertEquals(committed.readText(), dump.toString(), "see the head of this file")
    }
}

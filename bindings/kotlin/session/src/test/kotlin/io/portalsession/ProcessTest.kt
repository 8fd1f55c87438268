// A session in a process of its own.
package io.portalsession

import io.portalsession.internal.NativeLibrary
import java.io.File
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

class ProcessTest {
    @Test
    fun `on a desktop the library comes out of the jar`() {
        val output = OtherJvm.run("io.portalsession.MinifiedApp", library = null)
        assertTrue("leases first-1 rejected-2" in output, output)
    }

    @Test
    fun `a killed process leaves no copy of the library behind`(
        @TempDir folder: File,
    ) {
        val options = listOf("-Djava.io.tmpdir=${folder.path}", "-XX:-UsePerfData")
        OtherJvm.run("io.portalsession.MinifiedApp", library = null, options = options, arguments = listOf("killed"))
        assertEquals(emptyList<String>(), folder.list().orEmpty().toList())
    }

    @Test
    fun `a library that cannot be loaded from the temporary folder names the way out`() {
        val failure = failsWith<UnsatisfiedLinkError> { NativeLibrary.loadUnpacked(byteArrayOf(1, 2, 3)) }
        assertTrue("portal.session.library" in failure.message.orEmpty(), failure.message)
    }

    @Test
    fun `a process may end without closing`() {
        val output = OtherJvm.run("io.portalsession.MinifiedApp", arguments = listOf("exit-without-close"))
        assertTrue("code -13" in output, output)
    }
}

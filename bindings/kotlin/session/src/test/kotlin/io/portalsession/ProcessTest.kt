// A session in a process of its own.
package io.portalsession

import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class ProcessTest {
    @Test
    fun `on a desktop the library comes out of the jar`() {
        val output = OtherJvm.run("io.portalsession.MinifiedApp", library = null)
        assertTrue("leases first-1 rejected-2" in output, output)
    }

    @Test
    fun `a process may end without closing`() {
        val output = OtherJvm.run("io.portalsession.MinifiedApp", arguments = listOf("exit-without-close"))
        assertTrue("code -13" in output, output)
    }
}

// A Java program of its own.
package io.portalsession

import java.io.File
import java.util.concurrent.TimeUnit
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue

/** Runs a program with the classes of this one, or with others, and gives what it printed. */
object OtherJvm {
    private const val LIMIT_SECONDS = 100L

    fun run(
        main: String,
        classPath: String = System.getProperty("surefire.test.class.path") ?: System.getProperty("java.class.path"),
        options: List<String> = emptyList(),
        arguments: List<String> = emptyList(),
        expectedExit: Int = 0,
        library: String? = System.getProperty("portal.session.library"),
    ): String {
        val java = File(System.getProperty("java.home"), "bin/java").path
        val libraryOption = listOfNotNull(library).map { "-Dportal.session.library=$it" }
        val command = listOf(java, "-cp", classPath) + libraryOption + options + main + arguments
        val output = File.createTempFile("other-jvm", ".log")
        try {
            val process = ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output).start()
            process.outputStream.close()
            val hasEnded = process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)
            if (!hasEnded) process.destroyForcibly().waitFor()
            assertTrue(hasEnded, "$main does not end: ${output.readText()}")
            assertEquals(expectedExit, process.exitValue(), output.readText())
            return output.readText()
        } finally {
            output.delete()
        }
    }
}

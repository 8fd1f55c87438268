// A Java program of its own.
package io.portalsession

import java.io.File
import org.junit.jupiter.api.Assertions.assertEquals

/** Runs a program with the classes of this one, or with others, and gives what it printed. */
object OtherJvm {
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
        val process = ProcessBuilder(command).redirectErrorStream(true).start()
        process.outputStream.close()
        val output = process.inputStream.bufferedReader().readText()
        assertEquals(expectedExit, process.waitFor(), output)
        return output
    }
}

// The AAR's classes in an app with the oldest compiler and the oldest libraries that are promised.
package io.portalsession.android

import java.io.File
import java.util.concurrent.TimeUnit
import java.util.zip.ZipFile
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder

class ConsumerTest {
    @get:Rule val folder = TemporaryFolder()
    private val consumer = File(System.getProperty("consumer"))

    private fun jars(name: String): List<String> = checkNotNull(File(consumer, name).listFiles()).map { it.path }

    private fun java(vararg arguments: String): String {
        val output = folder.newFile()
        val command = listOf(File(System.getProperty("java.home"), "bin/java").path, "-XX:TieredStopAtLevel=1") + arguments
        val process = ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output).start()
        val hasEnded = process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)
        if (!hasEnded) process.destroyForcibly().waitFor()
        assertTrue("no end: ${output.readText()}", hasEnded)
        assertEquals(output.readText(), 0, process.exitValue())
        return output.readText()
    }

    @Test
    fun `Kotlin 2_1 compiles an app against it, which runs with coroutines 1_9 and OkHttp 4_12`() {
        val classes = folder.newFile("classes.jar")
        ZipFile(System.getProperty("aar")).use { aar ->
            aar.getInputStream(aar.getEntry("classes.jar")).use { classes.outputStream().use(it::copyTo) }
        }
        val app = (jars("app") + classes.path).joinToString(File.pathSeparator)
        val source = File(System.getProperty("repository"), "bindings/kotlin/android/src/test/consumer/Consumer.kt")
        val out = folder.newFolder("out").path
        java(
            "-cp", jars("compiler").joinToString(File.pathSeparator), "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler",
            "-Werror", "-no-reflect", "-no-stdlib", "-cp", app, "-d", out, source.path,
        )
        val library = "-Dportal.session.library=${System.getProperty("portal.session.library")}"
        val printed = java(library, "-cp", out + File.pathSeparator + app, "consumer.ConsumerKt")
        val expected =
            listOf("lease token-1", "interceptor 200", "factory 200", "guard token-2", "code SIGN_IN_NEEDED")
        assertEquals(expected, printed.trim().lines())
    }

    private companion object {
        const val LIMIT_SECONDS = 300L
    }
}

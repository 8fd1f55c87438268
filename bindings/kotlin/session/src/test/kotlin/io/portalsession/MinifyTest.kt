// The rules that travel with the library keep it working in an app that was shrunk and renamed, and are needed for it.
// ProGuard stands in for R8, whose language these rules are too.
package io.portalsession

import java.io.File
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

class MinifyTest {
    @TempDir lateinit var folder: File
    private val classPath = System.getProperty("surefire.test.class.path").split(File.pathSeparator).map(::File)
    private val consumerRules = checkNotNull(javaClass.getResource("/META-INF/proguard/portal-session.pro"))

    private fun minify(rules: String): File {
        val out = File(folder, "app.jar")
        val isNeeded = Regex("(kotlin-stdlib|kotlinx-coroutines-core).*")
        val libraries = classPath.filter { isNeeded.matches(it.name) }
        val withoutTests = "!META-INF/**,!io/portalsession/okhttp/**,!**Test*,!**Bench*,!**Rig*,!**FakePortal*,**.class"
        val inputs =
            (libraries + classPath.filter { it.isDirectory }).joinToString("\n") { "-injars '${it.path}'($withoutTests)" }
        val configuration = File(folder, "app.pro")
        configuration.writeText(
            """
            $inputs
            -outjars '${out.path}'
            -libraryjars '${System.getProperty("java.home")}/jmods/java.base.jmod'(!**.jar;!module-info.class)
            -keep class io.portalsession.MinifiedApp { public static void main(java.lang.String[]); }
            -dontoptimize
            -dontnote
            -dontwarn
            -ignorewarnings
            -printmapping '${File(folder, "mapping.txt").path}'
            """.trimIndent() + "\n" + rules,
        )
        OtherJvm.run("proguard.ProGuard", arguments = listOf("@" + configuration.path))
        return out
    }

    @Test
    fun `a minified app works with the library's own rules`() {
        val app = minify(consumerRules.readText())
        val output = OtherJvm.run("io.portalsession.MinifiedApp", app.path, listOf("-Xcheck:jni"))
        assertTrue("leases first-1 rejected-2" in output, output)
        assertTrue("code -13" in output, output)
        assertTrue("guard REJECTED" in output, output)
        assertFalse("WARNING" in output, output)
        val renamed = File(folder, "mapping.txt").readLines().single { it.startsWith("io.portalsession.ClientSession -> ") }
        assertFalse(renamed.endsWith(" io.portalsession.ClientSession:"), renamed)
    }

    @Test
    fun `without them it does not even load`() {
        val output = OtherJvm.run("io.portalsession.MinifiedApp", minify("").path, expectedExit = 1)
        assertTrue("NoClassDefFoundError" in output || "NoSuchMethodError" in output || "ClassNotFound" in output, output)
    }
}

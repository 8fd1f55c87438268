// The AAR as Android's build tools will read it.
package io.portalsession.android

import java.io.ByteArrayInputStream
import java.io.DataInputStream
import java.io.File
import java.util.zip.ZipFile
import java.util.zip.ZipInputStream
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder

class AarTest {
    @get:Rule val folder = TemporaryFolder()
    private val repository = File(System.getProperty("repository"))
    private val rules = File(repository, "bindings/kotlin/session/src/main/resources/META-INF/proguard/portal-session.pro")
    private val header = File(repository, "capi/include/portal_session/portal_session.h")
    private val aar = ZipFile(System.getProperty("aar"))
    private val published = ZipFile(System.getProperty("published.aar")) // of fbjni: made by Android's own tools
    private val names = aar.entries().asSequence().filter { !it.isDirectory }.map { it.name }.toSet()
    private val abis = names.filter { it.startsWith("jni/") }.map { it.split('/')[1] }.toSet()

    private fun ZipFile.bytes(name: String): ByteArray {
        val entry = checkNotNull(getEntry(name)) { "no $name" }
        return getInputStream(entry).use { it.readBytes() }
    }

    private fun text(name: String) = aar.bytes(name).decodeToString()

    private fun run(vararg command: String): String {
        val process = ProcessBuilder(*command).redirectErrorStream(true).start()
        val output = process.inputStream.bufferedReader().readText()
        assertEquals(output, 0, process.waitFor())
        return output
    }

    /** The first group of each match. */
    private fun found(
        pattern: String,
        text: String,
    ) = Regex(pattern).findAll(text).map { it.groupValues[1] }.toList()

    private fun extracted(name: String): File = folder.newFile().apply { writeBytes(aar.bytes(name)) }

    @Test
    fun `it holds what the format asks for, and nothing else`() {
        assertTrue("$abis", abis.isNotEmpty() && abis.all { it in setOf("arm64-v8a", "x86_64", "armeabi-v7a") })
        val module = "prefab/modules/portal_session"
        val expected =
            setOf(
                "AndroidManifest.xml", "classes.jar", "R.txt", "proguard.txt", METADATA,
                "prefab/prefab.json", "$module/module.json", "$module/include/portal_session/portal_session.h",
            ) + abis.map { "jni/$it/$LIBRARY" } + abis.map { "$module/libs/android.$it/$LIBRARY" } +
                abis.map { "$module/libs/android.$it/abi.json" }
        assertEquals(expected, names)
        assertEquals("", text("R.txt"))
        assertEquals(rules.readText(), text("proguard.txt"))
    }

    @Test
    fun `its JSON has the keys and kinds of value that Android's own tools write`() {
        fun theirs(name: String): Map<String, String> {
            val path = published.entries().asSequence().map { it.name }.first { it.endsWith("/$name") }
            return kinds(published.bytes(path).decodeToString())
        }
        assertEquals(theirs("prefab.json"), kinds(text("prefab/prefab.json")))
        val module = kinds(text("prefab/modules/portal_session/module.json"))
        assertEquals(setOf("export_libraries", "library_name"), module.keys)
        assertTrue("export_libraries" in theirs("module.json"))
        for (each in abis) {
            val mine = text("prefab/modules/portal_session/libs/android.$each/abi.json")
            assertEquals(theirs("abi.json"), kinds(mine))
            assertTrue(mine, "\"abi\": \"$each\"" in mine && "\"stl\": \"none\"" in mine && "\"api\": 23" in mine)
        }
        assertTrue("\"version\": \"${libraryVersion()}\"" in text("prefab/prefab.json"))
    }

    /** The keys of a flat object, each with its value's first character: what kind it is. */
    private fun kinds(json: String): Map<String, String> {
        val kindOf = { first: Char -> if (first.isDigit()) "number" else if (first in "tf") "flag" else "$first" }
        val members = Regex("\"([a-z_]+)\"\\s*:\\s*(.)").findAll(json)
        return members.associate { it.groupValues[1] to kindOf(it.groupValues[2][0]) }
    }

    private fun libraryVersion() = found("#define PORTAL_VERSION \"([^\"]+)\"", header.readText()).single()

    @Test
    fun `Android's own tool takes the manifest`() {
        val manifest = folder.newFile("AndroidManifest.xml").apply { writeText(text("AndroidManifest.xml")) }
        val linked = File(folder.root, "linked.apk")
        run("aapt2", "link", "--static-lib", "--manifest", manifest.path, "-I", FRAMEWORK, "-o", linked.path)
        val badging = run("aapt2", "dump", "xmltree", "--file", "AndroidManifest.xml", linked.path)
        assertTrue(badging, "minSdkVersion(0x0101020c)=23" in badging)
    }

    @Test
    fun `its metadata has the keys that Android's own tools write`() {
        fun keys(text: String) = text.lines().filter { '=' in it }.map { it.substringBefore('=') }.toSet()
        val required = setOf("aarFormatVersion", "aarMetadataVersion")
        assertTrue(keys(text(METADATA)).containsAll(required))
        assertTrue(keys(published.bytes(METADATA).decodeToString()).containsAll(required))
    }

    @Test
    fun `its classes are whole, for Java 8, and bring no desktop library`() {
        val entries = mutableMapOf<String, Int>()
        val modules = mutableSetOf<String>()
        ZipInputStream(ByteArrayInputStream(aar.bytes("classes.jar"))).use { zip ->
            while (true) {
                val entry = zip.nextEntry ?: break
                if (entry.isDirectory) continue
                if (entry.name.endsWith(".kotlin_module")) {
                    modules += entry.name
                    continue
                }
                val data = DataInputStream(zip)
                data.readInt()
                data.readUnsignedShort()
                entries[entry.name] = data.readUnsignedShort()
            }
        }
        // Without them a compiler finds no top-level function: neither `open` nor `replayAfterUnauthorized`.
        assertEquals(setOf("portal-session", "portal-session-android"), modules.map { File(it).nameWithoutExtension }.toSet())
        val some = listOf("ClientSession", "okhttp/PortalInterceptor", "android/KeystoreStore", "internal/NativeBridge")
        for (name in some) assertTrue(name, "io/portalsession/$name.class" in entries)
        val others = entries.filter { (name, version) -> !name.endsWith(".class") || version != JAVA_8 }
        assertEquals(emptyMap<String, Int>(), others)
    }

    @Test
    fun `each library exports the C API and JNI_OnLoad, loads in pages of 16 KB, and is small`() {
        val list = File(repository, "capi/exports.txt").readLines().filter { it.firstOrNull()?.isLetter() == true }
        for (abi in abis) {
            val library = extracted("jni/$abi/$LIBRARY")
            val symbols = run("readelf", "-W", "--dyn-syms", library.path).lines().map { it.trim().split(Regex("\\s+")) }
            val exported = symbols.filter { it.size >= 8 && it[6] != "UND" && it[4] in setOf("GLOBAL", "WEAK") }
            assertEquals(abi, list.toSet() + "JNI_OnLoad", exported.map { it[7].substringBefore('@') }.toSet())
            val loads = run("readelf", "-W", "-l", library.path).lines().map { it.trim() }.filter { it.startsWith("LOAD ") }
            assertFalse(loads.isEmpty())
            for (load in loads) assertTrue("$abi: $load", java.lang.Long.decode(load.split(Regex("\\s+")).last()) >= PAGE)
            val needed = found("\\(NEEDED\\).*\\[(.*)]", run("readelf", "-W", "-d", library.path))
            assertFalse("$needed", needed.any { Regex("curl|ssl|crypto|simdjson|jvm").containsMatchIn(it) })
            assertTrue("$abi: ${library.length()} bytes", library.length() <= LARGEST)
            val forNativeCode = aar.bytes("prefab/modules/portal_session/libs/android.$abi/$LIBRARY")
            assertTrue(library.readBytes().contentEquals(forNativeCode))
            println("$abi: $LIBRARY has ${library.length()} bytes")
        }
    }

    private companion object {
        const val FRAMEWORK = "/usr/share/android-framework-res/framework-res.apk"
        const val METADATA = "META-INF/com/android/build/gradle/aar-metadata.properties"
        const val LIBRARY = "libportal_session.so"
        const val JAVA_8 = 52
        const val PAGE = 16_384L
        const val LARGEST = 600_000L
    }
}

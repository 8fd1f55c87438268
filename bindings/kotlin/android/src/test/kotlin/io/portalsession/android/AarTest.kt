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
    private val aar = ZipFile(System.getProperty("aar"))
    private val published = ZipFile(System.getProperty("published.aar")) // of fbjni: made by Android's own tools
    private val names = aar.entries().asSequence().filter { !it.isDirectory }.map { it.name }.toSet()
    private val abis = names.filter { it.startsWith("jni/") }.map { it.split('/')[1] }.toSet()

    private fun ZipFile.bytes(name: String) = getInputStream(checkNotNull(getEntry(name)) { "no $name" }).use { it.readBytes() }

    private fun text(name: String) = aar.bytes(name).decodeToString()

    private fun run(vararg command: String): String {
        val process = ProcessBuilder(*command).redirectErrorStream(true).start()
        val output = process.inputStream.bufferedReader().readText()
        assertEquals(output, 0, process.waitFor())
        return output
    }

    private fun extracted(name: String): File = folder.newFile().apply { writeBytes(aar.bytes(name)) }

    @Test
    fun `it holds what the format asks for, and nothing else`() {
        assertTrue("$abis", abis.isNotEmpty() && abis.all { it in setOf("arm64-v8a", "x86_64", "armeabi-v7a") })
        val module = "prefab/modules/portal_session"
        val expected =
            setOf(
                "AndroidManifest.xml", "classes.jar", "R.txt", "proguard.txt", "prefab/prefab.json", "$module/module.json",
                "$module/include/portal_session/portal_session.h", "META-INF/com/android/build/gradle/aar-metadata.properties",
            ) + abis.flatMap { listOf("jni/$it/libportal_session.so", "$module/libs/android.$it/libportal_session.so", "$module/libs/android.$it/abi.json") }
        assertEquals(expected, names)
        assertEquals("", text("R.txt"))
        assertEquals(File(repository, "bindings/kotlin/session/src/main/resources/META-INF/proguard/portal-session.pro").readText(), text("proguard.txt"))
    }

    @Test
    fun `its JSON has the keys and kinds of value that Android's own tools write`() {
        val module = published.entries().asSequence().map { it.name }.first { it.endsWith("/module.json") }
        val abi = published.entries().asSequence().map { it.name }.first { it.endsWith("/abi.json") }
        assertEquals(kinds(published.bytes("prefab/prefab.json").decodeToString()), kinds(text("prefab/prefab.json")))
        assertEquals(setOf("export_libraries", "library_name"), kinds(text("prefab/modules/portal_session/module.json")).keys)
        assertTrue(kinds(published.bytes(module).decodeToString()).keys.containsAll(setOf("export_libraries")))
        for (each in abis) {
            val mine = text("prefab/modules/portal_session/libs/android.$each/abi.json")
            assertEquals(kinds(published.bytes(abi).decodeToString()), kinds(mine))
            assertTrue(mine, "\"abi\": \"$each\"" in mine && "\"stl\": \"none\"" in mine && "\"api\": 23" in mine)
        }
        assertTrue("\"version\": \"${libraryVersion()}\"" in text("prefab/prefab.json"))
    }

    /** The keys of a flat object, each with its value's first character: what kind it is. */
    private fun kinds(json: String) =
        Regex("\"([a-z_]+)\"\\s*:\\s*(.)").findAll(json).associate { it.groupValues[1] to it.groupValues[2].replace(Regex("[0-9]"), "0").replace(Regex("[tf]"), "b") }

    private fun libraryVersion() =
        checkNotNull(Regex("#define PORTAL_VERSION \"([^\"]+)\"").find(File(repository, "capi/include/portal_session/portal_session.h").readText())).groupValues[1]

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
        val path = "META-INF/com/android/build/gradle/aar-metadata.properties"
        fun keys(text: String) = text.lines().filter { '=' in it }.map { it.substringBefore('=') }.toSet()
        val required = setOf("aarFormatVersion", "aarMetadataVersion")
        assertTrue(keys(text(path)).containsAll(required))
        assertTrue(keys(published.bytes(path).decodeToString()).containsAll(required))
    }

    @Test
    fun `its classes are whole, for Java 8, and bring no desktop library`() {
        val entries = mutableMapOf<String, Int>()
        ZipInputStream(ByteArrayInputStream(aar.bytes("classes.jar"))).use { zip ->
            while (true) {
                val entry = zip.nextEntry ?: break
                if (entry.isDirectory) continue
                val data = DataInputStream(zip)
                data.readInt()
                data.readUnsignedShort()
                entries[entry.name] = data.readUnsignedShort()
            }
        }
        for (name in listOf("PortalSession", "okhttp/PortalInterceptor", "android/KeystoreStore", "internal/NativeBridge")) assertTrue(name, "io/portalsession/$name.class" in entries)
        assertEquals(emptyMap<String, Int>(), entries.filter { (name, version) -> !name.endsWith(".class") || version != JAVA_8 })
    }

    @Test
    fun `each library exports the C API and JNI_OnLoad, loads in pages of 16 KB, and is small`() {
        val listed = File(repository, "capi/exports.txt").readLines().filter { it.firstOrNull()?.isLetter() == true }.toSet() + "JNI_OnLoad"
        for (abi in abis) {
            val library = extracted("jni/$abi/libportal_session.so")
            val symbols = run("readelf", "-W", "--dyn-syms", library.path).lines().map { it.trim().split(Regex("\\s+")) }
            val exported = symbols.filter { it.size >= 8 && it[6] != "UND" && it[4] in setOf("GLOBAL", "WEAK") }.map { it[7].substringBefore('@') }.toSet()
            assertEquals(abi, listed, exported)
            val loads = run("readelf", "-W", "-l", library.path).lines().map { it.trim() }.filter { it.startsWith("LOAD ") }
            assertFalse(loads.isEmpty())
            for (load in loads) assertTrue("$abi: $load", java.lang.Long.decode(load.split(Regex("\\s+")).last()) >= PAGE)
            val needed = Regex("\\(NEEDED\\).*\\[(.*)]").findAll(run("readelf", "-W", "-d", library.path)).map { it.groupValues[1] }.toList()
            assertFalse("$needed", needed.any { Regex("curl|ssl|crypto|simdjson|jvm").containsMatchIn(it) })
            assertTrue("$abi: ${library.length()} bytes", library.length() <= LARGEST)
            assertTrue(aar.bytes("jni/$abi/libportal_session.so").contentEquals(aar.bytes("prefab/modules/portal_session/libs/android.$abi/libportal_session.so")))
            println("$abi: libportal_session.so has ${library.length()} bytes")
        }
    }

    private companion object {
        const val FRAMEWORK = "/usr/share/android-framework-res/framework-res.apk"
        const val JAVA_8 = 52
        const val PAGE = 16_384L
        const val LARGEST = 600_000L
    }
}

// How libportal_session comes into the process.
package io.portalsession.internal

import java.io.File
import java.util.Locale

internal object NativeLibrary {
    private const val NAME = "portal_session"
    private const val FILE_PROPERTY = "portal.session.library"

    /** A file named by the system property; in a desktop's jar the one in it; else, as on Android, the system's search. */
    fun load() {
        val file = System.getProperty(FILE_PROPERTY)
        val packed = if (file == null && !isAndroid()) NativeLibrary::class.java.getResource(packedName()) else null
        when {
            file != null -> System.load(File(file).absolutePath)
            packed != null -> loadUnpacked(packed.readBytes())
            else -> System.loadLibrary(NAME)
        }
    }

    private fun packedName(): String {
        val system = System.getProperty("os.name").orEmpty().lowercase(Locale.ROOT).substringBefore(' ')
        val processor = System.getProperty("os.arch").orEmpty().lowercase(Locale.ROOT)
        return "/natives/$system-$processor/${System.mapLibraryName(NAME)}"
    }

    /** There the search of a class path opens archives, often on the main thread, and finds nothing. */
    private fun isAndroid() = System.getProperty("java.vm.name") == "Dalvik"

    /** The file goes at once where the system allows it, so that a killed process leaves none. */
    internal fun loadUnpacked(library: ByteArray) {
        val file = File.createTempFile(NAME, null)
        try {
            file.writeBytes(library)
            System.load(file.absolutePath)
        } catch (cause: UnsatisfiedLinkError) {
            val hint =
                "The native library cannot be loaded from ${file.parent}, perhaps because that folder is mounted noexec. " +
                    "Set -Djava.io.tmpdir to another folder, or -D$FILE_PROPERTY to the path of libportal_session."
            throw UnsatisfiedLinkError(hint).apply { initCause(cause) }
        } finally {
            if (!file.delete()) file.deleteOnExit() // Windows keeps a loaded file
        }
    }
}

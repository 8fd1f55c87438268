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
        val packed = if (file == null) NativeLibrary::class.java.getResource(packedName()) else null
        when {
            file != null -> System.load(File(file).absolutePath)
            packed != null -> System.load(unpacked(packed.readBytes()).absolutePath)
            else -> System.loadLibrary(NAME)
        }
    }

    private fun packedName(): String {
        val system = System.getProperty("os.name").orEmpty().lowercase(Locale.ROOT).substringBefore(' ')
        val processor = System.getProperty("os.arch").orEmpty().lowercase(Locale.ROOT)
        return "/natives/$system-$processor/${System.mapLibraryName(NAME)}"
    }

    private fun unpacked(library: ByteArray): File {
        val file = File.createTempFile(NAME, null)
        file.deleteOnExit()
        file.writeBytes(library)
        return file
    }
}

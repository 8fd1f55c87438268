// What an error of Portal's Android SDK means. Its classes are known by name, so that no version of it is needed here; the
// keep rules in META-INF/proguard keep those names in a minified app.
package io.portalsession.guard

import io.portalsession.ClientSessionException
import java.io.IOException

internal enum class GuardVerdict {
    /** Portal's MPC rejected the token: proven, since only Portal answers there. */
    REJECTED,

    /** Somebody answered 401: the SDK hides who, so Portal is asked. */
    SUSPECTED,

    /** The same call may succeed later. */
    TRANSIENT,

    /** Says nothing about the token. */
    OTHER,
}

internal object GuardErrors {
    private const val DEEPEST = 8
    private const val UNAUTHORIZED = 401
    private val transientStatuses = setOf(408, 429) + (500..599)
    private val rejections = setOf("320", "202", "INVALID_API_KEY", "AUTH_FAILED")
    private val statusPrefix = Regex("^(\\d{3}) - ")

    /** The first error in the chain of causes that says something. */
    fun verdict(error: Throwable): GuardVerdict =
        generateSequence(error) { it.cause }
            .take(DEEPEST)
            .map(::ofOne)
            .firstOrNull { it != GuardVerdict.OTHER } ?: GuardVerdict.OTHER

    private fun ofOne(error: Throwable): GuardVerdict {
        if (error is ClientSessionException) return GuardVerdict.OTHER
        val names = generateSequence<Class<*>>(error.javaClass) { it.superclass }.map { simpleName(it) }.toList()
        return when {
            "HttpUnauthorized" in names || "PortalHttpUnauthorizedException" in names -> GuardVerdict.SUSPECTED
            "MpcResultError" in names -> if (isRejection(error)) GuardVerdict.REJECTED else GuardVerdict.OTHER
            "HttpRequestFailed" in names -> ofText(error.message.orEmpty())
            error is IOException -> GuardVerdict.TRANSIENT
            else -> GuardVerdict.OTHER
        }
    }

    private fun simpleName(type: Class<*>) = type.name.substringAfterLast('.').substringAfterLast('$')

    /** `HttpRequestFailed("<status> - …")`: the text is all that there is. */
    private fun ofText(message: String): GuardVerdict {
        val status = statusPrefix.find(message)?.groupValues?.get(1)?.toInt()
        return when {
            status == UNAUTHORIZED -> GuardVerdict.SUSPECTED
            status in transientStatuses -> GuardVerdict.TRANSIENT
            status == null && "valid HTTP response" in message -> GuardVerdict.TRANSIENT
            else -> GuardVerdict.OTHER
        }
    }

    /** `MpcResultError(PortalError(rawCode, rawMessage, id))`. */
    private fun isRejection(error: Throwable): Boolean =
        fieldsOf(error)
            .filterNotNull()
            .filter { simpleName(it.javaClass) == "PortalError" }
            .flatMap { portalError -> fieldsOf(portalError, "id", "rawCode", "code") }
            .any { it.toString() in rejections }

    private fun fieldsOf(
        holder: Any,
        vararg names: String,
    ): List<Any?> =
        generateSequence<Class<*>>(holder.javaClass) { it.superclass }
            .takeWhile { it != Throwable::class.java && it != Any::class.java }
            .flatMap { it.declaredFields.asSequence() }
            .filter { names.isEmpty() || it.name in names }
            .mapNotNull { field -> runCatching { field.apply { isAccessible = true }.get(holder) }.getOrNull() }
            .toList()
}

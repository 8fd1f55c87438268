// Stands in for the errors of Portal's Android SDK: their names and fields, as its users meet them.
package io.portalhq.android.exceptions

sealed class PortalException(message: String) : Exception(message) {
    sealed class Api(message: String) : PortalException(message) {
        class HttpUnauthorized(message: String = "401 - Unauthorized") : Api(message)

        class HttpRequestFailed(message: String) : Api(message)
    }

    sealed class Mpc(message: String) : PortalException(message) {
        class MpcResultError(private val error: PortalError) : Mpc(error.toString())
    }
}

class PortalError(
    private val rawCode: Int?,
    private val rawMessage: String?,
    private val id: String?,
) {
    override fun toString() = "$rawMessage"
}

// What the interceptor and the call factory share: which requests carry the token, and what their answers say.
@file:JvmName("PortalRequests")

package io.portalsession.okhttp

import io.portalsession.Lease
import io.portalsession.PortalSession
import io.portalsession.PortalSessionException
import okhttp3.Request
import okhttp3.Response

/** After a 401 this request may be sent once more with a newer token, though its method is not idempotent. */
public fun Request.Builder.replayAfterUnauthorized(): Request.Builder = tag(Replay::class.java, Replay)

/** This request never carries the token, wherever it goes: for the provider's own, if its host is an allowed one. */
public fun Request.Builder.withoutPortalToken(): Request.Builder = tag(WithoutToken::class.java, WithoutToken)

private object Replay

private object WithoutToken

internal const val DEFAULT_TIMEOUT_MILLIS = 10_000L
private const val AUTHORIZATION = "Authorization"
private const val UNAUTHORIZED = 401
private val idempotent = setOf("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE")

/** Whether the token goes onto it. A request with an `Authorization` of its own is none of ours. */
internal fun PortalSession.mayCarryToken(request: Request): Boolean =
    request.tag(WithoutToken::class.java) == null &&
        request.header(AUTHORIZATION) == null &&
        allows(request.url.scheme, request.url.host, request.url.port)

internal fun Request.with(lease: Lease): Request = newBuilder().header(AUTHORIZATION, lease.authorization()).build()

/**
 * Reports what Portal itself answered to the very request that carried the token: not a cache, nor whoever was asked after
 * a redirect. True: the token was rejected, and [request] may be sent once more with a newer one.
 */
internal fun PortalSession.judge(
    lease: Lease,
    request: Request,
    response: Response,
): Boolean {
    val first = generateSequence(response) { it.priorResponse }.last()
    val status = first.networkResponse?.code ?: return false
    try {
        report(lease, status)
    } catch (_: PortalSessionException) {
        return false // signed out or closed meanwhile: the answer is the caller's all the same
    }
    return status == UNAUTHORIZED && first === response && mayReplay(request)
}

private fun mayReplay(request: Request): Boolean {
    val isAllowed = request.method in idempotent || request.tag(Replay::class.java) != null
    val body = request.body ?: return isAllowed
    return isAllowed && !body.isOneShot() && !body.isDuplex()
}

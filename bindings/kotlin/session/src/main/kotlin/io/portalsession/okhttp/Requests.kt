// What the interceptor and the call factory share: which requests carry the token, and what their answers say.
@file:JvmName("PortalRequests")

package io.portalsession.okhttp

import io.portalsession.Lease
import io.portalsession.LeaseOptions
import io.portalsession.ClientSession
import io.portalsession.ClientSessionException
import io.portalsession.TokenAnswer
import java.io.IOException
import kotlin.time.Duration.Companion.milliseconds
import okhttp3.Request
import okhttp3.Response

/** After a 401 this request may be sent once more with a newer token, though its method is not idempotent. */
public fun Request.Builder.replayAfterUnauthorized(): Request.Builder = tag(Replay::class.java, Replay)

/** This request never carries the token, wherever it goes: for the provider's own, if its host is an allowed one. */
public fun Request.Builder.withoutPortalToken(): Request.Builder = tag(WithoutToken::class.java, WithoutToken)

/** Finds the token in what the backend answered. What it throws means that there is none. */
public fun interface TokenReader {
    @Throws(Exception::class)
    public fun read(body: String): TokenAnswer.Token
}

/**
 * The provider's answer, made of the backend's. [reader] is asked only for a 2xx; [TokenAnswer.Http] says what any other
 * status means. Closes the response.
 */
@Throws(IOException::class)
public fun Response.toTokenAnswer(reader: TokenReader): TokenAnswer =
    use {
        val token = if (isSuccessful) readToken(reader) else null
        TokenAnswer.Http(code, token, header("Retry-After"), header("Date"))
    }

private fun Response.readToken(reader: TokenReader): TokenAnswer.Token? {
    val text = body.string().removePrefix(BYTE_ORDER_MARK)
    return try {
        if (text.isBlank()) null else reader.read(text)
    } catch (
        @Suppress("TooGenericExceptionCaught") _: Exception,
    ) {
        null // its text may hold the token
    }
}

private object Replay

private object WithoutToken

internal const val DEFAULT_TIMEOUT_MILLIS = 10_000L
private const val AUTHORIZATION = "Authorization"
private const val UNAUTHORIZED = 401
private const val BYTE_ORDER_MARK = "\uFEFF"
private val idempotent = setOf("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE")

/** Whether the token goes onto it. A request with an `Authorization` of its own is none of ours. */
internal fun ClientSession.mayCarryToken(request: Request): Boolean =
    request.tag(WithoutToken::class.java) == null &&
        request.header(AUTHORIZATION) == null &&
        allows(request.url.scheme, request.url.host, request.url.port)

internal fun leaseOptions(
    timeoutMillis: Long,
    newerThan: Lease?,
): LeaseOptions = LeaseOptions(timeoutMillis.milliseconds, newerThan)

internal fun Request.with(lease: Lease): Request = newBuilder().header(AUTHORIZATION, lease.authorization()).build()

/**
 * Reports what Portal itself answered to the very request that carried the token: not a cache, nor whoever was asked after
 * a redirect. True: the token was rejected, and [request] may be sent once more with a newer one.
 */
internal fun ClientSession.judge(
    lease: Lease,
    request: Request,
    response: Response,
): Boolean {
    val first = generateSequence(response) { it.priorResponse }.last()
    val status = first.networkResponse?.code ?: return false
    try {
        report(lease, status)
    } catch (_: ClientSessionException) {
        return false // signed out or closed meanwhile: the answer is the caller's all the same
    }
    return status == UNAUTHORIZED && first === response && mayReplay(request)
}

private fun mayReplay(request: Request): Boolean {
    val isAllowed = request.method in idempotent || request.tag(Replay::class.java) != null
    val body = request.body ?: return isAllowed
    return isAllowed && !body.isOneShot() && !body.isDuplex()
}

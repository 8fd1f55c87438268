// How a session is configured and opened.
package io.portalsession

import io.portalsession.internal.NativeBridge
import io.portalsession.internal.NativeHandle
import io.portalsession.internal.SessionHost
import kotlin.coroutines.CoroutineContext
import kotlinx.coroutines.Dispatchers

/** All that a session is given; there are no setters. What is not set has Portal's value. */
public class ClientSessionBuilder {
    private var name = ""
    private var clientId = ""
    private var portalUrl = ""
    private var role = ""
    private var allowedHosts: List<String>? = null
    private var flags = 0
    private var bootTag = 0L
    private var policy = SessionPolicy.DEFAULT
    private var provider: TokenProvider? = null
    private var context: CoroutineContext = Dispatchers.IO
    private var store: SessionStore? = null
    private var logger: SessionLogger? = null
    private var level = SessionLogger.Level.OFF

    @OptIn(ClientSessionTestingApi::class)
    private var clock: SessionClock? = null

    /** Which session; 1 to 128 bytes of UTF-8. Two with one name and store behave as two processes would. */
    public fun name(name: String): ClientSessionBuilder = apply { this.name = given("name", name) }

    /** Whose session; if it is not set, it is learnt from the first token that names one. */
    public fun clientId(clientId: String): ClientSessionBuilder = apply { this.clientId = given("clientId", clientId) }

    /** Portal's address: `https://api.portalhq.io`. Its host may get the token too. */
    public fun portalUrl(url: String): ClientSessionBuilder = apply { portalUrl = given("portalUrl", url) }

    /**
     * Which process of the app this is, where several share a store: `main`, `push`; at most 16 printable characters.
     * While one process asks its provider, the others wait for its token; if it is killed meanwhile, a new process of
     * the same role does not wait for it.
     */
    public fun role(role: String): ClientSessionBuilder = apply { this.role = given("role", role) }

    /** Who may get the token, each with its sub-domains: `host` or `host:port`. Only `portalhq.io` if it is not set. */
    public fun allowedHosts(vararg hosts: String): ClientSessionBuilder =
        apply {
            require(hosts.isNotEmpty()) { "allowedHosts has no host. Leave it out for Portal's own." }
            allowedHosts = hosts.toList()
        }

    /** Lets the token go to 127.0.0.1 and [::1], over http too: for tests against a server of one's own. */
    public fun allowLoopback(): ClientSessionBuilder = apply { flags = flags or NativeBridge.ALLOW_LOOPBACK }

    /** The app's way to its backend; without it only a push brings tokens. */
    @JvmSynthetic
    public fun provider(provider: TokenProvider): ClientSessionBuilder = apply { this.provider = provider }

    /** The same, for Java. */
    public fun callbackProvider(provider: CallbackTokenProvider): ClientSessionBuilder = provider(provider.asSuspending())

    /** Where the provider runs: [Dispatchers.IO]. */
    public fun providerContext(context: CoroutineContext): ClientSessionBuilder = apply { this.context = context }

    /** Where the session is kept; without it in memory alone. */
    public fun store(store: SessionStore): ClientSessionBuilder = apply { this.store = store }

    /** Where log lines go, and which. */
    public fun logger(
        level: SessionLogger.Level,
        logger: SessionLogger,
    ): ClientSessionBuilder =
        apply {
            this.level = level
            this.logger = logger
        }

    /** Portal's rule where it differs from the published one, and what the session adds to it. */
    public fun policy(policy: SessionPolicy): ClientSessionBuilder = apply { this.policy = policy }

    /** This boot as the host names it, for systems that hide their own name for it. */
    public fun bootTag(tag: Long): ClientSessionBuilder =
        apply {
            require(tag != 0L) { "bootTag is 0. Leave it out where the boot is not known." }
            bootTag = tag
        }

    /** Another clock than the system's. */
    @ClientSessionTestingApi
    public fun clock(clock: SessionClock): ClientSessionBuilder = apply { this.clock = clock }

    private fun given(
        what: String,
        text: String,
    ): String {
        require(text.isNotEmpty()) { "$what is empty. Leave it out for the default." }
        return text
    }

    /**
     * Opens it, and starts to load what the store has. No input or output, no wait: fit for the main thread.
     *
     * @throws ClientSessionException if a value is out of its bounds
     */
    @Throws(ClientSessionException::class)
    @OptIn(ClientSessionTestingApi::class)
    public fun open(): ClientSession {
        val flows = SessionFlows()
        val host = SessionHost(provider, store, logger, clock, context)
        val opened = AtomicHandle()
        host.onEvent = { event ->
            opened.value?.let { handle -> runCatching { handle.use { flows.publish(flows.read(it)) } } }
            flows.tell(event)
        }
        val session =
            NativeBridge.open(
                host,
                host.parts,
                level.ordinal,
                flags,
                name.encodeToByteArray(),
                clientId.encodeToByteArray(),
                portalUrl.encodeToByteArray(),
                role.encodeToByteArray(),
                allowedHosts?.map { it.encodeToByteArray() }?.toTypedArray(),
                policy.values() + bootTag,
            )
        val handle = NativeHandle(session)
        opened.value = handle
        flows.publish(handle.use(flows::read))
        return ClientSession(handle, host, flows, portalUrl.ifEmpty { PORTAL_URL })
    }

    private class AtomicHandle {
        @Volatile var value: NativeHandle? = null
    }

    private companion object {
        const val PORTAL_URL = "https://api.portalhq.io"
    }
}

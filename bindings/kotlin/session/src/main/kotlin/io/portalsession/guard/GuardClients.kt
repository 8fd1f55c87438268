// The app's client objects: one for each token, each closed when its last call is over.
package io.portalsession.guard

import io.portalsession.Lease
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock

/** Which token, without its text. */
internal data class TokenId(
    val epoch: Long,
    val generation: Long,
) : Comparable<TokenId> {
    constructor(lease: Lease) : this(lease.epoch, lease.generation)

    override fun compareTo(other: TokenId): Int = compareValuesBy(this, other, TokenId::epoch, TokenId::generation)
}

internal class GuardClients<Client : Any>(
    private val create: suspend (token: String) -> Client,
    private val onReplaced: (old: Client?, new: Client) -> Unit,
) {
    class Slot<Client>(
        val id: TokenId,
        val client: Client,
    ) {
        internal var users = 0
        internal var isRetired = false
    }

    private val building = Mutex()
    private val lock = Any()
    private var current: Slot<Client>? = null

    /** The client of this lease's token, or of a newer one; it is built once, however many ask. Pair it with [leave]. */
    suspend fun enter(lease: Lease): Slot<Client> {
        val id = TokenId(lease)
        entered(id)?.let { return it }
        return building.withLock {
            entered(id)?.let { return it }
            val made = Slot(id, create(lease.token())).apply { users = 1 }
            val old = synchronized(lock) { current.also { current = made } }
            onReplaced(old?.client, made.client)
            old?.let(::retire)
            made
        }
    }

    fun leave(slot: Slot<Client>) {
        val isLast =
            synchronized(lock) {
                slot.users--
                slot.isRetired && slot.users == 0
            }
        if (isLast) close(slot)
    }

    /** After a sign-out nobody gets the old user's client. */
    fun retireOlderThan(epoch: Long) {
        val old = synchronized(lock) { current?.takeIf { it.id.epoch < epoch }?.also { current = null } }
        old?.let(::retire)
    }

    private fun entered(id: TokenId): Slot<Client>? =
        synchronized(lock) { current?.takeIf { it.id >= id }?.apply { users++ } }

    private fun retire(slot: Slot<Client>) {
        val isUnused =
            synchronized(lock) {
                slot.isRetired = true
                slot.users == 0
            }
        if (isUnused) close(slot)
    }

    private fun close(slot: Slot<Client>) {
        (slot.client as? AutoCloseable)?.close()
    }
}

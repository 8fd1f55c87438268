#include "fake_portal/connections.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

namespace fake_portal {

thread_local Connections::Connection* Connections::current = nullptr;

void Connections::watch(SSL_CTX* context) { SSL_CTX_set_info_callback(context, &Connections::on_tls_event); }

// cpp-httplib tells nobody its sockets; OpenSSL does, from the first byte of the handshake.
void Connections::on_tls_event(const SSL* ssl, int where, int /*result*/) {
    if ((where & SSL_CB_HANDSHAKE_START) != 0 && current != nullptr) current->owner->adopt(*current, SSL_get_fd(ssl));
}

void Connections::serve(std::function<void()> connection) {
    const std::lock_guard lock(mutex_);
    for (auto it = connections_.begin(); it != connections_.end();) {
        if (!it->ended) {
            ++it;
            continue;
        }
        it->thread.join();
        it = connections_.erase(it);
    }
    Connection& entry = connections_.emplace_back();
    entry.owner = this;
    entry.thread = std::thread([this, &entry, work = std::move(connection)] {
        current = &entry;
        work();
        current = nullptr;
        end(entry);
    });
}

void Connections::adopt(Connection& connection, int socket) {
    const std::lock_guard lock(mutex_);
    if (connection.socket < 0) connection.socket = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
    if (cutting_) ::shutdown(connection.socket, SHUT_RDWR);
}

void Connections::end(Connection& connection) {
    const std::lock_guard lock(mutex_);
    if (connection.socket >= 0) ::close(connection.socket);
    connection.socket = -1;
    connection.ended = true;
}

void Connections::cut_current() {
    if (current == nullptr) return;
    const std::lock_guard lock(current->owner->mutex_);
    ::shutdown(current->socket, SHUT_RDWR);
}

void Connections::cut_all() {
    const std::lock_guard lock(mutex_);
    cutting_ = true;
    for (const Connection& connection : connections_) {
        if (connection.socket >= 0) ::shutdown(connection.socket, SHUT_RDWR);
    }
}

void Connections::join_all() {
    std::list<Connection> all;
    {
        const std::lock_guard lock(mutex_);
        all.swap(connections_);
    }
    for (Connection& connection : all) connection.thread.join();
    const std::lock_guard lock(mutex_);
    cutting_ = false;
}

}  // namespace fake_portal

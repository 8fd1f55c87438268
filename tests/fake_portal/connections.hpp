// The server's connections: a thread each, so that no slow or idle one holds up another, and a way to cut them.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

#include <openssl/ssl.h>

namespace fake_portal {

class Connections {
public:
    Connections() = default;
    Connections(const Connections&) = delete;
    Connections& operator=(const Connections&) = delete;
    ~Connections() { join_all(); }

    // Every connection made with `context` can be cut from its handshake on.
    static void watch(SSL_CTX* context);

    // Serves one connection on a thread of its own.
    void serve(std::function<void()> connection);

    // Cuts the connection that the calling thread serves: its client gets no further byte.
    static void cut_current();

    // Cuts all there are, and each that comes until `join_all`.
    void cut_all();

    // Waits until every thread has ended.
    void join_all();

private:
    struct Connection {
        Connections* owner = nullptr;
        std::thread thread;
        int socket = -1;  // a duplicate, so that a cut never hits a number that was given away again
        std::atomic<bool> ended{false};
    };

    static void on_tls_event(const SSL* ssl, int where, int result);
    static thread_local Connection* current;

    void adopt(Connection& connection, int socket);
    void end(Connection& connection);

    std::mutex mutex_;
    std::list<Connection> connections_;
    bool cutting_ = false;
};

}  // namespace fake_portal

// A server over real TLS, or without, that answers as a test tells it to, byte by byte: too much, too little, too slowly.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "fake_portal/tls.hpp"

namespace portal::test {

// One connection, on a thread of its own.
class HostilePeer {
public:
    virtual ~HostilePeer() = default;
    // The request that is to be answered, to the end of its headers.
    [[nodiscard]] virtual const std::string& request() const = 0;
    // False: the client is gone.
    virtual bool send(std::string_view bytes) = 0;
    // Ends the connection as a broken network does: without TLS's goodbye.
    virtual void cut() = 0;
    // Ends it as a server does.
    virtual void close() = 0;
    // Waits until the client ends the connection, this long at most. True: it did.
    virtual bool is_left_within(int ms) = 0;
};

struct HostileOptions {
    fake_portal::CertificateKind certificate = fake_portal::CertificateKind::good;
    bool with_tls = true;
    bool only_tls_1_1 = false;
    bool only_tls_1_3 = false;
    const char* only_ciphers = nullptr;  // of TLS 1.2, however weak
};

class HostileServer {
public:
    // Called for each request, when its headers are in. Afterwards the connection waits for the next request.
    using Answer = std::function<void(HostilePeer&)>;

    explicit HostileServer(Answer answer, HostileOptions options = {});
    ~HostileServer();
    HostileServer(const HostileServer&) = delete;
    HostileServer& operator=(const HostileServer&) = delete;

    [[nodiscard]] std::string url() const;
    [[nodiscard]] std::string ca_file() const;
    [[nodiscard]] int requests() const;
    [[nodiscard]] int connections() const;
    [[nodiscard]] std::uint64_t bytes_sent() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace portal::test

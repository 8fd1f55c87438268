#include "integration/hostile_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include <openssl/ssl.h>

#include "support/temp_dir.hpp"

namespace portal::test {
namespace {

void require(bool ok, const char* step) {
    if (!ok) throw std::runtime_error(std::string("hostile server: ") + step + " failed");
}

struct Free {
    void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
    void operator()(SSL* session) const { ::SSL_free(session); }
};
using Context = std::unique_ptr<SSL_CTX, Free>;
using Session = std::unique_ptr<SSL, Free>;

Context make_context(const fake_portal::TlsFiles& files, const HostileOptions& options) {
    Context context(::SSL_CTX_new(::TLS_server_method()));
    require(context != nullptr, "making a TLS context");
    if (options.only_tls_1_1) {
        ::SSL_CTX_set_security_level(context.get(), 0);  // else OpenSSL itself refuses to go so low
        require(::SSL_CTX_set_min_proto_version(context.get(), TLS1_1_VERSION) == 1 &&
                    ::SSL_CTX_set_max_proto_version(context.get(), TLS1_1_VERSION) == 1,
                "choosing TLS 1.1");
    }
    if (options.only_tls_1_3)
        require(::SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) == 1, "choosing TLS 1.3");
    if (options.only_ciphers != nullptr) {
        ::SSL_CTX_set_security_level(context.get(), 0);
        require(::SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION) == 1 &&
                    ::SSL_CTX_set_cipher_list(context.get(), options.only_ciphers) == 1,
                "choosing ciphers");
    }
    require(::SSL_CTX_use_certificate_file(context.get(), files.certificate_file.c_str(), SSL_FILETYPE_PEM) == 1 &&
                ::SSL_CTX_use_PrivateKey_file(context.get(), files.key_file.c_str(), SSL_FILETYPE_PEM) == 1,
            "loading the certificate");
    return context;
}

// Writes to a client that is gone must not end the test.
void block_broken_pipe_signal() {
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

class Peer final : public HostilePeer {
public:
    Peer(int socket, SSL_CTX* context, std::atomic<std::uint64_t>& sent)
        : socket_(socket), session_(context != nullptr ? ::SSL_new(context) : nullptr), sent_(sent) {
        if (session_ != nullptr) ::SSL_set_fd(session_.get(), socket_);
    }

    bool shake_hands() { return session_ == nullptr || ::SSL_accept(session_.get()) == 1; }

    // Reads one request's headers. False: there is none any more.
    bool read_request() {
        request_.clear();
        char byte = 0;
        while (is_open_ && (request_.size() < 4 || request_.compare(request_.size() - 4, 4, "\r\n\r\n") != 0)) {
            const auto got =
                session_ != nullptr ? ::SSL_read(session_.get(), &byte, 1) : static_cast<int>(::recv(socket_, &byte, 1, 0));
            if (got != 1) return false;
            request_ += byte;
            constexpr char tls_handshake = 0x16;
            if (session_ == nullptr && request_[0] == tls_handshake) {
                send("HTTP/1.1 400 Bad Request\r\n\r\n");
                return false;
            }
        }
        return is_open_;
    }

    [[nodiscard]] const std::string& request() const override { return request_; }

    bool send(std::string_view bytes) override {
        const int size = static_cast<int>(bytes.size());
        const auto written = session_ != nullptr
                                 ? ::SSL_write(session_.get(), bytes.data(), size)
                                 : static_cast<int>(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
        if (written > 0) sent_ += static_cast<std::uint64_t>(written);
        return written == size;
    }

    void cut() override {
        is_open_ = false;
        ::shutdown(socket_, SHUT_WR);
    }

    void close() override {
        if (session_ != nullptr && is_open_) ::SSL_shutdown(session_.get());
        cut();
    }

    bool is_left_within(int ms) override {
        pollfd ready{socket_, POLLIN, 0};  // a client that waits for an answer says nothing but farewell
        return ::poll(&ready, 1, ms) > 0;
    }

private:
    const int socket_;
    const Session session_;
    std::atomic<std::uint64_t>& sent_;
    std::string request_;
    bool is_open_ = true;
};

}  // namespace

class HostileServer::Impl {
public:
    Impl(Answer answer, const HostileOptions& options) : answer_(std::move(answer)) {
        files_ = fake_portal::write_certificates(directory_.path(), fake_portal::make_certificates(options.certificate));
        if (options.with_tls) context_ = make_context(files_, options);
        listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        socklen_t size = sizeof address;
        require(::bind(listener_, generic, size) == 0 && ::listen(listener_, 16) == 0 &&
                    ::getsockname(listener_, generic, &size) == 0,
                "listening");
        url_ = (options.with_tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(::ntohs(address.sin_port));
        acceptor_ = std::thread([this] { accept_all(); });
    }
    ~Impl() {
        ::shutdown(listener_, SHUT_RDWR);
        acceptor_.join();  // from here on no connection is added
        for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
        for (std::thread& thread : threads_) thread.join();
        for (const int socket : sockets_) ::close(socket);
        ::close(listener_);
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    std::string url_;
    fake_portal::TlsFiles files_;
    std::atomic<int> requests_{0};
    std::atomic<int> connections_{0};
    std::atomic<std::uint64_t> sent_{0};

private:
    void accept_all() {
        for (int socket = 0; (socket = ::accept(listener_, nullptr, nullptr)) >= 0;) {
            sockets_.push_back(socket);
            threads_.emplace_back([this, socket] { serve(socket); });
        }
    }

    void serve(int socket) {
        block_broken_pipe_signal();
        Peer peer(socket, context_.get(), sent_);
        ++connections_;
        if (peer.shake_hands())
            while (peer.read_request()) {
                ++requests_;
                answer_(peer);
            }
        ::shutdown(socket, SHUT_RDWR);
    }

    const Answer answer_;
    const TempDir directory_;
    Context context_;
    int listener_ = -1;
    std::thread acceptor_;
    std::vector<int> sockets_;  // this and the next are the acceptor's, until it has ended
    std::vector<std::thread> threads_;
};

HostileServer::HostileServer(Answer answer, HostileOptions options)
    : impl_(std::make_unique<Impl>(std::move(answer), options)) {}
HostileServer::~HostileServer() = default;
std::string HostileServer::url() const { return impl_->url_; }
std::string HostileServer::ca_file() const { return impl_->files_.ca_file; }
int HostileServer::requests() const { return impl_->requests_; }
int HostileServer::connections() const { return impl_->connections_; }
std::uint64_t HostileServer::bytes_sent() const { return impl_->sent_; }

}  // namespace portal::test

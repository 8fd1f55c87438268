#include "fake_portal/server.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

#include <httplib.h>

#include "fake_portal/connections.hpp"
#include "fake_portal/json.hpp"

namespace fake_portal {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds longest_hold{60'000};
constexpr milliseconds longest_wait{10'000};
constexpr std::chrono::seconds longest_idle{60};  // of a connection between two requests
constexpr std::size_t max_body_bytes = 1024 * 1024;
constexpr std::size_t unlimited_requests = 1'000'000'000;
constexpr int backlog = 256;  // cpp-httplib's own is 5: a burst of connections would lose a second
constexpr const char* address = "127.0.0.1";
constexpr std::string_view bearer_prefix = "Bearer ";

// void in older versions of cpp-httplib, bool in newer ones.
using Enqueued = decltype(std::declval<httplib::TaskQueue&>().enqueue({}));

class ConnectionQueue final : public httplib::TaskQueue {
public:
    explicit ConnectionQueue(Connections& connections) : connections_(connections) {}
    Enqueued enqueue(std::function<void()> connection) override {
        connections_.serve(std::move(connection));
        return Enqueued(true);
    }
    void shutdown() override { connections_.join_all(); }

private:
    Connections& connections_;
};

// The method's name changed between versions too.
template <typename SslServer>
SSL_CTX* context_of(const SslServer& server) {
    if constexpr (requires { server.tls_context(); }) {
        return static_cast<SSL_CTX*>(server.tls_context());
    } else {
        return server.ssl_context();
    }
}

// Not cpp-httplib's default SO_REUSEPORT, with which a second fake could share the port unseen.
void set_listener_options(int socket) {
    const int on = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
}

class TlsDirectory {
public:
    explicit TlsDirectory(std::string path) : path_(std::move(path)), temporary_(path_.empty()) {
        if (!temporary_) {
            path_ = std::filesystem::absolute(path_).string();  // whoever reads ca_file may work elsewhere
            return;
        }
        path_ = (std::filesystem::temp_directory_path() / "fake-portal-XXXXXX").string();
        if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("fake Portal: no temporary directory");
    }
    TlsDirectory(const TlsDirectory&) = delete;
    TlsDirectory& operator=(const TlsDirectory&) = delete;
    ~TlsDirectory() {
        std::error_code ignored;
        if (temporary_) std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
    bool temporary_;
};

// Real time, read without jumps, and what was added to it.
class ServerClock {
public:
    ServerClock(bool manual, std::int64_t skew_ms) : manual_(manual), offset_ms_(skew_ms) {}
    [[nodiscard]] std::int64_t now_ms() const { return start_unix_ms_ + offset_ms_ + (manual_ ? 0 : since_start_ms()); }
    void advance(std::int64_t duration_ms) { offset_ms_ += std::max<std::int64_t>(duration_ms, 0); }

private:
    [[nodiscard]] std::int64_t since_start_ms() const {
        return std::chrono::duration_cast<milliseconds>(steady_clock::now() - start_).count();
    }

    bool manual_;
    std::int64_t offset_ms_;
    steady_clock::time_point start_ = steady_clock::now();
    std::int64_t start_unix_ms_ =
        std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
};

Request request_from(const httplib::Request& in, std::string body) {
    const std::string header = in.get_header_value("Authorization");
    Request request{in.method, in.path, {}, std::move(body)};
    if (header.starts_with(bearer_prefix)) request.bearer = header.substr(bearer_prefix.size());
    return request;
}

// A request without a length has no body. (cpp-httplib would read on until its time-out.)
std::string read_body(const httplib::Request& in, const httplib::ContentReader& reader) {
    std::string body;
    if (!in.has_header("Content-Length") && !in.has_header("Transfer-Encoding")) return body;
    reader([&body](const char* data, std::size_t size) {
        body.append(data, size);
        return body.size() <= max_body_bytes;
    });
    return body;
}

}  // namespace

class Server::Impl {
public:
    explicit Impl(ServerOptions options)
        : tls_directory_(options.tls_directory),
          files_(write_certificates(tls_directory_.path(), make_certificates(options.certificate))),
          clock_(options.manual_clock, options.clock_skew_ms),
          api_(options.rule, options.unauthorized_body, options.traffic),
          port_(options.port) {
        start();
    }
    ~Impl() { stop(); }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    void start();
    void stop();

    void clear() {
        const std::lock_guard lock(mutex_);
        api_.faults().clear();
        release_locked();
    }
    std::size_t release() {
        const std::lock_guard lock(mutex_);
        return release_locked();
    }
    bool wait_until_held(std::size_t count) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, longest_wait, [this, count] { return held_ >= count; });
    }
    void arm(Fault fault) {
        const std::lock_guard lock(mutex_);
        api_.faults().arm(std::move(fault));
    }
    std::string make_client() {
        const std::lock_guard lock(mutex_);
        return api_.rule().create_client(clock_.now_ms()).id;
    }
    std::int64_t now_ms() const {
        const std::lock_guard lock(mutex_);
        return clock_.now_ms();
    }
    void advance(std::int64_t duration_ms) {
        const std::lock_guard lock(mutex_);
        clock_.advance(duration_ms);
    }
    Snapshot counters() {
        const std::lock_guard lock(mutex_);
        return {clock_.now_ms(), api_.rule().totals(),  api_.counters(), api_.faults().armed(),
                held_,           api_.rule().by_token()};
    }
    const std::string& url() const { return url_; }
    const std::string& ca_file() const { return files_.ca_file; }
    const std::string& api_key() const { return api_.api_key(); }

private:
    void configure(httplib::SSLServer& http);
    void listen();
    void serve(const httplib::Request& in, httplib::Response& out, std::string body);
    Answer control(const httplib::Request& in, const std::string& body);
    void hold_back(const Outcome& outcome);
    std::size_t release_locked();

    TlsDirectory tls_directory_;
    TlsFiles files_;

    mutable std::mutex mutex_;  // guards what follows, up to the next blank line
    std::condition_variable changed_;
    ServerClock clock_;
    Api api_;
    std::size_t held_ = 0;
    std::uint64_t releases_ = 0;
    bool stopping_ = false;
    bool listening_ended_ = false;

    std::mutex life_mutex_;  // one start or stop at a time
    int port_;
    int socket_ = -1;  // the listener's, owned by http_
    std::string url_;
    Connections connections_;
    std::unique_ptr<httplib::SSLServer> http_;
    std::thread listener_;
};

void Server::Impl::start() {
    const std::lock_guard life(life_mutex_);
    if (http_) return;
    auto http = std::make_unique<httplib::SSLServer>(files_.certificate_file.c_str(), files_.key_file.c_str());
    if (!http->is_valid()) throw std::runtime_error("fake Portal: its certificate was not accepted");
    configure(*http);  // before it binds: the socket's options are set there
    const int bound = port_ == 0 ? http->bind_to_any_port(address) : http->bind_to_port(address, port_) ? port_ : -1;
    if (bound <= 0) throw std::runtime_error("fake Portal: the port can't be bound; is it in use?");
    ::listen(socket_, backlog);
    port_ = bound;
    url_ = std::string("https://") + address + ":" + std::to_string(port_);
    http_ = std::move(http);
    {
        const std::lock_guard lock(mutex_);
        stopping_ = false;
        listening_ended_ = false;
    }
    listener_ = std::thread([this] { listen(); });
    // `stop` reaches a running listener only. The port is bound already: nobody waits for this but we.
    std::unique_lock lock(mutex_);
    while (!http_->is_running() && !listening_ended_) changed_.wait_for(lock, milliseconds(1));
}

void Server::Impl::listen() {
    http_->listen_after_bind();
    const std::lock_guard lock(mutex_);
    listening_ended_ = true;
    changed_.notify_all();
}

void Server::Impl::stop() {
    const std::lock_guard life(life_mutex_);
    if (!http_) return;
    connections_.cut_all();  // before held answers wake up, so that none gets out
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    http_->stop();
    listener_.join();
    connections_.join_all();
    http_.reset();
}

void Server::Impl::configure(httplib::SSLServer& http) {
    Connections::watch(context_of(http));
    http.set_socket_options([this](int socket) {
        set_listener_options(socket);
        socket_ = socket;
    });
    const auto plain = [this](const httplib::Request& in, httplib::Response& out) { serve(in, out, {}); };
    const auto with_body = [this](const httplib::Request& in, httplib::Response& out,
                                  const httplib::ContentReader& reader) { serve(in, out, read_body(in, reader)); };
    http.Get(".*", plain);
    http.Post(".*", with_body);
    http.Put(".*", with_body);
    http.Patch(".*", with_body);
    http.Delete(".*", with_body);
    http.new_task_queue = [this] { return new ConnectionQueue(connections_); };
    http.set_tcp_nodelay(true);
    http.set_keep_alive_max_count(unlimited_requests);
    http.set_keep_alive_timeout(longest_idle.count());
    http.set_payload_max_length(max_body_bytes);
}

void Server::Impl::serve(const httplib::Request& in, httplib::Response& out, std::string body) {
    Outcome outcome;
    if (in.path.starts_with("/_fake/")) {
        outcome.answer = control(in, body);
    } else {
        const Request request = request_from(in, std::move(body));
        const std::lock_guard lock(mutex_);
        outcome = api_.handle(request, clock_.now_ms());
    }
    if (outcome.delivery == Delivery::never) return Connections::cut_current();
    hold_back(outcome);
    out.status = outcome.answer.status;
    out.set_header("Date", http_date(now_ms()));
    for (const auto& [name, value] : outcome.answer.headers) out.set_header(name.c_str(), value);
    out.set_content(outcome.answer.body, "application/json");
}

Answer Server::Impl::control(const httplib::Request& in, const std::string& body) {
    const bool is_post = in.method == "POST";
    const auto refused = [](const std::string& problem) {
        return Answer{400, JsonObject().text("error", problem).str(), {}};
    };
    if (is_post && in.path == "/_fake/advance") {
        const auto duration_ms = advance_ms_from_json(body);
        if (!duration_ms) return refused(duration_ms.error());
        advance(*duration_ms);
        return {200, JsonObject().number("now_unix_ms", now_ms()).str(), {}};
    }
    if (is_post && in.path == "/_fake/faults") {
        auto fault = fault_from_json(body);
        if (!fault) return refused(fault.error());
        arm(std::move(*fault));
        return {200, JsonObject().count("armed", counters().armed).str(), {}};
    }
    if (is_post && in.path == "/_fake/release") return {200, JsonObject().count("released", release()).str(), {}};
    if (is_post && in.path == "/_fake/clear") {
        clear();
        return {200, JsonObject().count("armed", 0).str(), {}};
    }
    if (in.method == "GET" && in.path == "/_fake/counters") return {200, snapshot_json(counters()), {}};
    return {404, JsonObject().text("error", "No such control; server.hpp lists them.").str(), {}};
}

void Server::Impl::hold_back(const Outcome& outcome) {
    if (outcome.delivery != Delivery::held && outcome.delivery != Delivery::delayed) return;
    const bool held = outcome.delivery == Delivery::held;
    std::unique_lock lock(mutex_);
    const std::uint64_t before = releases_;
    if (held) ++held_;
    changed_.notify_all();
    changed_.wait_for(lock, held ? longest_hold : milliseconds(outcome.delay_ms),
                      [this, held, before] { return stopping_ || (held && releases_ != before); });
    if (held) --held_;
}

std::size_t Server::Impl::release_locked() {
    ++releases_;
    changed_.notify_all();
    return held_;
}

Server::Server(ServerOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Server::~Server() = default;
void Server::stop() { impl_->stop(); }
void Server::start() { impl_->start(); }
const std::string& Server::url() const { return impl_->url(); }
const std::string& Server::ca_file() const { return impl_->ca_file(); }
const std::string& Server::api_key() const { return impl_->api_key(); }
std::string Server::make_client() { return impl_->make_client(); }
std::int64_t Server::now_ms() const { return impl_->now_ms(); }
void Server::advance(std::int64_t duration_ms) { impl_->advance(duration_ms); }
void Server::arm(Fault fault) { impl_->arm(std::move(fault)); }
void Server::clear() { impl_->clear(); }
std::size_t Server::release() { return impl_->release(); }
bool Server::wait_until_held(std::size_t count) { return impl_->wait_until_held(count); }
Snapshot Server::counters() const { return impl_->counters(); }

}  // namespace fake_portal

// The authenticated client: sends with the token, reports by itself, and replays once after a 401.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "http/allow_list.hpp"
#include "http/transport.hpp"
#include "portal_api/verdict.hpp"

namespace portal {

class Exchange;

struct ClientRequest {
    std::string method;  // empty: GET
    std::string url;     // absolute, or a path under the portal URL
    std::vector<HttpHeader> headers;
    Secret body;
    std::int64_t timeout_ms = 0;  // 0: 30 s; the wait for a token included
    bool may_replay = false;      // though its method is not idempotent
    bool without_token =
        false;  // to the app's own backend: no token, no allow-list; https or allowed loopback all the same
};

struct ClientAnswer {
    Code code = Code::ok;
    HttpResponse response;  // code ok
    Verdict verdict = Verdict::other;
    std::int64_t retry_after_ms = 0;
    Error error;  // else
};

class Client : public std::enable_shared_from_this<Client> {
public:
    // `transport` may be null: then `send` is unsupported.
    Client(std::shared_ptr<Engine> engine, std::shared_ptr<Transport> transport, AllowList allowed, Url portal_url,
           bool allow_loopback);

    [[nodiscard]] Result<void> allows(std::string_view scheme, std::string_view host, std::uint16_t port) const;

    // `call` comes once, on the callback thread. The id is for cancel, and is written before `call` can come.
    [[nodiscard]] Result<void> send(ClientRequest request, std::function<void(ClientAnswer)> call, std::uint64_t* id);
    static Result<void> cancel(std::uint64_t id);

    // Answers what is under way with CLOSED and lets go of the transport. Before the engine's own close.
    void close();

    static std::uint64_t open_exchanges();

private:
    friend class Exchange;
    [[nodiscard]] Result<Url> check_target(const ClientRequest& request) const;
    void forget(const std::shared_ptr<Exchange>& exchange);

    const std::shared_ptr<Engine> engine_;
    const AllowList allowed_;
    const Url portal_url_;
    const bool allow_loopback_;

    std::mutex mutex_;
    bool closed_ = false;
    std::shared_ptr<Transport> transport_;
    std::set<std::shared_ptr<Exchange>> running_;
};

}  // namespace portal

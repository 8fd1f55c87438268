#include "client/client.hpp"

#include <utility>

#include "base/ids.hpp"
#include "client/exchange.hpp"
#include "engine/messages.hpp"

namespace portal {
namespace {

constexpr std::int64_t longest_timeout_ms = 10 * minute_ms;

IdRegistry<std::weak_ptr<Exchange>>& exchanges() { return IdRegistry<std::weak_ptr<Exchange>>::of_process(); }

}  // namespace

Client::Client(std::shared_ptr<Engine> engine, std::shared_ptr<Transport> transport, AllowList allowed, Url portal_url,
               bool allow_loopback)
    : engine_(std::move(engine)),
      allowed_(std::move(allowed)),
      portal_url_(std::move(portal_url)),
      allow_loopback_(allow_loopback),
      transport_(std::move(transport)) {}

Result<void> Client::allows(std::string_view scheme, std::string_view host, std::uint16_t port) const {
    return allowed_.check(scheme, host, port);
}

Result<Url> Client::check_target(const ClientRequest& request) const {
    auto url = resolve(portal_url_, request.url);
    if (!url) return url;
    if (request.without_token) {
        if (url->scheme == "https" && !is_loopback(url->host)) return url;
        if (allow_loopback_ && is_loopback(url->host)) return url;
        return fail(Code::host_not_allowed,
                    "A request without the token goes to https alone, or to an allowed loopback address: use https.");
    }
    return allowed_.check(*url).transform([&] { return *url; });
}

Result<void> Client::send(ClientRequest request, std::function<void(ClientAnswer)> call, std::uint64_t* id) {
    if (request.timeout_ms < 0 || request.timeout_ms > longest_timeout_ms)
        return fail(Code::invalid_argument, "timeout_ms is out of its range: use 1 to 600000 milliseconds, or 0 for 30 s.");
    if (request.method.empty()) request.method = "GET";
    if (!is_http_token(request.method))
        return fail(Code::invalid_argument, "The method is not an HTTP token: pass GET, POST or the like.");
    if (auto good = check_headers(request.headers, !request.without_token); !good) return good;
    auto url = check_target(request);
    if (!url) return tl::unexpected<Error>(std::move(url.error()));
    std::shared_ptr<Transport> transport;
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return fail_with(Code::closed);
        transport = transport_;
    }
    if (transport == nullptr)
        return fail(Code::unsupported, "The session has no transport: supply one, or use the full flavour of the library.");
    // Made outside the lock, for it asks the host's clock.
    const auto exchange = std::make_shared<Exchange>(shared_from_this(), std::move(transport), std::move(request),
                                                     std::move(*url), std::move(call));
    {
        // Close sees all of it or nothing. Who ends it otherwise comes to `forget` behind this, and only then to the call.
        const std::lock_guard lock(mutex_);
        if (closed_) return fail_with(Code::closed);
        exchanges().put(exchange->id, exchange);
        if (id != nullptr) *id = exchange->id;
        running_.insert(exchange);
    }
    exchange->start();
    return {};
}

Result<void> Client::cancel(std::uint64_t id) {
    const auto found = exchanges().find(id);
    const auto exchange = found ? found->lock() : nullptr;
    if (exchange == nullptr) return fail_with(Code::stale);
    exchange->end(Code::cancelled);
    return {};
}

void Client::forget(const std::shared_ptr<Exchange>& exchange) {
    exchanges().take(exchange->id);
    const std::lock_guard lock(mutex_);
    running_.erase(exchange);
}

void Client::close() {
    std::set<std::shared_ptr<Exchange>> running;
    std::shared_ptr<Transport> transport;
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        running = running_;
        transport.swap(transport_);
    }
    for (const auto& exchange : running) exchange->end(Code::closed);
}

std::uint64_t Client::open_exchanges() { return exchanges().size(); }

}  // namespace portal

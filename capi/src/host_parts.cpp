#include "host_parts.hpp"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "base/monotonic_condition.hpp"
#include "engine/messages.hpp"

namespace portal::capi {
namespace {

using KeyAnswer = std::function<void(KeyResult)>;

struct HttpCall {
    std::function<void(Result<HttpResponse>)> answer;
    std::shared_ptr<bool> is_told;  // the host, to send it; the callback thread's alone
};

IdRegistry<KeyAnswer>& key_calls() { return IdRegistry<KeyAnswer>::of_process(); }
IdRegistry<HttpCall>& http_calls() { return IdRegistry<HttpCall>::of_process(); }

// The end of a posted call, which is told too if the call is dropped unmade.
class CallEnd {
public:
    ~CallEnd() { end(false); }
    void end(bool was_made) {
        const std::lock_guard lock(state_->mutex);
        if (std::exchange(state_->has_ended, true)) return;
        state_->was_made = was_made;
        state_->changed.notify_all();
    }
    // What to wait on.
    struct State {
        std::mutex mutex;
        MonotonicCondition changed;
        bool has_ended = false;
        bool was_made = false;
    };
    [[nodiscard]] std::shared_ptr<State> state() const { return state_; }

private:
    const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace

HostOptions::HostOptions(const portal_options& options)
    : provider(options.provider),
      observer(options.observer),
      log(options.log),
      store(options.store),
      key(options.key),
      clock(options.clock),
      transport(options.transport) {}

// ---- clock ----

HostClock::HostClock(const Held<portal_clock>& clock) : clock_(std::make_shared<Held<portal_clock>>(clock)) {}

Reading HostClock::read() const {
    std::shared_ptr<Held<portal_clock>> clock;
    {
        const std::lock_guard lock(mutex_);
        clock = clock_;
    }
    if (clock == nullptr) return SystemClock().read();
    portal_reading reading{};
    try {
        (*clock)->read(clock->userdata(), &reading);
    } catch (...) {  // it runs on the host's threads and on the worker, and must end neither
        return SystemClock().read();
    }
    // 142,000 years from zero are enough, and leave room for every sum and difference that is made of two readings.
    constexpr std::int64_t furthest_ms = std::int64_t{1} << 52;
    return {std::clamp(reading.boot_ms, -furthest_ms, furthest_ms), std::clamp(reading.unix_ms, -furthest_ms, furthest_ms),
            reading.boot_tag};
}

void HostClock::retire() {
    std::shared_ptr<Held<portal_clock>> clock;
    const std::lock_guard lock(mutex_);
    clock.swap(clock_);
}

// ---- provider, observer, log ----

HostParts::HostParts(std::shared_ptr<const HostOptions> options, std::shared_ptr<HostClock> clock,
                     std::shared_ptr<HostKey> key)
    : options_(std::move(options)), clock_(std::move(clock)), key_(std::move(key)) {}

HostParts::~HostParts() {
    if (clock_ != nullptr) clock_->retire();
    if (key_ != nullptr) key_->retire();
}

LogLevel HostParts::log_level() const {
    return options_->log->line == nullptr ? LogLevel::off : static_cast<LogLevel>(options_->log->level);
}

void HostParts::ask(const TokenRequest& request) {
    portal_token_request out;
    portal_init(&out, sizeof out);
    out.reason = static_cast<portal_reason>(request.reason);
    out.id = request.id;
    out.attempt = request.attempt;
    out.timeout_ms = request.timeout_ms;
    out.generation = request.generation;
    out.client_id = text_of(request.client_id);
    options_->provider->ask(options_->provider.userdata(), &out);
}

void HostParts::withdrawn(std::uint64_t request_id) {
    const Held<portal_provider>& provider = options_->provider;
    if (provider->withdrawn != nullptr) provider->withdrawn(provider.userdata(), request_id);
}

void HostParts::event(const SessionEvent& event) {
    portal_event out;
    portal_init(&out, sizeof out);
    out.kind = static_cast<portal_event_kind>(event.kind);
    out.sequence = event.sequence;
    out.state = static_cast<portal_state>(event.state);
    out.reason = static_cast<portal_reason>(event.reason);
    out.code = static_cast<portal_code>(event.code);
    out.generation = event.generation;
    out.epoch = shown_epoch(event.epoch);
    out.retry_after_ms = event.retry_after_ms;
    out.at_unix_ms = event.at_unix_ms;
    options_->observer->event(options_->observer.userdata(), &out);
}

void HostParts::log(LogLevel level, std::string_view line) {
    options_->log->line(options_->log.userdata(), static_cast<portal_level>(level), text_of(line));
}

// ---- store and key ----

void StoreCalls::load(std::uint64_t id, std::string_view name) { store_->load(store_.userdata(), id, text_of(name)); }

void StoreCalls::save(std::uint64_t id, std::string_view name, std::uint64_t revision, std::string_view record) {
    store_->save(store_.userdata(), id, text_of(name), revision, {record.data(), record.size()});
}

HostKey::HostKey(const Held<portal_key>& key, std::string session_name, std::shared_ptr<Executor> executor)
    : key_(key), name_(std::move(session_name)), executor_(std::move(executor)) {}

void HostKey::load(std::function<void(KeyResult)> answer) {
    const std::uint64_t id = key_calls().add(std::move(answer));
    std::uint64_t given_up = 0;
    bool is_retired = false;
    {
        const std::lock_guard lock(mutex_);
        is_retired = retired_;
        given_up = is_retired ? id : std::exchange(last_load_, id);
    }
    (void)loaded(given_up, KeyOutcome::unavailable, {});
    if (!is_retired) executor_->post([key = key_, name = name_, id] { key->load(key.userdata(), id, text_of(name)); });
}

void HostKey::retire() {
    std::uint64_t given_up = 0;
    {
        const std::lock_guard lock(mutex_);
        retired_ = true;
        given_up = last_load_;
    }
    (void)loaded(given_up, KeyOutcome::unavailable, {});
}

bool HostKey::destroy(std::int64_t limit_ms) {
    auto end = std::make_shared<CallEnd>();
    const auto state = end->state();
    executor_->post([key = key_, name = name_, end = std::move(end)] {
        key->destroy(key.userdata(), text_of(name));
        end->end(true);
    });
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(limit_ms);
    std::unique_lock lock(state->mutex);
    state->changed.wait_until(lock, deadline, [&] { return state->has_ended; });
    return state->was_made;
}

Result<void> HostKey::loaded(std::uint64_t id, KeyOutcome outcome, std::string_view key) {
    const auto answer = key_calls().take(id);
    if (!answer) return fail_with(Code::stale);
    (*answer)({outcome, Secret(key)});
    return {};
}

std::uint64_t HostKey::open_calls() { return key_calls().size(); }

// ---- transport ----

HostTransport::HostTransport(const Held<portal_transport>& transport, std::weak_ptr<Runtime> runtime)
    : transport_(transport), runtime_(std::move(runtime)) {}

void HostTransport::send(std::uint64_t id, HttpRequest request, std::function<void(Result<HttpResponse>)> answer) {
    const auto runtime = runtime_.lock();
    if (runtime == nullptr) return;
    const auto is_told = std::make_shared<bool>(false);
    http_calls().put(id, {std::move(answer), is_told});
    auto held = std::make_shared<HttpRequest>(std::move(request));
    runtime->callbacks().post([transport = transport_, id, held, is_told] {
        if (!http_calls().find(id)) return;  // cancelled while this waited
        if (const Code code = held->admit ? held->admit() : Code::ok; code != Code::ok) {
            (void)HostTransport::answered(id, fail_with(code));
            return;
        }
        *is_told = true;
        std::vector<portal_header> headers;
        for (const HttpHeader& header : held->headers)
            headers.push_back({text_of(header.name), text_of(header.value), 0, 0});
        Secret authorization;
        if (!held->bearer.empty()) {
            authorization = Secret("Bearer ");
            authorization.append(held->bearer.reveal());
            headers.push_back({text_of("Authorization"), text_of(authorization.reveal()), PORTAL_HEADER_SECRET, 0});
        }
        portal_http_request out;
        portal_init(&out, sizeof out);
        out.method = text_of(held->method);
        out.url = text_of(held->url);
        out.headers = headers.data();
        out.header_count = headers.size();
        out.body = {held->body.reveal().data(), held->body.size()};
        out.timeout_ms = held->timeout_ms;
        transport->send(transport.userdata(), id, &out);
    });
}

void HostTransport::cancel(std::uint64_t id) {
    const auto call = http_calls().take(id);
    if (!call) return;
    if (const auto runtime = runtime_.lock(); runtime != nullptr && transport_->cancel != nullptr)
        runtime->callbacks().post([transport = transport_, id, is_told = call->is_told] {
            if (*is_told) transport->cancel(transport.userdata(), id);
        });
    call->answer(fail_with(Code::cancelled));
}

Result<void> HostTransport::answered(std::uint64_t id, Result<HttpResponse> response) {
    const auto call = http_calls().take(id);
    if (!call) return fail_with(Code::stale);
    call->answer(std::move(response));
    return {};
}

std::uint64_t HostTransport::open_calls() { return http_calls().size(); }

}  // namespace portal::capi

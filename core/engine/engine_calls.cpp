// The callers' side of a session: what takes effect at once goes to the published token, everything else to the worker.
#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "engine/engine.hpp"
#include "engine/messages.hpp"
#include "engine/id_registry.hpp"
#include "engine/runtime.hpp"

namespace portal {
namespace {

constexpr std::int64_t default_timeout_ms = 35 * second_ms;
constexpr std::int64_t longest_timeout_ms = 10 * minute_ms;

}  // namespace

void Engine::post(Event event) {
    if (const auto threads = runtime()) threads->post(shared_from_this(), std::move(event));
}

void Engine::post_wake(Wake wake) {
    switch (wake) {
        case Wake::prepare:
            return post(event::Prepare{});
        case Wake::recheck:
            return post(event::StoreChanged{});
        default:
            return;
    }
}

// ---- tokens ----

Result<std::uint64_t> Engine::acquire(const AcquireOptions& options, std::function<void(Acquired)> call,
                                      std::uint64_t* id) {
    return begin_wait(options, {std::move(call), false}, id);
}

Result<std::uint64_t> Engine::acquire_on_worker(const AcquireOptions& options, std::function<void(Acquired)> call) {
    return begin_wait(options, {std::move(call), true}, nullptr);
}

Result<std::uint64_t> Engine::begin_wait(const AcquireOptions& options, Waiting waiting, std::uint64_t* id) {
    if (options.timeout_ms < 0 || options.timeout_ms > longest_timeout_ms)
        return fail(Code::invalid_argument, "timeout_ms is out of its range: use 1 to 600000 milliseconds, or 0 for 35 s.");
    event::Acquire acquire{};
    acquire.timeout_ms = options.timeout_ms == 0 ? default_timeout_ms : options.timeout_ms;
    acquire.newer_than = options.newer_than;
    acquire.force = options.force;
    acquire.without_store = options.without_store;
    {
        const std::lock_guard lock(mutex_);
        if (ended_ || published_.is_closed()) return fail_with(Code::closed);
        acquire.waiter = waiters().add({weak_from_this()});
        if (id != nullptr) *id = acquire.waiter;
        waiting_.emplace(acquire.waiter, std::move(waiting));
    }
    post(acquire);
    return acquire.waiter;
}

Result<void> Engine::cancel(std::uint64_t waiter_id) {
    const auto waiter = waiters().find(waiter_id);
    const auto engine = waiter ? waiter->engine.lock() : nullptr;
    if (engine == nullptr) return fail_with(Code::stale);
    engine->post(event::Cancel{waiter_id});
    return {};
}

Code Engine::read(Lease& lease, char* token, std::size_t* length) {
    Wake wake = Wake::none;
    const Code code = published_.read(clock_->boot_ms(), lease, token, length, wake);
    if (wake != Wake::none) post_wake(wake);
    return code;
}

Code Engine::accepted(const Lease& lease) {
    if (published_.is_closed()) return Code::closed;
    const std::int64_t now_boot_ms = clock_->boot_ms();
    Wake wake = Wake::none;
    const Code code = published_.accepted(lease, now_boot_ms, wake);
    if (wake != Wake::none)
        post(event::Accepted{lease.epoch, lease.generation, lease.boot_tag, std::min(lease.sent_boot_ms, now_boot_ms)});
    return code;
}

Code Engine::rejected(const Lease& lease) {
    if (published_.is_closed()) return Code::closed;
    Wake wake = Wake::none;
    const Code code = published_.rejected(lease, wake);
    if (wake != Wake::none) post(event::Rejected{lease.epoch, lease.generation});
    return code;
}

Code Engine::check(const Lease& lease) const {
    if (published_.is_closed()) return Code::closed;
    return lease.epoch < published_.epoch() ? Code::stale : Code::ok;
}

Lease Engine::stamped(Lease lease) const {
    const Reading now = reading();
    lease.sent_boot_ms = now.boot_ms;
    lease.sent_unix_ms = now.unix_ms;
    lease.boot_tag = now.boot_tag;
    return lease;
}

Result<void> Engine::prepare() {
    if (published_.is_closed()) return fail_with(Code::closed);
    post(event::Prepare{});
    return {};
}

// ---- new tokens ----

Result<void> Engine::check_offer(const NewToken& offer) const {
    if (const auto checked = check_token(offer.token.reveal()); !checked) return checked;
    if (!offer.client_id.empty())
        if (const auto checked = check_client_id(offer.client_id); !checked) return checked;
    if (offer.age_ms < 0)
        return fail(Code::invalid_argument, "age_ms is negative: pass the milliseconds since the token was made.");
    if (offer.age_ms >= std::min(policy_.idle_ms, policy_.absolute_ms) - policy_.margin_ms)
        return fail_with(Code::token_too_old);
    if (!published_.accepts_client(offer.client_id)) return fail_with(Code::client_mismatch);
    if (published_.is_spent(offer.token.reveal(), reading())) return fail_with(Code::repeated_token);
    return {};
}

Result<void> Engine::push(NewToken token) {
    if (published_.is_closed()) return fail_with(Code::closed);
    if (const auto checked = check_offer(token); !checked) return checked;
    const std::lock_guard order(order_);
    if (token.expected_epoch != 0 && token.expected_epoch != published_.epoch()) return fail_with(Code::stale);
    published_.mark_dead();
    post(event::Pushed{{std::make_shared<Secret>(std::move(token.token)), std::move(token.client_id), token.age_ms}});
    return {};
}

Result<void> Engine::fulfil(std::uint64_t request_id, NewToken token) {
    const auto request = requests().find(request_id);
    const auto engine = request ? request->engine.lock() : nullptr;
    if (engine == nullptr || engine->ending_soon_) return fail_with(Code::stale);
    const auto checked = engine->check_offer(token);
    // A mistake in the call is no answer of the provider's: the request is still open.
    if (!checked && checked.error().code == Code::invalid_argument) return checked;
    if (!requests().take(request_id)) return fail_with(Code::stale);
    if (!checked) {
        ProviderFailure failure;
        failure.code = checked.error().code;
        engine->post(event::Failed{request->request, failure});
        return checked;
    }
    TokenOffer offer{std::make_shared<Secret>(std::move(token.token)), std::move(token.client_id), token.age_ms};
    engine->post(event::Fulfilled{request->request, std::move(offer)});
    return {};
}

Result<void> Engine::decline(std::uint64_t request_id, int host_code) {
    const auto request = requests().take(request_id);
    const auto engine = request ? request->engine.lock() : nullptr;
    if (engine == nullptr || engine->ending_soon_) return fail_with(Code::stale);
    engine->post(event::Declined{request->request, host_code});
    return {};
}

Result<void> Engine::fail_request(std::uint64_t request_id, const ProviderFailure& failure) {
    const auto request = requests().take(request_id);
    const auto engine = request ? request->engine.lock() : nullptr;
    if (engine == nullptr || engine->ending_soon_) return fail_with(Code::stale);
    engine->post(event::Failed{request->request, failure});
    return {};
}

// ---- the session ----

Engine::Alarm Engine::call_back_at(std::int64_t boot_ms, std::function<void()> call) {
    const Alarm alarm{boot_ms, next_id()};
    {
        const std::lock_guard lock(mutex_);
        if (ended_) return alarm;
        alarms_.emplace(alarm, std::move(call));
    }
    post(event::Timer{});  // looks at the time anew
    return alarm;
}

void Engine::call_off(const Alarm& alarm) {
    const std::lock_guard lock(mutex_);
    alarms_.erase(alarm);
}

Result<std::uint64_t> Engine::keep_done(std::function<void(const Error&)> done) {
    const std::lock_guard lock(mutex_);
    if (ended_ || published_.is_closed()) return fail_with(Code::closed);
    if (!done) return 0;
    dones_.emplace(++last_done_, std::move(done));
    return last_done_;
}

Result<void> Engine::clear(std::function<void(const Error&)> done) {
    const auto id = keep_done(std::move(done));
    if (!id) return tl::unexpected<Error>(id.error());
    const std::lock_guard order(order_);
    post(event::Cleared{published_.clear(), *id});
    return {};
}

Result<void> Engine::notify(Notice notice, std::function<void(const Error&)> done) {
    const auto id = keep_done(std::move(done));
    if (!id) return tl::unexpected<Error>(id.error());
    switch (notice) {
        case Notice::foreground:
            post(event::Foreground{*id});
            break;
        case Notice::background:
            post(event::Background{*id});
            break;
        case Notice::store_changed:
            post(event::StoreChanged{*id});
            break;
        case Notice::clock_changed:
            post(event::ClockChanged{*id});
            break;
    }
    return {};
}

Result<StatusView> Engine::status() const {
    if (published_.is_closed()) return fail_with(Code::closed);
    return published_.status(reading());
}

Code Engine::close(std::int64_t wait_ms) {
    const auto deadline = Runtime::steady_time_in(wait_ms);
    ignore_provider();
    const bool was_closed = published_.close();
    std::unique_lock lock(mutex_);
    if (!was_closed) {
        ending_ = shared_from_this();
        lock.unlock();
        post(event::Closed{});
        lock.lock();
    }
    if (wait_ms <= 0 || in_callback()) return finished_ ? Code::ok : Code::timeout;
    if (!finishing_.wait_until(lock, deadline, [this] { return finished_; })) return Code::timeout;
    lock.unlock();
    // The last session takes the threads with it: who waits for its end may count on that too.
    return ThreadGroup::of_process().wait_for_end(deadline) ? Code::ok : Code::timeout;
}

std::uint64_t Engine::open_operations() { return waiters().size() + requests().size(); }

}  // namespace portal

// The callers' side of a session: what takes effect at once goes to the published token, everything else to the worker.
#include <algorithm>
#include <optional>
#include <utility>

#include <condition_variable>

#include "base/text.hpp"
#include "engine/engine.hpp"
#include "engine/messages.hpp"
#include "engine/id_registry.hpp"
#include "engine/runtime.hpp"

namespace portal {
namespace {

constexpr std::int64_t default_timeout_ms = 35 * second_ms;
constexpr std::int64_t longest_timeout_ms = 10 * minute_ms;

// Where a thread waits for the worker's answers.
class Rendezvous {
public:
    void put(Acquired acquired) {
        const std::lock_guard lock(mutex_);
        acquired_ = std::move(acquired);
        arrived_.notify_one();
    }
    Acquired take() {
        std::unique_lock lock(mutex_);
        arrived_.wait(lock, [this] { return acquired_.has_value(); });
        Acquired result = std::move(*acquired_);
        acquired_.reset();
        return result;
    }

private:
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::optional<Acquired> acquired_;
};

TokenOffer offer_of(NewToken token) {
    return {std::make_shared<Secret>(std::move(token.token)), std::move(token.client_id), token.age_ms};
}

Acquired failed(const Error& error) {
    Acquired result;
    result.code = error.code;
    result.error = error;
    return result;
}

}  // namespace

void Engine::post(Event event) {
    if (const auto threads = runtime()) threads->post(shared_from_this(), std::move(event));
}

void Engine::post_wake(Wake wake) {
    switch (wake) {
        case Wake::prepare:
            return post(event::Prepare{});
        case Wake::recheck:
            return look_at_store();
        default:
            return;
    }
}

// A store that brings its news by itself is read again now and then. One that cannot is looked at, for a look costs less.
void Engine::look_at_store() {
    std::shared_ptr<RecordStore> store;
    {
        const std::lock_guard lock(mutex_);
        store = store_;
    }
    if (store == nullptr || store->is_watched()) return post(event::StoreChanged{});
    store->look([weak = weak_from_this()](bool has_news) {
        const auto engine = weak.lock();
        if (engine != nullptr) engine->post(has_news ? Event(event::StoreChanged{}) : Event(event::StoreLooked{}));
    });
}

// ---- tokens ----

// An event with a ticket: all that can throw happens here, and nothing under the lock that orders tickets and events.
PublishedToken::Post Engine::prepared(Event event) {
    auto task = std::make_shared<std::list<Runtime::Task>>();
    task->push_back({shared_from_this(), std::move(event)});
    return [threads = runtime(), task](Fence::Ticket ticket) {
        task->front().ticket = ticket;
        if (threads != nullptr) threads->post(std::move(*task));
    };
}

Result<std::uint64_t> Engine::acquire(const AcquireOptions& options, std::function<void(Acquired)> call,
                                      std::uint64_t* id) {
    Waiting waiting;
    waiting.call = std::move(call);
    return begin_wait(options, std::move(waiting), id);
}

Result<std::uint64_t> Engine::acquire_on_worker(const AcquireOptions& options, std::function<void(Acquired)> call) {
    Waiting waiting;
    waiting.call = std::move(call);
    waiting.on_worker = true;
    return begin_wait(options, std::move(waiting), nullptr);
}

Acquired Engine::wait(AcquireOptions options) {
    const auto rendezvous = std::make_shared<Rendezvous>();
    std::int64_t deadline_boot_ms = 0;
    std::optional<Lease> refused;
    for (;;) {
        const auto waiter =
            acquire_on_worker(options, [rendezvous](Acquired acquired) { rendezvous->put(std::move(acquired)); });
        if (!waiter) return failed(waiter.error());
        if (deadline_boot_ms == 0)
            deadline_boot_ms = now_boot_ms() + (options.timeout_ms == 0 ? default_timeout_ms : options.timeout_ms);
        Acquired acquired = rendezvous->take();
        if (acquired.code != Code::ok) return acquired;
        Code code = admit(acquired);
        if (code != Code::closed && refused && published_.is_stale(*refused)) code = Code::cleared;  // the new token may be another user's
        if (code == Code::ok) return acquired;
        if (code == Code::closed) return failed(Result<void>(fail_with(Code::closed)).error());
        if (code != Code::stale) return failed(Result<void>(fail_with(code)).error());
        refused = acquired.lease;
        options.force = false;  // its own token request has been made and answered
        options.timeout_ms = std::max<std::int64_t>(deadline_boot_ms - now_boot_ms(), 1);
    }
}

Result<std::uint64_t> Engine::begin_wait(const AcquireOptions& options, Waiting waiting, std::uint64_t* id) {
    if (published_.is_closed()) return fail_with(Code::closed);
    if (options.timeout_ms < 0 || options.timeout_ms > longest_timeout_ms)
        return fail(Code::invalid_argument, "timeout_ms is out of its range: use 1 to 600000 milliseconds, or 0 for 35 s.");
    event::Acquire& acquire = waiting.acquire;
    acquire.timeout_ms = options.timeout_ms == 0 ? default_timeout_ms : options.timeout_ms;
    acquire.newer_than = options.newer_than;
    acquire.force = options.force;
    acquire.without_store = options.without_store;
    waiting.deadline_boot_ms = clock_->boot_ms() + acquire.timeout_ms;
    const event::Acquire first = [&] {
        const std::lock_guard lock(mutex_);
        if (ended_ || published_.is_closed()) return event::Acquire{};
        acquire.waiter = waiters().add({weak_from_this()});
        if (id != nullptr) *id = acquire.waiter;
        const event::Acquire copy = acquire;
        waiting_.emplace(copy.waiter, std::move(waiting));
        return copy;
    }();
    if (first.waiter == 0) return fail_with(Code::closed);
    post(first);
    return first.waiter;
}

Result<void> Engine::cancel(std::uint64_t waiter_id) {
    const auto waiter = waiters().find(waiter_id);
    const auto engine = waiter ? waiter->engine.lock() : nullptr;
    if (engine == nullptr) return fail_with(Code::stale);
    {
        const std::lock_guard lock(engine->mutex_);
        const auto found = engine->waiting_.find(waiter_id);
        if (found == engine->waiting_.end()) return fail_with(Code::stale);
        found->second.is_cancelled = true;
        if (found->second.is_answered) return fail_with(Code::stale);
    }
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
    return published_.rejected(lease, prepared(event::Rejected{lease.epoch, lease.generation}));
}

Code Engine::check(const Lease& lease) const {
    if (published_.is_closed()) return Code::closed;
    return published_.is_stale(lease) ? Code::stale : Code::ok;
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

Result<void> Engine::check_text(const NewToken& offer) const {
    if (const auto checked = check_token(offer.token.reveal()); !checked) return checked;
    if (!offer.client_id.empty())
        if (const auto checked = check_client_id(offer.client_id); !checked) return checked;
    if (offer.age_ms < 0)
        return fail(Code::invalid_argument, "age_ms is negative: pass the milliseconds since the token was made.");
    if (offer.age_ms >= std::min(policy_.idle_ms, policy_.absolute_ms) - policy_.margin_ms)
        return fail_with(Code::token_too_old);
    return {};
}

Result<void> Engine::check_offer(const NewToken& offer) const {
    if (const auto checked = check_text(offer); !checked) return checked;
    if (!published_.accepts_client(offer.client_id)) return fail_with(Code::client_mismatch);
    if (published_.is_spent(offer.token.reveal(), reading())) return fail_with(Code::repeated_token);
    return {};
}

Result<void> Engine::push(NewToken token) {
    if (published_.is_closed()) return fail_with(Code::closed);
    if (const auto checked = check_offer(token); !checked) return checked;
    const std::uint64_t expected_epoch = token.expected_epoch;
    const Code code = published_.push(expected_epoch, prepared(event::Pushed{offer_of(std::move(token))}));
    if (code == Code::closed) return fail_with(Code::closed);
    return code == Code::ok ? Result<void>() : fail_with(code);
}

Result<void> Engine::switch_to(NewToken token, std::function<void(const Error&)> done) {
    if (published_.is_closed()) return fail_with(Code::closed);
    if (const auto checked = check_text(token); !checked) return checked;
    const std::uint64_t expected_epoch = token.expected_epoch;
    return clear_and(std::move(done), prepared(event::Pushed{offer_of(std::move(token))}), expected_epoch);
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
    engine->post(event::Fulfilled{request->request, offer_of(std::move(token))});
    return {};
}

Result<void> Engine::decline(std::uint64_t request_id, int host_code, int http_status) {
    const auto request = requests().take(request_id);
    const auto engine = request ? request->engine.lock() : nullptr;
    if (engine == nullptr || engine->ending_soon_) return fail_with(Code::stale);
    engine->post(event::Declined{request->request, host_code, http_status});
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
    if (published_.is_closed()) return fail_with(Code::closed);
    const std::lock_guard lock(mutex_);
    if (ended_) return fail_with(Code::closed);
    if (!done) return 0;
    dones_.emplace(++last_done_, std::move(done));
    return last_done_;
}

Result<void> Engine::clear(std::function<void(const Error&)> done) { return clear_and(std::move(done), nullptr, 0); }

// `done` is kept under the fence's lock, with the event: a clear that close has overtaken keeps none, and any other is
// answered by the machine.
Result<void> Engine::clear_and(std::function<void(const Error&)> done, const PublishedToken::Post& then_push,
                               std::uint64_t expected_epoch) {
    if (published_.is_closed()) return fail_with(Code::closed);
    std::map<std::uint64_t, std::function<void(const Error&)>> kept;
    event::Cleared cleared;
    if (done) {
        const std::lock_guard lock(mutex_);
        cleared.done = ++last_done_;
        kept.emplace(cleared.done, std::move(done));
    }
    const auto post = prepared(cleared);
    const auto keep_and_post = [&](Fence::Ticket ticket) {
        {
            const std::lock_guard lock(mutex_);
            dones_.merge(kept);
        }
        post(ticket);
    };
    const Code code = published_.clear(keep_and_post, then_push, expected_epoch);
    return code == Code::ok ? Result<void>() : fail_with(code);
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
    {
        const auto post_closed = prepared(event::Closed{});  // holds the threads, whose end is waited for below
        (void)published_.close([&](Fence::Ticket ticket) {
            const std::lock_guard lock(mutex_);
            ending_ = shared_from_this();
            post_closed(ticket);
        });
    }
    std::unique_lock lock(mutex_);
    if (wait_ms <= 0 || in_callback()) return finished_ ? Code::ok : Code::timeout;
    if (!finishing_.wait_until(lock, deadline, [this] { return finished_; })) return Code::timeout;
    lock.unlock();
    // The last session takes the threads with it: who waits for its end may count on that too.
    return ThreadGroup::of_process().wait_for_end(deadline) ? Code::ok : Code::timeout;
}

std::uint64_t Engine::open_operations() { return waiters().size() + requests().size(); }

}  // namespace portal

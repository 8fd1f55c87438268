// The worker's side of a session: an event in, its effects carried out.
#include "engine/engine.hpp"

#include <algorithm>
#include <utility>

#include "base/random.hpp"
#include "clock/boot_tag.hpp"
#include "base/ids.hpp"
#include "engine/messages.hpp"
#include "engine/names.hpp"
#include "engine/id_registry.hpp"
#include "engine/runtime.hpp"

namespace portal {
namespace {

// By the system's clock, when this process first opened a session.
std::int64_t first_open_boot_ms() {
    static const std::int64_t boot_ms = SystemClock().boot_ms();
    return boot_ms;
}

MachineConfig machine_config(const EngineParts& parts, std::uint64_t owner) {
    MachineConfig config;
    config.policy = parts.policy;
    config.client_id = parts.client_id;
    config.seed = entropy();
    config.owner = owner;
    config.has_provider = parts.host->has_provider();
    config.has_store = parts.store != nullptr;
    config.shared_store = parts.store != nullptr && parts.store->shared();
    config.origin = parts.origin;
    config.role = parts.role;
    // On the session's own clock, which may be a host's.
    config.process_began_boot_ms = parts.clock->boot_ms() - (SystemClock().boot_ms() - first_open_boot_ms());
    return config;
}

}  // namespace

std::shared_ptr<Engine> Engine::open(EngineParts parts) {
    auto engine = std::make_shared<Engine>(std::move(parts));
    if (engine->store_ != nullptr) {
        engine->store_->watch([weak = std::weak_ptr(engine)] {
            if (const auto watching = weak.lock()) watching->post(event::StoreChanged{});
        });
    }
    engine->runtime_->post(engine, event::Opened{});
    return engine;
}

Engine::Engine(EngineParts parts)
    : policy_(parts.policy),
      clock_(parts.clock),
      owner_(entropy() | 1),
      tag_(boot_tag_of(parts.name + '\n' + parts.place + '\n' + parts.origin)),
      cleared_(std::move(parts.cleared)),
      machine_(machine_config(parts, owner_)),
      published_(parts.policy, parts.client_id, machine_.record().epoch),
      runtime_(Runtime::get()),
      store_(std::move(parts.store)),
      host_(std::move(parts.host)) {
    ThreadGroup::of_process().begin_session();
}

Engine::~Engine() {
    if (runtime_ != nullptr) ThreadGroup::of_process().end_session();  // never closed
}

Reading Engine::reading() const {
    Reading now = clock_->read();
    if (now.boot_tag == 0) now.boot_tag = owner_;  // not known, but within this process the same
    return now;
}

void Engine::run(const Event& event, Fence::Ticket ticket, Effects& effects) {
    Moment moment;
    moment.reading = reading();
    published_.read_slide(moment);
    if (store_ != nullptr) moment.store_is_watched = store_->is_watched();
    if (ticket != 0) {
        judged_ = ticket;
        published_.judge(ticket);
    }
    machine_.step(event, moment, effects);
    for (Effect& effect : effects) std::visit([this](auto& what) { carry_out(what); }, effect);
    effects.clear();
    ring_alarms();
    schedule();
}

void Engine::ring_alarms() {
    const std::int64_t now_ms = clock_->boot_ms();
    std::vector<std::function<void()>> due;
    {
        const std::lock_guard lock(mutex_);
        while (!alarms_.empty() && alarms_.begin()->first.first <= now_ms) {
            due.push_back(std::move(alarms_.begin()->second));
            alarms_.erase(alarms_.begin());
        }
    }
    for (auto& call : due) call_back(std::move(call));
}

void Engine::schedule() {
    std::int64_t next_ms = armed_ms_;
    {
        const std::lock_guard lock(mutex_);
        if (!alarms_.empty()) next_ms = std::min(next_ms, alarms_.begin()->first.first);
    }
    if (next_ms == scheduled_ms_) return;
    scheduled_ms_ = next_ms;
    const auto threads = runtime();
    if (threads == nullptr) return;
    if (next_ms == never_ms) return threads->never_wake(shared_from_this());
    threads->wake_in(shared_from_this(), std::max<std::int64_t>(next_ms - clock_->boot_ms(), 0));
}

// The real time until then has passed; the session's own clock says whether it is then.
void Engine::wake(Effects& effects) {
    if (scheduled_ms_ == never_ms) return;
    const std::int64_t left_ms = scheduled_ms_ - clock_->boot_ms();
    constexpr std::int64_t least_ms = 20;  // a host's clock that stands still must not make this spin
    if (const auto threads = runtime(); threads != nullptr && left_ms > 0)
        return threads->wake_in(shared_from_this(), std::max(left_ms, least_ms));
    scheduled_ms_ = never_ms;
    run(event::Timer{}, 0, effects);
}

// ---- effects ----

void Engine::carry_out(effect::Load& load) {
    store_->load([weak = weak_from_this(), operation = load.operation](LoadResult result) {
        if (const auto engine = weak.lock()) engine->post(event::Loaded{operation, std::move(result)});
    });
}

void Engine::carry_out(effect::Save& save) {
    store_->save(std::move(save.request), [weak = weak_from_this(), operation = save.operation](SaveResult result) {
        if (const auto engine = weak.lock()) engine->post(event::Saved{operation, result});
    });
}

void Engine::carry_out(effect::Ask& ask) {
    TokenRequest request;
    request.id = requests().add({weak_from_this(), ask.request});
    request.reason = ask.reason;
    request.attempt = ask.attempt;
    request.timeout_ms = ask.timeout_ms;
    request.generation = ask.generation;
    request.client_id = std::move(ask.client_id);
    std::erase_if(asked_, [](const auto& asked) { return !requests().find(asked.second); });  // answered
    asked_[ask.request] = request.id;
    if (logs(LogLevel::info)) log(LogLevel::info, std::string("asks the provider for a token: ") + name_of(ask.reason));
    call_back([weak = weak_from_this(), host = host_, request = std::move(request)] {
        const auto engine = weak.lock();
        if (engine != nullptr && !engine->is_closed() && requests().find(request.id)) host->ask(request);
    });
}

void Engine::carry_out(effect::Withdraw& withdraw) {
    const auto found = asked_.find(withdraw.request);
    if (found == asked_.end()) return;
    const std::uint64_t id = found->second;
    asked_.erase(found);
    if (!requests().take(id)) return;
    call_back([host = host_, id] { host->withdrawn(id); });
}

void Engine::carry_out(effect::Complete& complete) {
    Acquired result;
    result.code = complete.code;
    if (complete.code == Code::ok) {
        const Reading now = reading();
        result.lease = {complete.overdue, complete.memory_only, complete.generation, complete.epoch,
                        now.boot_ms,      now.unix_ms,          now.boot_tag,        complete.left_ms};
        result.token = std::move(complete.token);
        result.judged = judged_;
    } else {
        result.error = error_for(complete);
    }
    deliver(complete.waiter, std::move(result));
}

void Engine::carry_out(effect::Publish& publish) { published_.publish(publish, reading(), judged_); }

void Engine::carry_out(effect::Tell& tell) {
    if (tell.kind == EventKind::cleared && cleared_) call_back(cleared_);
    SessionEvent event;
    event.kind = tell.kind;
    event.sequence = ++event_sequence_;
    event.state = tell.state;
    event.reason = tell.reason;
    event.code = tell.code;
    event.generation = tell.generation;
    event.epoch = tell.epoch;
    event.retry_after_ms = tell.retry_after_ms;
    event.at_unix_ms = clock_->read().unix_ms;
    event.os_code = tell.kind == EventKind::store ? tell.store_fault.os_code : tell.host_code;
    if (const LogLevel level = tell.code == Code::ok ? LogLevel::info : LogLevel::warning; logs(level))
        log(level, std::string(name_of(tell.kind)) + ": " + name_of(tell.state) + " (" + name_of(tell.reason) + ")" +
                       (tell.code == Code::ok ? "" : std::string(", ") + name_of(tell.code)) +
                       (tell.store_fault == StoreFault{} ? "" : ": " + text_of(tell.store_fault)));
    const std::lock_guard lock(mutex_);
    history_.push_back(event);
    if (history_.size() > history_length) history_.pop_front();
    if (!host_->has_observer()) return;
    events_.push_back(event);
    // One call is queued for each event that is: the one for the oldest, when that goes, delivers the next.
    if (events_.size() > most_events) return events_.pop_front();
    runtime_->callbacks().post([engine = shared_from_this()] { engine->deliver_events(); });
}

void Engine::carry_out(effect::Arm& arm) { armed_ms_ = arm.boot_ms; }

void Engine::carry_out(effect::Done& done) {
    std::function<void(const Error&)> call;
    {
        const std::lock_guard lock(mutex_);
        const auto found = dones_.find(done.done);
        if (found == dones_.end()) return;
        call = std::move(found->second);
        dones_.erase(found);
    }
    call_back([call = std::move(call), error = error_for(done)] { call(error); });
}

void Engine::carry_out(effect::Ended&) {
    std::map<std::uint64_t, Waiting> waiting;
    std::map<std::uint64_t, std::function<void(const Error&)>> dones;
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;  // from here on nobody can begin to wait
        alarms_.clear();
        for (auto next = waiting_.begin(); next != waiting_.end();) {
            const auto one = next++;
            if (!one->second.is_answered) waiting.insert(waiting_.extract(one));
        }
        dones.swap(dones_);
    }
    const Error error = Result<void>(fail_with(Code::closed)).error();
    for (auto& [id, waiter] : waiting) {
        waiters().take(id);
        if (waiter.on_worker) {
            waiter.call({Code::closed, {}, nullptr, error});
        } else {
            call_back([call = std::move(waiter.call), error] { call({Code::closed, {}, nullptr, error}); });
        }
    }
    for (auto& [id, done] : dones) call_back([call = std::move(done), error] { call(error); });
    for (const auto& [request, id] : asked_) requests().take(id);
    asked_.clear();
    armed_ms_ = never_ms;
    runtime()->never_wake(shared_from_this());
    call_back([engine = shared_from_this()] { engine->finish(); });
}

// The last callback: what the host gave goes back to it, and with the last session the threads end.
void Engine::finish() {
    std::shared_ptr<Host> host;
    std::shared_ptr<RecordStore> store;
    std::shared_ptr<Runtime> last;
    {
        const std::lock_guard lock(mutex_);
        host.swap(host_);
        store.swap(store_);
        last.swap(runtime_);
        ending_.reset();  // the caller holds it too
        events_.clear();
    }
    host.reset();
    store.reset();
    last.reset();
    ThreadGroup::of_process().end_session();
    const std::lock_guard lock(mutex_);
    finished_ = true;
    finishing_.notify_all();
}

// ---- callbacks ----

std::shared_ptr<Runtime> Engine::runtime() const {
    const std::lock_guard lock(mutex_);
    return runtime_;
}

void Engine::call_back(std::function<void()> call) {
    if (const auto threads = runtime()) threads->callbacks().post(std::move(call));
}

void Engine::deliver(std::uint64_t waiter, Acquired result) {
    std::function<void(Acquired)> call;
    bool on_worker = false;
    {
        const std::lock_guard lock(mutex_);
        const auto found = waiting_.find(waiter);
        if (found == waiting_.end() || std::exchange(found->second.is_answered, true)) return;
        call = found->second.call;
        on_worker = found->second.on_worker;
        if (on_worker) waiting_.erase(found);
    }
    if (on_worker) {
        waiters().take(waiter);
        return call(std::move(result));
    }
    call_back([self = shared_from_this(), waiter, call = std::move(call), result = std::move(result)]() mutable {
        if (auto acquired = self->hand_over(waiter, std::move(result))) call(std::move(*acquired));
    });
}

// The last look before a caller gets what a step of the worker made for it: see Fence. None: it waits again.
std::optional<Acquired> Engine::hand_over(std::uint64_t waiter, Acquired acquired) {
    Code code = acquired.code == Code::ok ? admit(acquired) : acquired.code;
    if (code == Code::ok && is_of_an_epoch_over(waiter)) code = Code::cleared;
    if (code == Code::stale) {
        if (wait_again(waiter, acquired.lease)) return std::nullopt;
        const std::lock_guard lock(mutex_);
        const auto found = waiting_.find(waiter);
        code = found != waiting_.end() && found->second.is_cancelled ? Code::cancelled : Code::closed;
    }
    if (code != acquired.code) {
        acquired = {};
        acquired.code = code;
        acquired.error = Result<void>(fail_with(code)).error();
    }
    waiters().take(waiter);
    const std::lock_guard lock(mutex_);
    waiting_.erase(waiter);
    return acquired;
}

// Sent back to wait, it began before a logout: what it gets now may be another user's.
bool Engine::is_of_an_epoch_over(std::uint64_t waiter) {
    const std::lock_guard lock(mutex_);
    const auto found = waiting_.find(waiter);
    return found != waiting_.end() && found->second.refused && published_.is_stale(*found->second.refused);
}

// False: the session has ended meanwhile, or the caller has cancelled.
bool Engine::wait_again(std::uint64_t waiter, const Lease& refused) {
    event::Acquire acquire{};
    {
        const std::lock_guard lock(mutex_);
        const auto found = waiting_.find(waiter);
        if (found == waiting_.end() || ended_ || found->second.is_cancelled) return false;
        found->second.is_answered = false;
        found->second.refused = refused;
        acquire = found->second.acquire;
        acquire.force = false;  // its own token request has been made and answered
        acquire.timeout_ms = std::max<std::int64_t>(found->second.deadline_boot_ms - clock_->boot_ms(), 1);
    }
    post(acquire);
    return true;
}

void Engine::deliver_events() {
    std::shared_ptr<Host> host;
    SessionEvent event;
    {
        const std::lock_guard lock(mutex_);
        if (events_.empty() || host_ == nullptr || published_.is_closed()) return;
        event = events_.front();
        events_.pop_front();
        host = host_;
    }
    host->event(event);
}

// On the worker, which sees the host until the session has ended.
bool Engine::logs(LogLevel level) const { return level <= host_->log_level(); }

void Engine::log(LogLevel level, std::string line) {
    call_back([host = host_, level, line = std::move(line)] { host->log(level, line); });
}

}  // namespace portal

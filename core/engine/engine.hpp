// One open session: feeds the machine with what happens, and carries out what it decides.
#pragma once

#include <atomic>
#include <array>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "engine/published_token_read.hpp"
#include "base/monotonic_condition.hpp"
#include "engine/host.hpp"
#include "engine/serial_executor.hpp"
#include "session/machine.hpp"
#include "session/record_store.hpp"

namespace portal {

class Runtime;

struct EngineParts {
    Policy policy;
    std::string name;
    std::string client_id;
    std::shared_ptr<const Clock> clock;
    std::shared_ptr<RecordStore> store;  // none: memory alone
    std::shared_ptr<Host> host;
    // After a logout, here or by another process: on the callback thread, before `done`.
    std::function<void()> cleared = {};
    // What names the session beside its name: the kind of its store and where that is. Goes into each lease's tag.
    std::string place = {};
    std::string origin = {};  // of Portal: see Record
    std::string role = {};    // of the process: see Claim
};

struct AcquireOptions {
    std::int64_t timeout_ms = 0;  // 0: 35 s
    std::uint64_t newer_than = 0;
    bool force = false;
    bool without_store = false;
};

struct Acquired {
    Code code = Code::ok;
    Lease lease;         // code ok
    SharedSecret token;  // code ok
    Error error;         // else
    Fence::Ticket judged = 0;  // the last ticket that the step which made it had judged
};

struct NewToken {
    Secret token;
    std::string client_id;  // empty: as before
    std::int64_t age_ms = 0;
    std::uint64_t expected_epoch = 0;  // push: 0: any
};

enum class Notice : std::uint8_t { foreground, background, store_changed, clock_changed };

// Every `call` and `done` comes on the callback thread, unless its comment says otherwise.
class Engine : public std::enable_shared_from_this<Engine> {
public:
    // No I/O, no wait: loading starts behind it.
    static std::shared_ptr<Engine> open(EngineParts parts);
    explicit Engine(EngineParts parts);
    ~Engine();

    // ---- callers, on any thread ----
    [[nodiscard]] Code read(Lease& lease, char* token, std::size_t* length);
    // The hot one: see PublishedToken.
    [[nodiscard, gnu::always_inline]] bool read_at_once(Lease& lease, char* token, std::size_t* length) const {
        return published_.read_at_once(clock_->boot_ms(), lease, token, length);
    }
    // `id`, if any, is written before `call` can come.
    [[nodiscard]] Result<std::uint64_t> acquire(const AcquireOptions& options, std::function<void(Acquired)> call,
                                                std::uint64_t* id = nullptr);
    // `call` comes on the worker, must only wake a thread, and has not passed the fence: see `admit`.
    [[nodiscard]] Result<std::uint64_t> acquire_on_worker(const AcquireOptions& options,
                                                          std::function<void(Acquired)> call);
    // Blocks until there is a token or a failure. Not inside a callback.
    [[nodiscard]] Acquired wait(AcquireOptions options);
    // Whether an acquired token may be used now: ok, cleared or closed; stale: acquire again.
    [[nodiscard]] Code admit(const Acquired& acquired) const {
        return published_.admit(acquired.judged, {acquired.lease.epoch, acquired.lease.generation});
    }
    static Result<void> cancel(std::uint64_t waiter_id);
    // Portal answered 2xx, or 401, to a request with that lease's token. ok, stale (of before a clear) or closed.
    [[nodiscard]] Code accepted(const Lease& lease);
    [[nodiscard]] Code rejected(const Lease& lease);
    // Result of a report that does not affect the token.
    [[nodiscard]] Code check(const Lease& lease) const;
    [[nodiscard]] Lease stamped(Lease lease) const;
    [[nodiscard]] Result<void> prepare();
    [[nodiscard]] Result<void> push(NewToken token);
    // A clear and then a push, in one step.
    [[nodiscard]] Result<void> switch_to(NewToken token, std::function<void(const Error&)> done);
    static Result<void> fulfil(std::uint64_t request_id, NewToken token);
    static Result<void> decline(std::uint64_t request_id, int host_code, int http_status = 0);
    static Result<void> fail_request(std::uint64_t request_id, const ProviderFailure& failure);
    // `done` may be empty. Its error's code is ok where it went well.
    [[nodiscard]] Result<void> clear(std::function<void(const Error&)> done);
    [[nodiscard]] Result<void> notify(Notice notice, std::function<void(const Error&)> done);
    [[nodiscard]] Result<StatusView> status() const;
    [[nodiscard]] Result<std::string> explain() const;
    [[nodiscard]] std::uint64_t tag() const { return tag_; }  // of the session's name: the same in every process
    // Ahead of close: what the provider says from now on, perhaps since its own request ends with the session, is stale.
    void ignore_provider() { ending_soon_ = true; }
    // ok, or timeout: closed, and still ending.
    Code close(std::int64_t wait_ms);
    [[nodiscard]] bool is_closed() const { return published_.is_closed(); }
    [[nodiscard]] static bool in_callback() { return SerialExecutor::is_current_thread(); }
    // Runs it on the callback thread, behind what waits there already; not at all once the session has ended.
    void call_back(std::function<void()> call);
    // The same, at that instant of the session's clock or soon after, unless it is called off.
    using Alarm = std::pair<std::int64_t, std::uint64_t>;
    Alarm call_back_at(std::int64_t boot_ms, std::function<void()> call);
    void call_off(const Alarm& alarm);
    [[nodiscard]] std::int64_t now_boot_ms() const { return clock_->boot_ms(); }

    static std::uint64_t open_operations();  // waiters and token requests of the process

    // ---- the worker, whose `effects` are empty before and after ----
    void run(const Event& event, Fence::Ticket ticket, Effects& effects);
    void wake(Effects& effects);
    std::chrono::steady_clock::time_point wake_at{};

private:
    static constexpr std::size_t most_events = 64;
    static constexpr std::size_t history_length = 32;

    struct Waiting {
        std::function<void(Acquired)> call;
        bool on_worker = false;
        event::Acquire acquire{};   // to wait once more
        std::int64_t deadline_boot_ms = 0;
        bool is_answered = false;   // the answer is on its way, and may still be refused by the fence
        bool is_cancelled = false;
        std::optional<Lease> refused;  // what it was not given: with its epoch the wait is over
    };

    void carry_out(effect::Load& load);
    void carry_out(effect::Save& save);
    void carry_out(effect::Ask& ask);
    void carry_out(effect::Withdraw& withdraw);
    void carry_out(effect::Complete& complete);
    void carry_out(effect::Publish& publish);
    void carry_out(effect::Tell& tell);
    void carry_out(effect::Arm& arm);
    void carry_out(effect::Done& done);
    void carry_out(effect::Ended& ended);

    [[nodiscard]] std::shared_ptr<Runtime> runtime() const;  // null once the session has ended
    [[nodiscard]] Reading reading() const;
    [[nodiscard]] Result<void> check_text(const NewToken& token) const;
    [[nodiscard]] Result<void> check_offer(const NewToken& token) const;
    [[nodiscard]] Result<std::uint64_t> begin_wait(const AcquireOptions& options, Waiting waiting, std::uint64_t* id);
    [[nodiscard]] std::optional<Acquired> hand_over(std::uint64_t waiter, Acquired acquired);
    [[nodiscard]] bool is_of_an_epoch_over(std::uint64_t waiter);
    bool wait_again(std::uint64_t waiter, const Lease& refused);
    [[nodiscard]] PublishedToken::Post prepared(Event event);
    void look_at_store();
    void ring_alarms();
    void schedule();
    void post(Event event);
    void post_wake(Wake wake);
    void deliver(std::uint64_t waiter, Acquired result);
    void deliver_events();
    void finish();
    [[nodiscard]] Result<std::uint64_t> keep_done(std::function<void(const Error&)> done);
    [[nodiscard]] Result<void> clear_and(std::function<void(const Error&)> done, const PublishedToken::Post& then_push,
                                         std::uint64_t expected_epoch);
    [[nodiscard]] bool logs(LogLevel level) const;
    void log(LogLevel level, std::string line);

    const Policy policy_;
    const std::shared_ptr<const Clock> clock_;
    const std::uint64_t owner_;
    const std::uint64_t tag_;
    const std::function<void()> cleared_;

    // The worker's own.
    Machine machine_;
    Fence::Ticket judged_ = 0;
    std::atomic<bool> ending_soon_{false};
    std::int64_t armed_ms_ = never_ms;              // by the machine
    std::int64_t scheduled_ms_ = never_ms;          // by it, or by the first alarm
    std::map<std::uint64_t, std::uint64_t> asked_;  // the machine's number of a token request, and its id
    std::uint64_t event_sequence_ = 0;

    PublishedToken published_;

    mutable std::mutex mutex_;  // of what follows; never held under a call
    std::shared_ptr<Runtime> runtime_;
    std::shared_ptr<RecordStore> store_;
    std::shared_ptr<Host> host_;
    std::map<std::uint64_t, Waiting> waiting_;
    std::map<Alarm, std::function<void()>> alarms_;
    std::map<std::uint64_t, std::function<void(const Error&)>> dones_;
    std::uint64_t last_done_ = 0;
    std::deque<SessionEvent> events_;   // not yet delivered
    std::deque<SessionEvent> history_;  // for explain
    std::shared_ptr<Engine> ending_;    // itself, once closed: what the store has yet to take outlives the handle
    bool ended_ = false;                // the machine is: nobody can wait any more
    bool finished_ = false;             // and its last callback
    MonotonicCondition finishing_;
};

}  // namespace portal

#include "simulation/simulator.hpp"

#include <algorithm>
#include <utility>

namespace portal::test {
namespace {

constexpr std::int64_t began_ms = 1'700'000'000'000;

fake_portal::RuleOptions rule_options(const SimulationOptions& options) {
    fake_portal::RuleOptions rule;
    rule.idle_ms = options.policy.idle_ms;
    rule.absolute_ms = options.policy.absolute_ms;
    rule.seed = options.seed;
    if (options.seed % 2 == 0) rule.absolute_rule = fake_portal::AbsoluteRule::reading_b;
    if (options.seed % 3 == 0) rule.slide_on = fake_portal::SlideOn::any_answer;
    return rule;
}

}  // namespace

Simulator::Simulator(const SimulationOptions& options)
    : options_(options),
      chance_(options.seed),
      rule_(rule_options(options)),
      client_(rule_.create_client(now_ms_).id),
      is_reading_a_(options.seed % 2 != 0),
      processes_(static_cast<std::size_t>(options.processes)),
      booted_ms_(now_ms_ - hour_ms) {}

SimulationResult Simulator::run() {
    const std::int64_t end_ms = now_ms_ + options_.days * day_ms;
    for (Process& process : processes_) start(process);
    at(now_ms_, [this] { happen(); });
    run_until(end_ms);
    if (result_.broken.empty()) expect_recovery();
    result_.mints = rule_.totals().mints;
    return std::move(result_);
}

// ---- time ----

Reading Simulator::reading() const { return {now_ms_ - booted_ms_, now_ms_ + wall_off_ms_, boot_tag_}; }

Simulator::Process* Simulator::next_timer(std::int64_t& ms) {
    Process* next = nullptr;
    for (Process& process : processes_) {
        if (process.machine == nullptr || process.armed_boot_ms == never_ms) continue;
        const std::int64_t due_ms = booted_ms_ + process.armed_boot_ms;
        if (next == nullptr || due_ms < ms) {
            next = &process;
            ms = due_ms;
        }
    }
    return next;
}

// After a sleep what has queued up comes before the timers.
void Simulator::run_until(std::int64_t end_ms) {
    while (result_.broken.empty()) {
        std::int64_t timer_ms = never_ms;
        Process* const timer = next_timer(timer_ms);
        const std::int64_t queued_ms = device_.empty() ? never_ms : device_.begin()->first;
        const std::int64_t next_ms = std::max({std::min(timer_ms, queued_ms), asleep_until_ms_, now_ms_});
        if (!server_.empty() && server_.begin()->first <= std::min(next_ms, end_ms)) {
            const auto first = server_.extract(server_.begin());
            const std::int64_t device_ms = std::exchange(now_ms_, first.key());
            first.mapped()();
            now_ms_ = device_ms;
            continue;
        }
        if (std::min(timer_ms, queued_ms) == never_ms || next_ms > end_ms) break;
        now_ms_ = next_ms;
        if (queued_ms <= now_ms_) {
            device_.extract(device_.begin()).mapped()();
        } else {
            timer->armed_boot_ms = never_ms;
            step(*timer, event::Timer{});
        }
    }
    now_ms_ = std::max(now_ms_, end_ms);
}

// ---- processes ----

void Simulator::start(Process& process) {
    if (process.machine != nullptr) return;
    const std::uint64_t life = process.life;
    process = {};
    process.life = life + 1;
    MachineConfig config;
    config.policy = options_.policy;
    config.seed = chance_.next();
    config.owner = chance_.next() | 1;
    config.shared_store = options_.processes > 1;
    process.machine = std::make_unique<Machine>(config);
    step(process, event::Opened{});
}

void Simulator::kill(Process& process) {
    process.machine.reset();
    ++process.life;
    process.armed_boot_ms = never_ms;
    Process* const dead = &process;
    at(now_ms_ + chance_.between(second_ms, hour_ms), [this, dead] { start(*dead); });
}

void Simulator::step(Process& process, const Event& event) {
    if (process.machine == nullptr) return;
    ++result_.steps;
    effects_.clear();
    process.machine->step(event, {reading(), process.slid_generation, process.slid_boot_ms}, effects_);
    check_record(process);
    for (const Effect& effect : effects_) {
        if (options_.faults && chance_.one_in(5'000)) return kill(process);
        std::visit([&](const auto& what) { carry_out(process, what); }, effect);
    }
}

// ---- effects ----

void Simulator::carry_out(Process& process, const effect::Load& load) {
    soon([this, &process, life = process.life, operation = load.operation] {
        if (process.life != life) return;
        const LoadResult result = store_.load();
        soon([this, &process, life, operation, result] {
            if (process.life == life) step(process, event::Loaded{operation, result});
        });
    });
}

void Simulator::carry_out(Process& process, const effect::Save& save) {
    const std::int64_t most_ms = options_.faults && chance_.one_in(200) ? 20 * second_ms : 50;
    soon(
        [this, &process, life = process.life, operation = save.operation, request = save.request] {
            if (process.life != life && chance_.one_in(2)) return;  // else it was on its way when its process died
            const SaveResult result = store_.save(request);
            check_store();
            soon([this, &process, life, operation, result] {
                if (process.life == life) step(process, event::Saved{operation, result});
            });
        },
        most_ms);
}

void Simulator::carry_out(Process& process, const effect::Ask& ask) {
    if (!options_.faults)
        for (const Process& other : processes_) require(other.asked.empty(), "one token request at a time");
    process.asked.insert(ask.request);
    answer(process, process.life, ask.request, ++order_);
}

void Simulator::carry_out(Process& process, const effect::Withdraw& withdraw) { process.asked.erase(withdraw.request); }

void Simulator::answer(Process& process, std::uint64_t life, std::uint64_t request, std::uint64_t begun_at) {
    const Backend backend = backend_;
    if (backend == Backend::silent) return;
    const auto says = [this, &process, life, request](std::int64_t after_ms, Event event) {
        at(now_ms_ + after_ms, [this, &process, life, request, event = std::move(event)] {
            if (process.life == life && process.asked.erase(request) != 0) step(process, event);
        });
    };
    if (backend == Backend::declines) return says(300, event::Declined{request, 0});
    if (backend == Backend::fails) {
        const std::int64_t retry_after_ms = chance_.one_in(3) ? chance_.between(1, 2 * hour_ms) : 0;
        return says(300, event::Failed{request, {Code::provider_failed, chance_.one_in(2), retry_after_ms, 503, 0}});
    }
    const std::int64_t way_ms = instant()                  ? 0
                                : backend == Backend::late ? 45 * second_ms
                                                           : chance_.between(1, 20 * second_ms);
    at_server(now_ms_ + way_ms / 2, [this, says, way_ms, backend, request, begun_at] {
        const bool repeats = backend == Backend::repeats && !last_token_.empty();
        const std::string token = repeats ? last_token_ : mint(begun_at);
        const std::int64_t age_ms = now_ms_ - truths_.find(token)->second.issued_ms;
        says(way_ms / 2, event::Fulfilled{request, {std::make_shared<const Secret>(token), "", age_ms}});
    });
}

void Simulator::carry_out(Process& process, const effect::Complete& complete) {
    const auto found = process.waiting.find(complete.waiter);
    require(found != process.waiting.end(), "live: a waiter is answered once");
    if (found == process.waiting.end()) return;
    const std::int64_t due_ms = std::max(found->second.deadline_ms, asleep_until_ms_);
    require(now_ms_ <= due_ms + wake_grace_ms, "live: a waiter is answered by its deadline");
    process.waiting.erase(found);
    if (complete.code != Code::ok) return;
    check_handed_out(process, complete.token, complete.generation, complete.epoch, complete.overdue);
    send(process, complete.token, complete.generation, complete.epoch, complete.overdue);
}

void Simulator::carry_out(Process& process, const effect::Publish& publish) {
    const bool is_same =
        process.shot.generation == publish.snapshot.generation && process.shot.epoch == publish.snapshot.epoch;
    if (!is_same) process.slid_generation = process.slid_boot_ms = 0;
    process.shot = publish.snapshot;
    process.token = publish.token;
    process.is_dead = process.is_prepared = process.is_rechecked = false;
}

void Simulator::carry_out(Process& process, const effect::Done& done) {
    const auto found = process.clears.find(done.done);
    if (found == process.clears.end()) return;
    if (done.code == Code::ok) {
        std::uint64_t& completed_at = cleared_epochs_[process.machine->record().epoch];
        completed_at = std::max(completed_at, found->second);
        check_store();
    }
    process.clears.erase(found);
}

void Simulator::carry_out(Process& process, const effect::Ended&) {
    require(process.waiting.empty(), "live: close answers every waiter");
    kill(process);
}

// ---- checks ----

void Simulator::require(bool holds, const char* rule) {
    if (holds || !result_.broken.empty()) return;
    result_.broken = std::string(rule) + " (seed " + std::to_string(options_.seed) + ", at " +
                     std::to_string(now_ms_ - began_ms) + " ms)";
}

void Simulator::check_handed_out(const Process& process, const SharedSecret& token, std::uint64_t generation,
                                 std::uint64_t epoch, bool overdue) {
    ++result_.handed_out;
    const std::string text(token->reveal());
    const Truth& truth = truths_.at(text);
    const Policy& policy = options_.policy;
    const std::int64_t until_ms = now_ms_ + policy.margin_ms;
    require((overdue && truth.is_doubted) || truth.accepted_ms + policy.idle_ms > until_ms,
            "never optimistic: the idle deadline is further than the margin");
    require(overdue || truth.is_doubted || truth.issued_ms + policy.absolute_ms > until_ms,
            "never optimistic: the absolute deadline is further than the margin");
    require(!process.rejected.contains({epoch, generation}), "a generation that was reported with 401 is not handed out again");
    require(truth.begun_at > process.cleared_at, "final: nothing from before a clear is handed out after it");
    for (const auto& [cleared_epoch, order] : cleared_epochs_)
        require(epoch < cleared_epoch || truth.begun_at > order, "final: nothing from before a clear comes back");
}

void Simulator::check_record(const Process& process) {
    const Record& record = process.machine->record();
    if (record.state == TokenState::signed_out) require(record.token == nullptr, "final: no token where signed out");
    if (record.token == nullptr || record.slid.boot_tag != boot_tag_) return;
    const Truth& truth = truths_.find(record.token->reveal())->second;
    require(booted_ms_ + record.slid.boot_ms <= std::max(truth.accepted_ms, truth.issued_ms),
            "slides: from the send of a 2xx");
    require(truth.is_doubted || booted_ms_ + record.issued.boot_ms <= truth.issued_ms,
            "slides: never issued later than it was");
}

void Simulator::check_store() {
    const std::optional<Record>& stored = store_.record();
    if (!stored || stored->token == nullptr) return;
    const Truth& truth = truths_.find(stored->token->reveal())->second;
    for (const auto& [cleared_epoch, order] : cleared_epochs_)
        require(stored->epoch < cleared_epoch || truth.begun_at > order,
                "final: nothing from before a clear is stored again");
}

}  // namespace portal::test

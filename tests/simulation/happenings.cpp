// What the user, the device and the world do to a session.
#include <algorithm>
#include <utility>

#include "simulation/simulator.hpp"

namespace portal::test {

Simulator::Process& Simulator::any_process() { return processes_[chance_.next() % processes_.size()]; }

std::string Simulator::mint(std::uint64_t begun_at) {
    last_token_ = rule_.mint(client_, now_ms_).value();
    truths_[last_token_] = {now_ms_, now_ms_, begun_at};
    return last_token_;
}

// ---- requests ----

// As a caller of `try` that waits where there is nothing to read.
void Simulator::use(Process& process) {
    if (process.machine == nullptr) return;
    if (instant()) count_use();
    const Snapshot& shot = process.shot;
    if (shot.usable && !process.is_dead) {
        TokenTimes times = shot.times;
        if (process.slid_generation == shot.generation)
            times.slid.boot_ms = std::max(times.slid.boot_ms, process.slid_boot_ms);
        const Assessment token = assess(options_.policy, times, shot.lead_ms, reading());
        const bool good = token.state == State::fresh || token.state == State::expiring;
        const bool overdue = token.state == State::overdue && reading().boot_ms < shot.overdue_until_boot_ms;
        if (good || overdue) {
            check_handed_out(process, process.token, shot.generation, shot.epoch, overdue);
            send(process, process.token, shot.generation, shot.epoch, overdue);
            if (token.next == Next::give_and_renew && !std::exchange(process.is_prepared, true))
                return step(process, event::Prepare{});
            if (reading().boot_ms >= shot.recheck_boot_ms && !std::exchange(process.is_rechecked, true))
                return step(process, event::StoreChanged{});
            return;
        }
    }
    acquire(process, false);
}

void Simulator::acquire(Process& process, bool force) {
    const std::int64_t timeout_ms = options_.faults && chance_.one_in(4) ? chance_.between(1, minute_ms) : 35 * second_ms;
    const std::uint64_t waiter = ++last_id_;
    process.waiting[waiter] = {now_ms_ + timeout_ms, force};
    // A token that is fetched without the store knows of no clear by another process.
    const bool without_store = options_.processes == 1 && options_.faults && chance_.one_in(4);
    step(process, event::Acquire{waiter, timeout_ms, 0, force, without_store});
    if (options_.faults && chance_.one_in(20))
        soon(
            [this, &process, life = process.life, waiter] {
                if (process.life == life) step(process, event::Cancel{waiter});
            },
            10 * second_ms);
}

// Sent now, answered a little later, if at all.
void Simulator::send(Process& process, const SharedSecret& token, std::uint64_t generation, std::uint64_t epoch,
                     bool overdue) {
    const std::int64_t way_ms = instant() ? 0 : chance_.between(1, options_.policy.margin_ms - 1);
    const std::int64_t sent_ms = now_ms_;
    const std::int64_t sent_boot_ms = reading().boot_ms;
    const int fault = options_.faults && chance_.one_in(20) ? (chance_.one_in(3)   ? 401
                                                               : chance_.one_in(2) ? 429
                                                                                   : 503)
                                                            : 200;
    const bool is_lost = options_.faults && chance_.one_in(50);
    at_server(sent_ms + way_ms, [=, this, &process, life = process.life, text = std::string(token->reveal())] {
        const int status = fault == 401 ? 401 : rule_.request(text, now_ms_, fault);
        require(overdue || fault == 401 || status != 401 || truths_[text].is_doubted,
                "never optimistic: no request fails for its token's age");
        if (is_lost) return;
        if (status == 200) truths_[text].accepted_ms = std::max(truths_[text].accepted_ms, sent_ms);
        at(now_ms_ + way_ms, [=, this, &process] {
            if (process.life == life) report(process, status, text, generation, epoch, sent_boot_ms);
        });
    });
}

void Simulator::report(Process& process, int status, const std::string& text, std::uint64_t generation, std::uint64_t epoch,
                       std::int64_t sent_boot_ms) {
    if (process.machine == nullptr) return;
    const Record before = process.machine->record();
    if (status == 401) {
        if (generation == process.shot.generation && epoch == process.shot.epoch) {
            process.is_dead = true;
            process.rejected.insert({epoch, generation});
        }
        step(process, event::Rejected{epoch, generation});
        if (process.machine == nullptr || before.state != TokenState::live) return;
        const bool is_dead = process.machine->record().state == TokenState::rejected;
        const bool is_of_this_token = before.token->reveal() == text;  // whatever it was numbered when it was handed out
        require(is_dead == is_of_this_token, "a 401 rejects its own token, by whatever number, and no other");
    } else if (status == 200) {
        if (generation == process.shot.generation && epoch == process.shot.epoch && process.shot.usable) {
            process.slid_generation = generation;
            process.slid_boot_ms = std::max(process.slid_boot_ms, sent_boot_ms);
        }
        step(process, event::Accepted{epoch, generation, boot_tag_, sent_boot_ms});
    }
}

// ---- the app and the device ----

void Simulator::push(Process& process) {
    if (process.machine == nullptr) return;
    process.is_dead = true;
    const std::uint64_t begun_at = ++order_;
    const std::string token = mint(begun_at);
    step(process, event::Pushed{{std::make_shared<const Secret>(token), "", 0}});
}

void Simulator::clear(Process& process) {
    if (process.machine == nullptr) return;
    process.is_dead = true;
    process.cleared_at = ++order_;
    const std::uint64_t done = ++last_id_;
    process.clears[done] = process.cleared_at;
    last_token_.clear();  // of another user from here on
    step(process, event::Cleared{done});
    at(now_ms_ + chance_.between(0, day_ms), [this, &process] { push(process); });
}

// Down for a while. The date is honest, or set back so far that no anchor can be believed.
void Simulator::reboot() {
    for (Process& process : processes_) kill(process);
    now_ms_ += chance_.between(10 * second_ms, chance_.one_in(3) ? 3 * day_ms : hour_ms);
    booted_ms_ = now_ms_;
    ++boot_tag_;
    if (!chance_.one_in(4)) return;
    wall_off_ms_ = wall_off_ms_ == 0 ? -400 * day_ms : 0;
    for (auto& [token, truth] : truths_) truth.is_doubted = true;
}

// One thing, and when the next comes: mostly use, in bursts.
void Simulator::happen() {
    const std::uint64_t kind = chance_.next() % 100;
    const std::int64_t pause_ms = chance_.percent(70)   ? chance_.between(second_ms, 10 * minute_ms)
                                  : chance_.percent(80) ? chance_.between(hour_ms, 20 * hour_ms)
                                                        : chance_.between(day_ms, 4 * day_ms);
    Process& process = any_process();
    if (kind < 20) {
        for (Process& each : processes_) use(each);
    } else if (!options_.faults || kind < 70) {
        use(process);
    } else if (kind < 73) {
        step(process, event::Foreground{});
    } else if (kind < 76) {
        step(process, event::Background{});
    } else if (kind < 78) {
        step(process, event::Prepare{});
    } else if (kind < 80) {
        if (process.machine != nullptr) acquire(process, true);
    } else if (kind < 84) {
        asleep_until_ms_ = now_ms_ + chance_.between(second_ms, 12 * hour_ms);
    } else if (kind < 86) {
        reboot();
    } else if (kind < 89) {
        store_.mood = chance_.one_in(2) ? StoreMood::locked : StoreMood::broken;
        at(now_ms_ + chance_.between(second_ms, hour_ms), [this] { store_.mood = StoreMood::works; });
    } else if (kind < 91) {
        store_.conflicts_to_come = static_cast<int>(chance_.between(1, 3));
    } else if (kind < 96) {
        backend_ = static_cast<Backend>(chance_.next() % 7);
        at(now_ms_ + chance_.between(minute_ms, 6 * hour_ms), [this] { backend_ = Backend::answers; });
    } else if (kind == 96) {
        clear(process);
    } else if (kind == 97) {
        push(process);
    } else if (kind == 98) {
        step(process, event::Closed{});
    } else if (options_.processes == 1 && chance_.one_in(4)) {
        store_.damage();
    } else {
        kill(process);
    }
    at(now_ms_ + pause_ms, [this] { happen(); });
}

// ---- after the last fault ----

// Whatever happened, a session that is left in peace works again.
void Simulator::expect_recovery() {
    device_.clear();
    asleep_until_ms_ = 0;
    options_.faults = false;
    store_.mood = StoreMood::works;
    store_.conflicts_to_come = 0;
    backend_ = Backend::answers;
    for (Process& process : processes_) {
        if (process.machine == nullptr) {
            start(process);
        } else {
            kill(process);  // its answers were thrown away above
            start(process);
        }
    }
    run_until(now_ms_ + 3 * hour_ms);
    for (Process& process : processes_) {
        const std::uint64_t before = result_.handed_out;
        acquire(process, true);
        run_until(now_ms_ + minute_ms);
        require(result_.handed_out > before, "live: after all faults a forced renewal brings a token");
        require(process.waiting.empty(), "live: nobody is left waiting");
    }
}

// The least number of tokens for the uses so far: a new one only where the present one is dead at the use.
void Simulator::count_use() {
    const Policy& policy = options_.policy;
    const bool alive = result_.least_mints != 0 && now_ms_ < least_slid_ms_ + policy.idle_ms - policy.margin_ms &&
                       now_ms_ < least_issued_ms_ + policy.absolute_ms - policy.margin_ms;
    if (!alive) {
        ++result_.least_mints;
        least_issued_ms_ = now_ms_;
    }
    least_slid_ms_ = now_ms_;
}

}  // namespace portal::test

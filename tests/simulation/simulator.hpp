// A device, its user, its processes, their store, the app's backend and Portal, for weeks, from one seed. The machines are
// the real ones; at every step the rules that always hold are checked.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fake_portal/rule.hpp"
#include "session/machine.hpp"
#include "simulation/chance.hpp"
#include "simulation/simulated_store.hpp"

namespace portal::test {

struct SimulationOptions {
    std::uint64_t seed = 1;
    int processes = 1;
    int days = 30;
    bool faults = true;
    bool latency = true;  // false: every answer comes in the millisecond of its question
    Policy policy;
};

struct SimulationResult {
    std::string broken;  // the first rule that did not hold, and when; empty: all did
    std::uint64_t steps = 0;
    std::uint64_t handed_out = 0;
    std::uint64_t mints = 0;
    std::uint64_t least_mints = 0;  // by the greedy offline optimum over the same uses; only without latency
};

class Simulator {
public:
    explicit Simulator(const SimulationOptions& options);
    SimulationResult run();

private:
    struct Waiting {
        std::int64_t deadline_ms;
        bool force;
    };

    struct Process {
        std::unique_ptr<Machine> machine;  // null: not running
        std::uint64_t life = 0;            // what was begun in an earlier one is void
        std::int64_t armed_boot_ms = never_ms;
        std::uint64_t slid_generation = 0;
        std::int64_t slid_boot_ms = 0;
        Snapshot shot;
        SharedSecret token;
        bool is_dead = false;      // a report, push or clear came after the snapshot
        bool is_prepared = false;  // since the snapshot
        bool is_rechecked = false;
        std::map<std::uint64_t, Waiting> waiting;
        std::set<std::uint64_t> asked;
        std::set<std::pair<std::uint64_t, std::uint64_t>> rejected;  // epoch and generation, reported in this life
        std::uint64_t cleared_at = 0;                   // the order of the last clear in this life
        std::map<std::uint64_t, std::uint64_t> clears;  // done id: its order
    };

    // What is true of a token, whatever anybody believes.
    struct Truth {
        std::int64_t issued_ms = 0;
        std::int64_t accepted_ms = 0;  // when the last request that got a 2xx was sent
        std::uint64_t begun_at = 0;    // the order of what brought it first
        bool is_doubted = false;       // the date was set across a reboot since: its issue is anybody's guess
    };

    enum class Backend { answers, slow, late, fails, declines, silent, repeats };

    using Act = std::function<void()>;

    // simulator.cpp: time, and what the machine wants done
    void at(std::int64_t ms, Act act) { device_.emplace(std::max(ms, now_ms_), std::move(act)); }
    void soon(Act act, std::int64_t most_ms = 50) {
        at(now_ms_ + chance_.between(0, instant() ? 0 : most_ms), std::move(act));
    }
    void at_server(std::int64_t ms, Act act) { server_.emplace(ms, std::move(act)); }
    void run_until(std::int64_t ms);
    [[nodiscard]] Process* next_timer(std::int64_t& ms);
    [[nodiscard]] Reading reading() const;
    [[nodiscard]] bool instant() const { return !options_.latency; }
    void start(Process& process);
    void kill(Process& process);
    void step(Process& process, const Event& event);
    void carry_out(Process& process, const effect::Load& load);
    void carry_out(Process& process, const effect::Save& save);
    void carry_out(Process& process, const effect::Ask& ask);
    void carry_out(Process& process, const effect::Withdraw& withdraw);
    void carry_out(Process& process, const effect::Complete& complete);
    void carry_out(Process& process, const effect::Publish& publish);
    void carry_out(Process&, const effect::Tell&) {}
    void carry_out(Process& process, const effect::Arm& arm) { process.armed_boot_ms = arm.boot_ms; }
    void carry_out(Process& process, const effect::Done& done);
    void carry_out(Process& process, const effect::Ended&);
    void answer(Process& process, std::uint64_t life, std::uint64_t request, std::uint64_t begun_at);

    // happenings.cpp: what the user, the device and the world do
    void use(Process& process);
    void acquire(Process& process, bool force);
    void send(Process& process, const SharedSecret& token, std::uint64_t generation, std::uint64_t epoch, bool overdue);
    void report(Process& process, int status, const std::string& text, std::uint64_t generation, std::uint64_t epoch, std::int64_t sent_boot_ms);
    void push(Process& process);
    void clear(Process& process);
    void reboot();
    void happen();
    void expect_recovery();
    std::string mint(std::uint64_t begun_at);
    [[nodiscard]] Process& any_process();

    // checks
    void require(bool holds, const char* rule);
    void check_handed_out(const Process& process, const SharedSecret& token, std::uint64_t generation, std::uint64_t epoch,
                          bool overdue);
    void check_record(const Process& process);
    void check_store();
    void count_use();

    SimulationOptions options_;
    Chance chance_;
    fake_portal::Rule rule_;
    std::string client_;
    bool is_reading_a_;
    SimulatedStore store_;
    std::vector<Process> processes_;
    std::map<std::string, Truth, std::less<>> truths_;
    std::map<std::uint64_t, std::uint64_t> cleared_epochs_;  // epoch of a clear that has completed: its order
    std::uint64_t order_ = 0;
    std::uint64_t last_id_ = 0;
    std::string last_token_;

    std::int64_t now_ms_ = 1'700'000'000'000;  // true time, and the server's
    std::int64_t wall_off_ms_ = 0;
    std::int64_t booted_ms_;
    std::uint64_t boot_tag_ = 1;
    std::int64_t asleep_until_ms_ = 0;
    std::multimap<std::int64_t, Act> device_;  // nothing of it happens while the device sleeps
    std::multimap<std::int64_t, Act> server_;
    Backend backend_ = Backend::answers;
    Effects effects_;

    SimulationResult result_;
    std::int64_t least_issued_ms_ = 0;  // the optimum's token
    std::int64_t least_slid_ms_ = 0;
};

inline SimulationResult simulate(const SimulationOptions& options) { return Simulator(options).run(); }

}  // namespace portal::test

// Machines in each state of the lifetime rule, made by events alone.
#pragma once

#include "support/machine_driver.hpp"

namespace portal::test {

inline constexpr std::uint64_t stored_epoch = 2;
inline constexpr std::uint64_t stored_generation = 5;

// As another run left it, an hour of this boot ago and longer.
inline Record stored_record(const Reading& now, TokenState state, std::int64_t since_slide_ms, std::int64_t since_issue_ms) {
    Record record;
    record.revision = 9;
    record.install_seed = 42;
    record.epoch = stored_epoch;
    record.generation = stored_generation;
    record.state = state;
    if (state == TokenState::live || state == TokenState::rejected) {
        record.token = std::make_shared<const Secret>("stored-token");
        record.issued = {now.boot_tag, now.boot_ms - since_issue_ms, now.unix_ms - since_issue_ms};
        record.slid = {now.boot_tag, now.boot_ms - since_slide_ms, now.unix_ms - since_slide_ms};
    }
    return record;
}

inline Record live_record(const Reading& now, std::int64_t since_slide_ms, std::int64_t since_issue_ms) {
    return stored_record(now, TokenState::live, since_slide_ms, since_issue_ms);
}

enum class Start { loading, locked, none, fresh, expiring, overdue, expired, rejected, signed_out };

inline MachineDriver machine_in(Start start, MachineConfig config = machine_config()) {
    MachineDriver driver(std::move(config));
    driver.now.boot_ms = 30 * day_ms;
    driver.step(event::Opened{});
    const auto holds = [&](Record record) {
        driver.stored = record;
        driver.loaded(record);
    };
    switch (start) {
        case Start::loading: break;
        case Start::locked: driver.loaded(LoadOutcome::unavailable); break;
        case Start::none: driver.loaded(LoadOutcome::absent); break;
        case Start::fresh: holds(live_record(driver.now, hour_ms, day_ms)); break;
        case Start::expiring: holds(live_record(driver.now, hour_ms, 7 * day_ms - 10 * minute_ms)); break;
        case Start::overdue: holds(live_record(driver.now, hour_ms, 7 * day_ms)); break;
        case Start::expired: holds(live_record(driver.now, day_ms, day_ms)); break;
        case Start::rejected: holds(stored_record(driver.now, TokenState::rejected, hour_ms, day_ms)); break;
        case Start::signed_out: holds(stored_record(driver.now, TokenState::signed_out, 0, 0)); break;
    }
    return driver;
}

}  // namespace portal::test

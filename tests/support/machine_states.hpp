// Machines in each state of the lifetime rule, at rest and while a renewal runs, made by events alone.
#pragma once

#include "support/machine_driver.hpp"

namespace portal::test {

inline constexpr std::uint64_t stored_epoch = 2;
inline constexpr std::uint64_t stored_generation = 5;

// As another run of this boot left it.
inline Record stored_record(const Reading& now, TokenState state, std::int64_t since_slide_ms = 0,
                            std::int64_t since_issue_ms = 0) {
    Record record;
    record.version = {77, 9};
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

enum class At { loading, locked, none, fresh, expiring, overdue, expired, rejected, signed_out };

// `shared_store` or not, no other process is there.
inline MachineDriver machine_at(At at, MachineConfig config = machine_config()) {
    MachineDriver driver(std::move(config));
    driver.now.boot_ms = 30 * day_ms;
    driver.step(event::Opened{});
    const auto holds = [&](const Record& record) {
        driver.stored = record;
        driver.loaded(record);
    };
    switch (at) {
        case At::loading: break;
        case At::locked: driver.loaded(LoadOutcome::unavailable); break;
        case At::none: driver.loaded(LoadOutcome::absent); break;
        case At::fresh: holds(live_record(driver.now, hour_ms, day_ms)); break;
        case At::expiring: holds(live_record(driver.now, hour_ms, 7 * day_ms - 10 * minute_ms)); break;
        case At::overdue: holds(live_record(driver.now, hour_ms, 7 * day_ms)); break;
        case At::expired: holds(live_record(driver.now, day_ms, day_ms)); break;
        case At::rejected: holds(stored_record(driver.now, TokenState::rejected, hour_ms, day_ms)); break;
        case At::signed_out: holds(stored_record(driver.now, TokenState::signed_out)); break;
    }
    return driver;
}

// The same with a waiter, w1, and the token request r1 that its state allows. A fresh or signed out session has one only by
// force; a locked one without its store; an expiring one behind a token that was handed out; a loading one not at all.
inline MachineDriver renewing_at(At at, MachineConfig config = machine_config()) {
    MachineDriver driver = machine_at(at, std::move(config));
    switch (at) {
        case At::locked: driver.step(event::Acquire{++driver.waiter, 35 * second_ms, 0, false, true}); break;
        case At::fresh:
        case At::signed_out: driver.force(); break;
        default: driver.acquire(); break;
    }
    while (driver.running == MachineDriver::Running::save) driver.saved();
    return driver;
}

}  // namespace portal::test

// Time as the core knows it: since boot including sleep, the boot's identity, and wall time. Injected everywhere.
#pragma once

#include <cstdint>

namespace portal {

struct Reading {
    std::int64_t boot_ms = 0;  // since boot, sleep included
    std::int64_t unix_ms = 0;  // wall time, as the user may have set it
    std::uint64_t boot_tag = 0;  // this boot's identity; 0: not known
};

// An instant that survives reboots as well as can be: which boot, when in it, and what the wall clock said.
struct Anchor {
    std::uint64_t boot_tag = 0;
    std::int64_t boot_ms = 0;
    std::int64_t unix_ms = 0;

    bool operator==(const Anchor&) const = default;
};

inline Anchor anchor_at(const Reading& now) { return {now.boot_tag, now.boot_ms, now.unix_ms}; }

// Called on any thread, by many at once.
class Clock {
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual std::int64_t boot_ms() const = 0;  // the hot one: a single clock read
    [[nodiscard]] virtual Reading read() const = 0;
};

// The operating system's clocks: clock_linux.cpp, clock_android.cpp, clock_apple.cpp.
class SystemClock final : public Clock {
public:
    // `boot_tag` is the host's own word for this boot (Android's BOOT_COUNT + 1); 0: ask the system.
    explicit SystemClock(std::uint64_t boot_tag = 0) : boot_tag_(boot_tag) {}
    [[nodiscard]] std::int64_t boot_ms() const override;
    [[nodiscard]] Reading read() const override;

private:
    std::uint64_t boot_tag_;
};

// This boot's identity as the system tells it, read once in the process; 0: it does not tell.
std::uint64_t system_boot_tag();

}  // namespace portal

// What Linux and Android share: their clocks are POSIX clocks and their boot has an id under /proc.
#pragma once

#include <ctime>

#include "clock/clock.hpp"

namespace portal {

inline std::int64_t clock_ms(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace portal

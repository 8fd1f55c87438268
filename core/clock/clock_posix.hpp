// What Linux and Android share: their clocks are POSIX clocks and their boot has an id under /proc.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <ctime>

#include "clock/boot_tag.hpp"
#include "clock/clock.hpp"

namespace portal {

inline std::int64_t clock_ms(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

// 0: the file can't be read.
inline std::uint64_t boot_tag_of_proc(std::uint64_t salt) {
    char id[64];
    const int file = ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    const ssize_t size = ::read(file, id, sizeof id);
    ::close(file);
    return size <= 0 ? 0 : boot_tag_of({id, static_cast<std::size_t>(size)}, salt);
}

}  // namespace portal

#include <mach/mach_time.h>
#include <sys/sysctl.h>

#include <ctime>

#include "clock/boot_tag.hpp"
#include "clock/clock.hpp"

namespace portal {
namespace {

// kern.bootsessionuuid, never kern.boottime: that one moves when the user sets the date.
std::uint64_t read_boot_tag() {
    char id[64];
    std::size_t size = sizeof id;
    return ::sysctlbyname("kern.bootsessionuuid", id, &size, nullptr, 0) != 0 ? 0 : boot_tag_of({id, size});
}

mach_timebase_info_data_t read_timebase() {
    mach_timebase_info_data_t timebase{};
    ::mach_timebase_info(&timebase);
    return timebase;
}

}  // namespace

std::uint64_t system_boot_tag() {
    static const std::uint64_t tag = read_boot_tag();
    return tag;
}

std::int64_t SystemClock::boot_ms() const {
    static const mach_timebase_info_data_t timebase = read_timebase();
    const auto ticks = static_cast<unsigned __int128>(::mach_continuous_time());  // goes on in sleep
    return static_cast<std::int64_t>(ticks * timebase.numer / timebase.denom / 1'000'000);
}

Reading SystemClock::read() const {
    timespec wall{};
    ::clock_gettime(CLOCK_REALTIME, &wall);
    return {boot_ms(), static_cast<std::int64_t>(wall.tv_sec) * 1000 + wall.tv_nsec / 1'000'000,
            boot_tag_ != 0 ? boot_tag_ : system_boot_tag()};
}

}  // namespace portal

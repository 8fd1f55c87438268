#include <sys/stat.h>

#include "clock/clock_posix.hpp"

namespace portal {
namespace {

// A container has its host's boot_id but, in a time namespace of its own, another boot time.
std::uint64_t time_namespace() {
    struct stat status {};
    return ::stat("/proc/self/ns/time", &status) == 0 ? status.st_ino : 0;
}

}  // namespace

std::uint64_t system_boot_tag() {
    static const std::uint64_t tag = boot_tag_of_proc(time_namespace());
    return tag;
}

std::int64_t SystemClock::boot_ms() const { return clock_ms(CLOCK_BOOTTIME); }

Reading SystemClock::read() const {
    return {clock_ms(CLOCK_BOOTTIME), clock_ms(CLOCK_REALTIME), boot_tag_ != 0 ? boot_tag_ : system_boot_tag()};
}

}  // namespace portal

#include "clock/clock_posix.hpp"

namespace portal {

// Newer Androids forbid apps that file: then the host passes BOOT_COUNT, or the boot stays unknown.
std::uint64_t system_boot_tag() {
    static const std::uint64_t tag = boot_tag_of_proc(0);
    return tag;
}

std::int64_t SystemClock::boot_ms() const { return clock_ms(CLOCK_BOOTTIME); }

Reading SystemClock::read() const {
    return {clock_ms(CLOCK_BOOTTIME), clock_ms(CLOCK_REALTIME), boot_tag_ != 0 ? boot_tag_ : system_boot_tag()};
}

}  // namespace portal

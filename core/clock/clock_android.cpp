#include <fcntl.h>
#include <unistd.h>

#include "clock/boot_tag.hpp"
#include "clock/clock.hpp"
#include "clock/clock_posix.hpp"

namespace portal {
namespace {

// Newer Androids forbid apps this file: then the host passes BOOT_COUNT, or the boot stays unknown.
std::uint64_t read_boot_tag() {
    char id[64];
    const int file = ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    const ssize_t size = ::read(file, id, sizeof id);
    ::close(file);
    return size <= 0 ? 0 : boot_tag_of({id, static_cast<std::size_t>(size)});
}

}  // namespace

std::uint64_t system_boot_tag() {
    static const std::uint64_t tag = read_boot_tag();
    return tag;
}

std::int64_t SystemClock::boot_ms() const { return clock_ms(CLOCK_BOOTTIME); }

Reading SystemClock::read() const {
    return {clock_ms(CLOCK_BOOTTIME), clock_ms(CLOCK_REALTIME), boot_tag_ != 0 ? boot_tag_ : system_boot_tag()};
}

}  // namespace portal

#include "base/random.hpp"

#include <cstdlib>
#if defined(__linux__) && !defined(__ANDROID__)
#include <sys/random.h>
#include <ctime>
#endif

namespace portal {

std::uint64_t entropy() {
    std::uint64_t value = 0;
#if defined(__linux__) && !defined(__ANDROID__)
    // Seeds jitter and names claims; keys and nonces never come from here. So a kernel without entropy costs only good
    // jitter.
    if (::getentropy(&value, sizeof value) != 0) {
        timespec now{};
        ::clock_gettime(CLOCK_REALTIME, &now);
        value = mix(static_cast<std::uint64_t>(now.tv_nsec)) ^ mix(reinterpret_cast<std::uintptr_t>(&value));
    }
#else
    ::arc4random_buf(&value, sizeof value);  // Android before API 28 has no getentropy
#endif
    return value;
}

}  // namespace portal

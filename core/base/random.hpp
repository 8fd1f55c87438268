// Randomness that can be replayed: pure functions of a seed. `entropy` is the one that cannot.
#pragma once

#include <cstdint>

namespace portal {

// SplitMix64's finaliser: neighbouring inputs give unrelated outputs.
constexpr std::uint64_t mix(std::uint64_t value) {
    value += 0x9e3779b97f4a7c15ULL;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
    return value ^ (value >> 31);
}

// In [0, 1), the same for the same seed and index.
constexpr double uniform(std::uint64_t seed, std::uint64_t index) {
    return static_cast<double>(mix(seed ^ mix(index)) >> 11) * 0x1.0p-53;
}

// 64 bits from the operating system.
std::uint64_t entropy();

}  // namespace portal

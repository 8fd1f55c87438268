// Randomness that a seed replays.
#pragma once

#include <cstdint>

#include "base/random.hpp"

namespace portal::test {

class Chance {
public:
    explicit Chance(std::uint64_t seed) : seed_(mix(seed)) {}

    std::uint64_t next() { return mix(seed_ ^ mix(++count_)); }
    bool one_in(std::uint64_t n) { return next() % n == 0; }
    bool percent(std::uint64_t share) { return next() % 100 < share; }
    std::int64_t between(std::int64_t least, std::int64_t most) {
        return least + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(most - least + 1));
    }

private:
    std::uint64_t seed_;
    std::uint64_t count_ = 0;
};

}  // namespace portal::test

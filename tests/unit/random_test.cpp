// base/random: jitter that a seed replays.
#include "base/random.hpp"

#include <cstdint>
#include <set>

#include "support/catch.hpp"

namespace {

using namespace portal;

TEST_CASE("mix agrees with the published values of SplitMix64") {
    // The reference generator from seed 1234567: its states are the seed plus multiples of the golden-ratio constant.
    CHECK(mix(1234567) == 6457827717110365317ULL);
    CHECK(mix(1234567 + 0x9e3779b97f4a7c15ULL) == 3203168211198807973ULL);
    CHECK(mix(1234567 + 2 * 0x9e3779b97f4a7c15ULL) == 9817491932198370423ULL);
}

TEST_CASE("uniform gives the same number for the same seed and index, and another for another") {
    CHECK(uniform(7, 3) == uniform(7, 3));
    CHECK(uniform(7, 3) != uniform(7, 4));
    CHECK(uniform(7, 3) != uniform(8, 3));
    CHECK(uniform(3, 7) != uniform(7, 3));
}

TEST_CASE("uniform stays inside 0 to 1 and fills it evenly, for neighbouring seeds and for neighbouring indexes") {
    constexpr std::uint64_t count = 10'000;
    for (const bool by_seed : {true, false}) {
        int tenths[10] = {};
        for (std::uint64_t i = 0; i < count; ++i) {
            const double value = by_seed ? uniform(i, 1) : uniform(1, i);
            REQUIRE(value >= 0.0);
            REQUIRE(value < 1.0);
            ++tenths[static_cast<int>(value * 10)];
        }
        for (const int share : tenths) {
            CHECK(share > 850);
            CHECK(share < 1150);
        }
    }
}

TEST_CASE("entropy does not repeat itself") {
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 100; ++i) seen.insert(entropy());
    CHECK(seen.size() == 100);
}

}  // namespace

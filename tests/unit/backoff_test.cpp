// When the provider may be asked again: full jitter, Retry-After, and the allowance for rejected tokens.
#include "session/backoff.hpp"

#include <limits>

#include "support/catch.hpp"

using namespace portal;

namespace {

constexpr Reading now{day_ms, 1'700'000'000'000, 7};

struct Range {
    std::int64_t least = never;
    std::int64_t most = 0;
    static constexpr std::int64_t never = 1'000'000'000;
};

Range over_seeds(std::uint32_t failures, std::int64_t retry_after_ms) {
    Range range;
    for (std::uint64_t seed = 0; seed < 2'000; ++seed) {
        const std::int64_t wait_ms = backoff_after(failures, retry_after_ms, seed);
        range.least = std::min(range.least, wait_ms);
        range.most = std::max(range.most, wait_ms);
    }
    return range;
}

Reading later(std::int64_t ms) { return {now.boot_ms + ms, now.unix_ms + ms, now.boot_tag}; }

}  // namespace

TEST_CASE("back-off is full jitter under a ceiling of one second that doubles to five minutes") {
    const struct {
        std::uint32_t failures;
        std::int64_t ceiling_ms;
    } rows[] = {{1, 1'000},   {2, 2'000},    {3, 4'000},       {4, 8'000},
                {5, 16'000},  {6, 32'000},   {7, 64'000},      {8, 128'000},
                {9, 256'000}, {10, 300'000}, {11, 300'000},    {64, 300'000},
                {0, 1'000},   {65, 300'000}, {1'000, 300'000}, {4'294'967'295, 300'000}};
    for (const auto& row : rows) {
        INFO(row.failures);
        const Range range = over_seeds(row.failures, 0);
        CHECK(range.least >= 0);
        CHECK(range.least < row.ceiling_ms / 100);
        CHECK(range.most < row.ceiling_ms);
        CHECK(range.most > row.ceiling_ms * 99 / 100);
    }
}

TEST_CASE("a Retry-After is waited for and a spread, never less, and cut to an hour") {
    const struct {
        std::int64_t asked_ms;
        std::int64_t least_ms;
        std::int64_t most_ms;
    } rows[] = {{1, 1, 1'001},
                {1'000, 1'000, 2'000},
                {4'000, 4'000, 5'000},
                {60'000, 60'000, 75'000},
                {3'600'000, 3'600'000, 4'500'000},
                {3'600'001, 3'600'000, 4'500'000},
                {864'000'000, 3'600'000, 4'500'000}};
    for (const auto& row : rows) {
        INFO(row.asked_ms);
        const Range range = over_seeds(3, row.asked_ms);
        CHECK(range.least >= row.least_ms);
        CHECK(range.most < row.most_ms);
        const std::int64_t spread_ms = row.most_ms - row.least_ms;
        CHECK(range.least < row.least_ms + std::max<std::int64_t>(spread_ms / 100, 2));
        CHECK(range.most >= row.most_ms - std::max<std::int64_t>(spread_ms / 100, 2));
    }
}

TEST_CASE("the same seed and failure wait the same, another does not") {
    CHECK(backoff_after(8, 0, 1) == backoff_after(8, 0, 1));
    CHECK(backoff_after(8, 0, 1) != backoff_after(8, 0, 2));
    CHECK(backoff_after(9, 0, 1) != backoff_after(10, 0, 1));
}

TEST_CASE("a back-off holds to the millisecond, and only in its boot") {
    const Backoff backoff{1, false, now.boot_tag, now.boot_ms + 500};
    CHECK(backoff_left(backoff, now) == 500);
    CHECK(backoff_left(backoff, later(499)) == 1);
    CHECK(backoff_left(backoff, later(500)) == 0);
    CHECK(backoff_left(backoff, later(501)) == 0);
    CHECK(backoff_left(backoff, {now.boot_ms, now.unix_ms, 8}) == 0);
    CHECK(backoff_left({}, now) == 0);
}

TEST_CASE("a back-off longer than any of ours is another boot's") {
    CHECK(backoff_left({1, false, now.boot_tag, now.boot_ms + 4'500'000}, now) == 4'500'000);
    CHECK(backoff_left({1, false, now.boot_tag, now.boot_ms + 4'500'001}, now) == 0);
}

TEST_CASE("three rejected tokens may be replaced at once, then one each ten minutes") {
    RejectionBucket bucket;
    for (int i = 0; i < 3; ++i) {
        CHECK(rejection_wait(bucket, now) == 0);
        take_rejection(bucket, now);
    }
    CHECK(rejection_wait(bucket, now) == 600'000);
    CHECK(rejection_wait(bucket, later(599'999)) == 1);
    CHECK(rejection_wait(bucket, later(600'000)) == 0);
    take_rejection(bucket, later(600'000));
    CHECK(rejection_wait(bucket, later(600'000)) == 600'000);
    CHECK(rejection_wait(bucket, later(1'200'000)) == 0);
}

TEST_CASE("a long rest fills the allowance up to three and no further") {
    RejectionBucket bucket;
    for (int i = 0; i < 3; ++i) take_rejection(bucket, now);
    const Reading rested = later(day_ms);
    for (int i = 0; i < 3; ++i) {
        CHECK(rejection_wait(bucket, rested) == 0);
        take_rejection(bucket, rested);
    }
    CHECK(rejection_wait(bucket, rested) == 600'000);
}

TEST_CASE("across a reboot the new boot's age alone refills the allowance") {
    RejectionBucket bucket;
    for (int i = 0; i < 3; ++i) take_rejection(bucket, now);
    CHECK(rejection_wait(bucket, {0, now.unix_ms, 8}) == 600'000);
    CHECK(rejection_wait(bucket, {600'000, now.unix_ms, 8}) == 0);
    CHECK(rejection_wait(bucket, {599'999, now.unix_ms + day_ms, 8}) == 1);
}

TEST_CASE("an allowance used at an instant that is yet to come was used in another boot") {
    const RejectionBucket ahead{1'800'000, now.boot_tag, now.boot_ms + 30 * day_ms};
    CHECK(rejection_wait(ahead, {0, now.unix_ms, now.boot_tag}) == 600'000);
    CHECK(rejection_wait(ahead, now) == 0);  // which is a day old
}

TEST_CASE("an instant at either end of its type is no back-off and no debt") {
    for (const std::int64_t end_ms : {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
        for (const std::int64_t now_ms : {-(1LL << 53), 1LL << 53}) {
            CHECK(backoff_left({1, true, 7, end_ms}, {now_ms, 0, 7}) == 0);
            CHECK(rejection_debt({end_ms, 7, end_ms}, {1LL << 53, 0, 7}) == 0);
        }
    }
}

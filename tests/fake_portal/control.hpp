// The JSON of /_fake/...: how a program outside drives and reads the fake. server.hpp documents it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "fake_portal/api.hpp"

namespace fake_portal {

inline constexpr std::int64_t max_delay_ms = 30'000;
inline constexpr int max_fault_times = 1'000'000;

struct Snapshot {
    std::int64_t now_ms = 0;
    Counters total;
    ApiCounters api;
    std::size_t armed = 0;  // answers that still go wrong
    std::size_t held = 0;   // answers that wait to be released
    std::vector<TokenCounters> by_token;
};

std::string snapshot_json(const Snapshot& snapshot);

// The error is a sentence for whoever wrote the request. An unknown field is one: it is a typing error in a test.
tl::expected<Fault, std::string> fault_from_json(std::string_view body);
tl::expected<std::int64_t, std::string> advance_ms_from_json(std::string_view body);

}  // namespace fake_portal

// Records to store, and whether what came back is the same.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <tuple>

#include "session/record.hpp"

namespace portal::test {

inline SharedSecret secret_of(const std::string& text) { return std::make_shared<const Secret>(text); }

inline constexpr std::uint64_t sample_lineage = 0x99aabbccddeeff01ULL;

// Every field has a value of its own.
inline Record sample_record(std::uint64_t revision = 7, const std::string& token = "sample-token-0123456789") {
    Record record;
    record.version = {sample_lineage, revision};
    record.install_seed = 0x1122334455667788ULL;
    record.epoch = 3;
    record.generation = 12;
    record.state = TokenState::live;
    record.token = secret_of(token);
    record.client_id = "client-42";
    record.origin = "https://api.portalhq.io:443";
    record.name = "default";
    record.issued = {0xaaaa, 1'000, 1'700'000'000'000};
    record.slid = {0xbbbb, 2'000, 1'700'000'001'000};
    record.claim = {0xcccc, 0xdddd, 3'000, 33'000, "widget"};
    record.backoff = {4, true, 0xeeee, 5'000};
    record.rejections = {600'000, 0xffff, 6'000};
    return record;
}

inline Record sample_tombstone(std::uint64_t revision = 7, std::uint64_t epoch = 4) {
    Record record;
    record.version = {sample_lineage, revision};
    record.epoch = epoch;
    record.generation = 12;
    record.state = TokenState::signed_out;
    return record;
}

inline bool same(const Record& a, const Record& b) {
    const bool same_token = a.token && b.token ? a.token->equals(b.token->reveal()) : a.token == b.token;
    const auto rest = [](const Record& r) {
        return std::tie(r.version, r.install_seed, r.epoch, r.generation, r.state, r.client_id, r.origin, r.name, r.issued,
                        r.slid, r.claim, r.backoff, r.rejections);
    };
    return same_token && rest(a) == rest(b);
}

}  // namespace portal::test

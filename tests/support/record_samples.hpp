// Records to store, and whether what came back is the same.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <tuple>

#include "session/record.hpp"

namespace portal::test {

inline SharedSecret secret_of(const std::string& text) { return std::make_shared<const Secret>(text); }

// Every field has a value of its own.
inline Record sample_record(std::uint64_t revision = 7, const std::string& token = "sample-token-0123456789") {
    Record record;
    record.version = {0x5151515151515151ULL, revision};
    record.install_seed = 0x1122334455667788ULL;
    record.epoch = 3;
    record.generation = 12;
    record.state = TokenState::live;
    record.token = secret_of(token);
    record.client_id = "client-42";
    record.issued = {0xaaaa, 1'000, 1'700'000'000'000};
    record.slid = {0xbbbb, 2'000, 1'700'000'001'000};
    record.claim = {0xcccc, 0xdddd, 3'000, 33'000};
    record.backoff = {4, true, 0xeeee, 5'000};
    record.rejections = {600'000, 0xffff, 6'000};
    return record;
}

inline Record sample_tombstone(std::uint64_t revision = 7, std::uint64_t epoch = 4) {
    Record record;
    record.version = {0x5151515151515151ULL, revision};
    record.install_seed = 0x1122334455667788ULL;
    record.epoch = epoch;
    record.generation = 12;
    record.state = TokenState::signed_out;
    return record;
}

inline bool same(const Anchor& a, const Anchor& b) {
    return std::tie(a.boot_tag, a.boot_ms, a.unix_ms) == std::tie(b.boot_tag, b.boot_ms, b.unix_ms);
}

inline bool same(const Record& a, const Record& b) {
    const bool same_token = a.token && b.token ? a.token->equals(b.token->reveal()) : a.token == b.token;
    return same_token && same(a.issued, b.issued) && same(a.slid, b.slid) &&
           std::tie(a.version.lineage, a.version.revision, a.install_seed, a.epoch, a.generation, a.state, a.client_id) ==
               std::tie(b.version.lineage, b.version.revision, b.install_seed, b.epoch, b.generation, b.state, b.client_id) &&
           std::tie(a.claim.owner, a.claim.boot_tag, a.claim.started_boot_ms, a.claim.limit_boot_ms) ==
               std::tie(b.claim.owner, b.claim.boot_tag, b.claim.started_boot_ms, b.claim.limit_boot_ms) &&
           std::tie(a.backoff.failures_in_a_row, a.backoff.asked_by_server, a.backoff.boot_tag,
                    a.backoff.not_before_boot_ms) == std::tie(b.backoff.failures_in_a_row, b.backoff.asked_by_server,
                                                              b.backoff.boot_tag, b.backoff.not_before_boot_ms) &&
           std::tie(a.rejections.debt_ms, a.rejections.boot_tag, a.rejections.boot_ms) ==
               std::tie(b.rejections.debt_ms, b.rejections.boot_tag, b.rejections.boot_ms);
}

}  // namespace portal::test

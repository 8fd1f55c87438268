// A record as bytes: what the file store seals and what a host store is handed in clear.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/secret.hpp"
#include "session/record.hpp"
#include "session/record_store.hpp"

namespace portal {

inline constexpr std::size_t max_record_bytes = 8 * 1024;
inline constexpr std::uint8_t record_format = 2;

// Every record of every format from 2 on begins with these bytes, in clear. Numbers are little-endian.
//   "portal" 6 | format 1 | kind 1 | lineage 8, never 0 | revision 8, from 1 to below 2^62
inline constexpr std::size_t record_header_bytes = 24;

enum class RecordKind : std::uint8_t { record = 0, tombstone = 1 };

struct RecordHeader {
    std::uint8_t format = record_format;
    RecordKind kind = RecordKind::record;
    RecordVersion version;
};

// Nothing where the bytes begin otherwise.
[[nodiscard]] std::optional<RecordHeader> read_header(std::string_view bytes);
[[nodiscard]] RecordHeader header_of(const Record& record);
[[nodiscard]] std::string encode_header(const RecordHeader& header);

// What a save that replaces these bytes has to name: what the header says, or, where there is none, a fingerprint of their
// beginning and their number, with revision 0. `begin` holds the header's bytes, or all there are.
[[nodiscard]] RecordVersion version_of(std::string_view begin, std::uint64_t size);

// What follows the header. Of a tombstone: epoch 8 | generation 8, and nothing else of the record.
//
// Both directions hold a record to the same rules, so whatever encodes also decodes: an epoch of at least 1, epoch and
// generation below the provisional ones, instants within 2^53 ms of zero, a claim of at most 5 min 10 s, a debt of at most
// 30 min, a token exactly where the state is live or rejected, texts that pass their checks, and the session's name.
// Of a tombstone, which no secret key need authenticate, all numbers are at most 2^40: honest ones begin at 0 or at the wall
// clock's seconds, and can't reach that.
[[nodiscard]] Result<Secret> encode_body(const Record& record);
[[nodiscard]] Result<Record> decode_body(const RecordHeader& header, std::string_view body);

inline constexpr std::uint64_t revisions_end = std::uint64_t{1} << 62;
inline constexpr std::uint64_t counters_end = first_provisional;  // of epochs and generations
inline constexpr std::uint64_t most_in_tombstone = most_unproven;
inline constexpr std::int64_t most_claim_ms = (5 * 60 + 10) * 1000;
inline constexpr std::int64_t most_debt_ms = 30 * 60 * 1000;

// Header and body, in clear, for a host store.
[[nodiscard]] Result<Secret> encode_record(const Record& record);

// What a host store holds for the session of that name: found, lost, or fault where a newer version wrote it; with its
// version. For any bytes at all: reads only within them, allocates only once all lengths are checked.
[[nodiscard]] LoadResult decode_record(std::string_view bytes, std::string_view session_name);

// The answer for what is there and is not a record. What says of itself that it is a tombstone remains a logout, though its
// epoch is not known: whoever can forge that byte could delete the record as well.
[[nodiscard]] LoadResult lost(StoreCause cause, RecordKind kind);

}  // namespace portal

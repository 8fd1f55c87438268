// A record as bytes, in clear: what the file store seals and what a host store is handed.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/error.hpp"
#include "base/secret.hpp"
#include "session/record.hpp"

namespace portal {

inline constexpr std::size_t max_record_bytes = 8 * 1024;

// The bytes carry a format number, and only the very same number is read: a field more or less is a new number. A device
// that goes back to an older version of the app thus reports a loss and fetches one token; nothing is half understood.
//
// Both directions hold a record to the same rules, so whatever encodes also decodes: a revision of at least 1, a token
// exactly where the state is live or rejected, no client id in a tombstone, texts that pass their checks, and numbers that
// leave room for arithmetic (counters below 2^63, instants within 2^53 ms of zero).
[[nodiscard]] Result<Secret> encode_record(const Record& record);

// For any bytes at all: reads only within them, allocates only once all lengths are checked.
[[nodiscard]] Result<Record> decode_record(std::string_view bytes);

}  // namespace portal

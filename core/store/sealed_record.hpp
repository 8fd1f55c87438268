// A record as it lies in a file: a header in clear, then nonce, ciphertext and tag.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "session/record.hpp"
#include "session/record_store.hpp"
#include "store/cipher.hpp"
#include "store/record_codec.hpp"

namespace portal {

//   magic 8 | format 2 | sealed with 2 | key check 8 | revision 8 | nonce 12 | ciphertext | tag 16
// The tag authenticates the header and the hash of the session's name: a record of another session does not open.
inline constexpr std::size_t sealed_header_bytes = 28;
inline constexpr std::size_t max_sealed_bytes = sealed_header_bytes + seal_overhead_bytes + max_record_bytes;

// A tombstone must be readable once the key is destroyed, and a clear must work while the key is locked away. It holds no
// secret, so it is sealed with a key that everybody knows: that finds damage, not forgery. Who can write the file could
// delete it just as well; and nothing but a tombstone is ever read under that key. So `key` is not used for one.
[[nodiscard]] Result<std::string> seal_record(const Cipher& cipher, std::string_view key, std::string_view name_hash,
                                              const Record& record);

// Found, lost (with the reason), or fault where the cipher itself failed. An empty key opens tombstones only; anything else
// is then lost by other_key.
[[nodiscard]] LoadResult open_record(const Cipher& cipher, std::string_view key, std::string_view name_hash,
                                     std::string_view sealed);

// The revision as the header has it, not authenticated: enough to tell that somebody else has saved. Nothing where this is
// no header.
[[nodiscard]] std::optional<std::uint64_t> sealed_revision(std::string_view header);

}  // namespace portal

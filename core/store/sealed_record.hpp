// A record as it lies in a file: its header and a key's check value in clear, then nonce, ciphertext and tag.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "session/record.hpp"
#include "session/record_store.hpp"
#include "store/cipher.hpp"
#include "store/record_codec.hpp"

namespace portal {

//   header 24 | key check 8 | nonce 12 | ciphertext of the body | tag 16
// The tag authenticates what is in clear and the hash of the session's name: a record of another session does not open.
inline constexpr std::size_t key_check_bytes = 8;
inline constexpr std::size_t sealed_clear_bytes = record_header_bytes + key_check_bytes;
inline constexpr std::size_t max_sealed_bytes = sealed_clear_bytes + seal_overhead_bytes + max_record_bytes;

// The first bytes of HMAC(key, "portal-session kcv 1"): tells another key from damage.
[[nodiscard]] Result<std::string> key_check(const Cipher& cipher, std::string_view key);

// A tombstone must be readable once the key is destroyed, and a clear must work while the key is locked away. It holds no
// secret, so it is sealed with a key that everybody knows: that finds damage, not forgery. Whoever can write the file could
// delete it just as well; and nothing but a tombstone is ever read under that key. So `key` is not used for one.
[[nodiscard]] Result<std::string> seal_record(const Cipher& cipher, std::string_view key, std::string_view name_hash,
                                              const Record& record);

// Found, lost (with the reason), or fault where a newer version wrote it or the cipher itself failed. An empty key opens
// tombstones only; anything else is then lost by other_key. `version` is set.
[[nodiscard]] LoadResult open_record(const Cipher& cipher, std::string_view key, std::string_view name_hash,
                                     std::string_view sealed);

}  // namespace portal

// Format 1, of version 0.1.0. Only its logouts are honoured: an update signs nobody in. Its other records count as lost.
#pragma once

#include <string_view>

#include "session/record_store.hpp"

namespace portal {

//   "portalps" | format 2 | sealed with 2 | key check 8 | revision 8 | nonce 12 | ciphertext | tag 16
inline constexpr std::size_t old_sealed_header_bytes = 28;

[[nodiscard]] bool is_old_sealed(std::string_view bytes);
// Whether it says of itself that it is a tombstone.
[[nodiscard]] bool is_old_sealed_tombstone(std::string_view bytes);

// A record in clear, as a host store held it and as it was sealed: found where it is a tombstone, else lost.
[[nodiscard]] LoadResult read_old_clear(std::string_view bytes);

}  // namespace portal

// The key of the encrypted store: 32 random bytes in a file that only its user reads. Made at first use.
#pragma once

#include <optional>
#include <string>

#include "cli/secret_buffer.hpp"

namespace cli {

inline constexpr std::size_t key_bytes = 32;

// Nothing where there is no file yet. Throws a store Failure where it is not what a key file must be: a wrong key would
// look like a lost store.
[[nodiscard]] std::optional<SecretBuffer> read_key(const std::string& path);

// The same, removes what killed processes left beside it, and makes the file where there is none. Throws an Unwritable where that is all that fails.
[[nodiscard]] SecretBuffer load_key(const std::string& path);

}  // namespace cli

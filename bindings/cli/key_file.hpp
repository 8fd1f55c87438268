// The key of the encrypted store: 32 random bytes in a file that only its user reads. Made at first use.
#pragma once

#include <string>

#include "cli/secret_buffer.hpp"

namespace cli {

inline constexpr std::size_t key_bytes = 32;

// Throws a store Failure where the file is not what a key file must be: a wrong key would look like a lost store.
[[nodiscard]] SecretBuffer load_key(const std::string& path);

}  // namespace cli

// Checks of text from outside, and the few ASCII helpers that the core needs. None depends on the locale.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace portal {

inline constexpr std::size_t max_token_bytes = 4096;
inline constexpr std::size_t max_client_id_bytes = 256;
inline constexpr std::size_t max_provider_answer_bytes = 1024 * 1024;
inline constexpr std::size_t max_name_bytes = 128;

// A token is opaque, header-safe text: 1 to 4096 printable ASCII bytes without spaces. BAD_TOKEN, with a text that says what
// was passed by mistake, also for a JSON object, markup, and what other languages print for "no value": null, undefined.
[[nodiscard]] Result<void> check_token(std::string_view text);

// 1 to 256 printable ASCII bytes.
[[nodiscard]] Result<void> check_client_id(std::string_view text);

// A session's name: at most 128 bytes of UTF-8; empty stands for "default".
[[nodiscard]] Result<void> check_session_name(std::string_view text);

// A process's role: at most 16 printable ASCII bytes without spaces; empty: not named.
[[nodiscard]] Result<void> check_role(std::string_view text);

// A text that a Windows editor or server saved may begin with the UTF-8 byte order mark, which is no part of it.
[[nodiscard]] std::string_view without_byte_order_mark(std::string_view text);

[[nodiscard]] bool is_utf8(std::string_view text);
[[nodiscard]] std::string lower_case(std::string_view text);
[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);
[[nodiscard]] bool starts_with(std::string_view text, std::string_view prefix);
[[nodiscard]] bool ends_with(std::string_view text, std::string_view suffix);

}  // namespace portal

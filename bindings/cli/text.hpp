// How numbers and words look to people, and to JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cli {

// The two largest units: "6 d 23 h", "23 h 59 min", "45 s", "0 s". Rounded towards zero, up to a second where that is all.
[[nodiscard]] std::string format_duration(std::int64_t duration_ms);

// The same for what is often over at once: "340 ms".
[[nodiscard]] std::string format_brief(std::int64_t duration_ms);

// The same for a time to wait, rounded up to a second: whoever waits for it is not too early.
[[nodiscard]] std::string format_wait(std::int64_t wait_ms);

// "6 d 23 h left" or, for a negative one, "3 min ago".
[[nodiscard]] std::string format_time_left(std::int64_t left_ms);

// "Tue 2025-11-25 09:47:03 CET": local time.
[[nodiscard]] std::string format_local_time(std::int64_t unix_ms);

// "09:47:03": local time.
[[nodiscard]] std::string format_local_time_of_day(std::int64_t unix_ms);

// "near_idle" as people write it: "near idle".
[[nodiscard]] std::string spaced(std::string_view word);

// In quotes, escaped.
[[nodiscard]] std::string json_text(std::string_view text);

// Without the white space around it.
[[nodiscard]] std::string_view trimmed(std::string_view text);

}  // namespace cli

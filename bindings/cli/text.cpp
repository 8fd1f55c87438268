#include "cli/text.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace cli {

std::string format_duration(std::int64_t duration_ms) {
    struct Unit {
        std::uint64_t seconds;
        const char* name;
    };
    static constexpr std::array<Unit, 4> units{{{86'400, "d"}, {3'600, "h"}, {60, "min"}, {1, "s"}}};

    // Unsigned, since the smallest number has no positive twin.
    const std::uint64_t whole_ms =
        duration_ms < 0 ? 0 - static_cast<std::uint64_t>(duration_ms) : static_cast<std::uint64_t>(duration_ms);
    std::uint64_t seconds = whole_ms / 1000;
    if (seconds == 0 && whole_ms > 0) seconds = 1;

    for (std::size_t i = 0; i < units.size(); ++i) {
        const std::uint64_t count = seconds / units[i].seconds;
        if (count == 0) continue;
        std::string text = std::to_string(count) + " " + units[i].name;
        if (i + 1 == units.size()) return text;
        const std::uint64_t rest = seconds % units[i].seconds / units[i + 1].seconds;
        if (rest != 0) text += " " + std::to_string(rest) + " " + units[i + 1].name;
        return text;
    }
    return "0 s";
}

std::string format_brief(std::int64_t duration_ms) {
    return duration_ms >= 0 && duration_ms < 1000 ? std::to_string(duration_ms) + " ms" : format_duration(duration_ms);
}

std::string format_wait(std::int64_t wait_ms) {
    return format_duration(wait_ms > 0 && wait_ms < INT64_MAX - 999 ? wait_ms + 999 : wait_ms);
}

std::string format_time_left(std::int64_t left_ms) {
    return left_ms < 0 ? format_duration(left_ms) + " ago" : format_duration(left_ms) + " left";
}

namespace {

std::string format_time(std::int64_t unix_ms, const char* format) {
    const std::time_t seconds = static_cast<std::time_t>(unix_ms / 1000);
    std::tm parts{};
    char text[64];
    if (::localtime_r(&seconds, &parts) == nullptr) return "?";
    const std::size_t size = std::strftime(text, sizeof text, format, &parts);
    return {text, size};
}

}  // namespace

std::string format_local_time(std::int64_t unix_ms) { return format_time(unix_ms, "%a %Y-%m-%d %H:%M:%S %Z"); }

std::string format_local_time_of_day(std::int64_t unix_ms) { return format_time(unix_ms, "%H:%M:%S"); }

std::string spaced(std::string_view word) {
    std::string text(word);
    for (char& c : text) {
        if (c == '_') c = ' ';
    }
    return text;
}

std::string json_text(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            quoted += '\\';
            quoted += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            char escape[8];
            std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
            quoted += escape;
        } else {
            quoted += c;
        }
    }
    return quoted + "\"";
}

std::string_view trimmed(std::string_view text) {
    static constexpr std::string_view white = " \t\r\n";
    const std::size_t first = text.find_first_not_of(white);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(white) - first + 1);
}

}  // namespace cli

#include "http/retry_after.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

namespace portal {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

struct Fields {
    int day = 0;
    int month = 0;
    int year = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
};

int month_of(std::string_view name) {
    constexpr std::array<std::string_view, 12> names = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto* found = std::find(names.begin(), names.end(), name);
    return found == names.end() ? 0 : static_cast<int>(found - names.begin()) + 1;
}

// Reads `text` by a layout of the same length: D, Y, h, m, s each stand for a digit of that field (a day may begin with a
// space), MMM for the month's name, every other byte for itself.
std::optional<Fields> read(std::string_view text, std::string_view layout) {
    if (text.size() != layout.size()) return std::nullopt;
    Fields fields;
    for (std::size_t i = 0; i < layout.size(); ++i) {
        int* field = nullptr;
        switch (layout[i]) {
            case 'D':
                field = &fields.day;
                break;
            case 'Y':
                field = &fields.year;
                break;
            case 'h':
                field = &fields.hour;
                break;
            case 'm':
                field = &fields.minute;
                break;
            case 's':
                field = &fields.second;
                break;
            case 'M':
                if (fields.month == 0) fields.month = month_of(text.substr(i, 3));
                continue;
            default:
                if (text[i] != layout[i]) return std::nullopt;
                continue;
        }
        if (field == &fields.day && fields.day == 0 && text[i] == ' ') continue;
        if (!is_digit(text[i])) return std::nullopt;
        *field = *field * 10 + (text[i] - '0');
    }
    return fields;
}

// The three forms of RFC 9110, section 5.6.7. The weekday says nothing that the date does not, so any word will do.
std::optional<Fields> read_any_form(std::string_view text) {
    const auto weekday_end = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_letter) - text.begin());
    if (weekday_end < 3) return std::nullopt;
    text.remove_prefix(weekday_end);
    if (const auto fields = read(text, ", DD MMM YYYY hh:mm:ss GMT")) return fields;
    if (const auto fields = read(text, " MMM DD hh:mm:ss YYYY")) return fields;
    auto fields = read(text, ", DD-MMM-YY hh:mm:ss GMT");
    if (fields) fields->year += fields->year < 70 ? 2000 : 1900;
    return fields;
}

std::optional<std::int64_t> unix_seconds(std::string_view text) {
    const auto fields = read_any_form(text);
    if (!fields || fields->hour > 23 || fields->minute > 59 || fields->second > 60) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(fields->year),
                                           std::chrono::month(static_cast<unsigned>(fields->month)),
                                           std::chrono::day(static_cast<unsigned>(fields->day))};
    if (!date.ok()) return std::nullopt;
    const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    return days * 86'400 + fields->hour * 3600 + fields->minute * 60 + fields->second;
}

std::string_view trim(std::string_view text) {
    const auto blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    return text;
}

std::int64_t seconds_of(std::string_view digits) {
    std::int64_t seconds = 0;
    for (const char c : digits) seconds = std::min(seconds * 10 + (c - '0'), max_retry_after_ms / 1000);
    return seconds;
}

}  // namespace

std::int64_t retry_after_ms(std::string_view value, std::string_view date) {
    value = trim(value);
    if (std::all_of(value.begin(), value.end(), is_digit)) return seconds_of(value) * 1000;
    const auto then = unix_seconds(value);
    const auto now = unix_seconds(trim(date));
    if (!then || !now || *then <= *now) return 0;
    return std::min((*then - *now) * 1000, max_retry_after_ms);
}

}  // namespace portal

#include "planner/trace.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "lifetime/policy.hpp"

namespace portal::planner {
namespace {

constexpr std::string_view blank = " \t\r\n";
constexpr std::string_view separators = ", \t";
constexpr std::int64_t most_seconds = 100'000'000'000;  // the year 5138; milliseconds land beyond it

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(blank);
    return first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::optional<std::int64_t> seconds_in(std::string_view text) {
    std::int64_t seconds = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (fault != std::errc{} || end != text.data() + text.size() || seconds < 0 || seconds >= most_seconds) return {};
    return seconds;
}

}  // namespace

Result<void> Trace::add_line(std::string_view line) {
    ++lines_;
    line = trimmed(line);
    if (line.empty() || line.front() == '#') return {};
    const std::string_view user = line.substr(0, line.find_first_of(separators));
    const std::size_t time = line.find_first_not_of(separators, user.size());
    const std::optional<std::int64_t> seconds = seconds_in(time == std::string_view::npos ? "" : line.substr(time));
    if (user.empty() || !seconds) {
        if (lines_ == 1) return {};
        return fail(Code::invalid_argument, "Line " + std::to_string(lines_) +
                                                " is not USER,SECONDS: an id, a comma or blank, whole seconds since 1970.");
    }
    auto entry = uses_by_user_.find(user);
    if (entry == uses_by_user_.end()) entry = uses_by_user_.emplace(user, Uses{}).first;
    entry->second.push_back(*seconds * second_ms);
    return {};
}

std::vector<Uses> Trace::users() const {
    std::vector<Uses> users;
    users.reserve(uses_by_user_.size());
    for (const auto& [user, uses] : uses_by_user_) {
        users.push_back(uses);
        std::sort(users.back().begin(), users.back().end());
    }
    return users;
}

std::uint64_t active_user_weeks(const std::vector<Uses>& users) {
    std::uint64_t weeks = 0;
    for (const Uses& uses : users) {
        std::int64_t last = -1;
        for (const std::int64_t use_ms : uses) {
            const std::int64_t week = (use_ms + 3 * day_ms) / (7 * day_ms);  // 1970 began on a Thursday
            if (week != last) ++weeks;
            last = week;
        }
    }
    return weeks;
}

}  // namespace portal::planner

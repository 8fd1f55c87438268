// A trace of use: who made an authenticated request, and when. Read from lines of text.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace portal::planner {

using Uses = std::vector<std::int64_t>;  // wall time in milliseconds, in order

class Trace {
public:
    // "USER,SECONDS" or "USER SECONDS". Empty lines, comments (#) and a heading in the first line are passed over.
    Result<void> add_line(std::string_view line);

    // Each user's uses, sorted: the lines may come in any order.
    [[nodiscard]] std::vector<Uses> users() const;

private:
    std::map<std::string, Uses, std::less<>> uses_by_user_;
    std::uint64_t lines_ = 0;
};

// Calendar weeks (UTC, from Monday on) with at least one use, over all users.
[[nodiscard]] std::uint64_t active_user_weeks(const std::vector<Uses>& users);

}  // namespace portal::planner

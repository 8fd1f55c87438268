#include "cli/header_lines.hpp"

#include <algorithm>
#include <string>

#include "cli/failure.hpp"
#include "cli/text.hpp"

namespace cli {

std::vector<portal_header> header_lines(std::string_view text, std::string_view where) {
    static constexpr std::size_t most_headers = 32;
    std::vector<portal_header> headers;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty()) continue;
        const std::size_t colon = line.find(':');
        const std::string_view name = line.substr(0, colon);
        if (colon == std::string_view::npos || name.empty() || name.find(' ') != std::string_view::npos)
            throw failure(ExitCode::usage, std::string(where) + " gives a line that is no header. Each is \"Name: value\".");
        if (headers.size() == most_headers)
            throw failure(ExitCode::usage, std::string(where) + " gives more than 32 headers.");
        const std::string_view value = trimmed(line.substr(colon + 1));
        headers.push_back({{name.data(), name.size()}, {value.data(), value.size()}, PORTAL_HEADER_SECRET, 0});
    }
    return headers;
}

}  // namespace cli

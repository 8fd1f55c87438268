#include "http/transport.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace portal {
namespace {

bool is_token_byte(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// Headers that say where a message goes or ends are the transport's: a second opinion on them is how requests are smuggled.
// Given back as it stands here, since a message tells no text from outside; empty: the app's to write.
std::string_view ours(std::string_view name, bool has_bearer) {
    constexpr std::array<std::string_view, 7> names = {"Host", "Content-Length", "Transfer-Encoding", "Connection",
                                                       "TE",   "Upgrade",        "Authorization"};
    const auto end = has_bearer ? names.end() : names.end() - 1;
    const auto found =
        std::find_if(names.begin(), end, [&](std::string_view own) { return equal_ignoring_case(name, own); });
    return found == end ? std::string_view() : *found;
}

}  // namespace

bool is_http_token(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_token_byte); }

bool is_header_value(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return c == '\t' || (c >= ' ' && c != 0x7f) || (c & 0x80) != 0; });
}

Result<void> check_headers(const std::vector<HttpHeader>& headers, bool has_bearer) {
    for (std::size_t i = 0; i < headers.size(); ++i) {
        const bool is_name_good = is_http_token(headers[i].name);
        if (!is_name_good || !is_header_value(headers[i].value))
            return fail(Code::invalid_argument, "The request's header " + std::to_string(i + 1) + " has a " +
                                                    (is_name_good ? "value" : "name") +
                                                    " that HTTP does not allow: mend it.");
        if (const std::string_view own = ours(headers[i].name, has_bearer); !own.empty())
            return fail(Code::invalid_argument,
                        "The header " + std::string(own) + " is written by the session or its transport: leave it out.");
    }
    return {};
}

std::string_view HttpResponse::header(std::string_view name) const {
    for (const HttpHeader& header : headers)
        if (equal_ignoring_case(header.name, name)) return header.value;
    return {};
}

}  // namespace portal

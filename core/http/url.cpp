#include "http/url.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace portal {
namespace {

constexpr std::size_t max_host_bytes = 253;
constexpr std::size_t max_label_bytes = 63;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }
bool is_host_byte(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_'; }
bool is_target_byte(char c) { return c > ' ' && c < 0x7f && c != '\\'; }

// What every resolver takes for an IPv4 address, whole or in part: decimal, octal ("017") or hexadecimal ("0x7f").
bool is_number(std::string_view label) {
    if (starts_with(label, "0x")) return std::all_of(label.begin() + 2, label.end(), is_hex_digit);
    return std::all_of(label.begin(), label.end(), is_digit);
}

bool is_label(std::string_view label) {
    return !label.empty() && label.size() <= max_label_bytes && label.front() != '-' && label.back() != '-' &&
           std::all_of(label.begin(), label.end(), is_host_byte);
}

// Cuts the text before the first `separator` off `rest`.
std::string_view take_part(std::string_view& rest, char separator) {
    const std::size_t end = rest.find(separator);
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return part;
}

tl::unexpected<Error> malformed_host() {
    return fail(Code::host_not_allowed,
                "The host is not a well-formed name (letters, digits, '-', '_' and single dots): write an international name "
                "in its xn-- form.");
}

bool is_dot_segment(std::string_view segment) {
    std::string plain = lower_case(segment);
    for (std::size_t at = plain.find("%2e"); at != std::string::npos; at = plain.find("%2e")) plain.replace(at, 3, ".");
    return plain == "." || plain == "..";
}

bool has_dot_segment(std::string_view target) {
    std::string_view path = target.substr(0, target.find('?'));
    while (!path.empty())
        if (is_dot_segment(take_part(path, '/'))) return true;
    return false;
}

Result<void> read_authority(std::string_view authority, Url& url) {
    if (authority.find('@') != std::string_view::npos)
        return fail(Code::host_not_allowed, "The URL has a user name before its host: remove all up to the '@'.");
    const bool bracketed = starts_with(authority, "[");
    const std::size_t bracket = authority.find(']');
    const std::size_t host_end =
        bracketed ? (bracket == std::string_view::npos ? bracket : bracket + 1) : authority.find(':');
    auto host = normal_host(authority.substr(0, host_end));
    if (!host) return tl::unexpected(std::move(host.error()));
    url.host = std::move(*host);
    url.port = url.scheme == "https" ? 443 : 80;
    if (host_end == std::string_view::npos || host_end == authority.size()) return {};

    std::string_view rest = authority.substr(host_end);
    if (rest.front() != ':')
        return fail(Code::host_not_allowed, "The URL has text between its host and its port: remove it.");
    auto port = parse_port(rest.substr(1));
    if (!port) return tl::unexpected(std::move(port.error()));
    url.port = *port;
    return {};
}

Result<void> read_target(std::string_view target, Url& url) {
    if (target.find('#') != std::string_view::npos)
        return fail(Code::invalid_argument,
                    "The URL has a fragment, which is never sent: remove the '#' and all behind it.");
    if (!std::all_of(target.begin(), target.end(), is_target_byte))
        return fail(Code::invalid_argument,
                    "The URL's path or query has a space, a backslash, a control or a non-ASCII byte: percent-encode it.");
    if (has_dot_segment(target))
        return fail(Code::invalid_argument, "The URL's path has a '.' or '..' segment: write the path that is meant.");
    url.target = starts_with(target, "/") ? std::string(target) : "/" + std::string(target);
    return {};
}

}  // namespace

std::string Url::origin() const {
    const bool own_port = port == (scheme == "https" ? 443 : 80);
    return scheme + "://" + host + (own_port ? "" : ":" + std::to_string(port));
}

Result<Url> parse_url(std::string_view text) {
    if (text.size() > max_url_bytes)
        return fail(Code::invalid_argument,
                    "The URL has " + std::to_string(text.size()) + " bytes, more than 8192: send long values in the body.");
    const std::size_t scheme_end = text.find("://");
    if (scheme_end == std::string_view::npos)
        return fail(Code::invalid_argument, "The text is no absolute URL: start it with https://.");
    Url url;
    url.scheme = lower_case(text.substr(0, scheme_end));
    if (url.scheme != "https" && url.scheme != "http")
        return fail(Code::host_not_allowed, "The URL's scheme is not https: start it with https://.");

    const std::string_view rest = text.substr(scheme_end + 3);
    const std::size_t authority_end = std::min(rest.find_first_of("/?#"), rest.size());
    if (auto read = read_authority(rest.substr(0, authority_end), url); !read)
        return tl::unexpected(std::move(read.error()));
    if (auto read = read_target(rest.substr(authority_end), url); !read) return tl::unexpected(std::move(read.error()));
    return url;
}

Result<Url> parse_base_url(std::string_view text) {
    auto url = parse_url(text);
    if (url && url->target.find('?') != std::string::npos)
        return fail(Code::invalid_argument,
                    "The base URL has a query, so no path can go under it: remove the '?' and all behind it.");
    return url;
}

Result<Url> resolve(const Url& base, std::string_view text) {
    if (starts_with(text, "//"))
        return fail(Code::invalid_argument,
                    "The text starts with two slashes, so it names another host: pass an absolute URL.");
    if (!starts_with(text, "/") && text.find("://") == std::string_view::npos)
        return fail(
            Code::invalid_argument,
            "The text is neither a path nor a whole URL: start it with '/' (as /api/v3/clients/me) or with https://.");
    if (!starts_with(text, "/")) return parse_url(text);
    const std::string_view base_path = base.target;
    return parse_url(base.origin() +
                     std::string(ends_with(base_path, "/") ? base_path.substr(0, base_path.size() - 1) : base_path) +
                     std::string(text));
}

Result<std::string> normal_host(std::string_view host) {
    if (is_loopback(host)) return std::string(host);
    if (host.empty()) return fail(Code::host_not_allowed, "The host is empty: write it after https://.");
    const auto address = [] {
        return fail(Code::host_not_allowed, "The host is an IP address: use a name that the server's certificate holds.");
    };
    if (host.size() > max_host_bytes + 1) return malformed_host();  // its length may be a mistake: it is not read
    if (host.front() == '[') return address();

    std::string name = lower_case(host);
    if (name.back() == '.') name.pop_back();
    std::string_view label;
    std::string_view rest = name;
    bool well_formed = !name.empty() && name.size() <= max_host_bytes && name.back() != '.';
    while (well_formed && !rest.empty()) {
        label = take_part(rest, '.');
        well_formed = is_label(label);
    }
    if (!well_formed) return malformed_host();
    if (is_number(label)) return address();
    return name;
}

Result<std::uint16_t> parse_port(std::string_view text) {
    unsigned port = 0;
    const bool digits =
        !text.empty() && text.size() <= 5 && text.front() != '0' && std::all_of(text.begin(), text.end(), is_digit);
    if (digits)
        for (const char c : text) port = port * 10 + static_cast<unsigned>(c - '0');
    if (port == 0 || port > 65535)
        return fail(Code::host_not_allowed,
                    "The port is not a number from 1 to 65535: correct it, or leave it and its ':' out.");
    return static_cast<std::uint16_t>(port);
}

bool is_loopback(std::string_view normal_host) { return normal_host == "127.0.0.1" || normal_host == "[::1]"; }

}  // namespace portal

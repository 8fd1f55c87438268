// One strict URL parser: what passes is rebuilt from its parts, so that no two readers of it can differ on the host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace portal {

inline constexpr std::size_t max_url_bytes = 8192;

struct Url {
    std::string scheme;  // "https" or "http"
    std::string host;    // as normal_host makes it
    std::uint16_t port = 443;
    std::string target = "/";  // path and query; the query may hold secrets

    [[nodiscard]] std::string origin() const;  // the scheme's own port is left out
    [[nodiscard]] std::string text() const { return origin() + target; }
};

// Errors never quote the text. HOST_NOT_ALLOWED: a scheme other than https and http, a user name, a bad host or port.
// INVALID_ARGUMENT: no absolute URL, too long, a fragment (refused: it is never sent), a byte that must be percent-encoded,
// or a
// "." or ".." segment (the server would see another path than the one that was checked).
[[nodiscard]] Result<Url> parse_url(std::string_view text);

// A URL that paths are put under: no query.
[[nodiscard]] Result<Url> parse_base_url(std::string_view text);

// `text` is an absolute URL, or a path that starts with '/' and goes under the base's own path.
[[nodiscard]] Result<Url> resolve(const Url& base, std::string_view text);

// Lower case, one trailing dot removed. Every spelling of an IP address is refused, but exactly 127.0.0.1 and [::1].
[[nodiscard]] Result<std::string> normal_host(std::string_view host);

// 1 to 65535 in decimal without sign or leading zero.
[[nodiscard]] Result<std::uint16_t> parse_port(std::string_view text);

[[nodiscard]] bool is_loopback(std::string_view normal_host);

}  // namespace portal

// Where the token may go. Pure; the one list that `send`, `allows` and every wrapper ask.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "http/url.hpp"

namespace portal {

class AllowList {
public:
    // `entries` are `host` (port 443) or `host:port` (that port instead: name the host twice to have both); each stands for
    // its sub-domains too. None: portalhq.io. The portal URL's own host and port always join, without its sub-domains.
    // INVALID_ARGUMENT: an entry is no such thing. HOST_NOT_ALLOWED: no request may go to the portal URL itself.
    static Result<AllowList> make(const std::vector<std::string>& entries, bool allow_loopback, const Url& portal_url);

    // https to a listed host and port; with loopback allowed, http and https to 127.0.0.1 and [::1] at any port.
    [[nodiscard]] Result<void> check(std::string_view scheme, std::string_view host, std::uint16_t port) const;
    [[nodiscard]] Result<void> check(const Url& url) const { return check(url.scheme, url.host, url.port); }

private:
    struct Entry {
        std::string host;
        std::uint16_t port = 443;
        bool with_sub_domains = true;
    };
    static Result<Entry> parse_entry(std::string_view text);

    std::vector<Entry> entries_;
    bool allow_loopback_ = false;
};

}  // namespace portal

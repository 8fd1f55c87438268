#include "http/allow_list.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"

namespace portal {
namespace {

bool is_below(std::string_view host, std::string_view domain) {
    return host.size() > domain.size() && ends_with(host, domain) && host[host.size() - domain.size() - 1] == '.';
}

bool is_localhost(std::string_view host) { return host == "localhost" || is_below(host, "localhost"); }

}  // namespace

Result<AllowList::Entry> AllowList::parse_entry(std::string_view text) {
    Entry entry;
    const std::size_t colon = text.find(':');
    auto host = normal_host(text.substr(0, colon));
    if (!host) return tl::unexpected(std::move(host.error()));
    if (is_loopback(*host) || is_localhost(*host))
        return fail(Code::host_not_allowed, "Loopback is no entry of the list: use the loopback option.");
    if (host->find('.') == std::string::npos)
        return fail(Code::host_not_allowed,
                    "A name without a dot would list a whole top-level domain: write the full host.");
    entry.host = std::move(*host);
    if (colon == std::string_view::npos) return entry;
    auto port = parse_port(text.substr(colon + 1));
    if (!port) return tl::unexpected(std::move(port.error()));
    entry.port = *port;
    return entry;
}

Result<AllowList> AllowList::make(const std::vector<std::string>& entries, bool allow_loopback, const Url& portal_url) {
    AllowList list;
    list.allow_loopback_ = allow_loopback;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        auto entry = parse_entry(entries[i]);
        if (!entry)
            return fail(Code::invalid_argument, "Allowed host " + std::to_string(i + 1) +
                                                    " is not `host` or `host:port`: " + entry.error().message);
        list.entries_.push_back(std::move(*entry));
    }
    if (entries.empty()) list.entries_.push_back({"portalhq.io", 443, true});
    if (!is_loopback(portal_url.host)) list.entries_.push_back({portal_url.host, portal_url.port, false});
    if (auto allowed = list.check(portal_url); !allowed) return tl::unexpected(std::move(allowed.error()));
    return list;
}

Result<void> AllowList::check(std::string_view scheme, std::string_view host, std::uint16_t port) const {
    // Most stacks give the IPv6 host without its brackets.
    auto name = normal_host(host == "::1" ? std::string_view("[::1]") : host);
    if (!name) return tl::unexpected(std::move(name.error()));
    const bool https = equal_ignoring_case(scheme, "https");
    if (is_loopback(*name)) {
        if (!allow_loopback_)
            return fail(Code::host_not_allowed,
                        "The host is this machine itself: allow loopback (PORTAL_ALLOW_LOOPBACK, --allow-loopback), for "
                        "tests only.");
        if ((https || equal_ignoring_case(scheme, "http")) && port != 0) return {};
    }
    if (!https)
        return fail(Code::host_not_allowed, "The scheme is not https, so the token would travel in clear: use https.");
    if (is_localhost(*name))
        return fail(Code::host_not_allowed,
                    "The name localhost may lead anywhere: write 127.0.0.1 or [::1], with the loopback option.");
    const auto names_host = [&](const Entry& entry) {
        return *name == entry.host || (entry.with_sub_domains && is_below(*name, entry.host));
    };
    if (std::none_of(entries_.begin(), entries_.end(), names_host))
        return fail(Code::host_not_allowed,
                    "The host is not on the session's allow-list, so the token is not sent there: add it to the allowed "
                    "hosts if it "
                    "is Portal's or yours.");
    if (std::none_of(entries_.begin(), entries_.end(),
                     [&](const Entry& entry) { return entry.port == port && names_host(entry); }))
        return fail(Code::host_not_allowed, "Port " + std::to_string(port) +
                                                " is not listed for this host: use port 443, or list "
                                                "it as host:port.");
    return {};
}

}  // namespace portal

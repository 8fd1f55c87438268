#include "http/allow_list.hpp"

#include <string>
#include <vector>

#include "base/text.hpp"
#include "support/catch.hpp"

using namespace portal;

namespace {

const Url portal_api = *parse_url("https://api.portalhq.io");

AllowList list_of(const std::vector<std::string>& entries, bool loopback = false, const Url& portal_url = portal_api) {
    auto list = AllowList::make(entries, loopback, portal_url);
    REQUIRE(list.has_value());
    return *list;
}

struct Row {
    std::string scheme, host;
    std::uint16_t port;
    bool allowed;
};

void holds(const AllowList& list, const std::vector<Row>& rows) {
    for (const Row& row : rows) {
        INFO(row.scheme << "://" << row.host << ":" << row.port);
        const auto checked = list.check(row.scheme, row.host, row.port);
        CHECK(checked.has_value() == row.allowed);
        if (checked) continue;
        CHECK(checked.error().code == Code::host_not_allowed);
        CHECK(checked.error().message.size() < 256);
        CHECK(ends_with(checked.error().message, "."));
    }
}

}  // namespace

TEST_CASE("by default the token goes to Portal alone, by https on port 443") {
    holds(list_of({}), {
                           {"https", "portalhq.io", 443, true},
                           {"https", "api.portalhq.io", 443, true},
                           {"HTTPS", "API.PortalHQ.IO.", 443, true},
                           {"https", "a.b.c.portalhq.io", 443, true},
                           {"http", "api.portalhq.io", 443, false},
                           {"http", "api.portalhq.io", 80, false},
                           {"wss", "connect.portalhq.io", 443, false},
                           {"", "api.portalhq.io", 443, false},
                           {"https", "api.portalhq.io", 8443, false},
                           {"https", "api.portalhq.io", 0, false},
                           {"https", "evilportalhq.io", 443, false},
                           {"https", "portalhq.io.evil.example", 443, false},
                           {"https", "portalhq.io..", 443, false},
                           {"https", ".portalhq.io", 443, false},
                           {"https", "portalhq.dev", 443, false},
                           {"https", "io", 443, false},
                           {"https", "", 443, false},
                           {"https", "user@portalhq.io", 443, false},
                           {"https", "portalhq.io:443", 443, false},
                           {"https", "portalhq.io/", 443, false},
                           {"https", "x\\.portalhq.io", 443, false},
                           {"https", "x%2f.portalhq.io", 443, false},
                           {"https", "p\xc3\xb6.portalhq.io", 443, false},
                           {"https", std::string("evil.example\0.portalhq.io", 25), 443, false},
                           {"https", "127.0.0.1", 443, false},
                           {"https", "::1", 443, false},
                           {"https", "[::1]", 443, false},
                           {"http", "127.0.0.1", 80, false},
                           {"https", "localhost", 443, false},
                           {"https", "10.0.0.1", 443, false},
                       });
}

TEST_CASE("the loopback option opens exactly 127.0.0.1 and [::1], at any port, by http too") {
    holds(list_of({}, true), {
                                 {"https", "127.0.0.1", 443, true},
                                 {"https", "127.0.0.1", 8443, true},
                                 {"http", "127.0.0.1", 1, true},
                                 {"http", "[::1]", 8080, true},
                                 {"http", "::1", 8080, true},
                                 {"http", "127.0.0.1", 0, false},
                                 {"ftp", "127.0.0.1", 21, false},
                                 {"http", "localhost", 8080, false},
                                 {"https", "localhost", 443, false},
                                 {"https", "x.localhost", 443, false},
                                 {"https", "127.0.0.2", 443, false},
                                 {"https", "127.1", 443, false},
                                 {"https", "2130706433", 443, false},
                                 {"https", "::ffff:127.0.0.1", 443, false},
                                 {"http", "api.portalhq.io", 80, false},
                                 {"https", "api.portalhq.io", 443, true},
                             });
}

TEST_CASE("entries replace the default, and one with a port lists that port alone") {
    holds(list_of({"Gateway.Example.", "other.example:8443"}),
          {
              {"https", "gateway.example", 443, true},
              {"https", "eu.gateway.example", 443, true},
              {"https", "gateway.example", 8443, false},
              {"https", "other.example", 8443, true},
              {"https", "eu.other.example", 8443, true},
              {"https", "other.example", 443, false},
              {"https", "mpc.portalhq.io", 443, false},
              {"https", "api.portalhq.io", 443, true},  // the portal URL's
          });
    holds(list_of({"both.example", "both.example:8443"}), {
                                                              {"https", "both.example", 443, true},
                                                              {"https", "both.example", 8443, true},
                                                              {"https", "both.example", 444, false},
                                                          });
}

TEST_CASE("a portal URL of its own joins with its host and port, without its sub-domains") {
    holds(list_of({}, false, *parse_url("https://gw.example:9443/portal")), {
                                                                                {"https", "gw.example", 9443, true},
                                                                                {"https", "gw.example", 443, false},
                                                                                {"https", "x.gw.example", 9443, false},
                                                                                {"https", "api.portalhq.io", 443, true},
                                                                            });
    holds(list_of({}, false, *parse_url("https://fake")), {{"https", "fake", 443, true}, {"https", "x.fake", 443, false}});
    CHECK(AllowList::make({}, true, *parse_url("http://127.0.0.1:8080")).has_value());
    for (const char* url :
         {"http://127.0.0.1:8080", "https://[::1]", "http://gw.example", "https://localhost", "https://x.localhost"}) {
        INFO(url);
        CHECK(AllowList::make({}, false, *parse_url(url)).error().code == Code::host_not_allowed);
    }
    CHECK(AllowList::make({}, true, *parse_url("http://gw.example")).error().code == Code::host_not_allowed);
}

TEST_CASE("an entry that is no host is refused when the list is made") {
    for (const char* entry : {"",
                              " ",
                              ".",
                              "io",
                              "com",
                              "io.",
                              "localhost",
                              "x.localhost",
                              "*",
                              "*.portalhq.io",
                              "https://portalhq.io",
                              "portalhq.io/",
                              "/",
                              ".portalhq.io",
                              "portalhq.io..",
                              "portal hq.io",
                              "user@portalhq.io",
                              "portalhq.io:",
                              "portalhq.io:0",
                              "portalhq.io:65536",
                              "portalhq.io:443:443",
                              "portalhq.io:x",
                              ":443",
                              "127.0.0.1",
                              "127.0.0.1:8080",
                              "[::1]",
                              "[::1]:8080",
                              "::1",
                              "10.0.0.1",
                              "0x7f.1",
                              "2130706433",
                              "p\xc3\xb6rtal.example",
                              "portalhq.io\n",
                              "portalhq.io,gateway.example",
                              "-a.example"}) {
        INFO(entry);
        const auto list = AllowList::make({"good.example", entry}, true, portal_api);
        REQUIRE_FALSE(list.has_value());
        CHECK(list.error().code == Code::invalid_argument);
        CHECK(starts_with(list.error().message, "Allowed host 2 "));
        CHECK(list.error().message.size() < 256);
    }
}

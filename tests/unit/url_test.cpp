#include "http/url.hpp"

#include <string>
#include <vector>

#include "base/text.hpp"
#include "support/catch.hpp"

using namespace portal;

namespace {

const std::string zero_byte(1, '\0');

void is_refused(const std::string& text, Code code) {
    INFO("text: " << text);
    const auto url = parse_url(text);
    REQUIRE_FALSE(url.has_value());
    CHECK(url.error().code == code);
    CHECK(url.error().message.size() < 256);  // the C API's room
    CHECK(ends_with(url.error().message, "."));
}

}  // namespace

TEST_CASE("a URL is rebuilt from its parts") {
    struct Row {
        std::string text, rebuilt, host;
        std::uint16_t port;
        std::string target;
    };
    const std::vector<Row> rows = {
        {"https://api.portalhq.io/api/v3/clients/me", "https://api.portalhq.io/api/v3/clients/me", "api.portalhq.io", 443,
         "/api/v3/clients/me"},
        {"HTTPS://API.PortalHQ.io./A?b=C", "https://api.portalhq.io/A?b=C", "api.portalhq.io", 443, "/A?b=C"},
        {"https://portalhq.io", "https://portalhq.io/", "portalhq.io", 443, "/"},
        {"https://portalhq.io?q=1", "https://portalhq.io/?q=1", "portalhq.io", 443, "/?q=1"},
        {"https://portalhq.io:443/x", "https://portalhq.io/x", "portalhq.io", 443, "/x"},
        {"http://127.0.0.1:80/", "http://127.0.0.1/", "127.0.0.1", 80, "/"},
        {"http://127.0.0.1:443/", "http://127.0.0.1:443/", "127.0.0.1", 443, "/"},
        {"https://[::1]:8443/a%20b", "https://[::1]:8443/a%20b", "[::1]", 8443, "/a%20b"},
        {"https://[::1]", "https://[::1]/", "[::1]", 443, "/"},
        {"https://a.example:65535/", "https://a.example:65535/", "a.example", 65535, "/"},
        {"https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/"},
        {"https://a_b.example/", "https://a_b.example/", "a_b.example", 443, "/"},
        {"https://portalhq.io/me@home:1//x/...?to=https://[1]/../@",
         "https://portalhq.io/me@home:1//x/...?to=https://[1]/../@", "portalhq.io", 443,
         "/me@home:1//x/...?to=https://[1]/../@"},
        {"https://0x.example/", "https://0x.example/", "0x.example", 443, "/"},
        {"https://1.2.3.4a/", "https://1.2.3.4a/", "1.2.3.4a", 443, "/"},
    };
    for (const Row& row : rows) {
        INFO(row.text);
        const auto url = parse_url(row.text);
        REQUIRE(url.has_value());
        CHECK(url->text() == row.rebuilt);
        CHECK(url->host == row.host);
        CHECK(url->port == row.port);
        CHECK(url->target == row.target);
        CHECK(parse_url(url->text())->text() == row.rebuilt);
    }
}

TEST_CASE("a URL whose host could be read in two ways is refused") {
    const std::vector<std::string> texts = {
        // user names
        "https://user@portalhq.io/",
        "https://user:word@portalhq.io/",
        "https://portalhq.io@evil.example/",
        "https://@portalhq.io/",
        "https://portalhq.io:443@evil.example/",
        "https://portalhq.io%40@evil.example/",
        // bytes that parsers differ on
        "https://evil.example\\@portalhq.io/",
        "https://portalhq.io\\.evil.example/",
        "https:///\\portalhq.io/",
        "https://portal hq.io/",
        "https://portalhq.io\t/",
        "https://portalhq.io\r\n/",
        "https://portalhq.io" + zero_byte + "/",
        "https://portalhq.io%2eevil.example/",
        "https://portalhq%2eio/",
        "https://p\xc3\xb6rtal.example/",
        "https://portalhq\xe3\x80\x82io/",
        "https://\xef\xbc\x91\x32\x37.0.0.1/",
        "https://portalhq.io\x7f/",
        "https://*.portalhq.io/",
        "https://portalhq.io,evil.example/",
        "https://portalhq.io;evil.example/",
        "https://portalhq.io&evil/",
        // no host, or no name
        "https://",
        "https:///",
        "https:///path",
        "https://?q",
        "https://:443/",
        "https://./",
        "https://../",
        "https://portalhq..io/",
        "https://.portalhq.io/",
        "https://portalhq.io../",
        "https://-portalhq.io/",
        "https://portalhq-.io/",
        "https://" + std::string(64, 'a') + ".io/",
        "https://" + std::string(127, 'a') + "." + std::string(127, 'b') + "/",
        // ports
        "https://portalhq.io:/",
        "https://portalhq.io:0/",
        "https://portalhq.io:65536/",
        "https://portalhq.io:99999999999/",
        "https://portalhq.io:0443/",
        "https://portalhq.io:+443/",
        "https://portalhq.io:-1/",
        "https://portalhq.io:44 3/",
        "https://portalhq.io:443:443/",
        "https://portalhq.io:https/",
        "https://portalhq.io:4\xd9\xa3/",
        "https://[::1]443/",
        "https://[::1]:/",
        "https://[::1]x/",
        // schemes
        "ftp://portalhq.io/",
        "file:///etc/passwd",
        "javascript://portalhq.io/",
        "://portalhq.io/",
        " https://portalhq.io/",
        "https ://portalhq.io/",
        "view-source:https://portalhq.io/",
        "httpss://portalhq.io/",
    };
    for (const std::string& text : texts) is_refused(text, Code::host_not_allowed);
}

TEST_CASE("an IP address is refused in every spelling, but the two of loopback") {
    const std::vector<std::string> hosts = {
        "127.0.0.1.",
        "127.0.0.2",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7F.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.0x1",
        "127.0.0.01",
        "0",
        "0x",
        "0.0.0.0",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "8.8.8.8",
        "1.2.3.4.5",
        "example.1",
        "example.0x1f",
        "256.256.256.256",
        "4294967296",
        "[::]",
        "[::1%25lo]",
        "[::1%lo]",
        "[0:0:0:0:0:0:0:1]",
        "[::0001]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[fe80::1]",
        "[2001:db8::1]",
        "[::1",
        "::1",
        "[]",
        "[::1]]",
        "[v1.x]",
        "[127.0.0.1]",
    };
    for (const std::string& host : hosts) {
        is_refused("https://" + host + "/", Code::host_not_allowed);
        is_refused("http://" + host + ":8080", Code::host_not_allowed);
    }
}

TEST_CASE("text that is no URL, or whose target would not arrive as checked, is refused") {
    const std::vector<std::string> texts = {
        "",
        "portalhq.io",
        "//portalhq.io/",
        "https:/portalhq.io/",
        "https:portalhq.io",
        "/api/v3/clients/me",
        "mailto:a@portalhq.io",
        "https://portalhq.io/#",
        "https://portalhq.io#@evil.example/",
        "https://portalhq.io/a?b#c",
        "https://portalhq.io/a b",
        "https://portalhq.io/a\\b",
        "https://portalhq.io/?a\r\nHost: evil.example",
        "https://portalhq.io/" + zero_byte,
        "https://portalhq.io/\xc3\xb6",
        "https://portalhq.io/\x7f",
        "https://portalhq.io/.",
        "https://portalhq.io/..",
        "https://portalhq.io/a/../b",
        "https://portalhq.io/a/./b",
        "https://portalhq.io/a/%2e%2E/b",
        "https://portalhq.io/a/.%2e?q",
        "https://portalhq.io/" + std::string(max_url_bytes, 'a'),
    };
    for (const std::string& text : texts) is_refused(text, Code::invalid_argument);
}

TEST_CASE("no error quotes the URL") {
    for (const char* text :
         {"https://sesame@h.example/sesame", "https://10.0.0.1/?t=sesame", "https://h.example/?t=sesame#", "sesame",
          "sesame://h.example/", "https://h.example:sesame/", "https://h.example/ ?sesame"}) {
        const auto url = parse_url(text);
        REQUIRE_FALSE(url.has_value());
        CHECK(url.error().message.find("sesame") == std::string::npos);
    }
}

TEST_CASE("a path goes under the base URL, and only there") {
    const Url base = *parse_base_url("https://gateway.example:8443/portal/");
    CHECK(resolve(base, "/api/v3/clients/me?x=1")->text() == "https://gateway.example:8443/portal/api/v3/clients/me?x=1");
    CHECK(resolve(base, "/")->text() == "https://gateway.example:8443/portal/");
    CHECK(resolve(base, "https://Other.Example/x")->text() == "https://other.example/x");
    CHECK(resolve(*parse_base_url("https://gateway.example"), "/x")->text() == "https://gateway.example/x");
    CHECK(resolve(*parse_base_url("https://gateway.example/a"), "/x")->text() == "https://gateway.example/a/x");
    for (const char* text :
         {"//evil.example/x", "/../admin", "/%2e%2e/admin", "x", "", "?q", "/a b", "/a#b", "/\\evil.example"})
        CHECK(resolve(base, text).error().code == Code::invalid_argument);
    CHECK(resolve(base, "https://u@gateway.example/").error().code == Code::host_not_allowed);
    CHECK(parse_base_url("https://gateway.example/?q").error().code == Code::invalid_argument);
}

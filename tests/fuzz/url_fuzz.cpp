// Whatever text comes as a URL: what is accepted means one place only, and the token's places are Portal's.
#include "base/text.hpp"
#include "http/allow_list.hpp"
#include "support/catch.hpp"
#include "support/mutation.hpp"

namespace {

using namespace portal;
using namespace portal::test;

const std::vector<std::string> samples = {
    "https://api.portalhq.io/api/v3/clients/me?a=b",
    "https://portalhq.io.evil.example/",
    "https://user@api.portalhq.io:8443/a",
    "http://127.0.0.1:8080/",
    "https://[::1]:1/x",
    "https://mpc-client.portalhq.io./",
    "HTTPS://API.PORTALHQ.IO",
    "https://0x7f.0.0.1/",
    "https://xn--prtal-jua.example:443/",
};
const std::vector<std::string> pieces = {"@",
                                         "\\",
                                         "%2e",
                                         "%00",
                                         "..",
                                         "/../",
                                         "#",
                                         "?",
                                         ":",
                                         ":443",
                                         ":0",
                                         "[",
                                         "]",
                                         "::1",
                                         "127.0.0.1",
                                         "0x7f",
                                         "0177",
                                         "2130706433",
                                         "portalhq.io",
                                         ".portalhq.io",
                                         "evil.com",
                                         "https://",
                                         "http://",
                                         "//",
                                         "\xc3\xb6",
                                         "\xe3\x80\x82",
                                         std::string(1, '\0'),
                                         "\r\n",
                                         " ",
                                         "\t",
                                         "localhost",
                                         std::string(64, 'a')};

// The same of any URL, by other means than the parser's: the host is what stands between "://" and the next '/', ':' or
// '?'.
bool is_a_place_of_portal(const Url& url) {
    const std::string text = url.text();
    const std::string prefix = "https://";
    const std::string host = text.substr(prefix.size(), text.find_first_of("/?:", prefix.size()) - prefix.size());
    return starts_with(text, prefix) && host == url.host && (host == "portalhq.io" || ends_with(host, ".portalhq.io")) &&
           url.port == 443;
}

TEST_CASE("100,000 damaged URLs: each is refused for a reason that is documented, or means one place") {
    Mutation mutation(3, samples, pieces);
    const auto list = AllowList::make({}, false, *parse_url("https://api.portalhq.io"));
    REQUIRE(list);
    int accepted = 0;
    int allowed = 0;
    int wrong = 0;
    for (int i = 0; i < fuzz_inputs; ++i) {
        const std::string text = mutation.next();
        const Exact input(text);
        const auto url = parse_url(input.view());
        if (!url) {
            const Code code = url.error().code;
            if (code != Code::invalid_argument && code != Code::host_not_allowed) ++wrong;
            if (url.error().message.empty()) ++wrong;
            continue;
        }
        ++accepted;
        const auto again = parse_url(url->text());
        if (!again || again->text() != url->text() || again->host != url->host || again->port != url->port) ++wrong;
        if (!list->check(*url)) continue;
        ++allowed;
        if (!is_a_place_of_portal(*url)) {
            ++wrong;
            UNSCOPED_INFO(text);
        }
    }
    CHECK(wrong == 0);
    CHECK(accepted > fuzz_inputs / 20);
    CHECK(allowed > fuzz_inputs / 100);
    CHECK(allowed < accepted);
}

TEST_CASE("100,000 damaged paths and URLs under a base: what is no path stays a URL of its own, and a path stays below") {
    std::vector<std::string> paths = samples;
    paths.insert(paths.end(), {"/api/v3/clients/me", "/a/b?c", "/", "//evil.example/", "/%2e%2e/x"});
    Mutation mutation(4, paths, pieces);
    const auto base = parse_base_url("https://api.portalhq.io/base");
    REQUIRE(base);
    int resolved = 0;
    int wrong = 0;
    for (int i = 0; i < fuzz_inputs; ++i) {
        const std::string text = mutation.next();
        const Exact input(text);
        const auto url = resolve(*base, input.view());
        if (!url) continue;
        ++resolved;
        const bool is_path = starts_with(text, "/");
        const std::string path = url->target.substr(0, url->target.find('?'));
        if (path.find("/../") != std::string::npos) ++wrong;
        if (is_path && (url->origin() != base->origin() || !starts_with(url->target, "/base/"))) ++wrong;
    }
    CHECK(wrong == 0);
    CHECK(resolved > fuzz_inputs / 20);
}

}  // namespace

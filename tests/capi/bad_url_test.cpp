// Bad input, URLs: the token goes nowhere but where it may, nothing is sent for the rest, and each refusal says why.
#include "bad_input.hpp"

namespace {

using namespace portal::test;

struct Row {
    std::string url;
    const char* cause;
    portal_code code = PORTAL_ERR_HOST_NOT_ALLOWED;
};

const std::string zero_byte(1, '\0');

// Refused by a session that allows loopback too, so that nothing rests on that being off.
const std::vector<Row>& bad_urls() {
    static const std::vector<Row> rows = [] {
        std::vector<Row> all = {
            {"https://user@api.portalhq.io/", "user name"},
            {"https://user:word@api.portalhq.io/", "user name"},
            {"https://api.portalhq.io@evil.example/", "user name"},
            {"https://api.portalhq.io:443@evil.example/", "user name"},
            {"https://evil.example\\@api.portalhq.io/", "user name"},
            {"https://api.portalhq.io\\.evil.example/", "not a well-formed name"},
            {"https://evil.example\\.portalhq.io/", "not a well-formed name"},
            {"https://api%2eportalhq.io/", "not a well-formed name"},
            {"https://api.portalhq.io%00.evil.example/", "not a well-formed name"},
            {"https://p\xc3\xb6rtalhq.io/", "not a well-formed name"},
            {"https://portalhq\xe3\x80\x82io/", "not a well-formed name"},
            {"https://\xef\xbc\x91\x32\x37.0.0.1/", "not a well-formed name"},
            {"https://api.portalhq.io" + zero_byte + "/", "not a well-formed name"},
            {"https://api.portalhq.io\r\n/", "not a well-formed name"},
            {"https://api..portalhq.io/", "not a well-formed name"},
            {"https://api.portalhq.io../", "not a well-formed name"},
            {"https:///api.portalhq.io/", "host is empty"},
            // names that only look right
            {"https://evilportalhq.io/", "allow-list"},
            {"https://portalhq.io.evil.com/", "allow-list"},
            {"https://api.portalhq.io.evil.com/", "allow-list"},
            {"https://portalhq.com/", "allow-list"},
            {"https://portalhq.io-evil.com/", "allow-list"},
            {"https://xn--prtalhq-90a.io/", "allow-list"},
            {"https://io/", "allow-list"},
            {"https://localhost/", "localhost"},
            {"https://portalhq.io.localhost/", "localhost"},
            // ports and schemes
            {"https://api.portalhq.io:8443/", "Port 8443 is not listed"},
            {"https://api.portalhq.io:80/", "Port 80 is not listed"},
            {"https://api.portalhq.io:0/", "not a number from 1 to 65535"},
            {"https://api.portalhq.io:65979/", "not a number from 1 to 65535"},
            {"https://api.portalhq.io:/", "not a number from 1 to 65535"},
            {"https://api.portalhq.io:0443/", "not a number from 1 to 65535"},
            {"https://api.portalhq.io:+443/", "not a number from 1 to 65535"},
            {"https://api.portalhq.io:443:443/", "not a number from 1 to 65535"},
            {"http://api.portalhq.io/", "scheme is not https"},
            {"http://api.portalhq.io:443/", "scheme is not https"},
            {"http://localhost:8080/", "scheme is not https"},
            {"ftp://api.portalhq.io/", "scheme is not https"},
            {"file:///etc/passwd", "scheme is not https"},
            {"javascript://api.portalhq.io/", "scheme is not https"},
            {"wss://api.portalhq.io/", "scheme is not https"},
            // no URL at all, or one that would not arrive as it was checked
            {"", "neither a path nor a whole URL", PORTAL_ERR_INVALID_ARGUMENT},
            {"api.portalhq.io", "neither a path nor a whole URL", PORTAL_ERR_INVALID_ARGUMENT},
            {"api/v3/clients/me", "neither a path nor a whole URL", PORTAL_ERR_INVALID_ARGUMENT},
            {"https:api.portalhq.io", "neither a path nor a whole URL", PORTAL_ERR_INVALID_ARGUMENT},
            {"//evil.example/", "two slashes", PORTAL_ERR_INVALID_ARGUMENT},
            {"/a/../b", "'..' segment", PORTAL_ERR_INVALID_ARGUMENT},
            {"/a/%2e%2E/b", "'..' segment", PORTAL_ERR_INVALID_ARGUMENT},
            {"/a b", "percent-encode", PORTAL_ERR_INVALID_ARGUMENT},
            {"/a\\b", "percent-encode", PORTAL_ERR_INVALID_ARGUMENT},
            {"/a\r\nHost: evil.example", "percent-encode", PORTAL_ERR_INVALID_ARGUMENT},
            {"/\xc3\xbc", "percent-encode", PORTAL_ERR_INVALID_ARGUMENT},
            {"/a#b", "fragment", PORTAL_ERR_INVALID_ARGUMENT},
            {"https://api.portalhq.io#@evil.example/", "fragment", PORTAL_ERR_INVALID_ARGUMENT},
            {"/" + std::string(8192, 'a'), "more than 8192", PORTAL_ERR_INVALID_ARGUMENT},
        };
        for (const char* address : {"127.0.0.1.",
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
                                    "169.254.169.254",
                                    "8.8.8.8",
                                    "256.1.1.1",
                                    "4294967296",
                                    "1.2.3.4.5",
                                    "[::]",
                                    "[::ffff:127.0.0.1]",
                                    "[::ffff:7f00:1]",
                                    "[::127.0.0.1]",
                                    "[0:0:0:0:0:0:0:1]",
                                    "[::0001]",
                                    "[::1%25lo]",
                                    "[2001:db8::1]",
                                    "[fe80::1]",
                                    "[v1.x]"})
            for (const char* scheme : {"https://", "http://"})
                all.push_back({std::string(scheme) + address + "/", "is an IP address"});
        return all;
    }();
    return rows;
}

// A host's transport that counts, and answers with what the test says.
struct UrlRig : SessionRig {
    Signal<std::vector<std::string>> urls;
    std::int32_t status = 200;
    std::vector<portal_header> headers;

    UrlRig() {
        provide();
        options.flags = PORTAL_ALLOW_LOOPBACK;
        options.transport.send = [](void* userdata, std::uint64_t id, const portal_http_request* request) {
            auto& rig = *static_cast<UrlRig*>(userdata);
            rig.urls.change([&](auto& all) { all.push_back(string_of(request->url)); });
            auto response = made<portal_http_response>();
            response.http_status = rig.status;
            response.headers = rig.headers.data();
            response.header_count = rig.headers.size();
            portal_transport_answered(id, &response, nullptr);
        };
        options.transport.userdata = this;
    }
    ~UrlRig() { close(); }

    portal_code send(const std::string& url, Outcome& outcome, portal_error* error = nullptr) {
        auto request = made<portal_http_request>();
        request.url = text_of(url);
        return portal_send(session, &request, outcome.sent(), nullptr, error);
    }
};

TEST_CASE("Bad input: a request to a URL that could mean another place is refused with its reason, and nothing is sent") {
    UrlRig rig;
    rig.open();
    REQUIRE(rig.acquire() == "the-token");
    for (const Row& row : bad_urls()) {
        CAPTURE(row.url.substr(0, 100));
        Outcome outcome;
        check_refused(row.code, row.cause, [&](auto* error) { return rig.send(row.url, outcome, error); });
        CHECK(outcome.state.get().released == 1);
        CHECK(outcome.state.get().times == 0);
    }
    rig.settle();
    CHECK(rig.urls.get().empty());
    check_still_gives(rig, "the-token");
}

TEST_CASE("Bad input: a portal_url that could mean another place opens no session") {
    for (const Row& row : bad_urls()) {
        const bool is_whole = row.url.find("://") != std::string::npos;
        // A custom portal_url's host and port join the allow-list: what is refused is what is no https host name.
        if (!is_whole || row.cause == std::string("allow-list") || row.cause == std::string("Port 8443 is not listed") ||
            row.cause == std::string("Port 80 is not listed"))
            continue;
        CAPTURE(row.url.substr(0, 100));
        UrlRig rig;
        rig.options.portal_url = text_of(row.url);
        check_refused(row.code, row.cause,
                      [&](auto* error) { return portal_session_open(&rig.options, &rig.session, error); });
        CHECK(rig.session == nullptr);
    }
    see_threads_end();
}

TEST_CASE("Bad input: loopback is refused unless it was allowed, and then in its two exact spellings alone") {
    UrlRig rig;
    rig.options.flags = 0;
    rig.open();
    for (const char* url : {"https://127.0.0.1/", "http://127.0.0.1:8080/", "https://[::1]/", "http://[::1]:8080/"}) {
        CAPTURE(url);
        Outcome outcome;
        check_refused(PORTAL_ERR_HOST_NOT_ALLOWED, "", [&](auto* error) { return rig.send(url, outcome, error); });
    }
    rig.close();
    rig.options.flags = PORTAL_ALLOW_LOOPBACK;
    rig.open();
    for (const char* url : {"https://127.0.0.1/", "http://127.0.0.1:8080/", "https://[::1]/", "http://[::1]:8080/"}) {
        CAPTURE(url);
        Outcome outcome;
        CHECK(rig.send(url, outcome) == PORTAL_OK);
        CHECK(outcome.code() == PORTAL_OK);
    }
}

TEST_CASE("Bad input: an interceptor asks and is told no for each place that the token must not go to") {
    UrlRig rig;
    rig.options.flags = 0;
    rig.open();
    struct Place {
        const char* scheme;
        const char* host;
        std::uint16_t port;
        const char* cause;
    };
    for (const auto& [scheme, host, port, cause] :
         {Place{"http", "api.portalhq.io", 0, "not https"}, Place{"", "api.portalhq.io", 0, "not https"},
          Place{"https", "evilportalhq.io", 0, "allow-list"}, Place{"https", "portalhq.io.evil.com", 0, "allow-list"},
          Place{"https", "api.portalhq.io", 8443, "Port 8443"}, Place{"https", "127.0.0.1", 0, "this machine itself"},
          Place{"https", "::1", 0, "this machine itself"}, Place{"https", "::ffff:7f00:1", 0, "not a well-formed name"},
          Place{"https", "2130706433", 0, "IP address"}, Place{"https", "0x7f.1", 0, "IP address"},
          Place{"https", "localhost", 0, "localhost"}, Place{"https", "user@portalhq.io", 0, "not a well-formed name"},
          Place{"https", "portalhq.io/", 0, "not a well-formed name"}, Place{"https", "", 0, "host is empty"}}) {
        CAPTURE(scheme, host, port);
        check_refused(PORTAL_ERR_HOST_NOT_ALLOWED, cause, [&, scheme = scheme, host = host, port = port](auto* error) {
            return portal_session_allows(rig.session, text_of(scheme), text_of(host), port, error);
        });
    }
}

TEST_CASE("Bad input: a redirect to anywhere is an answer like any other, and is not followed") {
    for (const std::int32_t status : {301, 302, 303, 307, 308})
        for (const char* location :
             {"https://evil.example/", "https://api.portalhq.io/other", "http://127.0.0.1/", "//x", "\\"}) {
            CAPTURE(status, location);
            UrlRig rig;
            rig.status = status;
            rig.headers = {{text_of("Location"), text_of(location), 0, 0}};
            rig.open();
            Outcome outcome;
            REQUIRE(rig.send("/path", outcome) == PORTAL_OK);
            CHECK(outcome.code() == PORTAL_OK);
            CHECK(outcome.state.get().http_status == status);
            CHECK(outcome.state.get().verdict == PORTAL_VERDICT_OTHER);
            rig.settle();
            CHECK(rig.urls.get().size() == 1);
        }
}

TEST_CASE("Odd input: one trailing dot is removed, letters become small, and the transport gets the URL so made") {
    UrlRig rig;
    rig.open();
    struct Sent {
        const char* url;
        const char* dialled;
    };
    for (const auto& [url, dialled] :
         {Sent{"https://api.portalhq.io./a?b", "https://api.portalhq.io/a?b"},
          Sent{"HTTPS://API.PortalHQ.IO", "https://api.portalhq.io/"},
          Sent{"https://api.portalhq.io:443/", "https://api.portalhq.io/"}, Sent{"/a", "https://api.portalhq.io/a"}}) {
        CAPTURE(url);
        Outcome outcome;
        REQUIRE(rig.send(url, outcome) == PORTAL_OK);
        CHECK(outcome.code() == PORTAL_OK);
        CHECK(rig.urls.get().back() == dialled);
    }
    CHECK(portal_session_allows(rig.session, text_of("https"), text_of("api.portalhq.io."), 0, nullptr) == PORTAL_OK);
}

TEST_CASE("Odd input: an answer's Retry-After reaches the caller as it was meant, and its date counts by its own Date") {
    struct Case {
        const char* retry_after;
        const char* date;
        std::int64_t told_ms;
    };
    const auto [retry_after, date, told_ms] =
        GENERATE(Case{"31536000", "", 31'536'000'000}, Case{"18446744073709551616", "", 3'162'240'000'000},
                 Case{"120", "", 120'000}, Case{"Tue, 14 Nov 2023 22:15:20 GMT", "Tue, 14 Nov 2023 22:13:20 GMT", 120'000},
                 Case{"Fri, 14 Nov 2031 22:15:20 GMT", "Tue, 14 Nov 2023 22:13:20 GMT", 252'460'920'000},
                 Case{"Tue, 14 Nov 2023 22:15:20 GMT", "", 0},
                 Case{"Tue, 14 Nov 2023 22:13:00 GMT", "Tue, 14 Nov 2023 22:13:20 GMT", 0}, Case{"-5", "", 0},
                 Case{"soon", "", 0}, Case{"", "", 0});
    CAPTURE(retry_after, date);
    UrlRig rig;
    rig.status = 503;
    rig.headers = {{text_of("Retry-After"), text_of(retry_after), 0, 0}, {text_of("Date"), text_of(date), 0, 0}};
    rig.open();
    Outcome outcome;
    REQUIRE(rig.send("/path", outcome) == PORTAL_OK);
    CHECK(outcome.code() == PORTAL_OK);
    CHECK(outcome.state.get().verdict == PORTAL_VERDICT_UNAVAILABLE);
    CHECK(outcome.state.get().retry_after_ms == told_ms);
}

}  // namespace

// What a process inherits by its environment: it may route requests, and never weakens them.
#include <fstream>
#include <future>
#include <string>
#include <vector>

#include "integration/curl_world.hpp"
#include "integration/hostile_server.hpp"
#include "support/run_program.hpp"
#include "support/temp_dir.hpp"

using namespace portal;
using namespace portal::test;

namespace {

void answer_ok(HostilePeer& peer) { peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); }

std::string https(const HostileServer& server) { return "https" + server.url().substr(server.url().find(':')) + "/"; }

// What a program that sends a request to `url` says of its end.
std::string sent(const std::string& url, const std::string& ca_file, const std::vector<std::string>& variables,
                 bool host_uses_curl = false) {
    std::vector<std::string> words = {CURL_CHILD_PROGRAM, url, ca_file};
    if (host_uses_curl) words.emplace_back("host-uses-curl");
    const Ran ran = run_program(std::move(words), variables);
    CHECK(ran.exit_code == 0);
    return ran.output;
}

// An OpenSSL configuration that allows all that TLS ever had, and `more`.
std::string weak_configuration(const TempDir& folder, const std::string& more = "") {
    const std::string path = folder.file("openssl.cnf");
    std::ofstream(path) << "openssl_conf = start\n[start]\nssl_conf = ssl\n[ssl]\nsystem_default = weak\n[weak]\n"
                           "CipherString = ALL:COMPLEMENTOFALL:@SECLEVEL=0\nMinProtocol = TLSv1\n"
                        << more;
    return "OPENSSL_CONF=" + path;
}

// A proxy that answers each CONNECT so.
std::string refused_by_proxy(const std::string& answer) {
    HostileOptions plain;
    plain.with_tls = false;
    std::promise<std::string> asked;
    const HostileServer proxy(
        [&](HostilePeer& peer) {
            asked.set_value(peer.request());
            peer.send(answer);
        },
        plain);
    const std::string text =
        sent("https://api.portalhq.io/api/v3/clients/me", proxy.ca_file(), {"https_proxy=" + proxy.url()});
    REQUIRE(proxy.requests() == 1);
    const std::string request = asked.get_future().get();
    CHECK(request.rfind("CONNECT api.portalhq.io:443 HTTP/1.1\r\n", 0) == 0);
    CHECK(request.find("a-token") == std::string::npos);
    return text;
}

}  // namespace

TEST_CASE("a proxy that refuses to connect is named with its status, and that nothing was sent") {
    struct Row {
        const char* answer;
        const char* text;
    };
    const Row rows[] = {
        {"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n",
         "The proxy wants a login (HTTP 407), so nothing was sent: "},
        {"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\nContent-Length: 0\r\n\r\n",
         "The proxy answered HTTP 302 instead of connecting, as a captive portal does, so nothing was sent: "},
        {"HTTP/1.1 511 Network Authentication Required\r\nContent-Length: 0\r\n\r\n",
         "The proxy answered HTTP 511 instead of connecting, as a captive portal does, so nothing was sent: "},
        {"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
         "The proxy refused to connect (HTTP 403), so nothing was sent: "},
        {"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy",
         "The proxy refused to connect (HTTP 503), so nothing was sent: "},
    };
    for (const Row& row : rows) {
        CAPTURE(row.answer);
        CHECK(refused_by_proxy(row.answer).rfind(std::string("retryable ") + row.text, 0) == 0);
    }
}

TEST_CASE("no key of a TLS connection is written down, though SSLKEYLOGFILE asks for it") {
    const TempDir folder;
    const HostileServer server(answer_ok);
    CHECK(sent(https(server), server.ca_file(), {"SSLKEYLOGFILE=" + folder.file("keys")}) == "status 200\n");
    CHECK(folder.names().empty());
    // A host that has initialised the shared libcurl has had it open the file: none of our keys goes into it.
    CHECK(sent(https(server), server.ca_file(), {"SSLKEYLOGFILE=" + folder.file("keys")}, true) == "status 200\n");
    CHECK((folder.names().empty() || file_bytes(folder.file("keys")).empty()));
}

TEST_CASE("a cipher that hides nothing is refused, though OPENSSL_CONF allows it") {
    const TempDir folder;
    for (const char* ciphers : {"ECDHE-ECDSA-NULL-SHA", "AECDH-AES256-SHA", "AECDH-NULL-SHA"}) {
        CAPTURE(ciphers);
        HostileOptions weak;
        weak.only_ciphers = ciphers;
        const HostileServer server(answer_ok, weak);
        CHECK(sent(https(server), server.ca_file(), {weak_configuration(folder)}).rfind("tls ", 0) == 0);
        CHECK(server.requests() == 0);
    }
}

TEST_CASE("a key that is too short is refused, though OPENSSL_CONF allows it") {
    const TempDir folder;
    HostileOptions weak;
    weak.certificate = fake_portal::CertificateKind::weak_key;
    weak.only_ciphers = "ECDHE-RSA-AES128-GCM-SHA256";
    const HostileServer server(answer_ok, weak);
    CHECK(sent(https(server), server.ca_file(), {weak_configuration(folder)}).rfind("tls ", 0) == 0);
    CHECK(server.requests() == 0);
}

TEST_CASE("TLS 1.1 is refused, and TLS 1.3 is spoken, though OPENSSL_CONF says otherwise") {
    const TempDir folder;
    HostileOptions old;
    old.only_tls_1_1 = true;
    const HostileServer old_server(answer_ok, old);
    CHECK(sent(https(old_server), old_server.ca_file(), {weak_configuration(folder)}).rfind("tls ", 0) == 0);
    CHECK(old_server.requests() == 0);
    HostileOptions modern;
    modern.only_tls_1_3 = true;
    const HostileServer server(answer_ok, modern);
    CHECK(sent(https(server), server.ca_file(), {weak_configuration(folder, "MaxProtocol = TLSv1.2\n")}) == "status 200\n");
}

TEST_CASE("a CA that OPENSSL_CONF names is trusted no more than any other") {
    const TempDir folder;
    const HostileServer server(answer_ok);
    const HostileServer other(answer_ok);
    const std::string configuration = weak_configuration(folder, "VerifyCAFile = " + server.ca_file() + "\n");
    CHECK(sent(https(server), other.ca_file(), {configuration}).rfind("tls ", 0) == 0);
    CHECK(server.requests() == 0);
    CHECK(sent(https(other), other.ca_file(), {configuration}) == "status 200\n");
}

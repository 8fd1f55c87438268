// Whom libcurl's transport refuses to talk to, and that each reason has a text of its own.
#include <map>
#include <memory>
#include <string>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include "fake_portal/server.hpp"
#include "fake_portal/tls.hpp"
#include "integration/curl_world.hpp"
#include "integration/hostile_server.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

using namespace portal;
using namespace portal::test;
using fake_portal::CertificateKind;

namespace {

constexpr const char* no_pin = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

std::string pin_of(const std::string& certificate_pem) {
    const std::unique_ptr<BIO, decltype(&::BIO_free)> text(
        ::BIO_new_mem_buf(certificate_pem.data(), static_cast<int>(certificate_pem.size())), &::BIO_free);
    const std::unique_ptr<X509, decltype(&::X509_free)> certificate(
        ::PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr), &::X509_free);
    REQUIRE(certificate != nullptr);
    unsigned char* key = nullptr;
    const int key_bytes = ::i2d_X509_PUBKEY(::X509_get_X509_PUBKEY(certificate.get()), &key);
    REQUIRE(key_bytes > 0);
    unsigned char digest[SHA256_DIGEST_LENGTH];
    ::SHA256(key, static_cast<std::size_t>(key_bytes), digest);
    ::OPENSSL_free(key);
    unsigned char base64[64];
    const int length = ::EVP_EncodeBlock(base64, digest, sizeof digest);
    return {reinterpret_cast<char*>(base64), static_cast<std::size_t>(length)};
}

// What a client is told that asks this server for something; the server must not even see the request.
std::string refusal(HostileOptions options, CurlOptions trusted = {}) {
    const HostileServer server([](HostilePeer& peer) { peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); },
                               options);
    if (trusted.ca_file.empty()) trusted.ca_file = server.ca_file();
    const auto transport = make_curl_transport(std::move(trusted));
    HttpRequest request = get("https" + server.url().substr(server.url().find(':')) + "/");
    request.bearer = Secret("a-token-that-must-not-leave");
    const Answer answer = send(*transport, std::move(request));
    failed_in_tls(answer, ".");
    CHECK(server.requests() == 0);
    return answer.error().message;
}

}  // namespace

TEST_CASE("a server that this client has no reason to trust gets no request, and each reason has its own text") {
    const auto other_ca = fake_portal::make_certificates(CertificateKind::good);
    const TempDir directory;
    const auto other_files = fake_portal::write_certificates(directory.path(), other_ca);
    HostileOptions plain;
    plain.with_tls = false;
    HostileOptions old;
    old.only_tls_1_1 = true;
    const std::map<std::string, std::string> texts{{"CA that is not trusted", refusal({}, {other_files.ca_file, {}})},
                                                   {"CA file can't be read", refusal({}, {directory.file("none.pem"), {}})},
                                                   {"is for another name", refusal({CertificateKind::wrong_name})},
                                                   {"has expired", refusal({CertificateKind::expired})},
                                                   {"offers no TLS 1.2 or newer", refusal(old)},
                                                   {"speaks no TLS", refusal(plain)},
                                                   {"none of the pinned ones", refusal({}, {{}, {no_pin}})}};
    for (const auto& [reason, text] : texts)
        for (const auto& [other_reason, other_text] : texts) {
            INFO(reason << " | " << other_text);
            CHECK((other_text.find(reason) != std::string::npos) == (reason == other_reason));
        }
}

TEST_CASE("without a CA of one's own the platform's trust counts, which knows no server of a test") {
    const fake_portal::Server server;
    failed_in_tls(send(*trusting({}), create_client(server)), "CA that is not trusted");
    CHECK(server.counters().api.custodian_requests == 0);
}

TEST_CASE("a connection that one client trusts is not used by another that has no reason to") {
    const fake_portal::Server server;
    const auto trusted = trusting(server.ca_file());
    REQUIRE(send(*trusted, create_client(server)).has_value());  // its connection stays open
    failed_in_tls(send(*trusting({}), create_client(server)), "CA that is not trusted");
    failed_in_tls(send(*make_curl_transport({server.ca_file(), {no_pin}}), create_client(server)), "pinned");
    CHECK(server.counters().api.custodian_requests == 1);
}

TEST_CASE("a pinned key is demanded beside the CA") {
    const TempDir directory;
    fake_portal::ServerOptions options;
    options.tls_directory = directory.path();
    const fake_portal::Server server(options);
    const std::string pem = file_bytes(directory.file("server.pem"));

    CHECK(send(*make_curl_transport({server.ca_file(), {no_pin, pin_of(pem)}}), create_client(server)).has_value());
    failed_in_tls(send(*make_curl_transport({server.ca_file(), {no_pin}}), create_client(server)), "pinned");
    failed_in_tls(send(*make_curl_transport({server.ca_file(), {"rubbish"}}), create_client(server)), "pinned");
    failed_in_tls(send(*make_curl_transport({{}, {pin_of(pem)}}), create_client(server)), "CA that is not trusted");
    CHECK(server.counters().api.custodian_requests == 1);
}

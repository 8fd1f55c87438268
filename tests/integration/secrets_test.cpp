// A token and Portal's API key, looked for in all that the library says and stores, after all that can happen to them.
#include <portal_session/portal_session.h>

#include <openssl/crypto.h>

#include <mutex>
#include <string>
#include <vector>

#include "integration/hostile_server.hpp"
#include "integration/secret_world.hpp"
#include "support/canary.hpp"
#include "support/catch.hpp"
#include "support/run_program.hpp"
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define CAN_READ_MEMORY
#include "support/process_memory.hpp"
#endif

using namespace portal::test;

namespace {

std::string answer_of(const std::string& status, const std::string& headers, const std::string& body) {
    return "HTTP/1.1 " + status + "\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Portal and the app's backend in one. Its answers say the secrets back wherever an answer can.
class Backend {
public:
    [[nodiscard]] std::string url() const { return server_.url(); }
    [[nodiscard]] std::string ca_file() const { return server_.ca_file(); }
    void mint(const std::string& token, const std::string& api_key) {
        set(minted_, R"({"id":"client-1","clientApiKey":")" + api_key + R"(","clientSessionToken":")" + token + "\"}");
        set(said_back_, token + " " + api_key);
        answers_token_with("200 OK");
    }
    void answers_token_with(const std::string& status) { set(token_status_, status); }
    void says_no_secret_back() { set(said_back_, "nothing to say, and much of it"); }
    void mints_rubbish(const std::string& json) { set(minted_, json); }
    void answers_with(const std::string& status) { set(status_, status); }

private:
    void set(std::string& text, const std::string& to) {
        const std::lock_guard lock(mutex_);
        text = to;
    }

    void answer(HostilePeer& peer) {
        std::string text;
        {
            const std::lock_guard lock(mutex_);
            const bool wants_token = peer.request().rfind("GET /token", 0) == 0;
            const std::string& status = wants_token ? token_status_ : status_;
            const std::string path = said_back_.substr(0, said_back_.find(' '));
            const std::string headers = "X-Echo: " + said_back_ + "\r\nLocation: " + url() + "/" + path + "?token=" + path +
                                        "\r\nRetry-After: " + path + "\r\nSet-Cookie: t=" + path + "\r\n";
            text = answer_of(status, headers, wants_token && status == "200 OK" ? minted_ : said_back_);
        }
        peer.send(text);
    }

    std::mutex mutex_;
    std::string minted_, said_back_, token_status_ = "200 OK", status_ = "200 OK";
    const HostileServer server_{[this](HostilePeer& peer) { answer(peer); }};
};

struct Secrets {
    const Canary first{random_text(canary_bytes)};
    const Canary second{random_text(canary_bytes)};
    const Canary third{random_text(PORTAL_TOKEN_MAX)};
    const Canary api_key{random_text(canary_bytes)};
    const Canary in_url{random_text(canary_bytes)};  // no place for a secret, but apps do put one there

    [[nodiscard]] std::vector<const Canary*> unsaid() const { return {&first, &second, &third, &api_key, &in_url}; }
    [[nodiscard]] std::vector<const Canary*> undumped() const { return {&first, &second, &third, &api_key}; }
};

constexpr const char* me = "request /api/v3/clients/me";

// A user's days, good and bad ones; in the end the third token is in use.
void live(SecretHost& host, Backend& backend, const Secrets& secrets) {
    host.use("open");
    host.use("fetch");
    backend.mint(secrets.first.text(), secrets.api_key.text());
    CHECK(host.ask(me) == "200");
    host.use("try");
    host.use("explain");
    for (const char* status : {"302 Found", "403 Forbidden", "429 Too Many Requests", "500 Internal Server Error"}) {
        backend.answers_with(status);
        CHECK(host.ask(me) == std::string(status).substr(0, 3));
    }
    backend.answers_with("200 OK");
    CHECK(host.ask("report_with", secrets.first.text()) == "ok");
    CHECK(host.ask("request_url", "https://elsewhere.example/" + secrets.in_url.text()) == "host_not_allowed");
    CHECK(host.ask("request_url", "https://" + secrets.in_url.text() + "@portalhq.io/") == "host_not_allowed");
    CHECK(host.ask("request_url", backend.url() + "/x?token=" + secrets.in_url.text()) == "200");
    CHECK(host.ask("request_url", "http://127.0.0.1:1/" + secrets.in_url.text()) == "network");

    backend.mint(secrets.second.text(), secrets.api_key.text());
    host.use("report 401");
    host.use("wait");
    CHECK(host.ask(me) == "200");
    host.use("background");
    host.use("explain");

    // Answers that are no use, and hold the secrets all the same.
    const std::vector<std::string> rubbish{R"({"clientApiKey":")" + secrets.api_key.text() + "\"}",
                                           R"({"clientSessionToken":")" + secrets.third.text(), secrets.third.text(),
                                           "\"" + secrets.third.text() + "\"",
                                           R"({"clientSessionToken":")" + secrets.third.text() + " \"}"};
    for (const std::string& json : rubbish) {
        CHECK(host.ask("push_json", json) == "bad_token");
        CHECK(host.ask("push", json + " ") == "bad_token");
    }
    CHECK(host.ask("push", secrets.second.text() + " x") == "bad_token");
    CHECK(host.ask("push_json", secrets.second.text() + " x") == "bad_token");
    host.use("report 401");
    backend.mints_rubbish(rubbish[0]);
    CHECK(host.ask("wait") == "bad_token");
    backend.answers_token_with("500 Internal Server Error");
    CHECK(host.ask("wait") != "ok");
    host.use("explain");
    CHECK(host.ask("push", secrets.second.text()) == "repeated_token");
    host.give("push", secrets.third.text());
    host.use("wait");
    CHECK(host.ask(me) == "200");
    host.use("foreground");
    host.use("background");
}

void is_unsaid(const SecretHost& host, const Secrets& secrets) {
    const std::string said = host.said();
    const std::string stored = host.stored();
    CHECK(said.find("explain: {") != std::string::npos);
    CHECK(said.find("event: new_token") != std::string::npos);
    CHECK(said.find("log: ") != std::string::npos);
    CHECK(said.find("error: ") != std::string::npos);
    CHECK_FALSE(stored.empty());
    for (const Canary* secret : secrets.unsaid()) {
        CHECK(secret->longest_piece_in(said) == 0);
        CHECK(secret->longest_piece_in(stored) == 0);
    }
}

#if defined(CAN_READ_MEMORY)
// What a cipher keeps of the last answer while its connection is open: with AVX-512, OpenSSL's AES-GCM from 3.1 on leaves
// the deciphered bytes of an incomplete last block in its context.
std::size_t kept_by_open_connection() {
#if defined(__x86_64__)
    if (::OpenSSL_version_num() >= 0x30100000UL) return 15;
#endif
    return 0;
}
#endif

}  // namespace

TEST_CASE("a canary is recognised whole, in pieces, in hex and in base64") {
    const Canary canary(random_text(canary_bytes));
    const std::string& text = canary.text();
    for (const std::string& form : {text, text.substr(100, 8), hex_of(text, "0123456789abcdef").substr(7, 40),
                                    hex_of(text, "0123456789ABCDEF"), base64_of(text.substr(1)), base64_of("xy" + text)})
        CHECK(canary.is_in("before " + form + " after"));
    CHECK_FALSE(canary.is_in(text.substr(0, 7) + " " + text.substr(8, 7)));
    CHECK_FALSE(canary.is_in(random_text(100'000)));
    CHECK_FALSE(canary.is_in(""));
}

TEST_CASE("no log line, event, error, explain text or file holds a secret, whatever happens to it") {
    Backend backend;
    const Secrets secrets;
    SecretHost host(backend.url(), backend.ca_file());
    live(host, backend, secrets);
    is_unsaid(host, secrets);
    host.use("clear");
    CHECK(host.ask("wait") == "sign_in_needed");
    host.use("explain");
    is_unsaid(host, secrets);
}

#if defined(CAN_READ_MEMORY)
TEST_CASE("with the library's own transport and store too, no core dump holds a token or the API key") {
    Backend backend;
    const Secrets secrets;
    SecretHost host(backend.url(), backend.ca_file());
    live(host, backend, secrets);
    CHECK_FALSE(scan_memory(host.process(), secrets.third, View::everything).sightings.empty());
    for (const Canary* secret : secrets.undumped()) {
        const Scan scan = scan_memory(host.process(), *secret, View::core_dump);
        INFO(scan.text());
        const bool ends_last_answer = secret == &secrets.api_key;
        const std::size_t allowed = ends_last_answer ? kept_by_open_connection() : 0;
        for (const Sighting& seen : scan.sightings) CHECK(seen.longest_piece <= allowed);
    }
    backend.says_no_secret_back();
    CHECK(host.ask(me) == "200");
    for (const Canary* secret : secrets.undumped()) {
        const Scan scan = scan_memory(host.process(), *secret, View::core_dump);
        INFO(scan.text());
        CHECK(scan.sightings.empty());
    }
    const std::string core = without_vector_registers(host.crash());
    for (const Canary* secret : secrets.undumped()) CHECK_FALSE(secret->is_in(core));
}

TEST_CASE("and after a logout no region of memory holds one") {
    Backend backend;
    const Secrets secrets;
    SecretHost host(backend.url(), backend.ca_file());
    live(host, backend, secrets);
    host.use("clear");
    for (const Canary* secret : secrets.undumped()) {
        const Scan scan = scan_memory(host.process(), *secret, View::everything);
        INFO(scan.text());
        CHECK(scan.sightings.empty());
    }
}
#endif

TEST_CASE("the backend's program never says its API key, whatever Portal answers") {
    Backend backend;
    const Secrets secrets;
    const std::string key = secrets.api_key.text();
    backend.mint(secrets.first.text(), key);
    const auto run = [&](std::vector<std::string> words, const std::string& with_key) {
        words.insert(words.begin(), PORTAL_BACKEND_PROGRAM);
        return run_program(words, {"PORTAL_API_KEY=" + with_key, "PORTAL_SESSION_PORTAL=" + backend.url(),
                                   "PORTAL_SESSION_CA_FILE=" + backend.ca_file(), "PORTAL_SESSION_ALLOW_LOOPBACK=1"});
    };
    for (const char* status : {"401 Unauthorized", "500 Internal Server Error", "302 Found", "200 OK"}) {
        backend.answers_with(status);
        const Ran ran = run({"new-session", "client-1"}, key);
        INFO(ran.errors);
        CHECK(ran.exit_code != 0);
        CHECK_FALSE(ran.errors.empty());
        CHECK_FALSE(secrets.api_key.is_in(ran.output + ran.errors));
        CHECK_FALSE(secrets.first.is_in(ran.output + ran.errors));
    }
    for (const std::string& bad : {key + " ", key + "\n", key + std::string(5000, 'x')}) {
        const Ran ran = run({"new-session", "client-1"}, bad);
        CHECK(ran.exit_code != 0);
        CHECK_FALSE(secrets.api_key.is_in(ran.output + ran.errors));
    }
}

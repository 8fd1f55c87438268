// What the host supplies to a session of a process peer: provider, observer, key, clock.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <random>

#include "integration/process_peer.hpp"
#include "support/clock_file.hpp"

namespace peer {

void post_token_request(portal_session* session, portal_sent sent) {
    const std::string url = arguments->portal_url + "/_app/token";
    const std::string body = R"({"client_id":")" + arguments->client_id + R"("})";
    auto request = made<portal_http_request>();
    request.flags = PORTAL_REQUEST_NO_TOKEN;
    request.method = {"POST", 4};
    request.url = text(url);
    request.body = {body.data(), body.size()};
    portal_send(session, &request, sent, nullptr, nullptr);
}

portal_token_input token_input(const std::string& json) {
    auto input = made<portal_token_input>();
    input.flags = PORTAL_TOKEN_JSON;
    input.token = text(json);
    return input;
}

void answer_request(std::uint64_t request, const std::string& json) {
    const auto input = token_input(json);
    portal_request_fulfil(request, &input, nullptr);
}

namespace {

// The backend has answered.
void take_answer(std::uint64_t request, portal_code code, const std::string& body) {
    Provider provider{};
    change([&] {
        provider = code == PORTAL_OK ? shared.provider : Provider::fails;
        if (provider == Provider::holds) shared.held.emplace_back(request, body);
    });
    if (provider == Provider::answers) answer_request(request, body);
    if (provider != Provider::fails) return;
    auto failure = made<portal_failure>();
    failure.retry_after_ms = 5'000;
    portal_request_fail(request, &failure, nullptr);
}

void ask(void* userdata, const portal_token_request* request) {
    change([] { ++shared.asks; });
    portal_sent sent{};
    sent.userdata = new std::uint64_t(request->id);
    sent.release = [](void* id) { delete static_cast<std::uint64_t*>(id); };
    sent.fn = [](void* id, portal_code code, const portal_http_response* response, const portal_error*) {
        take_answer(*static_cast<std::uint64_t*>(id), code, response == nullptr ? "" : text(response->body));
    };
    post_token_request(*static_cast<portal_session**>(userdata), sent);
}

// 32 bytes that all processes share; whoever comes first makes them.
std::string read_or_make_key() {
    const std::string mine = arguments->key_file + "." + std::to_string(::getpid());
    if (::access(arguments->key_file.c_str(), F_OK) != 0) {
        std::random_device random;
        std::string key;
        for (int i = 0; i < 32; ++i) key += static_cast<char>(random());
        std::FILE* file = std::fopen(mine.c_str(), "wb");
        if (file == nullptr) std::abort();
        std::fwrite(key.data(), 1, key.size(), file);
        std::fclose(file);
        (void)!::link(mine.c_str(), arguments->key_file.c_str());  // fails for who comes second
        ::unlink(mine.c_str());
    }
    std::string key(32, '\0');
    std::FILE* file = std::fopen(arguments->key_file.c_str(), "rb");
    if (file == nullptr) return {};
    key.resize(std::fread(key.data(), 1, key.size(), file));
    std::fclose(file);
    return key;
}

}  // namespace

portal_options options_of(Session& session) {
    auto options = made<portal_options>();
    options.flags = PORTAL_ALLOW_LOOPBACK;
    options.directory = text(arguments->store);
    options.portal_url = text(arguments->portal_url);
    options.ca_file = text(arguments->ca_file);
    options.provider.ask = ask;
    options.provider.userdata = &session.handle;
    options.observer.event = [](void*, const portal_event* event) {
        change([&] { shared.events.push_back(event->kind); });
    };
    options.key.load = [](void*, std::uint64_t id, portal_text) {
        const std::string key = read_or_make_key();
        portal_key_loaded(id, key.size() == 32 ? PORTAL_FOUND : PORTAL_UNAVAILABLE, {key.data(), key.size()}, nullptr);
    };
    options.key.destroy = [](void*, portal_text) { ::unlink(arguments->key_file.c_str()); };
    options.clock.userdata = new portal::test::ClockFile(arguments->clock);
    options.clock.read = [](void* userdata, portal_reading* out) {
        const auto& clock = *static_cast<portal::test::ClockFile*>(userdata);
        *out = {clock.boot_ms(), clock.unix_ms(), clock.boot_tag()};
    };
    return options;
}

}  // namespace peer

// An app on a phone, and its Portal: sessions through the C API alone, a fake Portal over real TLS, one clock for all.
#pragma once

#include <portal_session/portal_session.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "fake_portal/server.hpp"
#include "support/catch.hpp"

namespace portal::test {

inline constexpr std::int64_t second_ms = 1000;
inline constexpr std::int64_t minute_ms = 60 * second_ms;
inline constexpr std::int64_t hour_ms = 60 * minute_ms;
inline constexpr std::int64_t day_ms = 24 * hour_ms;

inline constexpr const char* me = "/api/v3/clients/me";
inline constexpr const char* fund = "/api/v3/clients/me/fund";

inline portal_text text_of(std::string_view text) { return {text.data(), text.size()}; }

template <typename Struct>
Struct made() {
    Struct result;
    portal_init(&result, sizeof result);
    return result;
}

// What never comes fails the test, instead of hanging it.
template <typename T>
T taken(std::future<T> answer) {
    REQUIRE(answer.wait_for(std::chrono::seconds(30)) == std::future_status::ready);
    return answer.get();
}

// For what happens behind the caller; the same.
template <typename Predicate>
void wait_until(Predicate happened) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!happened() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    REQUIRE(happened());
}

// An answer on its way: freed by the release function of the callback that brings it.
template <typename T>
struct Pending {
    std::promise<T> promise;
    static void release(void* userdata) { delete static_cast<Pending*>(userdata); }
};

struct Request {
    std::string method = "GET";
    std::string url = me;
    std::string body;
    std::uint32_t flags = 0;
    std::int64_t timeout_ms = 0;
};

// How a send ended.
struct Sent {
    portal_code code = PORTAL_OK;
    int status = 0;
    portal_verdict verdict = PORTAL_VERDICT_OTHER;
    std::int64_t retry_after_ms = 0;
    std::uint32_t flags = 0;
    std::string message;  // of the error
    std::string body;
};

struct Sending {
    std::uint64_t id = 0;
    std::future<Sent> answer;
};

struct Leased {
    portal_code code = PORTAL_OK;
    portal_lease lease = made<portal_lease>();
    std::string token;
    std::int64_t retry_after_ms = 0;
};

class App;

// Portal, and the time.
class World {
public:
    explicit World(fake_portal::ServerOptions options = {}) : server(with_manual_clock(std::move(options))) {
        clock.unix_ms = server.now_ms();
        client_id = server.make_client();
    }
    ~World() { CHECK(portal_live_objects() == 0); }
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    // On both sides; returns when the apps have done all that was due.
    void advance(std::int64_t ms);

    void arm(fake_portal::FaultKind kind, fake_portal::Scope scope = fake_portal::Scope::client) {
        fake_portal::Fault fault;
        fault.kind = kind;
        fault.scope = scope;
        server.arm(fault);
    }
    void answer_with(int status, int times = 1, fake_portal::Scope scope = fake_portal::Scope::client) {
        fake_portal::Fault fault;
        fault.status = status;
        fault.times = times;
        fault.scope = scope;
        server.arm(fault);
    }
    [[nodiscard]] fake_portal::Counters counted() const { return server.counters().total; }
    [[nodiscard]] std::uint64_t mints() const { return counted().mints; }

    struct Clock {
        std::atomic<std::int64_t> boot_ms{3 * hour_ms};
        std::atomic<std::int64_t> unix_ms{0};
        std::atomic<std::uint64_t> boot_tag{1};
    };
    fake_portal::Server server;
    Clock clock;
    std::string client_id;
    std::vector<App*> apps;

private:
    static fake_portal::ServerOptions with_manual_clock(fake_portal::ServerOptions options) {
        options.manual_clock = true;
        return options;
    }
};

struct AppOptions {
    std::string directory;             // of the file store; empty: in memory
    std::string ca_file;               // empty: the fake's
    char key_byte = 'k';               // 32 of them are the store's key
    std::int64_t renewal_lead_ms = 0;  // as portal_options has it
};

// A session whose provider asks the app's backend by the session's own HTTP, as the README tells apps to.
class App {
public:
    explicit App(World& world, AppOptions options = {}) : world_(world), options_(std::move(options)) {
        auto open = made<portal_options>();
        const std::string ca_file = options_.ca_file.empty() ? world.server.ca_file() : options_.ca_file;
        open.flags = PORTAL_ALLOW_LOOPBACK;
        open.portal_url = text_of(world.server.url());
        open.ca_file = text_of(ca_file);
        open.renewal_lead_ms = options_.renewal_lead_ms;
        open.directory = text_of(options_.directory);
        if (!options_.directory.empty()) open.key = {load_key, nullptr, this, nullptr};
        open.provider = {ask, nullptr, this, nullptr};
        open.log = {take_line, PORTAL_LEVEL_DEBUG, 0, this, nullptr};
        open.clock = {read_clock, &world.clock, nullptr};
        auto error = made<portal_error>();
        const portal_code code = portal_session_open(&open, &session, &error);
        INFO(error.message);
        REQUIRE(code == PORTAL_OK);
        world.apps.push_back(this);
    }
    ~App() {
        world_.apps.erase(std::find(world_.apps.begin(), world_.apps.end(), this));
        CHECK(portal_session_close(session, 20'000, nullptr) == PORTAL_OK);
        portal_session_release(session);
    }
    App(const App&) = delete;
    App& operator=(const App&) = delete;

    // ---- HTTP ----

    // What is refused at the call is the answer too.
    Sending start(const Request& request) {
        auto out = made<portal_http_request>();
        out.flags = request.flags;
        out.method = text_of(request.method);
        out.url = text_of(request.url);
        out.body = {request.body.data(), request.body.size()};
        out.timeout_ms = request.timeout_ms;
        auto* pending = new Pending<Sent>;
        Sending sending{0, pending->promise.get_future()};
        auto error = made<portal_error>();
        const portal_code code =
            portal_send(session, &out, {take_answer, pending, Pending<Sent>::release}, &sending.id, &error);
        if (code != PORTAL_OK) {
            std::promise<Sent> refused;
            sending.answer = refused.get_future();
            refused.set_value({code, 0, PORTAL_VERDICT_OTHER, 0, error.flags, error.message, {}});
        }
        return sending;
    }
    Sent send(const Request& request) { return taken(start(request).answer); }
    Sent get(const std::string& url = me) { return send({"GET", url, {}, 0, 0}); }
    Sent post(std::uint32_t flags = 0) { return send({"POST", fund, "{}", flags, 0}); }

    // ---- tokens ----

    Leased lease(std::uint32_t flags = 0) {
        auto how = made<portal_acquire_options>();
        how.flags = flags;
        Leased leased;
        leased.token.resize(PORTAL_TOKEN_MAX);
        std::size_t length = leased.token.size();
        auto error = made<portal_error>();
        leased.code = portal_lease_wait(session, &how, &leased.lease, leased.token.data(), &length, &error);
        leased.token.resize(leased.code == PORTAL_OK ? length : 0);
        leased.retry_after_ms = error.retry_after_ms;
        return leased;
    }
    // When all that was reported has been worked off.
    [[nodiscard]] portal_status status() {
        notify(PORTAL_NOTICE_CLOCK_CHANGED);
        auto status = made<portal_status>();
        REQUIRE(portal_session_status(session, &status, nullptr) == PORTAL_OK);
        return status;
    }
    portal_code notify(portal_notice notice) {
        return until_done([&](const portal_done* done) { return portal_session_notify(session, notice, done, nullptr); });
    }
    portal_code clear() {
        return until_done([&](const portal_done* done) { return portal_session_clear(session, done, nullptr); });
    }
    [[nodiscard]] std::string explained() const {
        std::string text(PORTAL_EXPLAIN_MAX, '\0');
        std::size_t length = text.size();
        REQUIRE(portal_session_explain(session, text.data(), &length, nullptr) == PORTAL_OK);
        text.resize(length);
        return text;
    }
    std::string logged() {
        const std::lock_guard lock(mutex_);
        return log_;
    }

    portal_session* session = nullptr;

private:
    template <typename Start>
    static portal_code until_done(Start start) {
        auto* pending = new Pending<portal_code>;
        auto answer = pending->promise.get_future();
        const portal_done done{[](void* userdata, portal_code code, const portal_error*) {
                                   static_cast<Pending<portal_code>*>(userdata)->promise.set_value(code);
                               },
                               pending, Pending<portal_code>::release};
        const portal_code code = start(&done);
        return code == PORTAL_OK ? taken(std::move(answer)) : code;
    }

    static void take_answer(void* userdata, portal_code code, const portal_http_response* response,
                            const portal_error* error) {
        Sent sent;
        sent.code = code;
        if (response != nullptr) {
            sent.status = response->http_status;
            sent.verdict = response->verdict;
            sent.retry_after_ms = response->retry_after_ms;
            sent.body.assign(static_cast<const char*>(response->body.data), response->body.length);
        } else {
            sent.retry_after_ms = error->retry_after_ms;
            sent.flags = error->flags;
            sent.message = error->message;
        }
        static_cast<Pending<Sent>*>(userdata)->promise.set_value(std::move(sent));
    }

    // ---- the app's own code ----

    static void ask(void* userdata, const portal_token_request* request) {
        const App& app = *static_cast<App*>(userdata);
        const std::string body = "{\"client_id\": \"" + app.world_.client_id + "\"}";
        auto out = made<portal_http_request>();
        out.flags = PORTAL_REQUEST_NO_TOKEN;
        out.method = text_of("POST");
        out.url = text_of("/_app/token");
        out.body = {body.data(), body.size()};
        const auto free_id = [](void* id) { delete static_cast<std::uint64_t*>(id); };
        portal_send(app.session, &out, {take_backend_answer, new std::uint64_t(request->id), free_id}, nullptr, nullptr);
    }
    static void take_backend_answer(void* userdata, portal_code code, const portal_http_response* response,
                                    const portal_error*) {
        const std::uint64_t id = *static_cast<std::uint64_t*>(userdata);
        if (code == PORTAL_OK && response->http_status == 200) {
            auto input = made<portal_token_input>();
            input.flags = PORTAL_TOKEN_JSON;
            input.token = {static_cast<const char*>(response->body.data), response->body.length};
            portal_request_fulfil(id, &input, nullptr);
        } else {
            auto failure = made<portal_failure>();
            if (response != nullptr) failure.http_status = response->http_status;
            if (response != nullptr) failure.retry_after_ms = response->retry_after_ms;
            portal_request_fail(id, &failure, nullptr);
        }
    }
    static void load_key(void* userdata, std::uint64_t id, portal_text) {
        const std::string key(32, static_cast<App*>(userdata)->options_.key_byte);
        portal_key_loaded(id, PORTAL_FOUND, {key.data(), key.size()}, nullptr);
    }
    static void take_line(void* userdata, portal_level, portal_text line) {
        App& app = *static_cast<App*>(userdata);
        const std::lock_guard lock(app.mutex_);
        app.log_.append(line.data, line.length).append("\n");
    }
    static void read_clock(void* userdata, portal_reading* out) {
        const auto& clock = *static_cast<const World::Clock*>(userdata);
        *out = {clock.boot_ms.load(), clock.unix_ms.load(), clock.boot_tag.load()};
    }

    World& world_;
    const AppOptions options_;
    std::mutex mutex_;
    std::string log_;
};

inline void World::advance(std::int64_t ms) {
    server.advance(ms);
    clock.boot_ms += ms;
    clock.unix_ms += ms;
    for (App* app : apps) app->notify(PORTAL_NOTICE_CLOCK_CHANGED);
}

}  // namespace portal::test

// A session through the C API, with a host in C++: a clock that the test moves, answers that can be waited for, and the proof
// that in the end everything was given back.
#pragma once

#include <portal_session/portal_session.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"
#include "support/signal.hpp"

namespace portal::test {

inline portal_text text_of(std::string_view text) { return {text.data(), text.size()}; }
inline std::string string_of(portal_text text) { return text.length == 0 ? "" : std::string(text.data, text.length); }

template <typename Struct>
Struct made() {
    Struct result;
    portal_init(&result, sizeof result);
    return result;
}

// It borrows the token: not of a temporary string.
inline portal_token_input input_of(std::string_view token, std::uint32_t flags = 0) {
    auto input = made<portal_token_input>();
    input.token = text_of(token);
    input.flags = flags;
    return input;
}

// Base of each test: all that it opened is given back when it ends.
class NothingLeft {
public:
    NothingLeft() : before_(portal_live_objects()) {}
    ~NothingLeft() { CHECK(portal_live_objects() == before_); }
    NothingLeft(const NothingLeft&) = delete;
    NothingLeft& operator=(const NothingLeft&) = delete;

private:
    const std::uint64_t before_;
};

// A userdata, and how often it was given back.
struct Counted {
    std::atomic<int> released{0};
    static void release(void* userdata) { ++static_cast<Counted*>(userdata)->released; }
};

// How an operation ended.
struct Outcome {
    struct State {
        int times = 0;
        int released = 0;
        portal_code code = PORTAL_OK;
        portal_lease lease{};
        std::string token;
        std::string body;
        int http_status = 0;
        portal_verdict verdict = PORTAL_VERDICT_OTHER;
        std::int64_t retry_after_ms = 0;
        std::string message;  // of the error
        std::int32_t os_code = 0;
    };
    Signal<State> state;

    portal_code code() const {
        return state.wait([](const State& now) { return now.released == 1; }) ? state.get().code : PORTAL_ERR_INTERNAL;
    }
    static void released(void* userdata) {
        static_cast<Outcome*>(userdata)->state.change([](State& now) { ++now.released; });
    }
    portal_acquired acquired() {
        return {[](void* userdata, portal_code code, const portal_lease* lease, portal_text token, const portal_error* error) {
                    static_cast<Outcome*>(userdata)->state.change([&](State& now) {
                        ++now.times;
                        now.code = code;
                        if (lease != nullptr) now.lease = *lease;
                        now.token = string_of(token);
                        if (error == nullptr) return;
                        now.retry_after_ms = error->retry_after_ms;
                        now.message = error->message;
                        now.http_status = error->http_status;
                        now.os_code = error->os_code;
                    });
                },
                this, released};
    }
    portal_done done() {
        return {[](void* userdata, portal_code code, const portal_error*) {
                    static_cast<Outcome*>(userdata)->state.change([&](State& now) {
                        ++now.times;
                        now.code = code;
                    });
                },
                this, released};
    }
    portal_sent sent() {
        return {[](void* userdata, portal_code code, const portal_http_response* response, const portal_error* error) {
                    static_cast<Outcome*>(userdata)->state.change([&](State& now) {
                        ++now.times;
                        now.code = code;
                        if (error != nullptr) now.message = error->message;
                        if (response == nullptr) return;
                        now.http_status = response->http_status;
                        now.verdict = response->verdict;
                        now.retry_after_ms = response->retry_after_ms;
                        now.body.assign(static_cast<const char*>(response->body.data), response->body.length);
                    });
                },
                this, released};
    }
};

struct SessionRig {
    NothingLeft nothing_left;
    portal_options options = made<portal_options>();
    portal_session* session = nullptr;
    std::atomic<std::int64_t> moved_ms{0};
    Counted clock_userdata;
    std::function<void(const portal_token_request&)> on_ask;
    Signal<std::vector<std::uint64_t>> asks;
    Signal<std::vector<std::uint64_t>> withdrawn;

    SessionRig() {
        options.clock = {[](void* userdata, portal_reading* out) {
                             const std::int64_t moved = static_cast<SessionRig*>(userdata)->moved_ms.load();
                             *out = {3'600'000 + moved, 1'700'000'000'000 + moved, 7};
                         },
                         this, nullptr};
        options.provider = {[](void* userdata, const portal_token_request* request) {
                                auto& rig = *static_cast<SessionRig*>(userdata);
                                rig.asks.change([&](auto& all) { all.push_back(request->id); });
                                if (rig.on_ask) rig.on_ask(*request);
                            },
                            [](void* userdata, std::uint64_t id) {
                                static_cast<SessionRig*>(userdata)->withdrawn.change([&](auto& all) { all.push_back(id); });
                            },
                            this, nullptr};
    }
    ~SessionRig() { close(); }
    SessionRig(const SessionRig&) = delete;
    SessionRig& operator=(const SessionRig&) = delete;

    void open() { REQUIRE(portal_session_open(&options, &session, nullptr) == PORTAL_OK); }
    void close() {
        if (session == nullptr) return;
        CHECK(portal_session_close(session, 30'000, nullptr) == PORTAL_OK);
        portal_session_release(session);
        session = nullptr;
    }
    void provide(const std::string& token = "the-token") {
        on_ask = [token](const portal_token_request& request) {
            const portal_token_input input = input_of(token);
            portal_request_fulfil(request.id, &input, nullptr);
        };
    }
    std::uint64_t ask(std::size_t number) {
        REQUIRE(asks.wait([=](const auto& all) { return all.size() >= number; }));
        return asks.get()[number - 1];
    }
    void start(Outcome& outcome, std::uint64_t newer_than = 0, std::int64_t timeout_ms = 0) {
        auto wanted = made<portal_acquire_options>();
        wanted.newer_than = newer_than;
        wanted.timeout_ms = timeout_ms;
        REQUIRE(portal_lease_acquire(session, &wanted, outcome.acquired(), nullptr, nullptr) == PORTAL_OK);
    }
    std::string acquire() {
        Outcome outcome;
        start(outcome);
        return outcome.code() == PORTAL_OK ? outcome.state.get().token : "";
    }
    portal_code notify(portal_notice notice) {
        Outcome outcome;
        const portal_done done = outcome.done();
        const portal_code code = portal_session_notify(session, notice, &done, nullptr);
        return code == PORTAL_OK ? outcome.code() : code;
    }
    void settle() { (void)notify(PORTAL_NOTICE_CLOCK_CHANGED); }
    // When it returns, all that was called before has begun: unlike settle, it waits for no store.
    void fence() {
        Outcome outcome;
        std::uint64_t id = 0;
        REQUIRE(portal_lease_acquire(session, nullptr, outcome.acquired(), &id, nullptr) == PORTAL_OK);
        (void)portal_cancel(id, nullptr);
        (void)outcome.code();
    }
    // Likewise, for a session with a token or one that is on its way, even while a callback is blocked.
    void fence_without_callbacks() {
        auto lease = made<portal_lease>();
        char token[PORTAL_TOKEN_MAX];
        std::size_t length = sizeof token;
        CHECK(portal_lease_wait(session, nullptr, &lease, token, &length, nullptr) == PORTAL_OK);
    }
    void pass(std::int64_t ms) {
        moved_ms += ms;
        settle();
    }
    portal_status status() const {
        auto status = made<portal_status>();
        CHECK(portal_session_status(session, &status, nullptr) == PORTAL_OK);
        return status;
    }
    portal_code read(portal_lease* lease = nullptr) const {
        auto own = made<portal_lease>();
        return portal_lease_try(session, lease != nullptr ? lease : &own, nullptr, nullptr, nullptr);
    }
};

}  // namespace portal::test

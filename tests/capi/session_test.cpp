// A session through the C API: events, explain, verdicts in reports, calls from callbacks.
#include <cstring>

#include <simdjson.h>

#include "session_rig.hpp"

namespace {

using namespace portal::test;

struct Events {
    Signal<std::vector<portal_event>> all;
    static void event(void* userdata, const portal_event* event) {
        static_cast<Events*>(userdata)->all.change([&](auto& events) { events.push_back(*event); });
    }
};

std::string explained(const portal_session* session) {
    std::string text(PORTAL_EXPLAIN_MAX, '\0');
    std::size_t length = text.size();
    CHECK(portal_session_explain(session, text.data(), &length, nullptr) == PORTAL_OK);
    text.resize(length);
    return text;
}

TEST_CASE("The observer is told in order, and of why") {
    Events events;
    SessionRig rig;
    rig.options.observer = {Events::event, &events, nullptr};
    rig.provide();
    rig.open();
    REQUIRE(rig.acquire() == "the-token");
    auto lease = made<portal_lease>();
    REQUIRE(rig.read(&lease) == PORTAL_OK);
    REQUIRE(portal_lease_report(rig.session, &lease, 401, nullptr, nullptr) == PORTAL_OK);
    rig.on_ask = nullptr;
    Outcome failed;
    rig.start(failed, 1);
    auto failure = made<portal_failure>();
    failure.retry_after_ms = 1000;
    REQUIRE(portal_request_fail(rig.ask(2), &failure, nullptr) == PORTAL_OK);
    CHECK(failed.code() == PORTAL_ERR_PROVIDER_FAILED);
    rig.settle();
    std::vector<portal_event_kind> kinds;
    std::uint64_t sequence = 0;
    for (const portal_event& event : events.all.get()) {
        CHECK(event.sequence == ++sequence);
        CHECK(event.struct_size == sizeof event);
        CHECK(event.reserved == 0);
        CHECK(event.at_unix_ms == 1'700'000'000'000);
        if (event.kind == PORTAL_EVENT_RENEWAL_FAILED) CHECK(event.code == PORTAL_ERR_PROVIDER_FAILED);
        if (event.kind != PORTAL_EVENT_STATE) kinds.push_back(event.kind);
    }
    CHECK(kinds == std::vector<portal_event_kind>{PORTAL_EVENT_RENEWAL_STARTED, PORTAL_EVENT_NEW_TOKEN, PORTAL_EVENT_REJECTED,
                                                  PORTAL_EVENT_RENEWAL_STARTED, PORTAL_EVENT_RENEWAL_FAILED});
    rig.close();
}

TEST_CASE("Explain is one JSON object that fits its bound, whatever happened, and never holds a secret") {
    SessionRig rig;
    rig.provide("secret-token-secret-token");
    const std::string client = "client\"with\\quotes";
    rig.options.client_id = text_of(client);
    rig.open();
    for (int i = 0; i < 50; ++i) {
        const std::string token = "secret-token-" + std::to_string(i);
        const portal_token_input input = input_of(token);
        REQUIRE(portal_session_push(rig.session, &input, nullptr) == PORTAL_OK);
        rig.settle();
        auto lease = made<portal_lease>();
        REQUIRE(rig.read(&lease) == PORTAL_OK);
        REQUIRE(portal_lease_report(rig.session, &lease, 401, nullptr, nullptr) == PORTAL_OK);
        rig.settle();
    }
    const std::string text = explained(rig.session);
    CHECK(text.size() <= PORTAL_EXPLAIN_MAX);
    CHECK(text.find("secret-token") == std::string::npos);
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    REQUIRE(parser.parse(text).get(root) == simdjson::SUCCESS);
    std::string_view state;
    REQUIRE(root["state"].get(state) == simdjson::SUCCESS);
    CHECK(state == "rejected");
    std::uint64_t generation = 0;
    REQUIRE(root["generation"].get(generation) == simdjson::SUCCESS);
    CHECK(generation == 50);
    simdjson::dom::array transitions;
    REQUIRE(root["transitions"].get(transitions) == simdjson::SUCCESS);
    CHECK(transitions.size() == 32);
    std::uint64_t rejections = 0;
    REQUIRE(root["counters"]["rejections"].get(rejections) == simdjson::SUCCESS);
    CHECK(rejections == 50);
}

TEST_CASE("What Portal's own SDKs say of a dead token rejects it, where the status is hidden") {
    struct Case {
        const char* error_id;
        const char* exception;
        std::int32_t legacy_code;
        bool is_dead;
    };
    const auto [error_id, exception, legacy_code, is_dead] =
        GENERATE(Case{"SESSION_EXPIRED", "", 0, true}, Case{"AUTH_FAILED", "", 0, true}, Case{"", "", 202, true},
                 Case{"", "PortalRequestsError.unauthorized", 0, true}, Case{"", "PortalHttpForbiddenException", 0, false},
                 Case{"INVALID_PARAMETER", "", 0, false}, Case{"", "", 0, false});
    CAPTURE(error_id, exception, legacy_code);
    SessionRig rig;
    rig.provide();
    rig.open();
    REQUIRE(rig.acquire() == "the-token");
    auto lease = made<portal_lease>();
    REQUIRE(rig.read(&lease) == PORTAL_OK);
    auto answer = made<portal_answer>();
    answer.error_id = {error_id, std::strlen(error_id)};
    answer.exception = {exception, std::strlen(exception)};
    answer.legacy_code = legacy_code;
    REQUIRE(portal_lease_report(rig.session, &lease, 0, &answer, nullptr) == PORTAL_OK);
    CHECK(rig.read() == (is_dead ? PORTAL_ERR_NO_TOKEN : PORTAL_OK));
}

TEST_CASE("A lease that was kept over a relaunch is reported to the session of its name") {
    SessionRig rig;
    rig.provide();
    rig.open();
    REQUIRE(rig.acquire() == "the-token");
    auto lease = made<portal_lease>();
    REQUIRE(rig.read(&lease) == PORTAL_OK);
    rig.close();
    rig.open();
    rig.settle();
    CHECK(portal_lease_report(rig.session, &lease, 200, nullptr, nullptr) == PORTAL_OK);
    rig.close();
    const std::string other = "other";
    rig.options.name = text_of(other);
    rig.open();
    CHECK(portal_lease_report(rig.session, &lease, 200, nullptr, nullptr) == PORTAL_ERR_INVALID_ARGUMENT);
}

struct Closing {
    portal_session* session = nullptr;
    Signal<std::vector<portal_code>> codes;
    Signal<bool> released;
};

TEST_CASE("A session that its own provider holds can be closed and released in a callback") {
    const NothingLeft nothing_left;
    Closing closing;
    auto options = made<portal_options>();
    options.provider = {[](void* userdata, const portal_token_request* request) {
                            auto& self = *static_cast<Closing*>(userdata);
                            auto lease = made<portal_lease>();
                            char token[PORTAL_TOKEN_MAX];
                            std::size_t length = sizeof token;
                            const portal_code waited = portal_lease_wait(self.session, nullptr, &lease, token, &length, nullptr);
                            const portal_code closed = portal_session_close(self.session, 60'000, nullptr);
                            const portal_token_input late = input_of("late");
                            const portal_code fulfilled = portal_request_fulfil(request->id, &late, nullptr);
                            portal_session_release(self.session);
                            self.codes.change([&](auto& all) { all = {waited, closed, fulfilled}; });
                        },
                        nullptr, &closing,
                        [](void* userdata) { static_cast<Closing*>(userdata)->released.change([](bool& is) { is = true; }); }};
    REQUIRE(portal_session_open(&options, &closing.session, nullptr) == PORTAL_OK);
    portal_session* other = nullptr;  // one that sees the threads to their end
    auto plain = made<portal_options>();
    REQUIRE(portal_session_open(&plain, &other, nullptr) == PORTAL_OK);
    Outcome outcome;
    REQUIRE(portal_lease_acquire(closing.session, nullptr, outcome.acquired(), nullptr, nullptr) == PORTAL_OK);
    CHECK(outcome.code() == PORTAL_ERR_CLOSED);
    CHECK(closing.released.wait([](bool is) { return is; }));
    CHECK(closing.codes.get() ==
          std::vector<portal_code>{PORTAL_ERR_IN_CALLBACK, PORTAL_ERR_TIMEOUT, PORTAL_ERR_STALE});
    CHECK(portal_session_close(other, 30'000, nullptr) == PORTAL_OK);
    portal_session_release(other);
}

TEST_CASE("A release that closes its session again, with a wait, does not wait for itself") {
    const NothingLeft nothing_left;
    Closing closing;
    auto options = made<portal_options>();
    options.observer = {[](void*, const portal_event*) {}, &closing, [](void* userdata) {
                            auto& self = *static_cast<Closing*>(userdata);
                            const portal_code code = portal_session_close(self.session, 60'000, nullptr);
                            self.codes.change([&](auto& all) { all.push_back(code); });
                        }};
    REQUIRE(portal_session_open(&options, &closing.session, nullptr) == PORTAL_OK);
    CHECK(portal_session_close(closing.session, 30'000, nullptr) == PORTAL_OK);
    CHECK(closing.codes.get() == std::vector<portal_code>{PORTAL_ERR_TIMEOUT});
    portal_session_release(closing.session);
}

TEST_CASE("JSON token inputs: token and client id are taken, an API key never is") {
    SessionRig rig;
    rig.open();
    const std::string json = R"({"id":"client-1","clientSessionToken":"json-token","isAccountAbstracted":false})";
    const portal_token_input input = input_of(json, PORTAL_TOKEN_JSON);
    if ((portal_features() & PORTAL_FEATURE_JSON) == 0) {
        CHECK(portal_session_push(rig.session, &input, nullptr) == PORTAL_ERR_UNSUPPORTED);
        return;
    }
    CHECK(portal_session_push(rig.session, &input, nullptr) == PORTAL_OK);
    CHECK(rig.acquire() == "json-token");
    auto other = input_of("other-token");
    const std::string other_client = "client-2";
    other.client_id = text_of(other_client);
    CHECK(portal_session_push(rig.session, &other, nullptr) == PORTAL_ERR_CLIENT_MISMATCH);
    for (const std::string& bad : {std::string(R"({"clientApiKey":"secret-key"})"), std::string("{"), std::string("[]"), std::string()}) {
        CAPTURE(bad);
        auto error = made<portal_error>();
        const portal_token_input wrong = input_of(bad, PORTAL_TOKEN_JSON);
        CHECK(portal_session_push(rig.session, &wrong, &error) == PORTAL_ERR_BAD_TOKEN);
        CHECK(std::string(error.message).find("secret-key") == std::string::npos);
    }
}

}  // namespace

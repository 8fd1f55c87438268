// Bad input, options and calls: each refused with its code and its reason, and what is only odd is put right.
#include <functional>

#include "bad_input.hpp"
#include "support/temp_dir.hpp"

namespace {

using namespace portal::test;

constexpr std::int64_t minute_ms = 60'000;
constexpr std::int64_t hour_ms = 60 * minute_ms;
constexpr std::int64_t day_ms = 24 * hour_ms;

TEST_CASE("Bad input: a policy value out of its bounds is told with its bounds, and no session is opened") {
    struct Row {
        const char* name;
        std::int64_t portal_options::* field;
        std::int64_t bad_ms;
        std::int64_t good_ms;  // the bound next to it
    };
    const Row rows[] = {
        {"idle_ms", &portal_options::idle_ms, 5 * minute_ms - 1, 5 * minute_ms},
        {"idle_ms", &portal_options::idle_ms, 30 * day_ms + 1, 30 * day_ms},
        {"idle_ms", &portal_options::idle_ms, -1, 0},
        {"absolute_ms", &portal_options::absolute_ms, day_ms - 1, day_ms},
        {"absolute_ms", &portal_options::absolute_ms, 90 * day_ms + 1, 90 * day_ms},
        {"absolute_ms", &portal_options::absolute_ms, -1, 0},
        {"margin_ms", &portal_options::margin_ms, 4'999, 5'000},
        {"margin_ms", &portal_options::margin_ms, day_ms / 10 + 1, day_ms / 10},
        {"margin_ms", &portal_options::margin_ms, -2, -1},
        {"soft_window_ms", &portal_options::soft_window_ms, day_ms / 2 + 1, day_ms / 2},
        {"soft_window_ms", &portal_options::soft_window_ms, -2, -1},
        {"renewal_lead_ms", &portal_options::renewal_lead_ms, 7 * day_ms / 4 + 1, 7 * day_ms / 4},
        {"renewal_lead_ms", &portal_options::renewal_lead_ms, INT64_MIN, -1},
        {"request_timeout_ms", &portal_options::request_timeout_ms, 999, 1'000},
        {"request_timeout_ms", &portal_options::request_timeout_ms, 5 * minute_ms + 1, 5 * minute_ms},
        {"request_timeout_ms", &portal_options::request_timeout_ms, INT64_MAX, 0},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name, row.bad_ms);
        SessionRig rig;
        rig.options.*row.field = row.bad_ms;
        check_refused(PORTAL_ERR_POLICY, std::string(row.name) + " is " + std::to_string(row.bad_ms) + ": use ",
                      [&](portal_error* error) { return portal_session_open(&rig.options, &rig.session, error); });
        CHECK(rig.session == nullptr);
        rig.options.*row.field = row.good_ms;
        rig.open();
    }
}

TEST_CASE("Bad input: what else is wrong with the options is told by name") {
    struct Row {
        const char* cause;
        portal_code code;
        std::function<void(portal_options&)> spoil;
    };
    static const std::string long_name(129, 'a');
    static const std::string long_id(257, 'c');
    static const portal_text no_host[] = {text_of("portalhq.io"), text_of("*.example")};
    static const portal_text no_pin[] = {text_of("sha256/abc")};
    static const auto store_load = [](void*, std::uint64_t, portal_text) {};
    static const auto store_save = [](void*, std::uint64_t, portal_text, std::uint64_t, portal_bytes) {};
    const Row rows[] = {
        {"name has 129 bytes", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.name = text_of(long_name); }},
        {"name is not valid UTF-8", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.name = text_of("\xff"); }},
        {"name is not valid UTF-8", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.name = text_of("cut \xe2\x82"); }},
        {"name is not valid UTF-8", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.name = text_of("\xc0\xaf"); }},
        {"name is not valid UTF-8", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.name = text_of("\xed\xa0\x80"); }},
        {"client id is not 1 to 256", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.client_id = text_of(long_id); }},
        {"client id is not 1 to 256", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.client_id = text_of("a b"); }},
        {"client id is not 1 to 256", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.client_id = {"a\0b", 3}; }},
        {"`directory` is given without `key`", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.directory = text_of("/x"); }},
        {"Both `directory` and `store`", PORTAL_ERR_INVALID_ARGUMENT,
         [](auto& o) {
             o.directory = text_of("/x");
             o.store.load = store_load;
             o.store.save = store_save;
         }},
        {"store.save is NULL", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.store.load = store_load; }},
        {"Allowed host 2 is not", PORTAL_ERR_INVALID_ARGUMENT,
         [](auto& o) {
             o.allowed_hosts = no_host;
             o.allowed_host_count = 2;
         }},
        {"allowed_hosts is NULL", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.allowed_host_count = 1; }},
        {"pin is not base64", PORTAL_ERR_INVALID_ARGUMENT,
         [](auto& o) {
             o.spki_pins = no_pin;
             o.spki_pin_count = 1;
         }},
        {"role is not at most 16", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.role = text_of("seventeen-letters"); }},
        {"role is not at most 16", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.role = text_of("my app"); }},
        {"options.flags has a bit", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.flags = 0x80; }},
        {"log.level is none of", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.log.level = static_cast<portal_level>(9); }},
        {"options.struct_size is too small", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.struct_size = 8; }},
        {"options has fields", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.reserved = &o; }},
    };
    for (const Row& row : rows) {
        CAPTURE(row.cause);
        SessionRig rig;
        row.spoil(rig.options);
        check_refused(row.code, row.cause,
                      [&](portal_error* error) { return portal_session_open(&rig.options, &rig.session, error); });
        CHECK(rig.session == nullptr);
    }
    see_threads_end();
}

TEST_CASE("Bad input: a session that is NULL, closed or another's is told by each function, with the next step") {
    using Call = std::function<portal_code(portal_session*, portal_error*)>;
    struct Row {
        const char* name;
        Call call;
        bool answers_when_closed;
    };
    auto lease = made<portal_lease>();
    static const portal_token_input token = input_of("other-token");
    const portal_acquired acquired{[](void*, portal_code, const portal_lease*, portal_text, const portal_error*) {},
                                   nullptr, nullptr};
    const portal_sent sent{[](void*, portal_code, const portal_http_response*, const portal_error*) {}, nullptr, nullptr};
    auto request = made<portal_http_request>();
    request.url = text_of("/path");
    char buffer[PORTAL_EXPLAIN_MAX];
    const Row rows[] = {
        {"clear", [](auto* s, auto* e) { return portal_session_clear(s, nullptr, e); }, false},
        {"notify", [](auto* s, auto* e) { return portal_session_notify(s, PORTAL_NOTICE_FOREGROUND, nullptr, e); }, false},
        {"status",
         [](auto* s, auto* e) {
             auto status = made<portal_status>();
             return portal_session_status(s, &status, e);
         },
         false},
        {"explain",
         [&](auto* s, auto* e) {
             std::size_t length = sizeof buffer;
             return portal_session_explain(s, buffer, &length, e);
         },
         false},
        {"allows",
         [](auto* s, auto* e) { return portal_session_allows(s, text_of("https"), text_of("portalhq.io"), 0, e); }, true},
        {"try", [&](auto* s, auto* e) { return portal_lease_try(s, &lease, nullptr, nullptr, e); }, false},
        {"acquire", [&](auto* s, auto* e) { return portal_lease_acquire(s, nullptr, acquired, nullptr, e); }, false},
        {"wait",
         [&](auto* s, auto* e) {
             std::size_t length = sizeof buffer;
             return portal_lease_wait(s, nullptr, &lease, buffer, &length, e);
         },
         false},
        {"stamp", [&](auto* s, auto* e) { return portal_lease_stamp(s, &lease, e); }, false},
        {"report 2xx", [&](auto* s, auto* e) { return portal_lease_report(s, &lease, 200, nullptr, e); }, false},
        {"report 401", [&](auto* s, auto* e) { return portal_lease_report(s, &lease, 401, nullptr, e); }, false},
        {"prepare", [](auto* s, auto* e) { return portal_session_prepare(s, e); }, false},
        {"push", [](auto* s, auto* e) { return portal_session_push(s, &token, e); }, false},
        {"send", [&](auto* s, auto* e) { return portal_send(s, &request, sent, nullptr, e); }, false},
    };
    SessionRig rig;
    rig.provide();
    rig.open();
    REQUIRE(rig.acquire() == "the-token");
    REQUIRE(rig.read(&lease) == PORTAL_OK);
    portal_lease foreign = lease;
    foreign.session_tag ^= 1;
    check_refused(PORTAL_ERR_INVALID_ARGUMENT, "lease is another session's",
                  [&](auto* error) { return portal_lease_report(rig.session, &foreign, 401, nullptr, error); });
    for (const Row& row : rows) {
        CAPTURE(row.name);
        check_refused(PORTAL_ERR_INVALID_ARGUMENT, "The session is NULL: open one",
                      [&](auto* error) { return row.call(nullptr, error); });
    }
    check_still_gives(rig, "the-token");
    REQUIRE(portal_session_close(rig.session, 30'000, nullptr) == PORTAL_OK);
    for (const Row& row : rows) {
        CAPTURE(row.name);
        if (row.answers_when_closed) {
            CHECK(row.call(rig.session, nullptr) == PORTAL_OK);
        } else {
            check_refused(PORTAL_ERR_CLOSED, "session is closed: open a new one",
                          [&](auto* error) { return row.call(rig.session, error); });
        }
    }
}

// `call` is given the struct, wrong in each way that there is, and an error.
template <typename Struct, typename Call>
void check_sizes(const Struct& good, bool is_input, Call&& call) {
    struct {
        Struct known;
        unsigned char tail[8];
    } given{good, {}};
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, std::size_t{4}, sizeof(Struct) - 3, sizeof(Struct) - 1}) {
        CAPTURE(size);
        given.known.struct_size = static_cast<std::uint32_t>(size);
        check_refused(PORTAL_ERR_INVALID_ARGUMENT, ".struct_size is too small: set the struct up with portal_init",
                      [&](auto* error) { return call(&given.known, error); });
    }
    given.known.struct_size = UINT32_MAX;
    check_refused(PORTAL_ERR_INVALID_ARGUMENT, ".struct_size is over 64 KiB: set the struct up with portal_init",
                  [&](auto* error) { return call(&given.known, error); });
    if (!is_input) return;
    given.known.struct_size = sizeof given;
    given.tail[7] = 1;
    check_refused(PORTAL_ERR_INVALID_ARGUMENT, "has fields that this library does not know: update the library",
                  [&](auto* error) { return call(&given.known, error); });
}

TEST_CASE("Bad input: a lease of another store's session of the same name is refused, and harms no token") {
    NEEDS(PORTAL_FEATURE_FILE_STORE);
    const TempDir folder;
    const std::string there = folder.file("there");
    const std::string here = folder.file("here");
    auto lease = made<portal_lease>();
    {
        FileStoreRig rig(there);
        rig.provide();
        rig.open();
        REQUIRE(rig.acquire() == "the-token");
        REQUIRE(rig.read(&lease) == PORTAL_OK);
    }
    FileStoreRig rig(here);
    rig.provide("token-here");
    rig.open();
    REQUIRE(rig.acquire() == "token-here");
    CHECK(portal_lease_report(rig.session, &lease, 401, nullptr, nullptr) == PORTAL_ERR_INVALID_ARGUMENT);
    rig.settle();
    CHECK(rig.read() == PORTAL_OK);
}

TEST_CASE("Bad input: each struct with each wrong struct_size is told by name, and the session goes on") {
    SessionRig rig;
    rig.provide();
    rig.open();
    REQUIRE(rig.acquire() == "the-token");
    auto lease = made<portal_lease>();
    REQUIRE(rig.read(&lease) == PORTAL_OK);
    auto request = made<portal_http_request>();
    request.url = text_of("/path");
    auto response = made<portal_http_response>();
    response.http_status = 200;
    char buffer[PORTAL_TOKEN_MAX];
    std::size_t length = sizeof buffer;
    const portal_acquired acquired{[](void*, portal_code, const portal_lease*, portal_text, const portal_error*) {},
                                   nullptr, nullptr};
    const portal_sent sent{[](void*, portal_code, const portal_http_response*, const portal_error*) {}, nullptr, nullptr};
    portal_session* none = nullptr;
    check_sizes(made<portal_options>(), true, [&](auto* s, auto* e) { return portal_session_open(s, &none, e); });
    check_sizes(input_of("other"), true, [&](auto* s, auto* e) { return portal_session_push(rig.session, s, e); });
    check_sizes(input_of("other"), true, [&](auto* s, auto* e) { return portal_request_fulfil(1, s, e); });
    check_sizes(made<portal_failure>(), true, [&](auto* s, auto* e) { return portal_request_fail(1, s, e); });
    check_sizes(lease, true, [&](auto* s, auto* e) { return portal_lease_report(rig.session, s, 401, nullptr, e); });
    check_sizes(lease, true, [&](auto* s, auto* e) { return portal_lease_stamp(rig.session, s, e); });
    check_sizes(made<portal_answer>(), true,
                [&](auto* s, auto* e) { return portal_lease_report(rig.session, &lease, 401, s, e); });
    check_sizes(made<portal_acquire_options>(), true,
                [&](auto* s, auto* e) { return portal_lease_acquire(rig.session, s, acquired, nullptr, e); });
    check_sizes(made<portal_acquire_options>(), true,
                [&](auto* s, auto* e) { return portal_lease_wait(rig.session, s, &lease, buffer, &length, e); });
    check_sizes(request, true, [&](auto* s, auto* e) { return portal_send(rig.session, s, sent, nullptr, e); });
    check_sizes(response, true, [&](auto* s, auto* e) { return portal_transport_answered(1, s, e); });
    check_sizes(lease, false, [&](auto* s, auto* e) { return portal_lease_try(rig.session, s, nullptr, nullptr, e); });
    check_sizes(lease, false,
                [&](auto* s, auto* e) { return portal_lease_wait(rig.session, nullptr, s, buffer, &length, e); });
    check_sizes(made<portal_status>(), false, [&](auto* s, auto* e) { return portal_session_status(rig.session, s, e); });
    check_still_gives(rig, "the-token");
}

TEST_CASE("Bad input: a stale id is harmless for ever, and says so") {
    static const portal_token_input token = input_of("the-token");
    auto response = made<portal_http_response>();
    response.http_status = 200;
    const portal_bytes key{"0123456789abcdef0123456789abcdef", 32};
    for (const std::uint64_t id : {std::uint64_t{0}, std::uint64_t{1} << 62, UINT64_MAX}) {
        const std::function<portal_code(portal_error*)> calls[] = {
            [&](auto* error) { return portal_cancel(id, error); },
            [&](auto* error) { return portal_request_fulfil(id, &token, error); },
            [&](auto* error) { return portal_request_decline(id, 0, error); },
            [&](auto* error) { return portal_request_fail(id, nullptr, error); },
            [&](auto* error) { return portal_store_loaded(id, PORTAL_ABSENT, 0, {nullptr, 0}, error); },
            [&](auto* error) { return portal_store_saved(id, PORTAL_SAVED, 0, error); },
            [&](auto* error) { return portal_key_loaded(id, PORTAL_FOUND, key, error); },
            [&](auto* error) { return portal_transport_answered(id, &response, error); },
        };
        for (const auto& call : calls) check_refused(PORTAL_ERR_STALE, "nothing", call);
    }
}

TEST_CASE("Bad input: a buffer that is too small says the size needed, and loses nothing") {
    SessionRig rig;
    rig.provide();
    rig.open();
    REQUIRE(rig.acquire() == "the-token");
    auto lease = made<portal_lease>();
    char buffer[8];
    std::size_t length = 0;
    for (const std::size_t room : {std::size_t{0}, std::size_t{8}}) {
        length = room;
        check_refused(PORTAL_ERR_BUFFER_TOO_SMALL, "the length that it needs was written",
                      [&](auto* error) { return portal_lease_try(rig.session, &lease, buffer, &length, error); });
        CHECK(length == 9);
        length = room;
        check_refused(PORTAL_ERR_BUFFER_TOO_SMALL, "the length that it needs was written",
                      [&](auto* error) { return portal_lease_wait(rig.session, nullptr, &lease, buffer, &length, error); });
        CHECK(length == 9);
    }
    length = 8;
    check_refused(PORTAL_ERR_BUFFER_TOO_SMALL, "the length that it needs was written",
                  [&](auto* error) { return portal_session_explain(rig.session, buffer, &length, error); });
    CHECK(length > 8);
    CHECK(length <= PORTAL_EXPLAIN_MAX);
    check_still_gives(rig, "the-token");
}

TEST_CASE("Odd input: a session's name never leads out of the store's folder, and an empty one is the name default") {
    NEEDS(PORTAL_FEATURE_FILE_STORE);
    const TempDir folder;
    const std::string store = folder.file("store");
    struct Row {
        std::string name;
        const char* token;
    };
    const Row rows[] = {{"", "token-1"},
                        {"../x", "token-2"},
                        {"/etc/passwd", "token-3"},
                        {".", "token-4"},
                        {"a/b", "token-5"},
                        {std::string("nul\0byte", 8), "token-6"},
                        {"\xf0\x9f\x94\x91", "token-7"},
                        {std::string(128, 'n'), "token-8"}};
    for (const Row& row : rows) {
        FileStoreRig rig(store);
        rig.options.name = text_of(row.name);
        rig.provide(row.token);
        rig.open();
        CHECK(rig.acquire() == row.token);
    }
    CHECK(folder.names() == std::set<std::string>{"store"});
    for (const auto& entry : std::filesystem::directory_iterator(store)) {
        const std::string name = entry.path().filename().string();
        CHECK(name.substr(0, 64).find_first_not_of("0123456789abcdef") == std::string::npos);
        CHECK((name.size() == 64 || name.substr(64) == ".lock" || name.substr(64) == ".claim"));
    }
    FileStoreRig again(store);
    const std::string name = "default";
    again.options.name = text_of(name);
    again.open();
    CHECK(again.acquire() == "token-1");
}

}  // namespace

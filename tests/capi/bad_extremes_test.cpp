// Bad input, extremes: a clock at the ends of its range, lengths that were never set, and bytes that end a C string.
#include <functional>

#include "bad_input.hpp"
#include "support/temp_dir.hpp"

namespace {

using namespace portal::test;

constexpr std::int64_t extremes[] = {INT64_MIN, INT64_MIN + 1, -1, 0, INT64_MAX - 1, INT64_MAX};

// A host clock that says what it likes.
struct ClockRig : FileStoreRig {
    std::atomic<std::int64_t> boot_ms{0};
    std::atomic<std::int64_t> unix_ms{0};
    std::atomic<std::uint64_t> boot_tag{7};

    explicit ClockRig(const std::string& directory) : FileStoreRig(directory) {
        if ((portal_features() & PORTAL_FEATURE_FILE_STORE) == 0) options.directory = {nullptr, 0};
        options.clock.read = [](void* data, portal_reading* out) {
            const auto& rig = static_cast<ClockRig&>(*static_cast<SessionRig*>(data));
            *out = {rig.boot_ms, rig.unix_ms, rig.boot_tag};
        };
    }
    void set(std::int64_t boot, std::int64_t wall, std::uint64_t tag) {
        boot_ms = boot;
        unix_ms = wall;
        boot_tag = tag;
    }
};

// All that a session does with its clock. What comes of it is no matter here: under the sanitizers nothing may overflow.
void use(SessionRig& rig) {
    auto lease = made<portal_lease>();
    (void)rig.acquire();
    (void)rig.read(&lease);
    (void)rig.status();
    (void)portal_lease_stamp(rig.session, &lease, nullptr);
    (void)portal_lease_report(rig.session, &lease, 200, nullptr, nullptr);
    for (const portal_notice notice : {PORTAL_NOTICE_FOREGROUND, PORTAL_NOTICE_BACKGROUND, PORTAL_NOTICE_STORE_CHANGED})
        (void)rig.notify(notice);
    std::size_t length = 0;
    (void)portal_session_explain(rig.session, nullptr, &length, nullptr);
    (void)portal_session_prepare(rig.session, nullptr);
    (void)portal_lease_report(rig.session, &lease, 401, nullptr, nullptr);
    auto token = input_of("token-2");
    token.age_ms = 3'600'000;
    (void)portal_session_push(rig.session, &token, nullptr);
    rig.settle();
    (void)rig.read(&lease);
}

TEST_CASE("Odd input: a host clock at the ends of its range, at rest, in a jump and over a restart, breaks nothing") {
    for (const std::int64_t boot : extremes)
        for (const std::int64_t wall : extremes) {
            CAPTURE(boot, wall);
            const TempDir folder;
            ClockRig rig(folder.path());
            rig.provide();
            rig.set(boot, wall, 7);
            rig.open();
            use(rig);
            rig.set(wall, boot, 7);
            use(rig);
            rig.close();
            rig.set(boot == INT64_MIN ? INT64_MAX : INT64_MIN, wall, 8);
            rig.open();
            use(rig);
            const auto input = input_of("token-3");
            (void)portal_session_switch(rig.session, &input, nullptr, nullptr);
            (void)portal_session_clear(rig.session, nullptr, nullptr);
            rig.settle();
            CHECK(rig.status().state == PORTAL_STATE_SIGNED_OUT);
        }
}

TEST_CASE("Odd input: a host clock beyond any real time is cut, so that no sum of two readings overflows") {
    constexpr std::int64_t furthest_ms = std::int64_t{1} << 52;
    const TempDir folder;
    ClockRig rig(folder.path());
    rig.provide();
    rig.open();
    REQUIRE(rig.acquire() == "the-token");
    auto lease = made<portal_lease>();
    REQUIRE(rig.read(&lease) == PORTAL_OK);
    rig.set(INT64_MAX, INT64_MIN, 7);
    REQUIRE(portal_lease_stamp(rig.session, &lease, nullptr) == PORTAL_OK);
    CHECK(lease.sent_boot_ms == furthest_ms);
    CHECK(lease.sent_unix_ms == -furthest_ms);
}

TEST_CASE("Odd input: a lease with numbers at the ends of their range is reported and stamped without harm") {
    SessionRig rig;
    rig.provide();
    rig.open();
    REQUIRE(rig.acquire() == "the-token");
    auto good = made<portal_lease>();
    REQUIRE(rig.read(&good) == PORTAL_OK);
    for (const std::int64_t number : extremes)
        for (const int status : {200, 403}) {
            portal_lease lease = good;
            lease.sent_boot_ms = lease.sent_unix_ms = lease.left_ms = number;
            CHECK(portal_lease_report(rig.session, &lease, status, nullptr, nullptr) == PORTAL_OK);
            CHECK(portal_lease_stamp(rig.session, &lease, nullptr) == PORTAL_OK);
        }
    rig.settle();
    check_still_gives(rig, "the-token");
}

TEST_CASE("Odd input: a Retry-After at the end of its range is cut") {
    SessionRig rig;
    rig.open();
    Outcome outcome;
    rig.start(outcome);
    auto failure = made<portal_failure>();
    failure.retry_after_ms = INT64_MAX;
    REQUIRE(portal_request_fail(rig.ask(1), &failure, nullptr) == PORTAL_OK);
    CHECK(outcome.code() == PORTAL_ERR_PROVIDER_FAILED);
    CHECK(outcome.state.get().retry_after_ms <= 3'600'000 * 5 / 4);
}

// A length that was never set. One byte is there, and no more may be read.
const char one_byte[] = {'a'};
constexpr portal_text endless{one_byte, SIZE_MAX};
constexpr portal_bytes endless_bytes{one_byte, SIZE_MAX};

TEST_CASE("Bad input: an option with an endless text is refused by name, and nothing behind it is read") {
    static const portal_text list[] = {endless};
    struct Row {
        const char* cause;
        portal_code code;
        std::function<void(portal_options&)> spoil;
    };
    const Row rows[] = {
        {"session name has", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.name = endless; }},
        {"client id is not 1 to 256", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.client_id = endless; }},
        {"directory is over 4096 bytes", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.directory = endless; }},
        {"URL has", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.portal_url = endless; }},
        {"ca_file is over 4096 bytes", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.ca_file = endless; }},
        {"role is not at most 16", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.role = endless; }},
        {"allowed_hosts is over 1024 bytes", PORTAL_ERR_INVALID_ARGUMENT,
         [](auto& o) {
             o.allowed_hosts = list;
             o.allowed_host_count = 1;
         }},
        {"spki_pins is over 1024 bytes", PORTAL_ERR_INVALID_ARGUMENT,
         [](auto& o) {
             o.spki_pins = list;
             o.spki_pin_count = 1;
         }},
        {"allowed_hosts is NULL or its count is wrong", PORTAL_ERR_INVALID_ARGUMENT,
         [](auto& o) {
             o.allowed_hosts = list;
             o.allowed_host_count = SIZE_MAX;
         }},
    };
    for (const Row& row : rows) {
        CAPTURE(row.cause);
        SessionRig rig;
        rig.options.key.load = [](void*, std::uint64_t, portal_text) {};
        row.spoil(rig.options);
        check_refused(row.code, row.cause,
                      [&](portal_error* error) { return portal_session_open(&rig.options, &rig.session, error); });
        CHECK(rig.session == nullptr);
    }
    see_threads_end();
}

TEST_CASE("Bad input: a call with an endless text is refused, and the session goes on") {
    using Call = std::function<portal_code(portal_session*, portal_error*)>;
    struct Row {
        const char* cause;
        portal_code code;
        Call call;
    };
    static auto lease = made<portal_lease>();
    const auto report = [](auto&& spoil) {
        return Call([spoil](auto* session, auto* error) {
            auto answer = made<portal_answer>();
            spoil(answer);
            CHECK(portal_verdict_of(&answer) == PORTAL_VERDICT_OTHER);
            return portal_lease_report(session, &lease, 0, &answer, error);
        });
    };
    const auto push = [](std::uint32_t flags, auto&& spoil) {
        return Call([flags, spoil](auto* session, auto* error) {
            auto input = input_of("token-2", flags);
            spoil(input);
            return portal_session_push(session, &input, error);
        });
    };
    const auto send = [](auto&& spoil) {
        return Call([spoil](auto* session, auto* error) {
            const portal_sent sent{[](void*, portal_code, const portal_http_response*, const portal_error*) {}, nullptr,
                                   nullptr};
            auto request = made<portal_http_request>();
            request.url = text_of("/path");
            spoil(request);
            return portal_send(session, &request, sent, nullptr, error);
        });
    };
    static const portal_header long_name{endless, text_of("v"), 0, 0};
    static const portal_header long_value{text_of("X-A"), endless, 0, 0};
    const std::vector<Row> rows = {
        {"answer.error_id is over", PORTAL_ERR_INVALID_ARGUMENT, report([](auto& a) { a.error_id = endless; })},
        {"answer.exception is over", PORTAL_ERR_INVALID_ARGUMENT, report([](auto& a) { a.exception = endless; })},
        {"answer.retry_after is over", PORTAL_ERR_INVALID_ARGUMENT, report([](auto& a) { a.retry_after = endless; })},
        {"more than 4096", PORTAL_ERR_BAD_TOKEN, push(0, [](auto& i) { i.token = endless; })},
        {"client id is not 1 to 256", PORTAL_ERR_INVALID_ARGUMENT, push(0, [](auto& i) { i.client_id = endless; })},
        {"request.method is over", PORTAL_ERR_INVALID_ARGUMENT, send([](auto& r) { r.method = endless; })},
        {"request.url is over", PORTAL_ERR_INVALID_ARGUMENT, send([](auto& r) { r.url = endless; })},
        {"request.body is over", PORTAL_ERR_INVALID_ARGUMENT, send([](auto& r) { r.body = endless_bytes; })},
        {"The headers are over 64 KiB", PORTAL_ERR_INVALID_ARGUMENT,
         send([](auto& r) {
             r.headers = &long_name;
             r.header_count = 1;
         })},
        {"The headers are over 64 KiB", PORTAL_ERR_INVALID_ARGUMENT,
         send([](auto& r) {
             r.headers = &long_value;
             r.header_count = 1;
         })},
        {"more than 256 headers", PORTAL_ERR_INVALID_ARGUMENT,
         send([](auto& r) {
             r.headers = &long_value;
             r.header_count = SIZE_MAX;
         })},
        {"The scheme is not https", PORTAL_ERR_HOST_NOT_ALLOWED,
         [](auto* session, auto* error) {
             return portal_session_allows(session, endless, text_of("api.portalhq.io"), 0, error);
         }},
        {"The host is not a well-formed name", PORTAL_ERR_HOST_NOT_ALLOWED,
         [](auto* session, auto* error) { return portal_session_allows(session, text_of("https"), endless, 0, error); }},
    };
    SessionRig rig;
    rig.provide();
    rig.options.transport.send = [](void*, std::uint64_t, const portal_http_request*) {};
    rig.open();
    REQUIRE(rig.acquire() == "the-token");
    REQUIRE(rig.read(&lease) == PORTAL_OK);
    for (const Row& row : rows) {
        CAPTURE(row.cause);
        check_refused(row.code, row.cause, [&](auto* error) { return row.call(rig.session, error); });
    }
    if ((portal_features() & PORTAL_FEATURE_JSON) != 0)
        check_refused(PORTAL_ERR_BAD_TOKEN, "more than 1 MiB", [&](auto* error) {
            return push(PORTAL_TOKEN_JSON, [](auto& i) { i.token = endless; })(rig.session, error);
        });
    check_still_gives(rig, "the-token");
}

TEST_CASE("Bad input: an answer of the host with an endless text is refused, whatever its id") {
    auto failure = made<portal_failure>();
    failure.retry_after = endless;
    check_refused(PORTAL_ERR_INVALID_ARGUMENT, "failure.retry_after is over",
                  [&](auto* error) { return portal_request_fail(1, &failure, error); });
    auto response = made<portal_http_response>();
    response.http_status = 200;
    response.body = endless_bytes;
    CHECK(portal_transport_answered(0, &response, nullptr) == PORTAL_ERR_STALE);  // it was an answer: see rule 7
    CHECK(portal_store_loaded(0, PORTAL_FOUND, 1, endless_bytes, nullptr) == PORTAL_ERR_STALE);
    CHECK(portal_key_loaded(0, PORTAL_FOUND, endless_bytes, nullptr) == PORTAL_ERR_STALE);
    auto answer = made<portal_backend_answer>();
    answer.http_status = 200;
    answer.token_or_body = endless;
    CHECK(portal_request_answer(0, &answer, nullptr) == PORTAL_ERR_STALE);
}

TEST_CASE("Bad input: a NUL inside an option that reaches the system is refused, and no path is cut short") {
    static const portal_text host_with_nul[] = {{"portalhq.io\0.example", 20}};
    struct Row {
        const char* cause;
        portal_code code;
        std::function<void(portal_options&)> spoil;
    };
    const Row rows[] = {
        {"directory has a NUL", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.directory = {"/tmp/a\0b", 8}; }},
        {"ca_file has a NUL", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.ca_file = {"/ca.pem\0x", 9}; }},
        {"is not a well-formed name", PORTAL_ERR_HOST_NOT_ALLOWED,
         [](auto& o) { o.portal_url = {"https://api.portalhq.io\0.example", 32}; }},
        {"URL's path or query has", PORTAL_ERR_INVALID_ARGUMENT,
         [](auto& o) { o.portal_url = {"https://api.portalhq.io/a\0b", 27}; }},
        {"Allowed host 1 is not", PORTAL_ERR_INVALID_ARGUMENT,
         [](auto& o) {
             o.allowed_hosts = host_with_nul;
             o.allowed_host_count = 1;
         }},
        {"role is not at most 16", PORTAL_ERR_INVALID_ARGUMENT, [](auto& o) { o.role = {"a\0b", 3}; }},
    };
    for (const Row& row : rows) {
        CAPTURE(row.cause);
        SessionRig rig;
        rig.options.key.load = [](void*, std::uint64_t, portal_text) {};
        row.spoil(rig.options);
        check_refused(row.code, row.cause,
                      [&](portal_error* error) { return portal_session_open(&rig.options, &rig.session, error); });
        CHECK(rig.session == nullptr);
    }
    see_threads_end();
}

TEST_CASE("Bad input: a pin that is no base64 of 32 bytes is refused at open") {
    for (const char* pin : {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",  // 31 bytes
                            "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!=",  // not its alphabet
                            "AAAAAAAAAAAAAAAAAAAAA AAAAAAAAAAAAAAAAAAAAA=",
                            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=",  // bits behind its end: it would match no key
                            "AAAAAAAAAAAAAAAAAAAAA=AAAAAAAAAAAAAAAAAAAAAA=",
                            "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}) {
        CAPTURE(pin);
        const portal_text pins[] = {text_of(pin)};
        SessionRig rig;
        rig.options.spki_pins = pins;
        rig.options.spki_pin_count = 1;
        check_refused(PORTAL_ERR_INVALID_ARGUMENT, "pin is not base64",
                      [&](portal_error* error) { return portal_session_open(&rig.options, &rig.session, error); });
    }
    see_threads_end();
    NEEDS(PORTAL_FEATURE_HTTP);
    static const portal_text good[] = {text_of("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")};
    SessionRig rig;
    rig.options.spki_pins = good;
    rig.options.spki_pin_count = 1;
    rig.open();
}

}  // namespace

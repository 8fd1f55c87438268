// Structs over the boundary: sizes, tails, reserved fields, and userdata that comes back exactly once whatever happens.
#include <cstddef>
#include <cstring>

#include "session_rig.hpp"

namespace {

using namespace portal::test;

// A struct of a version to come: the same, and a tail.
template <typename Struct>
struct Larger {
    Struct known;
    unsigned char tail[16];

    explicit Larger(const Struct& from, unsigned char fill) : known(from) {
        known.struct_size = sizeof(Larger);
        std::memset(tail, fill, sizeof tail);
    }
    [[nodiscard]] bool tail_is(unsigned char fill) const {
        for (const unsigned char byte : tail)
            if (byte != fill) return false;
        return true;
    }
};

// `call` takes an input struct: smaller than version 1 and a tail that is not zero are refused, a zero tail is not.
template <typename Struct, typename Call>
void check_input(const Struct& good, portal_code expected, Call&& call) {
    Struct small = good;
    small.struct_size = sizeof(Struct) - 1;
    CHECK(call(&small) == PORTAL_ERR_INVALID_ARGUMENT);
    small.struct_size = 0;
    CHECK(call(&small) == PORTAL_ERR_INVALID_ARGUMENT);
    Larger<Struct> newer(good, 1);
    CHECK(call(&newer.known) == PORTAL_ERR_INVALID_ARGUMENT);
    Larger<Struct> larger(good, 0);
    CHECK(call(&larger.known) == expected);
}

TEST_CASE("Inputs: a smaller struct is refused, a larger one if its tail is not zero") {
    SessionRig rig;
    Outcome outcome;
    check_input(rig.options, PORTAL_OK, [&](const portal_options* options) {
        const portal_code code = portal_session_open(options, &rig.session, nullptr);
        rig.close();
        return code;
    });
    rig.open();
    check_input(input_of("token-1"), PORTAL_OK,
                [&](const portal_token_input* input) { return portal_session_push(rig.session, input, nullptr); });
    rig.settle();
    auto lease = made<portal_lease>();
    REQUIRE(rig.read(&lease) == PORTAL_OK);
    check_input(lease, PORTAL_OK, [&](const portal_lease* given) {
        return portal_lease_report(rig.session, given, 204, nullptr, nullptr);
    });
    check_input(made<portal_answer>(), PORTAL_OK, [&](const portal_answer* answer) {
        return portal_lease_report(rig.session, &lease, 204, answer, nullptr);
    });
    check_input(made<portal_failure>(), PORTAL_ERR_STALE,
                [&](const portal_failure* failure) { return portal_request_fail(0, failure, nullptr); });
    auto response = made<portal_http_response>();
    response.http_status = 200;
    check_input(response, PORTAL_ERR_STALE, [&](const portal_http_response* given) {
        return portal_transport_answered(0, given, nullptr);
    });
    check_input(made<portal_acquire_options>(), PORTAL_OK, [&](const portal_acquire_options* given) {
        portal_acquired ignored{};
        ignored.fn = [](void*, portal_code, const portal_lease*, portal_text, const portal_error*) {};
        return portal_lease_acquire(rig.session, given, ignored, nullptr, nullptr);
    });
    rig.settle();
}

// What a program that was built for version 1 passes: nothing behind that version's end is its to give.
constexpr std::size_t version_1_options = sizeof(void*) == 8 ? 392 : 232;
constexpr std::size_t version_1_status = 160;

TEST_CASE("Inputs: a struct of version 1 is taken, and what a later version has added counts as zero") {
    SessionRig rig;
    rig.options.role = {reinterpret_cast<const char*>(std::uintptr_t{1}), 99};  // not there: it may hold anything
    rig.options.struct_size = version_1_options;
    rig.provide();
    rig.open();
    CHECK(rig.acquire() == "the-token");
}

TEST_CASE("Outputs: of a struct of version 1 nothing behind its end is written") {
    SessionRig rig;
    rig.provide();
    rig.open();
    REQUIRE(rig.acquire() == "the-token");
    portal_status status;
    std::memset(&status, 0xab, sizeof status);
    status.struct_size = version_1_status;
    CHECK(portal_session_status(rig.session, &status, nullptr) == PORTAL_OK);
    CHECK(status.struct_size == version_1_status);
    CHECK(status.state == PORTAL_STATE_FRESH);
    CHECK(status.longest_wait_ms == 0);
    CHECK(status.flags == 0xabababab);
    CHECK(status.reserved == 0xabababab);
}

TEST_CASE("A struct_size over 64 KiB is refused, whatever stands behind the struct") {
    SessionRig rig;
    rig.open();
    auto input = input_of("token-1");
    auto status = made<portal_status>();
    for (const std::uint32_t size : {std::uint32_t{64 * 1024 + 1}, UINT32_MAX}) {
        input.struct_size = size;
        CHECK(portal_session_push(rig.session, &input, nullptr) == PORTAL_ERR_INVALID_ARGUMENT);
        status.struct_size = size;
        CHECK(portal_session_status(rig.session, &status, nullptr) == PORTAL_ERR_INVALID_ARGUMENT);
    }
}

TEST_CASE("Outputs: a smaller struct is refused, a larger one keeps its size and its tail") {
    SessionRig rig;
    rig.provide();
    rig.open();
    REQUIRE(rig.acquire() == "the-token");
    auto small = made<portal_status>();
    small.struct_size = sizeof small - 1;
    CHECK(portal_session_status(rig.session, &small, nullptr) == PORTAL_ERR_INVALID_ARGUMENT);

    Larger<portal_status> status(made<portal_status>(), 0xab);
    CHECK(portal_session_status(rig.session, &status.known, nullptr) == PORTAL_OK);
    CHECK(status.known.state == PORTAL_STATE_FRESH);
    CHECK(status.known.struct_size == sizeof status);
    CHECK(status.tail_is(0xab));

    Larger<portal_lease> lease(made<portal_lease>(), 0xab);
    CHECK(portal_lease_try(rig.session, &lease.known, nullptr, nullptr, nullptr) == PORTAL_OK);
    CHECK(lease.known.generation == 1);
    CHECK(lease.known.struct_size == sizeof lease);
    CHECK(lease.tail_is(0xab));

    Larger<portal_error> error(made<portal_error>(), 0xab);
    CHECK(portal_session_push(rig.session, nullptr, &error.known) == PORTAL_ERR_INVALID_ARGUMENT);
    CHECK(error.known.code == PORTAL_ERR_INVALID_ARGUMENT);
    CHECK(error.known.message[0] != '\0');
    CHECK(error.known.struct_size == sizeof error);
    CHECK(error.tail_is(0xab));
}

TEST_CASE("An error that is too small is left alone, and one is written only on failure") {
    SessionRig rig;
    rig.open();
    portal_error error;
    std::memset(&error, 0xcd, sizeof error);
    error.struct_size = sizeof error - 1;
    CHECK(portal_session_push(rig.session, nullptr, &error) == PORTAL_ERR_INVALID_ARGUMENT);
    CHECK(error.http_status == static_cast<std::int32_t>(0xcdcdcdcd));
    error.struct_size = sizeof error;
    CHECK(portal_session_prepare(rig.session, &error) == PORTAL_OK);
    CHECK(error.http_status == static_cast<std::int32_t>(0xcdcdcdcd));
    CHECK(portal_session_push(rig.session, nullptr, &error) == PORTAL_ERR_INVALID_ARGUMENT);
    CHECK(error.http_status == 0);
}

TEST_CASE("Reserved fields and unknown flags must be zero") {
    SessionRig rig;
    rig.open();
    auto lease = made<portal_lease>();
    auto answer = made<portal_answer>();
    answer.reserved = 1;
    CHECK(portal_lease_report(rig.session, &lease, 200, &answer, nullptr) == PORTAL_ERR_INVALID_ARGUMENT);
    CHECK(portal_verdict_of(&answer) == PORTAL_VERDICT_OTHER);
    auto failure = made<portal_failure>();
    failure.reserved = 1;
    CHECK(portal_request_fail(0, &failure, nullptr) == PORTAL_ERR_INVALID_ARGUMENT);
    auto response = made<portal_http_response>();
    response.http_status = 200;
    response.reserved = 1;
    CHECK(portal_transport_answered(0, &response, nullptr) == PORTAL_ERR_INVALID_ARGUMENT);
    auto request = made<portal_http_request>();
    request.url = text_of("/");
    request.flags = 4;
    Outcome outcome;
    CHECK(portal_send(rig.session, &request, outcome.sent(), nullptr, nullptr) == PORTAL_ERR_INVALID_ARGUMENT);
    CHECK(outcome.state.get().released == 1);
}

// Options in which every callback struct has a userdata of its own.
struct CountedOptions {
    portal_options options = made<portal_options>();
    Counted counted[7];

    CountedOptions() {
        options.provider = {[](void*, const portal_token_request*) {}, nullptr, &counted[0], Counted::release};
        options.observer = {[](void*, const portal_event*) {}, &counted[1], Counted::release};
        options.log = {[](void*, portal_level, portal_text) {}, PORTAL_LEVEL_DEBUG, 0, &counted[2], Counted::release};
        options.store.userdata = &counted[3];
        options.store.release = Counted::release;
        options.key.userdata = &counted[4];
        options.key.release = Counted::release;
        options.clock.userdata = &counted[5];
        options.clock.release = Counted::release;
        options.transport = {[](void*, std::uint64_t, const portal_http_request*) {}, nullptr, &counted[6], Counted::release};
    }
    void all_are(int times) const {
        for (const Counted& each : counted) CHECK(each.released == times);
    }
};

TEST_CASE("Each userdata of the options is given back once, at the end of close, used or not") {
    const NothingLeft nothing_left;
    CountedOptions counted;
    portal_session* session = nullptr;
    REQUIRE(portal_session_open(&counted.options, &session, nullptr) == PORTAL_OK);
    counted.all_are(0);
    CHECK(portal_session_close(session, 30'000, nullptr) == PORTAL_OK);
    counted.all_are(1);
    CHECK(portal_session_close(session, 30'000, nullptr) == PORTAL_OK);
    portal_session_release(session);
    counted.all_are(1);
}

TEST_CASE("When an open fails each userdata is given back once, before it returns") {
    const NothingLeft nothing_left;
    const std::string bad = "with space";
    const std::string directory = "/nowhere";
    const int fault = GENERATE(0, 1, 2, 3, 4, 5, 6, 7);
    CAPTURE(fault);
    CountedOptions counted;
    portal_options& options = counted.options;
    Larger<portal_options> newer(options, 1);
    const portal_options* given = &options;
    portal_session* session = nullptr;
    portal_session** out = &session;
    switch (fault) {
        case 0: out = nullptr; break;
        case 1: options.client_id = text_of(bad); break;
        case 2: options.directory = text_of(directory); break;  // without a key
        case 3:
            options.directory = text_of(directory);
            options.store.load = [](void*, std::uint64_t, portal_text) {};
            options.store.save = [](void*, std::uint64_t, portal_text, std::uint64_t, portal_bytes) {};
            break;
        case 4: options.idle_ms = 1; break;
        case 5: options.spki_pin_count = 5; break;
        case 6: options.portal_url = text_of(bad); break;
        case 7: given = &newer.known; break;
    }
    CHECK(portal_session_open(given, out, nullptr) != PORTAL_OK);
    CHECK(session == nullptr);
    counted.all_are(1);
}

TEST_CASE("The userdata of a call that fails is given back before it returns, and its function is not called") {
    SessionRig rig;
    rig.open();
    Outcome acquired;
    auto wanted = made<portal_acquire_options>();
    wanted.flags = 64;
    CHECK(portal_lease_acquire(rig.session, &wanted, acquired.acquired(), nullptr, nullptr) == PORTAL_ERR_INVALID_ARGUMENT);
    Outcome noticed;
    const portal_done done = noticed.done();
    CHECK(portal_session_notify(rig.session, static_cast<portal_notice>(77), &done, nullptr) == PORTAL_ERR_INVALID_ARGUMENT);
    Outcome sent;
    CHECK(portal_send(rig.session, nullptr, sent.sent(), nullptr, nullptr) == PORTAL_ERR_INVALID_ARGUMENT);
    for (const Outcome* outcome : {&acquired, &noticed, &sent}) {
        CHECK(outcome->state.get().released == 1);
        CHECK(outcome->state.get().times == 0);
    }
}

}  // namespace

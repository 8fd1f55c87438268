// Cancel against completion: whichever the worker comes to first is the answer, and there is one.
#include "support/catch.hpp"
#include "stopped_rig.hpp"

namespace {

using namespace portal;
using namespace portal::test;

struct CancelRig : StoppedRig {
    std::uint64_t id = 0;
    Wait wait;
    TokenRequest request;
    CancelRig() {
        open();
        wait = acquire({}, &id);
        request = host->wait_for_ask(1);
        REQUIRE(request.id != 0);
        settle();
    }
};

TEST_CASE("A cancel that comes before the answer ends the wait; the token is taken all the same") {
    CancelRig rig;
    rig.stop_before_events();
    REQUIRE(Engine::cancel(rig.id));
    REQUIRE(Engine::fulfil(rig.request.id, new_token("token")));
    CHECK_FALSE(rig.wait.is_over());
    rig.worker->let_go();
    CHECK(rig.wait.code() == Code::cancelled);
    rig.settle();
    CHECK(rig.wait.calls() == 1);
    CHECK(rig.token() == "token");
    CHECK(Engine::open_operations() == 0);
}

TEST_CASE("A cancel that comes after the answer, though before anybody was told of it, changes nothing") {
    CancelRig rig;
    rig.stop_before_events();
    REQUIRE(Engine::fulfil(rig.request.id, new_token("token")));
    REQUIRE(Engine::cancel(rig.id));
    CHECK_FALSE(rig.wait.is_over());
    rig.worker->let_go();
    CHECK(rig.wait.code() == Code::ok);
    CHECK(rig.wait.token() == "token");
    rig.settle();
    CHECK(rig.wait.calls() == 1);
    CHECK(Engine::open_operations() == 0);
}

TEST_CASE("A cancel that comes when the answer is on its way to the callback is stale, and the answer arrives") {
    CancelRig rig;
    Gate gate;
    rig.engine->call_back([&] { gate.wait(); });
    REQUIRE(Engine::fulfil(rig.request.id, new_token("token")));
    Wait behind;
    REQUIRE(rig.engine->acquire_on_worker({}, behind.call()));
    REQUIRE(behind.code() == Code::ok);
    CHECK_FALSE(rig.wait.is_over());
    CHECK(Engine::cancel(rig.id).error().code == Code::stale);
    gate.open();
    CHECK(rig.wait.code() == Code::ok);
    rig.settle();
    CHECK(rig.wait.calls() == 1);
}

TEST_CASE("A failure and a cancel: whichever comes first is the answer") {
    const bool cancel_first = GENERATE(true, false);
    CAPTURE(cancel_first);
    CancelRig rig;
    rig.stop_before_events();
    if (cancel_first) REQUIRE(Engine::cancel(rig.id));
    REQUIRE(Engine::fail_request(rig.request.id, {}));
    if (!cancel_first) REQUIRE(Engine::cancel(rig.id));
    rig.worker->let_go();
    CHECK(rig.wait.code() == (cancel_first ? Code::cancelled : Code::provider_failed));
    rig.settle();
    CHECK(rig.wait.calls() == 1);
}

TEST_CASE("An answer that is there when the waiter's time is up beats the time-out") {
    const bool in_time = GENERATE(true, false);
    CAPTURE(in_time);
    CancelRig rig;
    if (in_time) {
        rig.stop_before_events();
        REQUIRE(Engine::fulfil(rig.request.id, new_token("token")));
        rig.clock->advance(40 * second_ms);
        rig.worker->let_go();
        CHECK(rig.wait.code() == Code::ok);
    } else {
        rig.pass(40 * second_ms);
        REQUIRE(Engine::fulfil(rig.request.id, new_token("token")));
        CHECK(rig.wait.code() == Code::provider_failed);
    }
    rig.settle();
    CHECK(rig.wait.calls() == 1);
    CHECK(rig.token() == "token");
}

}  // namespace

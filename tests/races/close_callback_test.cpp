// Close against callback: what runs is waited for or not, as the caller wishes; what has not started never comes.
#include <string>

#include "support/catch.hpp"
#include "stopped_rig.hpp"

namespace {

using namespace portal;
using namespace portal::test;

using Steps = std::vector<std::string>;

TEST_CASE("A close that comes while a callback runs returns without it, and the session ends behind it") {
    const auto order = std::make_shared<Order>();
    const auto released = std::make_shared<Gate>();
    StoppedRig rig;
    Gate gate;
    Gate begun;
    Code late = Code::ok;
    rig.host->on_ask = [&](const TokenRequest& request) {
        order->note("callback begins");
        begun.open();
        gate.wait();
        late = Engine::fulfil(request.id, new_token("late")).error().code;
        order->note("callback ends");
    };
    rig.host->on_destroyed = [=] {
        order->note("host is released");
        released->open();
    };
    rig.open();
    const Wait wait = rig.acquire();
    REQUIRE(begun.wait());
    rig.host.reset();
    CHECK(rig.engine->close(0) == Code::timeout);
    order->note("close returns");
    gate.open();
    CHECK(rig.engine->close(30'000) == Code::ok);
    REQUIRE(released->wait());
    CHECK(order->all() == Steps{"callback begins", "close returns", "callback ends", "host is released"});
    CHECK(late == Code::stale);
    CHECK(wait.code() == Code::closed);
    CHECK(wait.calls() == 1);
}

TEST_CASE("A close that comes before a callback has started keeps it from coming; each waiter is told all the same") {
    StoppedRig other;  // its callback holds up all others: there is one thread for them
    Gate gate;
    Gate blocked;
    other.open();
    other.settle();
    other.engine->call_back([&] {
        blocked.open();
        gate.wait();
    });
    REQUIRE(blocked.wait());

    const auto order = std::make_shared<Order>();
    StoppedRig rig;
    rig.host->on_ask = [=](const TokenRequest&) { order->note("ask"); };
    rig.host->on_event = [=](const SessionEvent&) { order->note("event"); };
    rig.host->on_destroyed = [=] { order->note("host is released"); };
    rig.open();
    Done done;
    const Wait wait = rig.acquire();
    REQUIRE(rig.engine->notify(Notice::foreground, done.call()));
    rig.fence();  // the worker has asked for all these callbacks, and comes to the close when they are over
    rig.stop_before_events();
    rig.host.reset();
    CHECK(rig.engine->close(0) == Code::timeout);
    order->note("close returns");
    gate.open();
    Gate behind;
    other.engine->call_back([&] { behind.open(); });
    REQUIRE(behind.wait());
    rig.worker->let_go();
    CHECK(rig.engine->close(30'000) == Code::ok);
    CHECK(order->all() == Steps{"close returns", "host is released"});
    CHECK(wait.code() == Code::closed);
    CHECK(wait.calls() == 1);
    CHECK(done.codes().size() == 1);
    CHECK(Engine::open_operations() == 0);
}

TEST_CASE("An answer that is on its way to its callback when close comes is CLOSED there, once: no token after a close") {
    StoppedRig rig;
    rig.open_with("token");
    Gate gate;
    rig.engine->call_back([&] { gate.wait(); });
    const Wait wait = rig.acquire();
    Wait behind;
    REQUIRE(rig.engine->acquire_on_worker({}, behind.call()));
    REQUIRE(behind.code() == Code::ok);
    CHECK(rig.engine->close(0) == Code::timeout);
    CHECK_FALSE(wait.is_over());
    gate.open();
    CHECK(rig.engine->close(30'000) == Code::ok);
    CHECK(wait.code() == Code::closed);
    CHECK(wait.token().empty());
    CHECK(wait.calls() == 1);
}

TEST_CASE("An answer and a close reach the worker in either order: each waiter is told once") {
    const bool close_first = GENERATE(true, false);
    CAPTURE(close_first);
    StoppedRig rig;
    rig.open();
    const Wait wait = rig.acquire();
    const TokenRequest request = rig.host->wait_for_ask(1);
    rig.settle();
    rig.stop_before_events();
    if (close_first) CHECK(rig.engine->close(0) == Code::timeout);
    CHECK(Engine::fulfil(request.id, new_token("token")).has_value() != close_first);
    if (!close_first) CHECK(rig.engine->close(0) == Code::timeout);
    rig.worker->let_go();
    CHECK(rig.engine->close(30'000) == Code::ok);
    CHECK(wait.code() == Code::closed);
    CHECK(wait.calls() == 1);
    CHECK(Engine::open_operations() == 0);
}

}  // namespace

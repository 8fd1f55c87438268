// Clear against save: a logout wins over every save that was under way, wherever that stood.
#include <string>

#include "support/catch.hpp"
#include "stopped_rig.hpp"

namespace {

using namespace portal;
using namespace portal::test;

using At = StoppedStore::At;

// A session with token-1 stored, and its store in the test's hands.
struct ClearRig : StoppedRig {
    const std::shared_ptr<MemoryStore> memory;
    const std::shared_ptr<StoppedStore> stopped;

    explicit ClearRig(bool is_shared)
        : memory(std::make_shared<MemoryStore>(is_shared)), stopped(std::make_shared<StoppedStore>(memory)) {
        engine = Engine::open({policy, "test", client_id, clock, stopped, host});
        settle();
        REQUIRE(engine->push(new_token("token-1")));
        REQUIRE(acquire().code() == Code::ok);
        settle();
        REQUIRE(memory->stored()->token->equals("token-1"));
    }
    ~ClearRig() { stopped->let_go(); }

    // The worker has come to the close: another session of the process says so.
    static void fence_after_close() {
        EngineRig other;
        other.open();
        other.settle();
    }

    void check_signed_out() {
        settle();
        CHECK(read() == Code::no_token);
        CHECK(state() == State::signed_out);
        CHECK(memory->stored()->state == TokenState::signed_out);
        CHECK(memory->stored()->token == nullptr);
        CHECK(memory->stored()->epoch == engine->status()->snapshot.epoch);
    }
};

TEST_CASE("A logout while a save has not reached the store, or its answer not the session, ends with the tombstone stored") {
    const At place = GENERATE(At::operation, At::answer);
    const bool is_shared = GENERATE(true, false);
    CAPTURE(static_cast<int>(place), is_shared);
    ClearRig rig(is_shared);
    rig.stopped->hold(place);
    REQUIRE(rig.engine->push(new_token("token-2")));
    REQUIRE(rig.stopped->is_reached());
    CHECK(rig.memory->stored()->token->equals(place == At::operation ? "token-1" : "token-2"));
    Done done;
    REQUIRE(rig.engine->clear(done.call()));
    CHECK(rig.read() == Code::no_token);
    CHECK(done.codes().empty());
    CHECK(rig.memory->stored()->token != nullptr);
    rig.stopped->let_go();
    CHECK(done.code() == Code::ok);
    rig.check_signed_out();
}

TEST_CASE("A logout that reaches the worker just before or just after a new token leaves none") {
    const bool clear_first = GENERATE(true, false);
    CAPTURE(clear_first);
    ClearRig rig(false);
    AcquireOptions force;
    force.force = true;
    const Wait wait = rig.acquire(force);
    const TokenRequest request = rig.host->wait_for_ask(1);
    rig.settle();
    rig.stop_before_events();
    Done done;
    if (clear_first) REQUIRE(rig.engine->clear(done.call()));
    REQUIRE(Engine::fulfil(request.id, new_token("token-2")));
    if (!clear_first) REQUIRE(rig.engine->clear(done.call()));
    CHECK(rig.read() == Code::no_token);
    rig.worker->let_go();
    CHECK(done.code() == Code::ok);
    rig.check_signed_out();
    CHECK(wait.code() == Code::cleared);
    CHECK(wait.calls() == 1);
}

TEST_CASE("A logout between the decision to publish a token and its publication leaves none") {
    StoppedRig rig;
    rig.open_with("token-1");
    rig.stop_before_publication_of(new_token("token-2"));
    REQUIRE(rig.token() == "token-1");
    REQUIRE(rig.engine->clear({}));
    CHECK(rig.read() == Code::no_token);
    REQUIRE(rig.worker->step());  // it would have published by now; it has not come to the logout
    CHECK(rig.read() == Code::no_token);
    CHECK(rig.state() == State::signed_out);
    rig.worker->let_go();
    rig.settle();
    CHECK(rig.read() == Code::no_token);
}

TEST_CASE("A push that follows a logout at once, while a save is under way, is what is stored in the end") {
    const At place = GENERATE(At::operation, At::answer);
    CAPTURE(static_cast<int>(place));
    ClearRig rig(true);
    rig.stopped->hold(place);
    REQUIRE(rig.engine->push(new_token("token-2")));
    REQUIRE(rig.stopped->is_reached());
    Done done;
    REQUIRE(rig.engine->clear(done.call()));
    REQUIRE(rig.engine->push(new_token("next-user")));
    rig.stopped->let_go();
    CHECK(done.code() == Code::ok);
    rig.settle();
    CHECK(rig.token() == "next-user");
    CHECK(rig.memory->stored()->token->equals("next-user"));
    CHECK(rig.memory->stored()->epoch == rig.engine->status()->snapshot.epoch);
}

TEST_CASE("A logout whose session is closed and let go of while the store is still at work is stored, and told of") {
    const At place = GENERATE(At::operation, At::answer);
    CAPTURE(static_cast<int>(place));
    ClearRig rig(true);
    rig.stopped->hold(place);
    REQUIRE(rig.engine->push(new_token("token-2")));
    REQUIRE(rig.stopped->is_reached());
    Done done;
    REQUIRE(rig.engine->clear(done.call()));
    CHECK(rig.engine->close(0) == Code::timeout);
    rig.fence_after_close();
    rig.engine.reset();
    CHECK(done.codes().empty());
    rig.stopped->let_go();
    CHECK(done.code() == Code::ok);
    CHECK(done.codes().size() == 1);
    CHECK(rig.memory->stored()->state == TokenState::signed_out);
}

}  // namespace

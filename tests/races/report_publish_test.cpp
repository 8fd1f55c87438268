// A report of an answer against the publication of a token.
#include <thread>

#include "support/catch.hpp"
#include "support/engine_rig.hpp"
#include "support/stops.hpp"

namespace {

using namespace portal;
using namespace portal::test;

struct StoppedWorker : EngineRig {
    // The worker looks at the clock before each event, and before each publication.
    const std::shared_ptr<Stop> at_clock = std::make_shared<Stop>();
    StoppedWorker() {
        clock->before_each_reading([stop = at_clock] {
            if (on_worker()) stop->pass();
        });
    }
    ~StoppedWorker() { at_clock->let_go(); }

    // A worker that has decided to publish the live token-1 once more (its renewal has begun), and has not yet.
    void stop_before_republication() {
        AcquireOptions force;
        force.force = true;
        at_clock->arm(1);
        (void)acquire(force);
        REQUIRE(at_clock->is_reached());
    }
};

TEST_CASE("A publication that was decided on before a 401 was reported does not bring that token back") {
    StoppedWorker rig;
    rig.open();
    REQUIRE(rig.engine->push(new_token("token-1")));
    const Lease lease = rig.with_token();
    rig.stop_before_republication();

    REQUIRE(rig.token() == "token-1");
    REQUIRE(rig.engine->rejected(lease) == Code::ok);
    CHECK(rig.read() == Code::no_token);
    REQUIRE(rig.at_clock->step());  // it has published; it has not come to the report
    CHECK(rig.engine->status()->snapshot.renewal == Renewal::asking);
    CHECK(rig.read() == Code::no_token);
}

TEST_CASE("A publication that was decided on before a push does not bring the old token back") {
    StoppedWorker rig;
    rig.open();
    REQUIRE(rig.engine->push(new_token("token-1")));
    (void)rig.with_token();
    rig.stop_before_republication();

    REQUIRE(rig.token() == "token-1");
    REQUIRE(rig.engine->push(new_token("token-2")));
    CHECK(rig.read() == Code::no_token);
    REQUIRE(rig.at_clock->step());
    CHECK(rig.engine->status()->snapshot.renewal == Renewal::asking);
    CHECK(rig.read() == Code::no_token);
    rig.at_clock->let_go();
    rig.settle();
    CHECK(rig.token() == "token-2");
}

}  // namespace

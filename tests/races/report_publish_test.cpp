// Report against publish: a report counts for its own generation, whichever comes first; a token that was reported dead
// stays dead, whatever the worker had decided before it knew.
#include <string>

#include "support/catch.hpp"
#include "stopped_rig.hpp"

namespace {

using namespace portal;
using namespace portal::test;

using Steps = std::vector<std::string>;

// An hour after token-1 came; token-2, when it comes, is two hours old.
constexpr std::int64_t slide_of_token_2_ms = 22 * hour_ms;

struct ReportRig : StoppedRig {
    Lease lease;
    ReportRig() {
        open_with("token-1");
        clock->advance(hour_ms);
        REQUIRE(read(&lease) == Code::ok);
        REQUIRE(lease.left_ms == 23 * hour_ms);
    }
    [[nodiscard]] std::int64_t left_ms() {
        Lease now;
        return read(&now) == Code::ok ? now.left_ms : 0;
    }
    void check_order(const Steps& steps) const { CHECK(order.all() == steps); }
};

TEST_CASE("A 2xx that is reported after the next token was published does not slide that token") {
    ReportRig rig;
    rig.caller->arm();
    Code code = Code::internal;
    Caller reporter([&] {
        code = rig.engine->accepted(rig.lease);
        rig.order.note("reported");
    });
    REQUIRE(rig.caller->is_reached());
    REQUIRE(rig.engine->push(new_token("token-2", 2 * hour_ms)));
    rig.settle();
    rig.order.note("published");
    rig.caller->let_go();
    reporter.join();
    rig.check_order({"published", "reported"});
    CHECK(code == Code::ok);
    CHECK(rig.left_ms() == slide_of_token_2_ms);
}

TEST_CASE("A 2xx that is reported before the next token is published does not slide that token") {
    ReportRig rig;
    rig.stop_before_publication_of(new_token("token-2", 2 * hour_ms));
    CHECK(rig.engine->accepted(rig.lease) == Code::ok);
    CHECK(rig.left_ms() == day_ms);
    rig.order.note("reported");
    rig.worker->let_go();
    rig.settle();
    rig.order.note("published");
    rig.check_order({"reported", "published"});
    CHECK(rig.left_ms() == slide_of_token_2_ms);
}

TEST_CASE("A 2xx that is reported just before its token is published once more still counts") {
    ReportRig rig;
    (void)rig.stop_before_republication();
    CHECK(rig.engine->accepted(rig.lease) == Code::ok);
    rig.order.note("reported");
    rig.worker->let_go();
    rig.settle();
    rig.order.note("published");
    rig.check_order({"reported", "published"});
    CHECK(rig.engine->status()->snapshot.renewal == Renewal::asking);
    CHECK(rig.left_ms() == day_ms);
}

TEST_CASE("A 401 for the old token that comes just before the next one is published does not harm that one") {
    ReportRig rig;
    rig.stop_before_publication_of(new_token("token-2"));
    REQUIRE(rig.token() == "token-1");
    CHECK(rig.engine->rejected(rig.lease) == Code::ok);
    CHECK(rig.read() == Code::no_token);
    rig.order.note("reported");
    REQUIRE(rig.worker->step());  // it has published; it has not come to the report
    CHECK(rig.token() == "token-2");
    rig.order.note("published");
    rig.worker->let_go();
    rig.settle();
    rig.check_order({"reported", "published"});
    CHECK(rig.token() == "token-2");
    CHECK(rig.host->asks().size() == 1);
}

TEST_CASE("A 401 for the old token that comes after the next one was published does not harm that one") {
    ReportRig rig;
    REQUIRE(rig.engine->push(new_token("token-2")));
    rig.settle();
    CHECK(rig.engine->rejected(rig.lease) == Code::ok);
    CHECK(rig.token() == "token-2");
    rig.settle();
    CHECK(rig.token() == "token-2");
    CHECK(rig.host->asks().empty());
}

TEST_CASE("A publication that was decided on before a 401 was reported does not bring that token back") {
    ReportRig rig;
    (void)rig.stop_before_republication();
    REQUIRE(rig.token() == "token-1");
    REQUIRE(rig.engine->rejected(rig.lease) == Code::ok);
    CHECK(rig.read() == Code::no_token);
    rig.order.note("reported");
    REQUIRE(rig.worker->step());  // it has published; it has not come to the report
    CHECK(rig.engine->status()->snapshot.renewal == Renewal::asking);
    rig.order.note("published");
    rig.check_order({"reported", "published"});
    CHECK(rig.read() == Code::no_token);
}

TEST_CASE("A publication that was decided on before a push does not bring the old token back") {
    ReportRig rig;
    (void)rig.stop_before_republication();
    REQUIRE(rig.token() == "token-1");
    REQUIRE(rig.engine->push(new_token("token-2")));
    CHECK(rig.read() == Code::no_token);
    rig.order.note("pushed");
    REQUIRE(rig.worker->step());
    CHECK(rig.engine->status()->snapshot.renewal == Renewal::asking);
    CHECK(rig.read() == Code::no_token);
    rig.order.note("published");
    rig.worker->let_go();
    rig.settle();
    rig.check_order({"pushed", "published"});
    CHECK(rig.token() == "token-2");
}

}  // namespace

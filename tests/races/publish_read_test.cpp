// Publish against read: a reader that is stopped anywhere gives one token whole or none, and a writer that is stopped
// delays no reader. (A writer stopped between two words of a slot: unit/double_buffered_seqlock_test.)
#include <algorithm>
#include <string>

#include "support/catch.hpp"
#include "stopped_rig.hpp"

namespace {

using namespace portal;
using namespace portal::test;

using Steps = std::vector<std::string>;

TEST_CASE("A read that is stopped before it looks gives what was published meanwhile") {
    StoppedRig rig;
    rig.open_with("token-1");
    std::string token;
    rig.caller->arm();
    Caller reader([&] {
        (void)rig.read(nullptr, &token);
        rig.order.note("read");
    });
    REQUIRE(rig.caller->is_reached());
    REQUIRE(rig.engine->push(new_token("token-2")));
    rig.settle();
    rig.order.note("published");
    rig.caller->let_go();
    reader.join();
    CHECK(rig.order.all() == Steps{"published", "read"});
    CHECK(token == "token-2");
}

TEST_CASE("A publication that is stopped before it begins leaves readers the token that was there") {
    StoppedRig rig;
    rig.host->on_event = [&](const SessionEvent& event) {
        if (event.kind == EventKind::new_token && event.generation == 2) rig.order.note("published");
    };
    rig.open_with("token-1");
    rig.stop_before_publication_of(new_token("token-2"));
    for (int i = 0; i < 1000; ++i) REQUIRE(rig.token() == "token-1");
    CHECK(rig.state() == State::fresh);
    rig.order.note("read");
    rig.worker->let_go();
    rig.settle();
    CHECK(rig.order.all() == Steps{"read", "published"});
    CHECK(rig.token() == "token-2");
}

TEST_CASE("A publication that is stopped in the middle of the token delays no reader") {
    StoppedRig rig;
    rig.open_with("token-1");
    NewToken next = new_token("the-second-token");
    const char* const text = next.token.reveal().data();
    rig.stop_before_publication_of(std::move(next));
    {
        TouchStop in_token(text);
        rig.worker->let_go();
        REQUIRE(in_token.is_reached());
        for (int i = 0; i < 1000; ++i) REQUIRE(rig.token() == "token-1");
        CHECK(rig.state() == State::fresh);
        rig.order.note("read");
    }
    rig.settle();
    rig.order.note("published");
    CHECK(rig.order.all() == Steps{"read", "published"});
    CHECK(rig.token() == "the-second-token");
}

// A read that is stopped when it has copied half of "aaa...", whatever comes meanwhile.
struct HalfRead {
    StoppedRig rig;
    TouchStop room{max_token_bytes / 2};
    Code code = Code::internal;
    Lease lease;
    std::size_t length = max_token_bytes;

    // `at_once`: the way of the usual read, and where that does not do, the other.
    template <typename Meanwhile>
    HalfRead(bool at_once, Meanwhile&& meanwhile) {
        rig.open_with(std::string(max_token_bytes, 'a'));
        Caller reader([&] {
            if (at_once && rig.engine->read_at_once(lease, room.memory(), &length))
                code = Code::ok;
            else
                code = rig.engine->read(lease, room.memory(), &length);
            rig.order.note("read");
        });
        REQUIRE(room.is_reached());
        meanwhile(rig);
        rig.order.note("meanwhile");
        room.let_go();
        reader.join();
        CHECK(rig.order.all() == Steps{"meanwhile", "read"});
    }
    [[nodiscard]] bool holds_only(char byte) const {
        return std::all_of(room.memory(), room.memory() + max_token_bytes, [=](char each) { return each == byte; });
    }
};

TEST_CASE("A read that is stopped in the middle of its copy never gives a mix of two tokens") {
    const bool at_once = GENERATE(true, false);
    const int publications = GENERATE(1, 2, 3);
    CAPTURE(at_once, publications);
    const HalfRead half(at_once, [=](StoppedRig& rig) {
        for (int i = 1; i <= publications; ++i) {
            REQUIRE(rig.engine->push(new_token(std::string(max_token_bytes, static_cast<char>('a' + i)))));
            rig.settle();
        }
    });
    CHECK(half.code == Code::ok);
    CHECK(half.length == max_token_bytes);
    CHECK(half.lease.generation == static_cast<std::uint64_t>(1 + publications));
    CHECK(half.holds_only(static_cast<char>('a' + publications)));
}

// The worker stands still, so that what takes the token from the reader is the clear alone: it wipes both slots.
TEST_CASE("A read that is stopped in the middle of its copy gives nothing after a logout, and keeps no byte of the token") {
    const bool at_once = GENERATE(true, false);
    CAPTURE(at_once);
    const HalfRead half(at_once, [](StoppedRig& rig) {
        rig.stop_before_events();
        REQUIRE(rig.engine->clear({}));
        CHECK(rig.worker->holds());
    });
    CHECK(half.code == Code::no_token);
    CHECK(half.holds_only('\0'));
}

TEST_CASE("A read that is stopped in the middle of its copy gives nothing after a close, and keeps no byte of the token") {
    const bool at_once = GENERATE(true, false);
    CAPTURE(at_once);
    const HalfRead half(at_once, [](StoppedRig& rig) { REQUIRE(rig.engine->close(30'000) == Code::ok); });
    CHECK(half.code == (at_once ? Code::closed : Code::no_token));
    CHECK(half.holds_only('\0'));
}

}  // namespace

// Claim against claim: two processes on one record need a token at once; one asks for it, both get it.
#include <array>
#include <string>

#include "support/catch.hpp"
#include "stopped_rig.hpp"

namespace {

using namespace portal;
using namespace portal::test;

using At = StoppedStore::At;

struct Peer : StoppedRig {
    std::shared_ptr<StoppedStore> stopped;
    ~Peer() { stopped->let_go(); }
};

struct Peers {
    const std::shared_ptr<MemoryStore> memory = std::make_shared<MemoryStore>();
    std::array<Peer, 2> all;
    Peers() {
        const auto clock = all[0].clock;
        for (Peer& peer : all) {
            peer.clock = clock;
            peer.stopped = std::make_shared<StoppedStore>(memory);
            peer.engine = Engine::open({peer.policy, "test", "", clock, peer.stopped, peer.host});
            peer.settle();
        }
    }
};

TEST_CASE("Of two claims on what both have read, the first that is stored asks; the other waits for its token") {
    const std::size_t first = GENERATE(0u, 1u);
    CAPTURE(first);
    Peers peers;
    Peer& winner = peers.all[first];
    Peer& loser = peers.all[1 - first];
    for (Peer& peer : peers.all) peer.stopped->hold(At::operation);
    const Wait wins = winner.acquire();
    const Wait waits = loser.acquire();
    REQUIRE(winner.stopped->is_reached());
    REQUIRE(loser.stopped->is_reached());
    CHECK(peers.memory->saves() == 0);

    winner.stopped->let_go();
    const TokenRequest request = winner.host->wait_for_ask(1);
    REQUIRE(request.id != 0);
    const std::uint64_t owner = peers.memory->stored()->claim.owner;
    CHECK(owner != 0);
    loser.stopped->let_go();
    loser.settle();
    CHECK(loser.engine->status()->snapshot.renewal == Renewal::elsewhere);
    CHECK(peers.memory->stored()->claim.owner == owner);

    REQUIRE(Engine::fulfil(request.id, new_token("token")));
    CHECK(wins.token() == "token");
    CHECK_FALSE(waits.is_over());
    loser.pass(claim_poll_first_ms);
    CHECK(waits.token() == "token");
    CHECK(winner.host->asks().size() == 1);
    CHECK(loser.host->asks().empty());
}

TEST_CASE("A claim that is stored, though its owner does not know yet, holds the other back") {
    Peers peers;
    auto& [owner, other] = peers.all;
    owner.stopped->hold(At::answer);
    const Wait owns = owner.acquire();
    REQUIRE(owner.stopped->is_reached());
    REQUIRE(peers.memory->stored()->claim.owner != 0);
    CHECK(owner.host->asks().empty());

    const Wait waits = other.acquire();
    other.settle();
    other.settle();
    CHECK(other.engine->status()->snapshot.renewal == Renewal::elsewhere);
    CHECK(other.host->asks().empty());

    owner.stopped->let_go();
    REQUIRE(Engine::fulfil(owner.host->wait_for_ask(1).id, new_token("token")));
    CHECK(owns.token() == "token");
    other.pass(claim_poll_first_ms);
    CHECK(waits.token() == "token");
    CHECK(other.host->asks().empty());
}

TEST_CASE("A claim whose owner never hears of it lapses, and the owner adopts what the other got meanwhile") {
    Peers peers;
    auto& [owner, other] = peers.all;
    AcquireOptions patient;
    patient.timeout_ms = 5 * minute_ms;
    owner.stopped->hold(At::answer);
    const Wait owns = owner.acquire(patient);
    REQUIRE(owner.stopped->is_reached());
    const Wait waits = other.acquire(patient);
    other.settle();
    owner.clock->advance(store_call_limit_ms);  // the owner gives its store up, and asks without having claimed
    owner.settle();
    const TokenRequest late = owner.host->wait_for_ask(1);
    REQUIRE(late.id != 0);
    CHECK(other.host->asks().empty());
    owner.clock->advance(other.policy.request_limit_ms - store_call_limit_ms);
    other.settle();
    other.settle();
    const TokenRequest request = other.host->wait_for_ask(1);
    REQUIRE(request.id != 0);
    REQUIRE(Engine::fulfil(request.id, new_token("token")));
    CHECK(waits.token() == "token");

    owner.stopped->let_go();
    REQUIRE(owner.notify(Notice::foreground) == Code::ok);
    CHECK(owns.token() == "token");
    (void)Engine::fulfil(late.id, new_token("late"));
    owner.settle();
    CHECK(owner.token() == "token");
    CHECK(peers.memory->stored()->generation == 1);
}

TEST_CASE("A logout in one process and a claim in the other: in either order nobody is signed in") {
    const bool claim_first = GENERATE(true, false);
    CAPTURE(claim_first);
    Peers peers;
    auto& [claiming, clearing] = peers.all;
    for (Peer& peer : peers.all) peer.stopped->hold(At::operation);
    const Wait wait = claiming.acquire();
    Done done;
    REQUIRE(clearing.engine->clear(done.call()));
    for (Peer& peer : peers.all) REQUIRE(peer.stopped->is_reached());
    (claim_first ? claiming : clearing).stopped->let_go();
    if (claim_first) REQUIRE(claiming.host->wait_for_ask(1).id != 0);
    if (!claim_first) REQUIRE(done.code() == Code::ok);
    (claim_first ? clearing : claiming).stopped->let_go();
    CHECK(done.code() == Code::ok);
    CHECK(claiming.notify(Notice::foreground) == Code::ok);
    CHECK(wait.code() == Code::cleared);
    for (Peer& peer : peers.all) CHECK(peer.state() == State::signed_out);
    CHECK(peers.memory->stored()->state == TokenState::signed_out);
    CHECK(claiming.host->withdrawn().size() == (claim_first ? 1 : 0));
}

}  // namespace

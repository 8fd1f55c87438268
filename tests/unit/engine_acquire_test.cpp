// The engine's waiters: one token request for all, each with its own deadline and its own way out.
#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "base/ids.hpp"
#include "engine/runtime.hpp"
#include "support/catch.hpp"
#include "support/engine_rig.hpp"

namespace {

using namespace portal;
using namespace portal::test;

std::shared_ptr<MemoryStore> some_store(bool with_store) { return with_store ? std::make_shared<MemoryStore>() : nullptr; }

TEST_CASE("However many threads find the token expired, the provider is asked once") {
    const bool with_store = GENERATE(false, true);
    CAPTURE(with_store);
    EngineRig rig;
    rig.store = some_store(with_store);
    rig.open();
    Wait first = rig.acquire();
    (void)Engine::fulfil(rig.host->wait_for_ask(1).id, new_token("old"));
    REQUIRE(first.code() == Code::ok);
    rig.pass(day_ms);
    REQUIRE(rig.read() == Code::no_token);

    constexpr std::size_t count = 32;
    std::vector<Wait> waits(count);
    std::atomic<std::size_t> ready{0};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < count; ++i) {
        threads.emplace_back([&, i] {
            ++ready;
            while (ready.load() < count) std::this_thread::yield();
            waits[i] = rig.acquire();
        });
    }
    for (std::thread& thread : threads) thread.join();
    const TokenRequest request = rig.host->wait_for_ask(2);
    CHECK(request.reason == Reason::idle);
    CHECK(request.generation == 1);
    REQUIRE(Engine::fulfil(request.id, new_token("new")));
    for (const Wait& wait : waits) {
        CHECK(wait.code() == Code::ok);
        CHECK(wait.token() == "new");
        CHECK(wait.lease().generation == 2);
    }
    rig.settle();
    CHECK(rig.host->asks().size() == 2);
    CHECK(rig.engine->status()->snapshot.counters.mints_idle == 1);
}

TEST_CASE("A token that is good is given at once, without a request") {
    EngineRig rig;
    rig.provide();
    rig.open();
    REQUIRE(rig.acquire().code() == Code::ok);
    CHECK(rig.acquire().token() == "token-1");
    CHECK(rig.host->asks().size() == 1);
}

TEST_CASE("Each waiter has a deadline of its own, and the token request goes on") {
    EngineRig rig;
    rig.open();
    AcquireOptions brief;
    brief.timeout_ms = 5 * second_ms;
    AcquireOptions longer;
    longer.timeout_ms = 20 * second_ms;
    const Wait hasty = rig.acquire(brief);
    const Wait patient = rig.acquire(longer);
    const TokenRequest request = rig.host->wait_for_ask(1);

    rig.pass(5 * second_ms - 1);
    CHECK_FALSE(hasty.is_over());
    rig.pass(1);
    CHECK(hasty.is_over());
    CHECK(hasty.code() == Code::timeout);
    CHECK(hasty.error().retryable);
    CHECK_FALSE(patient.is_over());

    REQUIRE(Engine::fulfil(request.id, new_token("token")));
    CHECK(patient.code() == Code::ok);
    CHECK(hasty.calls() == 1);
    CHECK(rig.engine->status()->snapshot.counters.longest_wait_ms == 5 * second_ms);
}

TEST_CASE("Without a timeout a waiter gives up after 35 s, the token request after 30") {
    EngineRig rig;
    rig.open();
    const Wait wait = rig.acquire();
    (void)rig.host->wait_for_ask(1);
    rig.pass(30 * second_ms - 1);
    CHECK_FALSE(wait.is_over());
    rig.pass(1);
    CHECK(wait.is_over());
    CHECK(wait.code() == Code::provider_failed);
    CHECK(wait.error().retry_after_ms < second_ms);
}

TEST_CASE("An answer that comes after its request's limit is welcome all the same") {
    EngineRig rig;
    rig.open();
    const Wait wait = rig.acquire();
    const TokenRequest request = rig.host->wait_for_ask(1);
    rig.pass(30 * second_ms);
    REQUIRE(wait.code() == Code::provider_failed);
    CHECK(Engine::fulfil(request.id, new_token("late")));
    rig.settle();
    CHECK(rig.token() == "late");
    CHECK(Engine::fulfil(request.id, new_token("later")).error().code == Code::stale);
}

TEST_CASE("Cancelling one waiter never cancels the others, and its callback still comes, once") {
    EngineRig rig;
    rig.open();
    std::uint64_t id = 0;
    const Wait cancelled = rig.acquire({}, &id);
    const Wait other = rig.acquire();
    const TokenRequest request = rig.host->wait_for_ask(1);
    CHECK(Engine::cancel(id));
    CHECK(cancelled.code() == Code::cancelled);
    CHECK(Engine::cancel(id).error().code == Code::stale);
    CHECK_FALSE(other.is_over());
    REQUIRE(Engine::fulfil(request.id, new_token("token")));
    CHECK(other.code() == Code::ok);
    CHECK(cancelled.calls() == 1);
}

TEST_CASE("Cancel and an answer may race: each waiter is answered once") {
    EngineRig rig;
    rig.provide();
    rig.open();
    std::vector<Wait> waits;
    AcquireOptions force;  // the one wish that no budget refuses, however many of them the cancel comes too late for
    force.force = true;
    for (int i = 0; i < 200; ++i) {
        std::uint64_t id = 0;
        waits.push_back(rig.acquire(force, &id));
        if (i % 3 == 0) rig.settle();  // so that answers win too
        (void)Engine::cancel(id);
    }
    rig.settle();
    for (const Wait& wait : waits) {
        // Who says too often that the newest token failed is refused in the end.
        CAPTURE(static_cast<int>(wait.code()));
        CHECK((wait.code() == Code::ok || wait.code() == Code::cancelled || wait.code() == Code::refused));
        CHECK(wait.calls() == 1);
    }
}

TEST_CASE("newer_than is served only by a newer generation, without another request where there is one") {
    EngineRig rig;
    rig.provide();
    rig.open();
    const Lease old = rig.with_token();
    REQUIRE(rig.engine->rejected(old) == Code::ok);
    AcquireOptions newer;
    newer.newer_than = old.generation;
    CHECK(rig.acquire(newer).token() == "token-2");
    CHECK(rig.acquire(newer).token() == "token-2");  // who comes late with the same failure
    CHECK(rig.host->asks().size() == 2);
}

TEST_CASE("Force is served only by a request made after it; all that force meanwhile share one more") {
    EngineRig rig;
    rig.open();
    const Wait plain = rig.acquire();
    const TokenRequest first = rig.host->wait_for_ask(1);
    AcquireOptions force;
    force.force = true;
    const Wait forced = rig.acquire(force);
    const Wait forced_too = rig.acquire(force);
    REQUIRE(Engine::fulfil(first.id, new_token("first")));
    CHECK(plain.token() == "first");
    const TokenRequest second = rig.host->wait_for_ask(2);
    CHECK(second.reason == Reason::forced);
    CHECK_FALSE(forced.is_over());
    REQUIRE(Engine::fulfil(second.id, new_token("second")));
    CHECK(forced.token() == "second");
    CHECK(forced_too.token() == "second");
    rig.settle();
    CHECK(rig.host->asks().size() == 2);
}

TEST_CASE("A failure is shared by all who waited, and inside the back-off nobody waits") {
    EngineRig rig;
    rig.open();
    const Wait a = rig.acquire();
    const Wait b = rig.acquire();
    ProviderFailure failure;
    failure.retry_after_ms = minute_ms;
    failure.http_status = 503;
    failure.host_code = 42;
    REQUIRE(Engine::fail_request(rig.host->wait_for_ask(1).id, failure));
    for (const Wait& wait : {a, b}) {
        CHECK(wait.code() == Code::provider_failed);
        CHECK(wait.error().retry_after_ms >= minute_ms);
        CHECK(wait.error().http_status == 503);
        CHECK(wait.error().os_code == 42);
        CHECK(wait.error().retryable);
    }
    const Wait inside = rig.acquire();
    CHECK(inside.code() == Code::provider_failed);
    CHECK(inside.error().retry_after_ms >= minute_ms);
    CHECK(rig.host->asks().size() == 1);
    for (const SessionEvent& event : rig.host->events())
        CHECK((event.retry_after_ms >= minute_ms) == (event.kind == EventKind::renewal_failed));
    CHECK(rig.host->count(EventKind::renewal_failed) == 1);
    rig.pass(minute_ms + 15 * second_ms);
    (void)rig.acquire();
    CHECK(rig.host->wait_for_ask(2).attempt == 2);
}

TEST_CASE("After a decline nobody is asked until a push or a forced renewal") {
    EngineRig rig;
    rig.open();
    const Wait wait = rig.acquire();
    const TokenRequest request = rig.host->wait_for_ask(1);
    REQUIRE(Engine::decline(request.id, 7));
    CHECK(wait.code() == Code::sign_in_needed);
    CHECK(wait.error().os_code == 7);
    rig.settle();
    CHECK(contains(*rig.engine->explain(), R"("code":"sign_in_needed","generation":0,"epoch":1,"os_code":7)"));
    CHECK(Engine::decline(request.id, 7).error().code == Code::stale);
    CHECK(rig.acquire().code() == Code::sign_in_needed);
    CHECK(rig.host->asks().size() == 1);
    REQUIRE(rig.engine->push(new_token("pushed")));
    CHECK(rig.acquire().token() == "pushed");
}

TEST_CASE("Without a provider only a push helps") {
    EngineRig rig;
    rig.host->provides = false;
    rig.open();
    CHECK(rig.acquire().code() == Code::no_provider);
    REQUIRE(rig.engine->push(new_token("pushed")));
    CHECK(rig.acquire().token() == "pushed");
    CHECK(rig.host->asks().empty());
}

TEST_CASE("A timeout out of its range is refused, and nobody waits") {
    EngineRig rig;
    rig.open();
    for (const std::int64_t timeout_ms : {std::int64_t{-1}, 10 * minute_ms + 1}) {
        AcquireOptions options;
        options.timeout_ms = timeout_ms;
        Wait wait;
        CHECK(rig.engine->acquire(options, wait.call()).error().code == Code::invalid_argument);
        rig.settle();
        CHECK_FALSE(wait.is_over());
    }
}

TEST_CASE("A token that cannot be used is a failure of the provider, and is said to both") {
    EngineRig rig;
    rig.client_id = "client-1";
    rig.open();
    struct Case {
        NewToken token;
        Code code;
    };
    std::vector<Case> cases;
    cases.push_back({new_token("with space"), Code::bad_token});
    cases.push_back({new_token("token", day_ms), Code::token_too_old});
    cases.push_back({new_token("token"), Code::client_mismatch});
    cases.back().token.client_id = "client-2";
    std::size_t asks = 0;
    for (Case& each : cases) {
        const Wait wait = rig.acquire();
        const TokenRequest request = rig.host->wait_for_ask(++asks);
        CHECK(Engine::fulfil(request.id, std::move(each.token)).error().code == each.code);
        CHECK(wait.code() == each.code);
        rig.pass(6 * minute_ms);  // past any back-off
    }
}

TEST_CASE("The very token that is no longer good is refused at the call; one that still is changes nothing") {
    EngineRig rig;
    rig.provide();
    rig.open();
    const Lease lease = rig.with_token();
    CHECK(rig.engine->push(new_token("token-1")));
    CHECK(rig.acquire().lease().generation == 1);
    std::atomic<bool> was_refused{false};
    rig.host->on_ask = [&](const TokenRequest& request) {
        was_refused = Engine::fulfil(request.id, new_token("token-1")).error().code == Code::repeated_token;
    };
    REQUIRE(rig.engine->rejected(lease) == Code::ok);
    rig.settle();
    AcquireOptions newer;
    newer.newer_than = 1;
    CHECK(rig.acquire(newer).code() == Code::repeated_token);
    CHECK(was_refused);
    CHECK(rig.engine->push(new_token("token-1")).error().code == Code::repeated_token);
    CHECK(rig.engine->push(new_token("token-2")));
    CHECK(rig.acquire().token() == "token-2");
}

TEST_CASE("A waiter is called once even if its answer came twice, and an answer that is nobody's calls nobody") {
    const bool on_worker = GENERATE(false, true);
    CAPTURE(on_worker);
    EngineRig rig;
    rig.open();
    Wait wait;
    const auto begun = on_worker ? rig.engine->acquire_on_worker({}, wait.call()) : rig.engine->acquire({}, wait.call());
    REQUIRE(begun);
    const TokenRequest request = rig.host->wait_for_ask(1);
    // What no call leads to: the machine knows the waiter twice, and one whom the engine does not know.
    const auto threads = Runtime::get();
    threads->post(rig.engine, event::Acquire{*begun, minute_ms});
    threads->post(rig.engine, event::Acquire{next_id(), minute_ms});
    REQUIRE(Engine::fulfil(request.id, new_token("token")));
    CHECK(wait.code() == Code::ok);
    rig.settle();
    CHECK(wait.calls() == 1);
    CHECK(Engine::open_operations() == 0);
}

TEST_CASE("A waiter's deadline comes by itself: nobody has to call") {
    EngineRig rig;
    rig.open();
    rig.settle();
    std::atomic<bool> is_asked{false};
    rig.host->on_ask = [&](const TokenRequest&) {
        rig.clock->advance(second_ms);  // past the deadline
        is_asked = true;
    };
    AcquireOptions options;
    options.timeout_ms = 1;
    CHECK(rig.acquire(options).code() == Code::timeout);
    rig.settle();
    CHECK(is_asked);
}

TEST_CASE("A mistake in the call leaves the token request open") {
    EngineRig rig;
    rig.open();
    const Wait wait = rig.acquire();
    const TokenRequest request = rig.host->wait_for_ask(1);
    CHECK(Engine::fulfil(request.id, new_token("token", -1)).error().code == Code::invalid_argument);
    CHECK(Engine::fulfil(request.id, new_token("token")));
    CHECK(wait.code() == Code::ok);
}

TEST_CASE("Prepare starts the renewal that is due, and nothing where none is") {
    EngineRig rig;
    rig.provide();
    rig.open();
    REQUIRE(rig.engine->prepare());
    (void)rig.host->wait_for_ask(1);
    REQUIRE(rig.host->wait_for_event(EventKind::new_token));
    CHECK(rig.token() == "token-1");
    REQUIRE(rig.engine->prepare());
    rig.settle();
    CHECK(rig.host->asks().size() == 1);
}

TEST_CASE("Inside the lead the token is given at once while its renewal runs, started by the first read") {
    EngineRig rig;
    rig.provide();
    rig.open();
    (void)rig.with_token();
    for (int day = 0; day < 7; ++day) {  // a daily user: the token lives to its absolute deadline
        rig.pass(day_ms - 2 * minute_ms);
        Lease lease;
        if (rig.read(&lease) == Code::ok) (void)rig.engine->accepted(lease);
        rig.settle();
    }
    CHECK(rig.host->wait_for_ask(2).reason == Reason::near_absolute);
    rig.settle();
    CHECK(rig.token() == "token-2");
    CHECK(rig.host->asks().size() == 2);
    CHECK(rig.host->count(EventKind::rejected) == 0);
}

}  // namespace

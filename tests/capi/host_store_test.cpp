// A host's own store: answered inside the call, later, late, twice, or never.
#include <map>
#include <mutex>

#include "bad_input.hpp"

namespace {

using namespace portal::test;

constexpr portal_bytes no_record{nullptr, 0};

struct Calls {
    std::vector<std::uint64_t> loads;
    std::vector<std::uint64_t> saves;
};

struct StoreRig : SessionRig {
    Signal<Calls> calls;
    std::atomic<bool> answers{true};
    Counted userdata;
    std::mutex mutex;
    std::string record;
    std::uint64_t revision = 0;

    StoreRig() {
        provide();
        options.store = {[](void* data, std::uint64_t id, portal_text) { static_cast<StoreRig*>(data)->load(id); },
                         [](void* data, std::uint64_t id, portal_text, std::uint64_t wanted, portal_bytes bytes) {
                             static_cast<StoreRig*>(data)->save(id, wanted, bytes);
                         },
                         this, [](void* data) { ++static_cast<StoreRig*>(data)->userdata.released; }};
    }
    ~StoreRig() {
        answers = true;
        close();
    }

    void load(std::uint64_t id) {
        calls.change([&](Calls& all) { all.loads.push_back(id); });
        if (answers) answer_load(id);
    }
    portal_code answer_load(std::uint64_t id) {
        const std::lock_guard lock(mutex);
        if (record.empty()) return portal_store_loaded(id, PORTAL_ABSENT, 0, no_record, nullptr);
        return portal_store_loaded(id, PORTAL_FOUND, revision, {record.data(), record.size()}, nullptr);
    }
    void save(std::uint64_t id, std::uint64_t wanted, portal_bytes bytes) {
        portal_saved outcome = PORTAL_CONFLICT;
        {
            const std::lock_guard lock(mutex);
            if (wanted == revision + 1) {
                record.assign(static_cast<const char*>(bytes.data), bytes.length);
                revision = wanted;
                outcome = PORTAL_SAVED;
            }
        }
        calls.change([&](Calls& all) { all.saves.push_back(id); });
        if (answers) (void)portal_store_saved(id, outcome, 0, nullptr);
    }
    std::uint64_t wait_for_load(std::size_t number) {
        REQUIRE(calls.wait([=](const Calls& all) { return all.loads.size() >= number; }));
        return calls.get().loads[number - 1];
    }
    bool holds(const std::string& text) {
        const std::lock_guard lock(mutex);
        return record.find(text) != std::string::npos;
    }
};

TEST_CASE("A store that answers inside its callbacks keeps the token over a relaunch") {
    StoreRig rig;
    rig.open();
    CHECK(rig.acquire() == "the-token");
    CHECK(rig.holds("the-token"));
    rig.close();
    CHECK(rig.userdata.released == 1);
    rig.on_ask = nullptr;
    rig.open();
    CHECK(rig.acquire() == "the-token");
    CHECK(rig.asks.get().size() == 1);
    CHECK(rig.status().store == PORTAL_STORE_PERSISTENT);
}

TEST_CASE("A store that answers later is waited for, and a second answer is stale") {
    StoreRig rig;
    rig.answers = false;
    rig.open();
    Outcome outcome;
    rig.start(outcome);
    const std::uint64_t load = rig.wait_for_load(1);
    CHECK(rig.asks.get().empty());
    rig.answers = true;
    CHECK(rig.answer_load(load) == PORTAL_OK);
    CHECK(rig.answer_load(load) == PORTAL_ERR_STALE);
    CHECK(outcome.code() == PORTAL_OK);
    CHECK(outcome.state.get().token == "the-token");
}

TEST_CASE("A record that cannot be one is a store that fails, at once; a mistake in the call leaves the answer open") {
    const std::string record = GENERATE(std::string(), std::string(8193, 'x'));
    CAPTURE(record.size());
    StoreRig rig;
    rig.answers = false;
    rig.open();
    Outcome outcome;
    rig.start(outcome);
    const std::uint64_t id = rig.wait_for_load(1);
    const auto answer = [&](portal_found found, portal_error* error) {
        return portal_store_loaded(id, found, 1, {record.data(), record.size()}, error);
    };
    check_refused(PORTAL_ERR_INVALID_ARGUMENT, "no portal_found",
                  [&](auto* error) { return answer(static_cast<portal_found>(0), error); });
    rig.answers = true;  // the saves
    check_refused(PORTAL_ERR_INVALID_ARGUMENT, "counts as failed",
                  [&](auto* error) { return answer(PORTAL_FOUND, error); });
    CHECK(answer(PORTAL_ABSENT, nullptr) == PORTAL_ERR_STALE);
    CHECK(outcome.code() == PORTAL_OK);
    check_refused(PORTAL_ERR_STALE, "answered already", [&](auto* error) { return answer(PORTAL_FOUND, error); });
}

TEST_CASE("A store that never answers is unavailable after 10 s; nothing is lost, and it is tried again") {
    StoreRig rig;
    rig.answers = false;
    rig.open();
    Outcome outcome;
    rig.start(outcome, 0, 12'000);
    const std::uint64_t load = rig.wait_for_load(1);
    Outcome done;
    const portal_done told = done.done();
    REQUIRE(portal_session_notify(rig.session, PORTAL_NOTICE_FOREGROUND, &told, nullptr) == PORTAL_OK);
    rig.fence();
    Outcome moved;
    const portal_done moved_done = moved.done();
    rig.moved_ms += 10'000;
    REQUIRE(portal_session_notify(rig.session, PORTAL_NOTICE_CLOCK_CHANGED, &moved_done, nullptr) == PORTAL_OK);
    CHECK(done.code() == PORTAL_ERR_STORE_UNAVAILABLE);
    CHECK(moved.state.wait([](const auto& state) { return state.times == 1; }));
    CHECK(rig.status().state == PORTAL_STATE_UNKNOWN);
    CHECK(rig.status().reason == PORTAL_REASON_STORE_UNAVAILABLE);
    CHECK(rig.status().store == PORTAL_STORE_LOCKED);
    CHECK(rig.asks.get().empty());
    CHECK(rig.withdrawn.get().empty());

    rig.answers = true;
    rig.moved_ms += 500;
    rig.settle();
    (void)rig.wait_for_load(2);
    CHECK(rig.answer_load(load) == PORTAL_ERR_STALE);  // the second call took its place
    CHECK(outcome.code() == PORTAL_OK);
}

TEST_CASE("A late answer is still looked at, as long as no newer call was made") {
    StoreRig rig;
    rig.answers = false;
    rig.open();
    const std::uint64_t load = rig.wait_for_load(1);
    rig.moved_ms += 10'000;
    rig.settle();
    REQUIRE(rig.status().reason == PORTAL_REASON_STORE_UNAVAILABLE);
    rig.answers = true;
    CHECK(rig.answer_load(load) == PORTAL_OK);
    rig.pass(500);
    CHECK(rig.acquire() == "the-token");
}

TEST_CASE("A call that is never answered keeps nothing alive once the session is closed") {
    std::uint64_t load = 0;
    StoreRig rig;
    rig.answers = false;
    rig.open();
    load = rig.wait_for_load(1);
    rig.moved_ms += 10'000;
    rig.settle();
    rig.close();
    CHECK(rig.userdata.released == 1);
    CHECK(rig.answer_load(load) == PORTAL_ERR_STALE);
}

TEST_CASE("A record that is damaged is told as lost, and its place is taken by the next token") {
    StoreRig rig;
    rig.record = "no record of ours";
    rig.revision = 41;
    rig.open();
    CHECK(rig.acquire() == "the-token");
    CHECK(rig.holds("the-token"));
    CHECK(rig.revision > 41);
    const auto saves = rig.calls.get().saves.size();
    rig.settle();
    CHECK(rig.calls.get().saves.size() == saves);  // it comes to rest
}

TEST_CASE("A logout leaves no token in the host's store") {
    StoreRig rig;
    rig.open();
    REQUIRE(rig.acquire() == "the-token");
    Outcome outcome;
    const portal_done done = outcome.done();
    REQUIRE(portal_session_clear(rig.session, &done, nullptr) == PORTAL_OK);
    CHECK(outcome.code() == PORTAL_OK);
    CHECK_FALSE(rig.holds("the-token"));
    CHECK(rig.status().state == PORTAL_STATE_SIGNED_OUT);
}

// A done that says, when it comes, whether the store still held the old token.
struct Erased {
    StoreRig& rig;
    Signal<std::vector<bool>> held;

    portal_done done() {
        return {[](void* data, portal_code, const portal_error*) {
                    auto& erased = *static_cast<Erased*>(data);
                    const bool holds = erased.rig.holds("the-token");
                    erased.held.change([&](auto& all) { all.push_back(holds); });
                },
                this, nullptr};
    }
};

TEST_CASE("A switch signs one user out and the next one in: no call gives the old token, and done comes when it is erased") {
    StoreRig rig;
    const std::string first = "client-1";
    const std::string second = "client-2";
    rig.options.client_id = text_of(first);
    rig.open();
    REQUIRE(rig.acquire() == "the-token");
    const std::uint64_t epoch = rig.status().epoch;
    rig.on_ask = nullptr;
    Outcome waiter;
    rig.start(waiter, 1);
    const std::uint64_t request = rig.ask(2);

    portal_token_input next = input_of("token-2");
    next.client_id = text_of(second);
    Erased erased{rig, {}};
    const portal_done done = erased.done();
    REQUIRE(portal_session_switch(rig.session, &next, &done, nullptr) == PORTAL_OK);
    auto lease = made<portal_lease>();
    char token[PORTAL_TOKEN_MAX];
    std::size_t length = sizeof token;
    const portal_code code = portal_lease_try(rig.session, &lease, token, &length, nullptr);
    CHECK((code == PORTAL_ERR_NO_TOKEN || std::string(token, length) == "token-2"));
    const portal_token_input late = input_of("the-token");
    (void)portal_request_fulfil(request, &late, nullptr);  // void, whether the worker has withdrawn it yet or not

    CHECK(waiter.code() == PORTAL_ERR_CLEARED);
    CHECK(rig.acquire() == "token-2");
    CHECK(rig.status().epoch == epoch + 1);
    REQUIRE(erased.held.wait([](const auto& all) { return all.size() == 1; }));
    CHECK_FALSE(erased.held.get()[0]);
    rig.close();
    rig.options.client_id = text_of(second);
    rig.open();
    CHECK(rig.acquire() == "token-2");
    CHECK(rig.asks.get().size() == 2);
}

TEST_CASE("A switch that is refused changes nothing: the present user stays signed in") {
    StoreRig rig;
    rig.open();
    REQUIRE(rig.acquire() == "the-token");
    const std::uint64_t epoch = rig.status().epoch;
    auto input = input_of("");
    input.expected_epoch = epoch + 1;
    for (const char* text : {"with space", "", "good-token"}) {
        input.token = text_of(text);
        Outcome outcome;
        const portal_done done = outcome.done();
        CHECK(portal_session_switch(rig.session, &input, &done, nullptr) != PORTAL_OK);
        CHECK(outcome.state.get().released == 1);
        CHECK(outcome.state.get().times == 0);
    }
    rig.settle();
    check_still_gives(rig, "the-token");
    CHECK(rig.status().epoch == epoch);
    CHECK(rig.holds("the-token"));
}

// The device restarts, and its date is then an hour before the token was made.
struct RestartRig : StoreRig {
    std::atomic<bool> is_restarted{false};

    RestartRig() {
        options.clock.read = [](void* data, portal_reading* out) {
            const auto& rig = static_cast<RestartRig&>(*static_cast<SessionRig*>(data));
            *out = {3'600'000, 1'700'000'000'000, 7};
            if (rig.is_restarted) *out = {20'000, 1'699'996'400'000, 8};
        };
    }
};

TEST_CASE("Status: of a token of unknown age deadlines and times left are 0, and a flag says why") {
    RestartRig rig;
    rig.open();
    REQUIRE(rig.acquire() == "the-token");
    CHECK(rig.status().flags == 0);
    CHECK(rig.status().idle_left_ms > 0);
    rig.close();

    rig.is_restarted = true;
    rig.on_ask = nullptr;
    rig.open();
    rig.settle();
    const portal_status status = rig.status();
    CHECK(status.state == PORTAL_STATE_OVERDUE);
    CHECK(status.reason == PORTAL_REASON_CLOCK_UNTRUSTED);
    CHECK(status.flags == PORTAL_STATUS_TIMES_UNKNOWN);
    CHECK(status.idle_left_ms == 0);
    CHECK(status.absolute_left_ms == 0);
    CHECK(status.idle_deadline_unix_ms == 0);
    CHECK(status.absolute_deadline_unix_ms == 0);
}

}  // namespace

// A report that is stopped between its look at what is published and what it does about it: whatever comes in between, it
// counts for its own token alone.
#include <memory>
#include <new>
#include <string>

#include "base/secret.hpp"
#include "engine/published_token.hpp"
#include "support/catch.hpp"
#include "stopped_rig.hpp"

namespace {

using namespace portal;
using namespace portal::test;

using Steps = std::vector<std::string>;

constexpr std::uint64_t boot = 7;
constexpr std::int64_t start_ms = hour_ms;
constexpr std::int64_t now_ms = start_ms + hour_ms;

Reading at(std::int64_t boot_ms) { return {boot_ms, 1'700'000'000'000 + boot_ms, boot}; }

// A published on pages of its own. A 2xx writes to them once, where it raises the slide, after all its looks; a 401 first where
// it takes the lock under which it looks and marks, and which publications, clear and close take too: there is no order
// within.
struct RaiseRig {
    const std::unique_ptr<PublishedToken, void (*)(PublishedToken*)> pages{
        new (secret_allocate(sizeof(PublishedToken))) PublishedToken(test_policy(), "", 1), [](PublishedToken* done) {
            done->~PublishedToken();
            secret_free(done, sizeof *done);
        }};
    PublishedToken& published = *pages;

    RaiseRig() {
        REQUIRE(sizeof(PublishedToken) <= TouchStop::page_bytes());
        publish(1);
    }

    // Token n, issued at `start_ms`.
    void publish(std::uint64_t generation, std::uint64_t epoch = 1) {
        Snapshot snapshot;
        snapshot.standing = State::fresh;
        snapshot.times = {anchor_at(at(start_ms)), anchor_at(at(start_ms))};
        snapshot.usable = true;
        snapshot.generation = generation;
        snapshot.epoch = snapshot.least_epoch = epoch;
        snapshot.first_name = {epoch, generation};
        snapshot.is_known = true;
        const std::string token = "token-" + std::to_string(generation);
        published.publish({snapshot, std::make_shared<const Secret>(token), ""}, at(now_ms), judged);
    }
    static Lease sent(std::int64_t ms, std::uint64_t generation) {
        Lease lease;
        lease.generation = generation;
        lease.epoch = 1;
        lease.sent_boot_ms = ms;
        lease.boot_tag = boot;
        return lease;
    }
    [[nodiscard]] Code accept(const Lease& lease) {
        Wake wake = Wake::none;
        return published.accepted(lease, now_ms, wake);
    }
    [[nodiscard]] Code reject(const Lease& lease) {
        return published.rejected(lease, [this](Fence::Ticket ticket) { posted = ticket; });
    }

    void push() {
        CHECK(published.push(0, [this](Fence::Ticket ticket) { posted = ticket; }) == Code::ok);
    }
    void clear() {
        CHECK(published.clear([this](Fence::Ticket ticket) { posted = ticket; }) == Code::ok);
    }
    Fence::Ticket posted = 0;
    Fence::Ticket judged = 0;  // by the step behind the next publication

    // A report of token 1, sent half an hour ago, that is stopped at its first write to the published.
    template <typename Meanwhile>
    void report(Code (RaiseRig::*how)(const Lease&), Meanwhile&& meanwhile) {
        TouchStop at_write(&published, TouchStop::Of::write);
        Order order;
        Code code = Code::internal;
        Caller reporter([&] {
            code = (this->*how)(sent(now_ms - hour_ms / 2, 1));
            order.note("reported");
        });
        REQUIRE(at_write.is_reached());
        at_write.open();
        meanwhile();
        order.note("meanwhile");
        at_write.let_go();
        reporter.join();
        CHECK(order.all() == Steps{"meanwhile", "reported"});
        CHECK((code == Code::ok || code == Code::stale));
    }
    template <typename Meanwhile>
    void accept_while(Meanwhile&& meanwhile) {
        report(&RaiseRig::accept, meanwhile);
    }

    [[nodiscard]] std::string token() const {
        std::string text(max_token_bytes, '\0');
        std::size_t length = text.size();
        Lease lease;
        Wake wake = Wake::none;
        const Code code = published.read(now_ms, lease, text.data(), &length, wake);
        return code == Code::ok ? text.substr(0, length) : "";
    }
    // When the last slide of what is published was; 0: nothing is.
    [[nodiscard]] std::int64_t slid_ms() const {
        Lease lease;
        Wake wake = Wake::none;
        const bool is_there = published.read(now_ms, lease, nullptr, nullptr, wake) == Code::ok;
        return is_there ? now_ms + lease.left_ms - day_ms : 0;
    }
    // What the machine is told.
    [[nodiscard]] Moment moment() const {
        Moment moment;
        published.read_slide(moment);
        return moment;
    }
};

TEST_CASE("A 2xx between whose look and raise nothing comes slides its token") {
    RaiseRig rig;
    rig.accept_while([] {});
    CHECK(rig.slid_ms() == now_ms - hour_ms / 2);
    CHECK(rig.moment().slid_boot_ms == now_ms - hour_ms / 2);
}

TEST_CASE("A 2xx between whose look and raise the next token is published does not slide that token") {
    RaiseRig rig;
    rig.accept_while([&] { rig.publish(2); });
    CHECK(rig.token() == "token-2");
    CHECK(rig.slid_ms() == start_ms);
    CHECK(rig.moment().slid_generation != 2);
}

TEST_CASE("A 2xx between whose look and raise the next token comes and slides leaves that one's slide as it is") {
    RaiseRig rig;
    const std::int64_t sent_ms = now_ms - hour_ms * 3 / 4;  // earlier than what is stopped
    rig.accept_while([&] {
        rig.publish(2);
        CHECK(rig.accept(RaiseRig::sent(sent_ms, 2)) == Code::ok);
    });
    CHECK(rig.slid_ms() == sent_ms);
    CHECK(rig.moment().slid_generation == 2);
    CHECK(rig.moment().slid_boot_ms == sent_ms);
}

TEST_CASE("A 2xx between whose look and raise a later one of its token counts moves no deadline back") {
    RaiseRig rig;
    rig.accept_while([&] { CHECK(rig.accept(RaiseRig::sent(now_ms, 1)) == Code::ok); });
    CHECK(rig.slid_ms() == now_ms);
}

TEST_CASE("A 2xx between whose look and raise its token is published once more still counts") {
    RaiseRig rig;
    rig.accept_while([&] { rig.publish(1); });
    CHECK(rig.slid_ms() == now_ms - hour_ms / 2);
}

TEST_CASE("A 2xx between whose look and raise the session is cleared brings nothing back, and slides no later token") {
    RaiseRig rig;
    rig.accept_while([&] { rig.clear(); });
    CHECK(rig.token().empty());
    rig.judged = rig.posted;
    rig.publish(2, 2);
    CHECK(rig.token() == "token-2");
    CHECK(rig.slid_ms() == start_ms);
}

TEST_CASE("A 2xx between whose look and raise its token is marked dead does not bring that token back") {
    const bool by_401 = GENERATE(true, false);
    CAPTURE(by_401);
    RaiseRig rig;
    rig.accept_while([&] {
        if (by_401)
            CHECK(rig.reject(RaiseRig::sent(start_ms, 1)) == Code::ok);
        else
            rig.push();
    });
    CHECK(rig.token().empty());
    rig.publish(1);  // by a step that knew nothing of it
    CHECK(rig.token().empty());
    rig.judged = rig.posted;
    rig.publish(2);
    CHECK(rig.token() == "token-2");
    CHECK(rig.slid_ms() == start_ms);
}

TEST_CASE("A 2xx between whose look and raise the session closes is in the last slide that is written") {
    RaiseRig rig;
    rig.accept_while([&] { CHECK(rig.published.close([](Fence::Ticket) {})); });
    CHECK(rig.moment().slid_generation == 1);
    CHECK(rig.moment().slid_boot_ms == now_ms - hour_ms / 2);
}

// The lease is the caller's memory, and is read in the middle of the look.
TEST_CASE("A 2xx in whose look its token is marked dead, and lives after all, counts") {
    RaiseRig rig;
    const std::unique_ptr<Lease, void (*)(Lease*)> lease{
        new (secret_allocate(sizeof(Lease))) Lease(RaiseRig::sent(now_ms - hour_ms / 2, 1)),
        [](Lease* done) { secret_free(done, sizeof *done); }};
    TouchStop in_look(lease.get());
    Order order;
    Caller reporter([&] {
        CHECK(rig.accept(*lease) == Code::ok);
        order.note("reported");
    });
    REQUIRE(in_look.is_reached());
    rig.push();
    rig.judged = rig.posted;
    rig.publish(1);  // in the other slot
    rig.publish(1);  // in the one that is looked at
    order.note("published");
    in_look.let_go();
    reporter.join();
    CHECK(order.all() == Steps{"published", "reported"});
    CHECK(rig.token() == "token-1");
    CHECK(rig.slid_ms() == now_ms - hour_ms / 2);
}

TEST_CASE("A 401 that meets the next token, published or cleared just before it looks, does not harm that one") {
    const bool by_clear = GENERATE(true, false);
    CAPTURE(by_clear);
    RaiseRig rig;
    rig.report(&RaiseRig::reject, [&] {
        if (by_clear) rig.clear();
        rig.judged = rig.posted;
        rig.publish(2, by_clear ? 2 : 1);
    });
    CHECK(rig.token() == "token-2");
    rig.publish(2, by_clear ? 2 : 1);
    CHECK(rig.token() == "token-2");
}

}  // namespace

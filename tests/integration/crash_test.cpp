// Real processes are killed before each system call of a save and of a clear in turn. What they leave is the old record or
// the new one, never a mix, and holds up nobody; a clear that has begun is never forgotten.
#include <signal.h>

#include <cstdlib>
#include <string>

#include "support/catch.hpp"
#include "support/peer.hpp"
#include "support/record_folder.hpp"

using namespace portal;
using namespace portal::test;

namespace {

// How many system calls each takes. Another number is no fault by itself, but a change of what happens on the disk.
constexpr int calls_of_first_save = 28;
constexpr int calls_of_save = 21;
constexpr int calls_of_clear = 38;

struct Fixture : RecordFolder {
    Fixture() { write_bytes(keys.file("key"), key); }

    TempDir keys;
    const Record old_record = sample_record(1, token);

    // The old record, and one that was set aside and holds the old token too.
    void start_over() {
        empty();
        REQUIRE(save(first_record()) == SaveOutcome::saved);
        write_bytes(path + ".lost.1", sealed(key, old_record));
    }
    void empty() {
        std::filesystem::remove_all(directory);
        if (directory == folder.path()) std::filesystem::create_directory(directory);
    }
    [[nodiscard]] Peer child(const std::string& what, int call) const {
        return Peer({CRASH_CHILD_PROGRAM, directory, keys.file("key"), what, std::to_string(call)});
    }
    void check_calls(const std::string& what, int expected) {
        Peer whole = child(what, 0);
        const std::string calls = whole.hear();
        CHECK(whole.end() == 0);
        WARN(what << ": " << calls << " system calls");
        INFO(
            "What the store does on the disk has changed: look at each call of it once more, then write the new number "
            "down.");
        REQUIRE(calls == std::to_string(expected));
    }
    // Its exit code; -SIGKILL where it died.
    int run(const std::string& what, int call) {
        Peer process = child(what, call);
        return process.end();
    }
    // As the next process finds it. No lock is left held: nobody has to wait.
    LoadResult find() {
        const std::int64_t before_ms = files->slept_ms();
        LoadResult found = load();
        CHECK(files->slept_ms() - before_ms < lock_limit_ms);
        return found;
    }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "A process killed before any call of a save leaves the old record or the new one", "[crash]") {
    start_over();
    check_calls("save", calls_of_save);
    int kept_old = 0;
    for (int call = 1; call <= calls_of_save + 1; ++call) {
        INFO("killed before call " << call << " of " << calls_of_save);
        start_over();
        CHECK(run("save", call) == (call <= calls_of_save ? -SIGKILL : 0));
        const LoadResult found = find();
        REQUIRE(found.outcome == LoadOutcome::found);
        const bool is_old = same(found.record, old_record);
        CHECK((is_old || same(found.record, sample_record(2, "next-token"))));
        if (call > calls_of_save) CHECK_FALSE(is_old);
        kept_old += is_old ? 1 : 0;
        REQUIRE(save(found.record) == SaveOutcome::saved);
        CHECK(folder.names().size() == 3);  // record, lock, and what was set aside: no litter
        CHECK(files->slept_ms() == 0);
    }
    CHECK(kept_old > 5);
    CHECK(kept_old < calls_of_save);
}

TEST_CASE_METHOD(Fixture, "A process killed before any call of the first save leaves nothing or the record", "[crash]") {
    directory = folder.file("a/b");
    const auto start = [&] { std::filesystem::remove_all(folder.file("a")); };
    start();
    check_calls("first", calls_of_first_save);
    for (int call = 1; call <= calls_of_first_save + 1; ++call) {
        INFO("killed before call " << call << " of " << calls_of_first_save);
        start();
        CHECK(run("first", call) == (call <= calls_of_first_save ? -SIGKILL : 0));
        const LoadResult found = find();
        const bool is_new = found.outcome == LoadOutcome::found && same(found.record, sample_record(1, "next-token"));
        CHECK((is_new || found.outcome == LoadOutcome::absent));
        if (call > calls_of_first_save) CHECK(is_new);
        CHECK(replace(found.version, sample_record(found.version.revision + 1, "another")) == SaveOutcome::saved);
        CHECK(files->slept_ms() == 0);
    }
}

TEST_CASE_METHOD(Fixture, "A process killed before any call of a clear leaves it done or due, once its marker is there",
                 "[crash]") {
    start_over();
    check_calls("clear", calls_of_clear);
    int was_due = 0;
    int was_unfinished = 0;
    for (int call = 1; call <= calls_of_clear + 1; ++call) {
        INFO("killed before call " << call << " of " << calls_of_clear);
        start_over();
        CHECK(run("clear", call) == (call <= calls_of_clear ? -SIGKILL : 0));
        LoadResult found = find();
        REQUIRE(found.outcome == LoadOutcome::found);
        const bool is_signed_out = found.record.state == TokenState::signed_out;
        const bool is_untouched = same(found.record, old_record) && found.logout == Logout{};
        CHECK(is_untouched == (call <= 4));  // before there is a marker, nothing has happened
        CHECK((is_untouched || is_signed_out || found.logout.is_due));
        was_due += found.logout.is_due ? 1 : 0;
        was_unfinished += is_signed_out && found.logout.is_unfinished ? 1 : 0;
        // The next process finishes it.
        if (found.logout.is_unfinished) CHECK(finish_clear(found) == SaveOutcome::saved);
        if (is_untouched) REQUIRE(save(sample_tombstone(1)) == SaveOutcome::saved);
        CHECK_FALSE(holds_a_token());
        CHECK(folder.names().size() == 3);  // record, lock and witness
        found = find();
        CHECK(found.record.state == TokenState::signed_out);
        CHECK(found.logout == Logout{});
    }
    CHECK(was_due > 5);
    CHECK(was_unfinished > 5);
}

TEST_CASE_METHOD(Fixture, "A process killed while it replaces a damaged record hides no loss and no good record", "[crash]") {
    const auto start = [&] {
        start_over();
        write_bytes(path, "damaged");
    };
    start();
    Peer whole = child("anew", 0);
    const int calls = std::stoi(whole.hear());
    REQUIRE(whole.end() == 0);
    for (int call = 1; call <= calls; ++call) {
        INFO("killed before call " << call << " of " << calls);
        start();
        CHECK(run("anew", call) == -SIGKILL);
        const LoadResult found = find();
        CHECK((found.outcome == LoadOutcome::lost || found.record.token->equals("next-token")));
        Record anew = sample_record(found.version.revision + 1, "another");
        CHECK(replace(found.version, anew) == SaveOutcome::saved);
        CHECK(find().outcome == LoadOutcome::found);
    }
}

TEST_CASE_METHOD(Fixture, "A claim is alive as long as its owner, and dead the moment that is killed", "[crash]") {
    start_over();
    Peer owner = child("claim", 0);
    REQUIRE(owner.hear() != "silent");
    const LoadResult alive = load();
    REQUIRE(alive.record.claim.owner != 0);
    CHECK_FALSE(alive.claim_owner_is_dead);
    SECTION("killed") { owner.kill(); }
    SECTION("ended") {
        owner.tell("go on");
        CHECK(owner.end() == 0);
    }
    CHECK(load().claim_owner_is_dead);
}

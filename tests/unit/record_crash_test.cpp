// Every call of a save and of a clear fails in turn, and the process dies before every call in turn: what is stored is the
// old record or the new one, never a mix, and a clear that has begun is never forgotten.
#include "support/catch.hpp"
#include "support/record_folder.hpp"

using namespace portal;
using namespace portal::test;

namespace {

struct Fixture : RecordFolder {
    const Record old_record = sample_record(1, token);

    // How many calls `record` takes, from the same start as each trial.
    int calls_of(const Record& record, bool finishes_clear = false) {
        start_over();
        files->fail_none();
        REQUIRE(save_request(record, key, finishes_clear).outcome == SaveOutcome::saved);
        return files->calls();
    }

    void start_over() {
        files->fail_none();
        destroyed = 0;
        for (const std::string& name : folder.names()) std::filesystem::remove(folder.file(name));
        REQUIRE(save(first_record()) == SaveOutcome::saved);
        write_bytes(path + ".lost.1", sealed(key, sample_record(1, token)));
    }

    enum class Trial { call_fails, process_dies };
    SaveResult save_with_trouble(const Record& record, Trial trial, int call) {
        start_over();
        if (trial == Trial::call_fails) files->fail_call(call, EIO);
        if (trial == Trial::process_dies) files->die_before_call(call);
        const SaveResult result = save_request(record, key);
        files->fail_none();
        return result;
    }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "A save with trouble at any call leaves the old record or the new one", "[store][crash]") {
    const Record update = sample_record(1, "next-token");
    const Record stored_update = sample_record(2, "next-token");
    const int calls = calls_of(update);
    WARN("a save: " << calls << " system calls");
    int kept_old = 0;
    for (const Trial trial : {Trial::call_fails, Trial::process_dies}) {
        for (int call = 1; call <= calls + 1; ++call) {
            INFO("call " << call << " of " << calls << (trial == Trial::call_fails ? " fails" : ": dead"));
            const SaveResult result = save_with_trouble(update, trial, call);
            const LoadResult after = load();
            REQUIRE(after.outcome == LoadOutcome::found);
            const bool is_old = same(after.record, old_record);
            CHECK((is_old || same(after.record, stored_update)));
            if (result.outcome == SaveOutcome::saved) CHECK_FALSE(is_old);
            kept_old += is_old ? 1 : 0;
            // Nothing hinders the next save, and no litter stays behind.
            REQUIRE(save(after.record) == SaveOutcome::saved);
            CHECK(folder.names().size() == 3);
        }
    }
    CHECK(kept_old > 20);
}

TEST_CASE_METHOD(Fixture, "A clear with trouble at any call is done or due, once its marker is there, and the key destroyed",
                 "[store][crash]") {
    const int calls = calls_of(sample_tombstone(1));
    WARN("a clear: " << calls << " system calls");
    int calls_before_marker = 0;
    for (const Trial trial : {Trial::call_fails, Trial::process_dies}) {
        for (int call = 1; call <= calls + 1; ++call) {
            INFO("call " << call << " of " << calls << (trial == Trial::call_fails ? " fails" : ": dead"));
            const SaveResult result = save_with_trouble(sample_tombstone(1), trial, call);
            LoadResult after = load();
            const bool is_tombstone = after.record.state == TokenState::signed_out;
            const bool is_untouched = same(after.record, old_record) && after.logout == Logout{};
            if (is_untouched) {
                // Only before there is a marker.
                ++calls_before_marker;
                CHECK(result.outcome != SaveOutcome::saved);
                CHECK(call <= 4);
                continue;
            }
            CHECK((is_tombstone || after.logout.is_due));
            if (result.outcome == SaveOutcome::saved) CHECK((is_tombstone && !after.logout.is_unfinished));
            if (after.logout.is_unfinished) {
                const bool is_finished = finish_clear(after) == SaveOutcome::saved;
                CHECK(is_finished);
                after = load();
            }
            CHECK(after.logout == Logout{});
            CHECK(after.record.state == TokenState::signed_out);
            CHECK_FALSE(holds_a_token());
            CHECK(folder.names().size() == 3);  // record, lock, witness
        }
    }
    CHECK(calls_before_marker > 0);
}

TEST_CASE_METHOD(Fixture, "A clear that a process began with the key and died in destroys the key, whoever finishes it",
                 "[store][crash]") {
    const int calls = calls_of(sample_tombstone(1));
    int finished_by_others = 0;
    for (int call = 1; call <= calls; ++call) {
        INFO("dead before call " << call << " of " << calls);
        start_over();
        files->die_before_call(call);
        (void)save(sample_tombstone(1));
        files->fail_none();
        const bool is_proven = file_bytes(path + ".erase.4").size() == 40;
        const LoadResult found = load();
        if (!found.logout.is_unfinished) continue;
        // As the next login finds it: a live save finishes what has its tombstone, else a tombstone is saved.
        Record login = sample_record(found.version.revision, "next-token");
        login.epoch = 4;
        const int destroyed_before = destroyed;
        CHECK(replace(found.version, next(login).record) == SaveOutcome::conflict);
        if (load().logout.is_unfinished) CHECK(finish_clear(load()) == SaveOutcome::saved);
        if (is_proven) CHECK(destroyed == destroyed_before + 1);
        finished_by_others += is_proven ? 1 : 0;
        CHECK_FALSE(holds_a_token());
        CHECK(load().logout == Logout{});
    }
    CHECK(finished_by_others > 10);
}

TEST_CASE_METHOD(Fixture, "The save that replaces a damaged record, with trouble at any call, hides no loss", "[store][crash]") {
    const auto start = [&] {
        start_over();
        write_bytes(path, "damaged");
    };
    Record anew = sample_record(1, "next-token");
    anew.version.lineage = 0x1234;
    start();
    const RecordVersion damaged = load().version;
    files->fail_none();
    REQUIRE(replace(damaged, anew) == SaveOutcome::saved);
    const int calls = files->calls();
    for (const Trial trial : {Trial::call_fails, Trial::process_dies}) {
        for (int call = 1; call <= calls; ++call) {
            INFO("call " << call << " of " << calls);
            start();
            if (trial == Trial::call_fails) files->fail_call(call, EIO);
            if (trial == Trial::process_dies) files->die_before_call(call);
            (void)replace(damaged, anew);
            files->fail_none();
            const LoadResult found = load();
            CHECK((found.outcome == LoadOutcome::lost || same(found.record, anew)));
            CHECK(folder.names().size() <= 5);
            if (found.outcome == LoadOutcome::lost) CHECK(replace(found.version, anew) == SaveOutcome::saved);
            CHECK(load().outcome == LoadOutcome::found);
        }
    }
}

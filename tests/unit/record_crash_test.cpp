// Every call of a save and of a clear fails in turn, and the process dies before every call in turn: what is stored is the
// old record or the new one, never a mix, and a clear that has begun is never forgotten.
#include "support/catch.hpp"
#include "support/record_folder.hpp"

using namespace portal;
using namespace portal::test;

namespace {

struct Fixture : RecordFolder {
    const Record old_record = sample_record(1, token);

    // How many calls `next` takes, from the same start as each trial.
    int calls_of(const Record& next) {
        start_over();
        files->fail_none();
        REQUIRE(save(next) == SaveOutcome::saved);
        return files->calls();
    }

    void start_over() {
        files->fail_none();
        for (const std::string& name : folder.names()) std::filesystem::remove(folder.file(name));
        REQUIRE(save(first_record()) == SaveOutcome::saved);
        write_bytes(path + ".lost.1", sealed(key, sample_record(1, token)));
    }

    enum class Trial { call_fails, process_dies };
    SaveResult save_with_trouble(const Record& next, Trial trial, int call) {
        start_over();
        if (trial == Trial::call_fails) files->fail_call(call, EIO);
        if (trial == Trial::process_dies) files->die_before_call(call);
        const SaveResult result = record_file().save(next, key);
        files->fail_none();
        return result;
    }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "A save with trouble at any call leaves the old record or the new one", "[store][crash]") {
    const Record next = sample_record(1, "next-token");
    const Record stored_next = sample_record(2, "next-token");
    const int calls = calls_of(next);
    CHECK(calls == 18);
    int kept_old = 0;
    for (const Trial trial : {Trial::call_fails, Trial::process_dies}) {
        for (int call = 1; call <= calls + 1; ++call) {
            INFO("call " << call << " of " << calls << (trial == Trial::call_fails ? " fails" : ": dead"));
            const SaveResult result = save_with_trouble(next, trial, call);
            const LoadResult after = load();
            REQUIRE(after.outcome == LoadOutcome::found);
            const bool is_old = same(after.record, old_record);
            CHECK((is_old || same(after.record, stored_next)));
            if (result.outcome == SaveOutcome::saved) CHECK_FALSE(is_old);
            kept_old += is_old ? 1 : 0;
            // Nothing hinders the next save, and no litter stays behind.
            REQUIRE(save(after.record) == SaveOutcome::saved);
            CHECK(folder.names().size() == 3);
        }
    }
    CHECK(kept_old > 20);
}

TEST_CASE_METHOD(Fixture, "A clear with trouble at any call is done or pending, once its marker is there",
                 "[store][crash]") {
    const int calls = calls_of(sample_tombstone(1));
    CHECK(calls == 35);
    for (const Trial trial : {Trial::call_fails, Trial::process_dies}) {
        for (int call = 1; call <= calls + 1; ++call) {
            INFO("call " << call << " of " << calls << (trial == Trial::call_fails ? " fails" : ": dead"));
            erased = 0;
            const SaveResult result = save_with_trouble(sample_tombstone(1), trial, call);
            const LoadResult after = load();
            REQUIRE(after.outcome == LoadOutcome::found);
            const bool tombstone = after.record.state == TokenState::signed_out;
            if (trial == Trial::process_dies && call <= 2)  // before the marker is there
                CHECK((same(after.record, old_record) && !after.erase_pending));
            else
                CHECK((tombstone || (same(after.record, old_record) && after.erase_pending)));
            if (result.outcome == SaveOutcome::saved) CHECK(tombstone);
            if (tombstone) {
                // What was left undone is done by this load.
                CHECK_FALSE(after.erase_pending);
                CHECK_FALSE(holds_a_token());
                CHECK(erased > 0);
            } else {
                REQUIRE(save(sample_tombstone(after.record.revision)) == SaveOutcome::saved);
                CHECK_FALSE(holds_a_token());
            }
            CHECK(folder.names().size() == 2);
        }
    }
}

TEST_CASE_METHOD(Fixture, "Setting a record aside with trouble at any call never loses a good one", "[store][crash]") {
    const auto start = [&] {
        start_over();
        write_bytes(path, "damaged");
    };
    start();
    files->fail_none();
    REQUIRE(load().outcome == LoadOutcome::lost);
    const int calls = files->calls();
    for (int call = 1; call <= calls; ++call) {
        INFO("call " << call << " of " << calls);
        start();
        files->fail_call(call, EIO);
        const LoadOutcome during = load().outcome;
        CHECK((during == LoadOutcome::fault || during == LoadOutcome::lost));
        files->fail_none();
        load();
        CHECK(load().fault.cause == StoreCause::earlier);
        CHECK(folder.names().size() <= 3);
        CHECK(save(first_record()) == SaveOutcome::saved);
    }
}

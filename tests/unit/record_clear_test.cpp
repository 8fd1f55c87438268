// A clear in the file store: the tombstone, and the marker that makes it outlive a refused save and a killed process.
#include "support/catch.hpp"
#include "support/record_folder.hpp"

using namespace portal;
using namespace portal::test;

namespace {

struct Fixture : RecordFolder {
    Fixture() { REQUIRE(save(first_record()) == SaveOutcome::saved); }

    [[nodiscard]] bool marked() const { return folder.names().count(name_hash + ".erase") == 1; }
    void mark(std::uint64_t epoch) {
        write_bytes(path + ".erase", std::string(1, static_cast<char>(epoch)) + std::string(7, '\0'));
    }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "A tombstone leaves no byte of the old token in any file of the folder", "[store][erase]") {
    // Set-aside records and a leftover that hold the old token, the worst case.
    for (const char* suffix : {".lost.1", ".lost.2", ".tmp"})
        write_bytes(path + suffix, sealed(key, sample_record(1, token)));
    REQUIRE(holds_a_token());
    REQUIRE(save(sample_tombstone(1)) == SaveOutcome::saved);
    CHECK_FALSE(holds_a_token());
    CHECK(folder.names() == std::set<std::string>{name_hash, name_hash + ".lock"});
    CHECK(erased == 1);
    const LoadResult result = load();
    CHECK(same(result.record, sample_tombstone(2)));
    CHECK_FALSE(result.erase_pending);
}

TEST_CASE_METHOD(Fixture, "A tombstone needs no key, neither to be saved nor to be found", "[store][erase]") {
    REQUIRE(save(sample_tombstone(1), "") == SaveOutcome::saved);
    CHECK(same(load("").record, sample_tombstone(2)));
    CHECK(same(load(other_key).record, sample_tombstone(2)));
}

TEST_CASE_METHOD(Fixture, "After a tombstone a new token is saved, under a new key too", "[store][erase]") {
    REQUIRE(save(sample_tombstone(1)) == SaveOutcome::saved);
    Record next = sample_record(2, "next-token");
    next.epoch = 4;
    REQUIRE(save(next, other_key) == SaveOutcome::saved);
    CHECK(load(other_key).outcome == LoadOutcome::found);
    CHECK(erased == 1);
}

TEST_CASE_METHOD(Fixture, "A clear that the disk refuses is pending for the next process, until a tombstone is saved",
                 "[store][erase]") {
    files->judge_by([&](const FileCall& call) { return call.path == path + ".tmp" && call.name == "open" ? ENOSPC : 0; });
    const SaveResult refused = record_file().save(sample_tombstone(1), key);
    CHECK(refused.outcome == SaveOutcome::fault);
    CHECK(refused.fault.os_code == ENOSPC);
    CHECK(erased == 0);
    files->fail_none();

    const LoadResult result = load();
    CHECK(result.outcome == LoadOutcome::found);
    CHECK(result.erase_pending);
    CHECK(save(sample_record(1, token)) == SaveOutcome::conflict);  // a slide of another process must not undo it
    REQUIRE(save(sample_tombstone(1)) == SaveOutcome::saved);
    CHECK_FALSE(marked());
    CHECK_FALSE(load().erase_pending);
}

TEST_CASE_METHOD(Fixture, "A clear is marked even while a frozen process holds the lock", "[store][erase]") {
    files->fail_each("try_lock", EWOULDBLOCK);
    CHECK(save(sample_tombstone(1)) == SaveOutcome::unavailable);
    CHECK(load().erase_pending);
}

TEST_CASE_METHOD(Fixture, "A full disk that refuses the marker does not hinder the tombstone", "[store][erase]") {
    files->judge_by([&](const FileCall& call) {
        return call.path == path + ".erase" && call.name == "open" && call.number <= 2 ? ENOSPC : 0;
    });
    CHECK(save(sample_tombstone(1)) == SaveOutcome::saved);
    CHECK_FALSE(holds_a_token());
}

TEST_CASE_METHOD(Fixture, "A pending erase is told where the record is absent or lost too", "[store][erase]") {
    mark(4);
    SECTION("absent") { std::filesystem::remove(path); }
    SECTION("lost") { write_bytes(path, "damaged"); }
    const LoadResult result = load();
    CHECK(result.outcome != LoadOutcome::found);
    CHECK(result.erase_pending);
    CHECK(save(sample_tombstone(0)) == SaveOutcome::saved);
    CHECK_FALSE(marked());
    CHECK(folder.names().count(name_hash + ".lost.1") == 0);
}

TEST_CASE_METHOD(Fixture, "A marker whose writer died before its number stands for every epoch", "[store][erase]") {
    write_bytes(path + ".erase", "");
    CHECK(load().erase_pending);
    CHECK(save(sample_record(1)) == SaveOutcome::conflict);
    CHECK(save(sample_tombstone(1)) == SaveOutcome::saved);
    CHECK_FALSE(marked());
}

TEST_CASE_METHOD(Fixture, "A marker that another process is just writing is waited for", "[store][erase]") {
    write_bytes(path + ".erase", "");
    files->on_sleep([&] { mark(3); });  // a late clear of the epoch before this record's
    CHECK_FALSE(load().erase_pending);
    CHECK(files->slept_ms() == lock_pause_ms);
    CHECK_FALSE(marked());
}

TEST_CASE_METHOD(Fixture, "A marker that cannot be read says nothing, least of all that the user signed out",
                 "[store][erase]") {
    files->judge_by([&](const FileCall& call) { return call.path == path + ".erase" ? EMFILE : 0; });
    const LoadResult result = load();
    CHECK(result.outcome == LoadOutcome::unavailable);
    CHECK_FALSE(result.erase_pending);
    CHECK(save(sample_record(1)) == SaveOutcome::unavailable);
}

TEST_CASE_METHOD(Fixture, "A late clear of an older epoch does not erase the session that came after it",
                 "[store][erase]") {
    REQUIRE(save(sample_tombstone(1)) == SaveOutcome::saved);
    Record next = sample_record(2, "next-token");
    next.epoch = 4;
    REQUIRE(save(next) == SaveOutcome::saved);

    CHECK(save(sample_tombstone(1)) == SaveOutcome::conflict);  // a process that was frozen since the first clear
    CHECK(marked());
    const LoadResult result = load();
    CHECK(result.record.token->equals("next-token"));
    CHECK_FALSE(result.erase_pending);
    CHECK_FALSE(marked());
    CHECK(erased == 1);  // the new session's key is left alone
    CHECK(save(result.record) == SaveOutcome::saved);
}

TEST_CASE_METHOD(Fixture, "The marker of the later clear stays", "[store][erase]") {
    mark(9);
    CHECK(save(sample_tombstone(5, 4)) == SaveOutcome::conflict);
    CHECK(file_bytes(path + ".erase")[0] == 9);
}

TEST_CASE_METHOD(Fixture, "What a clear that died after its tombstone left undone, the next load does", "[store][erase]") {
    REQUIRE(save(sample_tombstone(1)) == SaveOutcome::saved);
    mark(4);
    write_bytes(path + ".lost.1", sealed(key, sample_record(1, token)));
    CHECK_FALSE(load().erase_pending);
    CHECK_FALSE(holds_a_token());
    CHECK_FALSE(marked());
    CHECK(erased == 2);
}

TEST_CASE_METHOD(Fixture, "A clear that cannot remove the other files is not done", "[store][erase]") {
    write_bytes(path + ".lost.1", sealed(key, sample_record(1, token)));
    files->judge_by([&](const FileCall& call) { return call.path == path + ".lost.1" ? EACCES : 0; });
    CHECK(save(sample_tombstone(1)) == SaveOutcome::fault);
    CHECK(marked());
    files->fail_none();
    CHECK(load().record.state == TokenState::signed_out);
    CHECK_FALSE(holds_a_token());
}

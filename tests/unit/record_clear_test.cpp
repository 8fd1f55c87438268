// A clear in the file store: the tombstone, the marker that makes it outlive a refused save and a killed process, and the
// witness that outlives them both.
#include "support/catch.hpp"
#include "support/record_folder.hpp"

using namespace portal;
using namespace portal::test;

namespace {

struct Fixture : RecordFolder {
    Fixture() { REQUIRE(save(first_record()) == SaveOutcome::saved); }

    [[nodiscard]] bool has(const std::string& suffix) const { return folder.names().count(name_hash + suffix) == 1; }
    // As another process leaves it that dies once its marker is on the disk.
    void begin_clear(const std::string& with, std::uint64_t epoch = 4) {
        files->judge_by([&](const FileCall& call) { return call.name == "try_lock" ? EIO : 0; });
        REQUIRE(save(sample_tombstone(1, epoch), with) == SaveOutcome::fault);
        files->fail_none();
        REQUIRE(has(".erase." + std::to_string(epoch)));
    }
    // Signed out, for good, by what a session does after a load; and a push signs in again.
    void check_heals() {
        LoadResult found = load();
        for (int rounds = 0; found.logout.is_unfinished && rounds < 3; ++rounds) {
            (void)finish_clear(found);
            found = load();
        }
        CHECK(found.logout.is_unfinished == false);
        CHECK((found.record.state == TokenState::signed_out || found.logout.is_due));
        CHECK_FALSE(holds_a_token());
        Record login = sample_record(1, "next-token");
        login.version = {sample_lineage, found.version.revision + 1};
        login.epoch = epoch_after(found);
        CHECK(replace(found.version, login) == SaveOutcome::saved);
        CHECK(load().logout == Logout{});
        CHECK(load().record.token->equals("next-token"));
    }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "A tombstone leaves no byte of the old token in any file of the folder", "[store][clear]") {
    // Quarantined records and a leftover that hold the old token, the worst case.
    for (const char* suffix : {".lost.1", ".lost.2", ".tmp", ".what is this"})
        write_bytes(path + suffix, sealed(key, sample_record(1, token)));
    REQUIRE(holds_a_token());
    REQUIRE(save(sample_tombstone(1)) == SaveOutcome::saved);
    CHECK_FALSE(holds_a_token());
    CHECK(folder.names() == std::set<std::string>{name_hash, name_hash + ".lock", name_hash + ".out.4"});
    CHECK(destroyed == 1);
    const LoadResult result = load();
    CHECK(same(result.record, sample_tombstone(2)));
    CHECK(result.logout == Logout{});
}

TEST_CASE_METHOD(Fixture, "A tombstone needs no key, neither to be saved nor to be found", "[store][clear]") {
    REQUIRE(save(sample_tombstone(1), "") == SaveOutcome::saved);
    CHECK(same(load("").record, sample_tombstone(2)));
    CHECK(same(load(other_key).record, sample_tombstone(2)));
}

TEST_CASE_METHOD(Fixture, "After a tombstone a new token is saved, under a new key too, and its witness goes",
                 "[store][clear]") {
    REQUIRE(save(sample_tombstone(1)) == SaveOutcome::saved);
    Record login = sample_record(2, "next-token");
    login.epoch = 4;
    REQUIRE(save(login, other_key) == SaveOutcome::saved);
    CHECK(load(other_key).outcome == LoadOutcome::found);
    CHECK(load(other_key).logout == Logout{});
    CHECK(destroyed == 1);
    CHECK_FALSE(has(".out.4"));
}

TEST_CASE_METHOD(Fixture, "A clear whose tombstone the disk refuses removes the record, and is due until one is saved",
                 "[store][clear]") {
    files->judge_by([&](const FileCall& call) { return call.path == path + ".tmp" && call.name == "open" ? ENOSPC : 0; });
    const SaveResult refused = save_request(sample_tombstone(1), key);
    CHECK(refused.outcome == SaveOutcome::fault);
    CHECK(refused.fault.os_code == ENOSPC);
    CHECK(destroyed == 0);
    files->fail_none();
    CHECK_FALSE(holds_a_token());
    const LoadResult result = load();
    CHECK(result.outcome == LoadOutcome::absent);
    CHECK(result.logout == Logout{true, 4, true});
    Record login = sample_record(0, "next-token");
    login.epoch = 4;
    CHECK(save(login) == SaveOutcome::conflict);
    check_heals();
}

TEST_CASE_METHOD(Fixture, "A clear that the disk refuses altogether is due for the next process, until a tombstone is saved",
                 "[store][clear]") {
    files->judge_by([&](const FileCall& call) {
        return call.name == "remove" || (call.path == path + ".tmp" && call.name == "open") ? EROFS : 0;
    });
    CHECK(save(sample_tombstone(1)) == SaveOutcome::fault);
    files->fail_none();
    const LoadResult result = load();
    CHECK(result.outcome == LoadOutcome::found);
    CHECK(result.logout == Logout{true, 4, true});
    CHECK(save(sample_record(1, token)) == SaveOutcome::conflict);  // a slide of another process must not undo it
    check_heals();
}

TEST_CASE_METHOD(Fixture, "A clear is marked even while a frozen process holds the lock", "[store][clear]") {
    files->fail_each("try_lock", EWOULDBLOCK);
    CHECK(save(sample_tombstone(1)) == SaveOutcome::unavailable);
    CHECK(load().logout == Logout{true, 4, true});
    files->fail_none();
    check_heals();
}

TEST_CASE_METHOD(Fixture, "A full disk that refuses the marker does not hinder the tombstone", "[store][clear]") {
    files->judge_by([&](const FileCall& call) { return call.path == path + ".erase.4" && call.name == "open" ? ENOSPC : 0; });
    CHECK(save(sample_tombstone(1)) == SaveOutcome::saved);
    CHECK_FALSE(holds_a_token());
}

TEST_CASE_METHOD(Fixture, "A key that was not destroyed is, by the next process, though the disk was full for the marker",
                 "[store][clear]") {
    destroys = false;
    files->judge_by([&, is_full = true](const FileCall& call) mutable {
        if (call.name == "rename" && call.path == path + ".tmp") is_full = false;  // the record gives way to its tombstone
        return is_full && call.path == path + ".erase.4" && call.name == "open" ? ENOSPC : 0;
    });
    CHECK(save(sample_tombstone(1)) == SaveOutcome::unavailable);
    files->fail_none();
    destroys = true;
    REQUIRE(load().logout.is_unfinished);
    CHECK(finish_clear(load()) == SaveOutcome::saved);
    CHECK(destroyed == 2);
}

TEST_CASE_METHOD(Fixture, "A due clear is reported where the record is absent or lost too", "[store][clear]") {
    write_bytes(path + ".erase.4", "");
    SECTION("absent") { std::filesystem::remove(path); }
    SECTION("lost") { write_bytes(path, "damaged"); }
    const LoadResult result = load();
    CHECK(result.outcome != LoadOutcome::found);
    CHECK(result.logout == Logout{true, 4, true});
    check_heals();
}

TEST_CASE_METHOD(Fixture, "A load removes and writes nothing, whatever is left to finish", "[store][clear]") {
    write_bytes(path + ".erase.2", "");
    write_bytes(path + ".erase.4", "");
    write_bytes(path + ".tmp", "x");
    write_bytes(path, "damaged");
    const std::set<std::string> names = folder.names();
    files->judge_by({});
    (void)load();
    for (const std::string& call : files->names())
        CHECK((call == "open" || call == "info" || call == "read" || call == "list" || call == "close"));
    CHECK(folder.names() == names);
    CHECK(file_bytes(path) == "damaged");
}

TEST_CASE_METHOD(Fixture, "A marker that cannot be read says nothing, least of all that the user signed out",
                 "[store][clear]") {
    files->judge_by([&](const FileCall& call) { return call.name == "list" ? EMFILE : 0; });
    const LoadResult result = load();
    CHECK(result.outcome == LoadOutcome::unavailable);
    CHECK(result.logout == Logout{});
    CHECK(save(sample_record(1)) == SaveOutcome::unavailable);
}

TEST_CASE_METHOD(Fixture, "A late clear of an older epoch does not erase the session that came after it", "[store][clear]") {
    REQUIRE(save(sample_tombstone(1)) == SaveOutcome::saved);
    Record login = sample_record(2, "next-token");
    login.epoch = 4;
    REQUIRE(save(login) == SaveOutcome::saved);
    CHECK(save(sample_tombstone(1)) == SaveOutcome::conflict);  // a process that was frozen since the first clear
    CHECK(has(".erase.4"));
    const LoadResult result = load();
    CHECK(result.record.token->equals("next-token"));
    CHECK(result.logout == Logout{});
    CHECK(save(result.record) == SaveOutcome::saved);
    CHECK_FALSE(has(".erase.4"));
    CHECK(destroyed == 1);  // the new session's key is left alone
}

TEST_CASE_METHOD(Fixture, "A clear of an earlier epoch leaves the marker of a later one, and is a conflict", "[store][clear]") {
    write_bytes(path + ".erase.9", "");
    CHECK(save(sample_tombstone(1, 4)) == SaveOutcome::conflict);
    CHECK(has(".erase.9"));
    CHECK(load().logout == Logout{true, 9, true});
    check_heals();
}

TEST_CASE_METHOD(Fixture, "A clear that cannot remove the other files is not done", "[store][clear]") {
    write_bytes(path + ".lost.1", sealed(key, sample_record(1, token)));
    files->judge_by([&](const FileCall& call) { return call.path == path + ".lost.1" ? EACCES : 0; });
    CHECK(save(sample_tombstone(1)) == SaveOutcome::fault);
    CHECK(has(".erase.4"));
    files->fail_none();
    CHECK(load().logout.is_unfinished);
    check_heals();
}

// ---- Who destroys the key --------------------------------------------------------------------------------------------

TEST_CASE_METHOD(Fixture, "A clear that was begun with the key is finished by whoever comes, and the key destroyed",
                 "[store][clear]") {
    begin_clear(key);
    const LoadResult found = load();
    CHECK(found.logout == Logout{true, 4, true});
    CHECK(finish_clear(found) == SaveOutcome::saved);
    CHECK(destroyed == 1);
    CHECK(has(".out.4"));
    CHECK(load().logout == Logout{});
    CHECK_FALSE(holds_a_token());
}

TEST_CASE_METHOD(Fixture, "A clear begun without the key, under another key or by a forger destroys no key", "[store][clear]") {
    SECTION("without") { begin_clear(""); }
    SECTION("another") { begin_clear(other_key); }
    SECTION("forged") { write_bytes(path + ".erase.4", std::string(40, 'x')); }
    SECTION("of another epoch") {
        begin_clear(key);
        std::filesystem::rename(path + ".erase.4", path + ".erase.5");
    }
    SECTION("of another session") {
        RecordFile other = record_file("alice");
        REQUIRE(other.save(next(first_record()), {key}).outcome == SaveOutcome::saved);
        files->judge_by([&](const FileCall& call) { return call.name == "try_lock" ? EIO : 0; });
        REQUIRE(other.save(next(sample_tombstone(1)), {key}).outcome == SaveOutcome::fault);
        files->fail_none();
        std::filesystem::rename(folder.file(*cipher->sha256_hex("alice")) + ".erase.4", path + ".erase.4");
    }
    const LoadResult found = load();
    CHECK(found.logout.is_due);
    CHECK(finish_clear(found) == SaveOutcome::saved);
    CHECK(destroyed == 0);
    CHECK(load().record.state == TokenState::signed_out);
    check_heals();
}

TEST_CASE_METHOD(Fixture, "A clear that another process has finished destroys no key of the login after it", "[store][clear]") {
    RecordFile ours = record_file();
    destroys = false;
    const SaveResult refused = ours.save(next(sample_tombstone(1)), {key});
    CHECK(refused.outcome == SaveOutcome::unavailable);
    CHECK(refused.has_tombstone);
    destroys = true;
    REQUIRE(finish_clear(load()) == SaveOutcome::saved);
    REQUIRE(destroyed == 2);
    Record login = sample_record(load().version.revision, "next-token");
    login.epoch = 4;
    REQUIRE(save(login, other_key) == SaveOutcome::saved);
    CHECK(ours.load(key).fault.cause == StoreCause::other_key);
    // What anybody can forge who may write the folder.
    write_bytes(path, sealed("", sample_tombstone(9, 5)));
    write_bytes(path + ".erase.5", "");
    CHECK(ours.save(next(sample_tombstone(9, 5), true), {other_key}).outcome == SaveOutcome::saved);
    CHECK(destroyed == 2);
}

TEST_CASE_METHOD(Fixture, "The app's own clear destroys the key without one at hand, beside a forged marker too",
                 "[store][clear]") {
    write_bytes(path + ".erase.4", std::string(40, 'x'));
    CHECK(save(sample_tombstone(1), "") == SaveOutcome::saved);
    CHECK(destroyed == 1);
}

TEST_CASE_METHOD(Fixture, "Wherever a load stands while another process clears and signs in anew, it destroys no key and "
                          "voids no record", "[store][clear]") {
    Record login = sample_record(3, "next-token");
    login.epoch = 4;
    const auto others = std::make_shared<CountingFileSystem>(std::make_shared<PosixFileSystem>());
    files->fail_none();
    (void)load();
    const int calls = files->calls();
    int saw_the_old = 0;
    for (int call = 1; call <= calls; ++call) {
        INFO("before call " << call << " of " << calls);
        files->fail_none();
        for (const std::string& name : folder.names()) std::filesystem::remove(folder.file(name));
        REQUIRE(save(first_record()) == SaveOutcome::saved);
        destroyed = 0;
        files->judge_by([&](const FileCall& made) {
            if (made.number != call) return 0;
            RecordFile other(directory, "default", others, cipher, [this] { return ++destroyed > 0; });
            CHECK(other.save(next(sample_tombstone(1)), {key}).outcome == SaveOutcome::saved);
            CHECK(other.save({login, {sample_lineage, 2}}, {other_key}).outcome == SaveOutcome::saved);
            return 0;
        });
        const LoadResult seen = load(key);  // with the key of before
        files->fail_none();
        CHECK(seen.logout == Logout{});
        CHECK((same(seen.record, sample_record(1, token)) || seen.fault.cause == StoreCause::other_key));
        saw_the_old += seen.outcome == LoadOutcome::found ? 1 : 0;
        CHECK(destroyed == 1);
        CHECK(load(other_key).record.token->equals("next-token"));
        CHECK(load(other_key).logout == Logout{});
    }
    CHECK(saw_the_old > 0);
    CHECK(saw_the_old < calls / 2);  // only once the header was opened again
}

TEST_CASE_METHOD(Fixture, "A newer logout's marker is not removed by whoever finishes the one before it", "[store][clear]") {
    begin_clear(key, 4);
    const LoadResult found = load();
    write_bytes(path + ".erase.5", "");  // the second logout, before the first is finished
    CHECK(finish_clear(found) == SaveOutcome::conflict);
    CHECK(has(".erase.5"));
    CHECK(load().logout == Logout{true, 5, true});
}

// ---- What is left of a logout ----------------------------------------------------------------------------------------

TEST_CASE_METHOD(Fixture, "A tombstone with any byte damaged, or gone, is still a logout", "[store][clear]") {
    REQUIRE(save(sample_tombstone(1)) == SaveOutcome::saved);
    const std::string whole = file_bytes(path);
    for (std::size_t i = 0; i <= whole.size(); ++i) {
        INFO("byte " << i);
        std::string damaged = whole;
        if (i < whole.size()) damaged[i] = static_cast<char>(damaged[i] ^ 0xff);
        if (i == whole.size()) damaged.resize(10);
        write_bytes(path, damaged);
        const LoadResult result = load();
        CHECK(result.outcome == LoadOutcome::lost);
        CHECK(result.logout == Logout{true, 4, false});
    }
    std::filesystem::remove(path);
    CHECK(load().outcome == LoadOutcome::absent);
    CHECK(load().logout == Logout{true, 4, false});
    check_heals();
}

TEST_CASE_METHOD(Fixture, "An older record that is put back beside the witness of its logout is void", "[store][clear]") {
    const std::string older = file_bytes(path);
    REQUIRE(save(sample_tombstone(1)) == SaveOutcome::saved);
    write_bytes(path, older);
    CHECK(load().logout == Logout{true, 4, true});
    CHECK(save(sample_record(1, token)) == SaveOutcome::conflict);
    check_heals();
}

TEST_CASE_METHOD(Fixture, "A wrong key beside a stale witness is a wrong key, and no logout", "[store][clear]") {
    write_bytes(path + ".out.3", "");  // a process died before it removed that
    CHECK(load(other_key).fault.cause == StoreCause::other_key);
    CHECK(load(other_key).logout == Logout{});
    // What then replaces the record is found again, though its epoch is below that of a witness.
    write_bytes(path + ".out.9", "");
    REQUIRE(save(sample_record(1, "next-token"), other_key) == SaveOutcome::saved);
    CHECK(load(other_key).logout == Logout{});
}

// ---- Forged numbers --------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(Fixture, "A tombstone whose numbers nobody believes signs out, heals by a push, and a logout after it "
                          "leaves no token", "[store][clear]") {
    Record forged = sample_tombstone(2);
    const bool is_epoch = GENERATE(true, false);
    (is_epoch ? forged.epoch : forged.generation) = GENERATE(most_in_tombstone + 1, counters_end - 1, counters_end, ~0ULL);
    CAPTURE(forged.epoch, forged.generation);
    const std::string public_key = "portal-session tombstone, no key";
    const std::string clear = encode_header(header_of(forged)) + *key_check(*cipher, public_key);
    std::string body;
    append_number<std::uint64_t>(body, forged.epoch);
    append_number<std::uint64_t>(body, forged.generation);
    write_bytes(path, clear + *cipher->seal(public_key, clear + name_hash, body));
    const LoadResult found = load();
    CHECK(found.outcome == LoadOutcome::lost);
    CHECK(found.logout == Logout{true, 0, false});
    check_heals();
    const LoadResult live = load();
    Record tombstone = sample_tombstone(live.version.revision, live.record.epoch + 1);
    CHECK(save(tombstone) == SaveOutcome::saved);
    CHECK(load().record.state == TokenState::signed_out);
    CHECK_FALSE(holds_a_token());
}

TEST_CASE_METHOD(Fixture, "A logout of a session whose numbers no tombstone may hold removes the record, and its witness says "
                          "so", "[store][clear]") {
    Record absurd = sample_record(2, token);
    absurd.epoch = counters_end - 2;
    REQUIRE(save(absurd) == SaveOutcome::conflict);
    absurd.version.revision = 1;
    REQUIRE(save(absurd) == SaveOutcome::saved);
    const Record tombstone = sample_tombstone(3, counters_end - 1);
    RecordFile file = record_file();
    CHECK(file.save({tombstone, {sample_lineage, 2}}, {key}).outcome == SaveOutcome::saved);
    CHECK(destroyed == 1);
    SECTION("to the process that cleared, the absence is that tombstone") {
        Record login = sample_record(4, "next-token");
        login.epoch = 1000;
        CHECK(save(login) == SaveOutcome::conflict);
        CHECK(file.save({login, tombstone.version}, {key}).outcome == SaveOutcome::saved);
        CHECK(load().record.token->equals("next-token"));
        CHECK(load().logout == Logout{});
        return;
    }
    CHECK_FALSE(holds_a_token());
    const LoadResult found = load();
    CHECK(found.outcome == LoadOutcome::absent);
    CHECK(found.logout == Logout{true, 0, false});
    check_heals();
}

TEST_CASE_METHOD(Fixture, "Markers and witnesses with absurd names sign out, and one clear heals the folder", "[store][clear]") {
    const std::string suffix = GENERATE(".erase.", ".erase.x", ".erase.0", ".erase.007", ".erase.1099511627777", ".erase.-1",
                                        ".erase.99999999999999999999999", ".erase.4.5", ".erase", ".out.", ".out.x",
                                        ".out.99999999999999999999999");
    CAPTURE(suffix);
    write_bytes(path + suffix, "");
    CHECK(load().logout == Logout{true, 0, true});
    check_heals();
    CHECK_FALSE(has(suffix));
}

TEST_CASE_METHOD(Fixture, "More files of its name than any honest folder has sign out, and one clear sweeps them all",
                 "[store][clear]") {
    for (int i = 0; i < 500; ++i) write_bytes(path + "." + std::to_string(i), "");
    CHECK(load().logout == Logout{true, 0, true});
    CHECK(save(sample_record(1, token)) == SaveOutcome::conflict);
    check_heals();
    CHECK(folder.names().size() < 5);
}

// ---- Version 0.1.0 ---------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(Fixture, "The marker of version 0.1.0 is honoured, for its epoch or, without it, for every one",
                 "[store][clear]") {
    write_bytes(path + ".erase", std::string("\4\0\0\0\0\0\0\0", 8));
    CHECK(load().logout == Logout{true, 4, true});
    write_bytes(path + ".erase", std::string("\3\0\0\0\0\0\0\0", 8));  // of the epoch before this record's
    CHECK(load().logout == Logout{});
    CHECK(save(sample_record(1)) == SaveOutcome::saved);
    CHECK_FALSE(has(".erase"));
    for (const std::string& bytes : {std::string(), std::string(8, '\0'), std::string(8, '\xff'), std::string(9, '\1')}) {
        write_bytes(path + ".erase", bytes);
        CHECK(load().logout == Logout{true, 0, true});
    }
    check_heals();
    CHECK_FALSE(has(".erase"));
}

TEST_CASE_METHOD(Fixture, "A tombstone of version 0.1.0 is honoured, and damaged too; its record is lost", "[store][clear]") {
    const std::string public_key = "portal-session tombstone, no key";
    std::string clear("portalps\1\0\1\0", 12);
    clear += *key_check(*cipher, public_key) + std::string("\7\0\0\0\0\0\0\0", 8);
    std::string plain("\1\0", 2);
    for (const std::uint64_t number : {7, 1, 5, 12}) append_number<std::uint64_t>(plain, number);
    plain = (plain + '\3').append(164 - 35, '\0');
    const std::string old = clear + *cipher->seal(public_key, clear + name_hash, plain);
    write_bytes(path, old);
    const LoadResult found = load();
    REQUIRE(found.outcome == LoadOutcome::found);
    CHECK(found.record.state == TokenState::signed_out);
    CHECK(found.record.epoch == 5);
    check_heals();

    write_bytes(path, old.substr(0, old.size() - 1) + "x");
    CHECK(load().outcome == LoadOutcome::lost);
    CHECK(load().logout == Logout{true, 0, false});
    check_heals();
}

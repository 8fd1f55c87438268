#include "store/record_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/catch.hpp"
#include "support/record_folder.hpp"

using namespace portal;
using namespace portal::test;

namespace {

struct Fixture : RecordFolder {
    void check_lost(StoreCause reason) {
        const std::string before = file_bytes(path);
        const std::set<std::string> names = folder.names();
        for (int loads = 0; loads < 2; ++loads) {
            const LoadResult result = load();
            CHECK(result.outcome == LoadOutcome::lost);
            CHECK(result.fault.cause == reason);
            CHECK_FALSE(result.record.token);
        }
        CHECK(file_bytes(path) == before);
        CHECK(folder.names() == names);
    }
    // As a session does that found nothing it can use: a new record, of a lineage of its own, in its place.
    SaveOutcome save_anew(const std::string& next_token) {
        Record record = sample_record(1, next_token);
        record.version.lineage = 0x1234;
        const LoadResult found = load();
        record.epoch = std::max(record.epoch, found.logout.epoch);
        return replace(found.version, record);
    }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "A saved record is found again, one revision on", "[store][file]") {
    CHECK(load().outcome == LoadOutcome::absent);
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    const LoadResult result = load();
    REQUIRE(result.outcome == LoadOutcome::found);
    CHECK(same(result.record, sample_record(1, token)));
    CHECK(result.logout == Logout{});
    CHECK(save(result.record) == SaveOutcome::saved);
    CHECK(load().version == RecordVersion{sample_lineage, 2});
}

TEST_CASE_METHOD(Fixture, "Constructing does no I/O", "[store][file]") {
    record_file();
    CHECK(files->calls() == 0);
}

TEST_CASE_METHOD(Fixture, "The folder holds the record and its lock, for the owner alone, without the token in clear",
                 "[store][file]") {
    ::umask(022);
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    CHECK(folder.names() == std::set<std::string>{name_hash, name_hash + ".lock"});
    for (const std::string& name : folder.names()) {
        struct stat status{};
        REQUIRE(::stat(folder.file(name).c_str(), &status) == 0);
        CHECK((status.st_mode & 07777) == 0600);
        CHECK(file_bytes(folder.file(name)).find("canary") == std::string::npos);
    }
}

TEST_CASE_METHOD(Fixture, "An empty session name is the name default", "[store][file]") {
    REQUIRE(record_file("").save(next(first_record()), {key}).outcome == SaveOutcome::saved);
    CHECK(load().outcome == LoadOutcome::found);
}

TEST_CASE_METHOD(Fixture, "A missing folder is absent to a load, and made by a save, each new level for the owner alone",
                 "[store][file]") {
    directory = folder.file("a/b/c");
    CHECK(load().outcome == LoadOutcome::absent);
    CHECK(folder.names().empty());
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    CHECK(load().outcome == LoadOutcome::found);
    for (const char* level : {"a", "a/b", "a/b/c"}) {
        struct stat status{};
        REQUIRE(::stat(folder.file(level).c_str(), &status) == 0);
        CHECK((status.st_mode & 07777) == 0700);
    }
}

TEST_CASE_METHOD(Fixture, "A clear of a session that was never stored makes its folder too", "[store][file]") {
    directory = folder.file("a/b");
    REQUIRE(save(sample_tombstone(0)) == SaveOutcome::saved);
    CHECK(load().record.state == TokenState::signed_out);
}

TEST_CASE_METHOD(Fixture, "A save of another version than the stored one is a conflict and changes nothing",
                 "[store][file]") {
    CHECK(save(sample_record(5)) == SaveOutcome::conflict);  // nothing is stored
    CHECK(load().outcome == LoadOutcome::absent);
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    CHECK(save(sample_record(0, "newer")) == SaveOutcome::conflict);
    CHECK(save(sample_record(2, "newer")) == SaveOutcome::conflict);
    CHECK(replace({sample_lineage + 1, 1}, sample_record(2, "newer")) == SaveOutcome::conflict);
    CHECK(replace({sample_lineage + 1, 1}, sample_tombstone(2)) == SaveOutcome::conflict);
    CHECK(same(load().record, sample_record(1, token)));
}

TEST_CASE_METHOD(Fixture, "A record made anew after damage is not replaced by one of before it, at the same revision",
                 "[store][file]") {
    REQUIRE(save(first_record()) == SaveOutcome::saved);  // as a process knows it that is asleep now
    write_bytes(path, "damaged");
    REQUIRE(save_anew("made-anew") == SaveOutcome::saved);
    REQUIRE(load().version.revision == 1);
    CHECK(save(sample_record(1, "old")) == SaveOutcome::conflict);
    CHECK(load().record.token->equals("made-anew"));
}

TEST_CASE_METHOD(Fixture, "A record that no session writes, or without a key, is not saved", "[store][file]") {
    Record impossible = first_record();
    impossible.token = nullptr;
    CHECK(save(impossible) == SaveOutcome::fault);
    CHECK(save(first_record(), "") == SaveOutcome::fault);
    CHECK(save(first_record(), "short") == SaveOutcome::fault);
    CHECK(folder.names().empty());
    const Record unnamed = [&] {
        Record record = first_record();
        record.name = "of another session";
        return record;
    }();
    REQUIRE(save(unnamed) == SaveOutcome::saved);
    CHECK(load().record.name == "default");  // the store knows whose it is
}

// ---- Records that fail -----------------------------------------------------------------------------------------------

TEST_CASE_METHOD(Fixture, "A record cut at any length is lost, and never trusted", "[store][file]") {
    const std::string whole = sealed(key, sample_record(1, token));
    for (std::size_t size = 0; size < whole.size(); ++size) {
        INFO("cut at " << size);
        write_bytes(path, whole.substr(0, size));
        const LoadResult result = load();
        CHECK(result.outcome == LoadOutcome::lost);
        CHECK(result.fault.cause == StoreCause::damaged);
        CHECK_FALSE(result.logout.is_due);
    }
    write_bytes(path, whole + "x");
    check_lost(StoreCause::damaged);
}

TEST_CASE_METHOD(Fixture, "A record with any bit flipped is lost", "[store][file]") {
    const std::string whole = sealed(key, sample_record(1, token));
    for (std::size_t i = 0; i < whole.size() * 8; ++i) {
        INFO("bit " << i);
        std::string flipped = whole;
        flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
        const LoadResult result = open_record(*cipher, key, name_hash, flipped);
        const bool is_format = i / 8 == 6 && static_cast<unsigned char>(flipped[6]) > 2;  // then it says that a newer version wrote it
        CHECK(result.outcome == (is_format ? LoadOutcome::fault : LoadOutcome::lost));
    }
    CHECK(open_record(*cipher, key, name_hash, whole).outcome == LoadOutcome::found);
}

TEST_CASE_METHOD(Fixture, "A tombstone with any bit flipped is lost, and still a logout", "[store][file]") {
    const std::string whole = sealed("", sample_tombstone());
    for (std::size_t i = 0; i < whole.size() * 8; ++i) {
        INFO("bit " << i);
        std::string flipped = whole;
        flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
        const LoadResult result = open_record(*cipher, key, name_hash, flipped);
        CHECK(result.outcome == LoadOutcome::lost);
        CHECK(result.logout.is_due);
    }
}

TEST_CASE_METHOD(Fixture, "All zero, random and foreign bytes are lost", "[store][file]") {
    std::string random(300, '\0');
    std::uint64_t state = 1;
    for (char& byte : random) byte = static_cast<char>((state = state * 6364136223846793005ULL + 1) >> 56);
    for (const std::string& bytes :
         {std::string(300, '\0'), random, std::string("portal\2"), std::string("{\"token\":\"x\"}")}) {
        write_bytes(path, bytes);
        check_lost(StoreCause::damaged);
    }
}

TEST_CASE_METHOD(Fixture, "A record of an older format is lost as such, and replaced by the next save", "[store][file]") {
    write_bytes(path, std::string("portalps\x01\0\0\0", 12).append(200, 'x'));
    check_lost(StoreCause::old_format);
    REQUIRE(save_anew("next") == SaveOutcome::saved);
    CHECK(load().record.token->equals("next"));
}

TEST_CASE_METHOD(Fixture, "A record of a newer format is left untouched by all but a clear", "[store][file]") {
    std::string newer = sealed(key, sample_record(1, token));
    newer[6] = 3;
    write_bytes(path, newer);
    const LoadResult result = load();
    CHECK(result.outcome == LoadOutcome::fault);
    CHECK(result.fault.cause == StoreCause::newer_format);
    CHECK(result.version == RecordVersion{sample_lineage, 1});
    CHECK(save_request(sample_record(1, "older"), key).fault.cause == StoreCause::newer_format);
    CHECK(save(sample_record(1, "older")) == SaveOutcome::fault);
    CHECK(file_bytes(path) == newer);
    CHECK(save(sample_tombstone(1)) == SaveOutcome::saved);
    CHECK(load().record.state == TokenState::signed_out);
    CHECK_FALSE(holds_a_token());
}

TEST_CASE_METHOD(Fixture, "A record under another key is told apart from a damaged one, and a wrong key costs nothing",
                 "[store][file]") {
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    const std::set<std::string> names = folder.names();
    for (const std::string& with : {std::string(), other_key}) {
        const LoadResult result = load(with);
        CHECK(result.outcome == LoadOutcome::lost);
        CHECK(result.fault.cause == StoreCause::other_key);
        CHECK(result.version == RecordVersion{sample_lineage, 1});
    }
    CHECK(folder.names() == names);
    CHECK(same(load().record, sample_record(1, token)));
}

TEST_CASE_METHOD(Fixture, "A save that replaces a record under another key keeps that one in quarantine", "[store][file]") {
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    const std::string old_bytes = file_bytes(path);
    CHECK(save(sample_record(1, "other"), other_key) == SaveOutcome::saved);
    CHECK(file_bytes(path + ".lost.1") == old_bytes);
    CHECK(load(other_key).outcome == LoadOutcome::found);
}

TEST_CASE_METHOD(Fixture, "A record of another session is lost", "[store][file]") {
    REQUIRE(record_file("alice").save(next(first_record()), {key}).outcome == SaveOutcome::saved);
    std::filesystem::copy_file(folder.file(*cipher->sha256_hex("alice")), path);
    check_lost(StoreCause::damaged);
    CHECK(record_file("alice").load(key).outcome == LoadOutcome::found);
}

TEST_CASE_METHOD(Fixture, "A record with a token under the tombstones' public key is lost", "[store][file]") {
    // What a forger can make: all is right but that it is no tombstone.
    const std::string public_key = "portal-session tombstone, no key";
    std::string clear = sealed({}, sample_tombstone()).substr(0, sealed_clear_bytes);
    const Result<Secret> plain = encode_body(sample_record(7, token));
    for (const char kind : {'\0', '\1'}) {
        clear[7] = kind;
        const std::string forged = clear + *cipher->seal(public_key, clear + name_hash, plain->reveal());
        write_bytes(path, forged);
        check_lost(StoreCause::damaged);
    }
}

TEST_CASE_METHOD(Fixture, "A huge file is lost without being read whole", "[store][file]") {
    write_bytes(path, "");
    std::filesystem::resize_file(path, 1'000'000'000);
    const LoadResult result = load();
    CHECK(result.outcome == LoadOutcome::lost);
    CHECK(result.fault.cause == StoreCause::damaged);
    CHECK(std::filesystem::file_size(path) == 1'000'000'000);
    CHECK(files->most_read() <= max_sealed_bytes + 1);
}

TEST_CASE_METHOD(Fixture, "The save that replaces a damaged record puts it in quarantine, the newest two of them",
                 "[store][file]") {
    for (const char* bytes : {"first", "second", "third"}) {
        write_bytes(path, bytes);
        check_lost(StoreCause::damaged);
        REQUIRE(save_anew("next") == SaveOutcome::saved);
    }
    CHECK(file_bytes(path + ".lost.1") == "third");
    CHECK(file_bytes(path + ".lost.2") == "second");
    CHECK(folder.names().size() == 4);  // with record and lock
}

TEST_CASE_METHOD(Fixture, "A loss is reported to each process until one saves", "[store][file]") {
    write_bytes(path, "damaged");
    check_lost(StoreCause::damaged);
    std::filesystem::rename(path, path + ".lost.1");  // a process that died between the quarantine and its record
    CHECK(load().outcome == LoadOutcome::lost);
    CHECK(load().fault.cause == StoreCause::earlier);
    CHECK(load().version == RecordVersion{});
    REQUIRE(save_anew("next") == SaveOutcome::saved);
    CHECK(load().outcome == LoadOutcome::found);
}

TEST_CASE_METHOD(Fixture, "A damaged record that another process mends meanwhile is a conflict", "[store][file]") {
    write_bytes(path, "damaged");
    const RecordVersion damaged = load().version;
    write_bytes(path, sealed(key, sample_record(3, token)));
    CHECK(replace(damaged, sample_record(1, "ours")) == SaveOutcome::conflict);
    CHECK(load().record.token->equals(token));
}

TEST_CASE_METHOD(Fixture, "A load looks again where the record changes under it, and gives up after a while",
                 "[store][file]") {
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    std::uint64_t revision = 1;
    const bool changes_once = GENERATE(true, false);
    files->judge_by([&](const FileCall& call) {
        if (call.name == "list" && (revision == 1 || !changes_once))
            write_bytes(path, sealed(key, sample_record(++revision, token)));
        return 0;
    });
    const LoadResult result = load();
    CHECK(result.outcome == (changes_once ? LoadOutcome::found : LoadOutcome::unavailable));
    if (changes_once) CHECK(result.version.revision == 2);
}

TEST_CASE_METHOD(Fixture, "A link, a pipe or an empty folder in the record's place is lost, is not followed, and heals",
                 "[store][file]") {
    const std::string target = folder.file("target");
    const std::string good = sealed(key, sample_record(1, token));
    write_bytes(target, good);
    const auto place = GENERATE(0, 1, 2);
    CAPTURE(place);
    if (place == 0) std::filesystem::create_symlink(target, path);
    if (place == 1) REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    if (place == 2) std::filesystem::create_directory(path);
    const LoadResult result = load();
    CHECK(result.outcome == LoadOutcome::lost);
    CHECK(result.fault.cause == StoreCause::damaged);
    REQUIRE(save_anew("next") == SaveOutcome::saved);
    CHECK(load().record.token->equals("next"));
    CHECK(file_bytes(target) == good);
    CHECK(folder.names().count(name_hash + ".lost.1") == 0);
}

TEST_CASE_METHOD(Fixture, "Folders that hold something, in the place of every file of ours, are moved aside with what they hold",
                 "[store][file]") {
    const std::vector<std::string> suffixes{"", ".lock", ".claim", ".tmp", ".lost.1", ".lost.2", ".erase.3", ".out.3"};
    for (const std::string& suffix : suffixes) {
        std::filesystem::create_directory(path + suffix);
        write_bytes(path + suffix + "/somebody's", "");
    }
    SECTION("by a login, and the logout after it") {
        std::filesystem::rename(path + ".erase.3", directory + "/elsewhere");
        REQUIRE(save_anew("next") == SaveOutcome::saved);
        CHECK(load().record.token->equals("next"));
        Record tombstone = load().record;
        ++tombstone.epoch;
        tombstone.state = TokenState::signed_out;
        REQUIRE(save(tombstone) == SaveOutcome::saved);
    }
    SECTION("by a logout") {
        REQUIRE(finish_clear(load()) == SaveOutcome::saved);
    }
    CHECK(load().logout == Logout{});
    CHECK(load().record.state == TokenState::signed_out);
    std::size_t kept = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator(directory)) kept += file.path().filename() == "somebody's";
    CHECK(kept == suffixes.size());
}

TEST_CASE_METHOD(Fixture, "A damaged record is set aside though folders lie in the place of both that were", "[store][file]") {
    for (const char* suffix : {".lost.1", ".lost.2"}) {
        std::filesystem::create_directory(path + suffix);
        write_bytes(path + suffix + "/somebody's", "");
    }
    write_bytes(path, "damaged");
    REQUIRE(save_anew("next") == SaveOutcome::saved);
    CHECK(load().record.token->equals("next"));
    CHECK(file_bytes(path + ".lost.1") == "damaged");
}

TEST_CASE_METHOD(Fixture, "A folder that every user may write is refused, by load, save and clear, and so is another user's",
                 "[store][file]") {
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    const std::set<std::string> names = folder.names();
    REQUIRE(::chmod(directory.c_str(), 0777) == 0);
    const StoreFault refused{StoreCause::system, EPERM};
    CHECK(load().fault == refused);
    CHECK(save_request(sample_record(1), key).fault == refused);
    CHECK(save_request(sample_tombstone(1), key).fault == refused);
    CHECK(folder.names() == names);
    REQUIRE(::chmod(directory.c_str(), 01777) == 0);  // nobody but the owner replaces a file there
    CHECK(load().outcome == LoadOutcome::found);
    if (::geteuid() != 0) return;
    REQUIRE(::chmod(directory.c_str(), 0755) == 0);
    REQUIRE(::chown(directory.c_str(), 1, 1) == 0);
    CHECK(load().fault == refused);
    CHECK(save_request(sample_tombstone(1), key).fault == refused);
    REQUIRE(::chown(directory.c_str(), 0, 0) == 0);
}

TEST_CASE_METHOD(Fixture, "A symbolic link in the place of a file that is written is not followed", "[store][file]") {
    const std::string target = folder.file("target");
    write_bytes(target, "untouched");
    for (const char* suffix : {".lock", ".tmp", ".erase.4", ".claim", ".lost.1"}) {
        std::filesystem::create_symlink(target, path + suffix);
        save(first_record());
        save(sample_tombstone(0));
        CHECK(file_bytes(target) == "untouched");
        for (const std::string& name : folder.names())
            if (name != "target") std::filesystem::remove(folder.file(name));
    }
}

TEST_CASE_METHOD(Fixture, "Another user's file in the record's place is a fault, and is left", "[store][file]") {
    write_bytes(path, sealed(key, sample_record(1, token)));
    files->pretend_foreign_owner(true);
    CHECK(load().outcome == LoadOutcome::fault);
    CHECK(load().fault == StoreFault{StoreCause::system, EPERM});
    CHECK(save(sample_record(1)) == SaveOutcome::fault);
    CHECK(std::filesystem::exists(path));
}

// ---- The operating system refuses ------------------------------------------------------------------------------------

TEST_CASE_METHOD(Fixture, "A read-only folder gives what is there, and a fault with its errno to a save", "[store][file]") {
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    files->judge_by([&](const FileCall& call) {
        const bool writes = call.name == "remove" || call.name == "rename" || call.name == "write" ||
                            (call.name == "open" && call.path == path + ".tmp");
        return writes ? EROFS : 0;
    });
    const SaveResult result = save_request(sample_record(1, "newer"), key);
    CHECK(result.outcome == SaveOutcome::fault);
    CHECK(result.fault.os_code == EROFS);
    CHECK(same(load().record, sample_record(1, token)));
}

TEST_CASE_METHOD(Fixture, "A full disk leaves the old record and no half-written file", "[store][file]") {
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    for (const char* call : {"write", "sync"}) {
        files->fail_each(call, ENOSPC);
        const SaveResult result = save_request(sample_record(1, "newer"), key);
        CHECK(result.outcome == SaveOutcome::fault);
        CHECK(result.fault == StoreFault{StoreCause::system, ENOSPC});
        files->fail_none();
        CHECK(same(load().record, sample_record(1, token)));
        CHECK(folder.names().size() == 2);
    }
}

TEST_CASE_METHOD(Fixture, "A file that may not be read is a fault with its errno, and nothing is set aside",
                 "[store][file]") {
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    for (const char* call : {"open", "info", "read"}) {
        files->fail_each(call, EACCES);
        CHECK(load().outcome == LoadOutcome::fault);
        CHECK(load().fault == StoreFault{StoreCause::system, EACCES});
    }
    files->fail_none();
    CHECK(load().outcome == LoadOutcome::found);
}

TEST_CASE_METHOD(Fixture, "A process out of descriptors or memory is told to come again", "[store][file]") {
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    for (const int os_code : {EMFILE, ENFILE, ENOMEM}) {
        files->fail_each("open", os_code);
        CHECK(load().outcome == LoadOutcome::unavailable);
        CHECK(save(sample_record(1)) == SaveOutcome::unavailable);
    }
}

// ---- The lock --------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(Fixture, "A lock held by another is tried for half a second, then the save is unavailable",
                 "[store][file]") {
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    const int holder = ::open((path + ".lock").c_str(), O_RDWR | O_CLOEXEC);
    REQUIRE(::flock(holder, LOCK_EX | LOCK_NB) == 0);
    CHECK(save(sample_record(1)) == SaveOutcome::unavailable);
    CHECK(files->slept_ms() == 500);
    CHECK(load().outcome == LoadOutcome::found);  // a load needs no lock
    write_bytes(path, "damaged");
    CHECK(load().outcome == LoadOutcome::lost);
    ::close(holder);
}

TEST_CASE_METHOD(Fixture, "A lock let go in time lets the save through, and is let go afterwards", "[store][file]") {
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    const int holder = ::open((path + ".lock").c_str(), O_RDWR | O_CLOEXEC);
    REQUIRE(::flock(holder, LOCK_EX | LOCK_NB) == 0);
    files->on_sleep([&] {
        if (files->slept_ms() == 200) ::flock(holder, LOCK_UN);
    });
    CHECK(save(sample_record(1)) == SaveOutcome::saved);
    CHECK(files->slept_ms() == 200);
    CHECK(::flock(holder, LOCK_EX | LOCK_NB) == 0);
    ::close(holder);
}

TEST_CASE_METHOD(Fixture, "A link, a pipe, a socket or a folder in the place of the lock gives way to a lock", "[store][file]") {
    const std::string target = folder.file("target");
    const std::string lock = path + ".lock";
    write_bytes(target, "untouched");
    SECTION("link") { std::filesystem::create_symlink(target, lock); }
    SECTION("pipe") { REQUIRE(::mkfifo(lock.c_str(), 0600) == 0); }
    SECTION("socket") { REQUIRE(::mknod(lock.c_str(), S_IFSOCK | 0600, 0) == 0); }
    SECTION("folder") { std::filesystem::create_directory(lock); }
    SECTION("folder that holds something") { std::filesystem::create_directories(lock + "/somebody's"); }
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    CHECK(std::filesystem::is_regular_file(std::filesystem::symlink_status(lock)));
    CHECK(file_bytes(target) == "untouched");
    REQUIRE(save(sample_tombstone(1)) == SaveOutcome::saved);
    CHECK(load().record.state == TokenState::signed_out);
}

TEST_CASE_METHOD(Fixture, "Of two processes that heal the lock's place neither takes away the lock that the other has made",
                 "[store][file]") {
    std::filesystem::create_symlink("/nowhere", path + ".lock");
    bool has_come = false;
    SECTION("the other is done between its look and our removal") {
        const int folder_lock = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        REQUIRE(::flock(folder_lock, LOCK_EX | LOCK_NB) == 0);  // as the other holds it
        CHECK(save(first_record()) == SaveOutcome::unavailable);
        CHECK(std::filesystem::is_symlink(path + ".lock"));
        ::close(folder_lock);
        CHECK(save(first_record()) == SaveOutcome::saved);
    }
    SECTION("the other has done it, and holds it, before we look") {
        int held = -1;
        files->judge_by([&](const FileCall& call) {
            if (call.name != "try_lock" || std::exchange(has_come, true)) return 0;
            std::filesystem::remove(path + ".lock");
            held = ::open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
            return ::flock(held, LOCK_EX | LOCK_NB);
        });
        CHECK(save(first_record()) == SaveOutcome::unavailable);
        files->fail_none();
        ::close(held);
        CHECK(save(first_record()) == SaveOutcome::saved);
    }
}

TEST_CASE_METHOD(Fixture, "The lock file is never replaced", "[store][file]") {
    const auto inode = [&] {
        struct stat status{};
        ::stat((path + ".lock").c_str(), &status);
        return status.st_ino;
    };
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    const auto before = inode();
    REQUIRE(save(sample_record(1)) == SaveOutcome::saved);
    REQUIRE(save(sample_tombstone(2)) == SaveOutcome::saved);
    write_bytes(path, "damaged");
    REQUIRE(save_anew("next") == SaveOutcome::saved);
    CHECK(inode() == before);
}

TEST_CASE_METHOD(Fixture, "What a process that died while saving left behind is no hindrance", "[store][file]") {
    write_bytes(path + ".tmp", std::string(100'000, 'x'));
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    CHECK(folder.names().size() == 2);
    CHECK(load().outcome == LoadOutcome::found);
}

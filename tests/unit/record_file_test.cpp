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
        const LoadResult result = load();
        CHECK(result.outcome == LoadOutcome::lost);
        CHECK(result.fault.cause == reason);
        CHECK_FALSE(result.record.token);
        CHECK(load().fault.cause == StoreCause::earlier);
    }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "A saved record is found again, one revision on", "[store][file]") {
    CHECK(load().outcome == LoadOutcome::absent);
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    const LoadResult result = load();
    REQUIRE(result.outcome == LoadOutcome::found);
    CHECK(same(result.record, sample_record(1, token)));
    CHECK_FALSE(result.erase_pending);
    CHECK(save(result.record) == SaveOutcome::saved);
    CHECK(load().record.revision == 2);
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
    REQUIRE(record_file("").save(first_record(), key).outcome == SaveOutcome::saved);
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

TEST_CASE_METHOD(Fixture, "A save with another revision than the stored one is a conflict and changes nothing",
                 "[store][file]") {
    CHECK(save(sample_record(5)) == SaveOutcome::conflict);  // nothing is stored: its revision counts as 0
    CHECK(load().outcome == LoadOutcome::absent);
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    CHECK(save(sample_record(0, "newer")) == SaveOutcome::conflict);
    CHECK(save(sample_record(2, "newer")) == SaveOutcome::conflict);
    CHECK(save(sample_tombstone(0)) == SaveOutcome::conflict);
    CHECK(same(load().record, sample_record(1, token)));
}

TEST_CASE_METHOD(Fixture, "A record that no session writes, or without a key, is not saved", "[store][file]") {
    Record impossible = first_record();
    impossible.token = nullptr;
    CHECK(save(impossible) == SaveOutcome::fault);
    CHECK(save(first_record(), "") == SaveOutcome::fault);
    CHECK(save(first_record(), "short") == SaveOutcome::fault);
    CHECK(folder.names().empty());
}

// ---- Records that fail -----------------------------------------------------------------------------------------------

TEST_CASE_METHOD(Fixture, "A record cut at any length is lost, set aside and never trusted", "[store][file]") {
    const std::string whole = sealed(key, sample_record(1, token));
    for (std::size_t size = 0; size < whole.size(); ++size) {
        INFO("cut at " << size);
        write_bytes(path, whole.substr(0, size));
        const LoadResult result = load();
        CHECK(result.outcome == LoadOutcome::lost);
        CHECK(result.fault.cause == StoreCause::damaged);
        CHECK_FALSE(std::filesystem::exists(path));
        CHECK(file_bytes(path + ".lost.1") == whole.substr(0, size));
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
        CHECK(open_record(*cipher, key, name_hash, flipped).outcome == LoadOutcome::lost);
    }
    CHECK(open_record(*cipher, key, name_hash, whole).outcome == LoadOutcome::found);
}

TEST_CASE_METHOD(Fixture, "A tombstone with any bit flipped is lost", "[store][file]") {
    const std::string whole = sealed("", sample_tombstone());
    for (std::size_t i = 0; i < whole.size() * 8; ++i) {
        std::string flipped = whole;
        flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
        CHECK(open_record(*cipher, key, name_hash, flipped).outcome == LoadOutcome::lost);
    }
}

TEST_CASE_METHOD(Fixture, "All zero, random and foreign bytes are lost", "[store][file]") {
    std::string random(300, '\0');
    std::uint64_t state = 1;
    for (char& byte : random) byte = static_cast<char>((state = state * 6364136223846793005ULL + 1) >> 56);
    for (const std::string& bytes :
         {std::string(300, '\0'), random, std::string("portalps"), std::string("{\"token\":\"x\"}")}) {
        write_bytes(path, bytes);
        check_lost(StoreCause::damaged);
    }
}

TEST_CASE_METHOD(Fixture, "A record of another format is lost as such", "[store][file]") {
    std::string newer = sealed(key, sample_record(1, token));
    newer[8] = 2;
    write_bytes(path, newer);
    check_lost(StoreCause::other_format);
}

TEST_CASE_METHOD(Fixture, "A record under another key is lost, told apart from a damaged one", "[store][file]") {
    write_bytes(path, sealed(other_key, sample_record(1, token)));
    check_lost(StoreCause::other_key);
}

TEST_CASE_METHOD(Fixture, "A record under another key stays where it is as long as a newer key may come", "[store][file]") {
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    for (const std::string& with : {std::string(), other_key}) {
        const LoadResult result = load(with, OtherKey::keep);
        CHECK(result.outcome == LoadOutcome::lost);
        CHECK(result.fault.cause == StoreCause::other_key);
    }
    CHECK(load().outcome == LoadOutcome::found);
}

TEST_CASE_METHOD(Fixture, "A record of another session is lost", "[store][file]") {
    REQUIRE(record_file("alice").save(first_record(), key).outcome == SaveOutcome::saved);
    std::filesystem::copy_file(folder.file(*cipher->sha256_hex("alice")), path);
    check_lost(StoreCause::damaged);
    CHECK(record_file("alice").load(key, OtherKey::set_aside).outcome == LoadOutcome::found);
}

TEST_CASE_METHOD(Fixture, "A record with a token under the tombstones' public key is lost", "[store][file]") {
    // What a forger can make: all is right but that it is no tombstone.
    const std::string public_key = "portal-session tombstone, no key";
    std::string forged = sealed({}, sample_tombstone()).substr(0, sealed_header_bytes);
    const Result<Secret> plain = encode_record(sample_record(7, token));
    forged += *cipher->seal(public_key, forged + name_hash, plain->reveal());
    REQUIRE(
        cipher->open(public_key, forged.substr(0, sealed_header_bytes) + name_hash, forged.substr(sealed_header_bytes)));
    write_bytes(path, forged);
    check_lost(StoreCause::damaged);
}

TEST_CASE_METHOD(Fixture, "A huge file is lost without being read whole", "[store][file]") {
    write_bytes(path, "");
    std::filesystem::resize_file(path, 1'000'000'000);
    check_lost(StoreCause::damaged);
    CHECK(files->most_read() <= max_sealed_bytes + 1);
}

TEST_CASE_METHOD(Fixture, "Two lost records are kept at most, the newest two", "[store][file]") {
    for (const char* bytes : {"first", "second", "third"}) {
        write_bytes(path, bytes);
        check_lost(StoreCause::damaged);
    }
    CHECK(file_bytes(path + ".lost.1") == "third");
    CHECK(file_bytes(path + ".lost.2") == "second");
    CHECK(folder.names().size() == 3);  // with the lock
}

TEST_CASE_METHOD(Fixture, "A loss is told to each process that comes, until one saves, and to each only once",
                 "[store][file]") {
    write_bytes(path, "damaged");
    check_lost(StoreCause::damaged);
    RecordFile next = record_file();
    CHECK(next.load(key, OtherKey::set_aside).outcome == LoadOutcome::lost);
    CHECK(next.load(key, OtherKey::set_aside).outcome == LoadOutcome::absent);
    CHECK(next.save(first_record(), key).outcome == SaveOutcome::saved);
    CHECK(load().outcome == LoadOutcome::found);
}

TEST_CASE_METHOD(Fixture, "A save over a damaged record is a conflict; once a load has set it aside, it goes through",
                 "[store][file]") {
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    write_bytes(path, "damaged");
    CHECK(save(sample_record(1)) == SaveOutcome::conflict);
    CHECK(load().outcome == LoadOutcome::lost);
    CHECK(save(first_record()) == SaveOutcome::saved);
}

TEST_CASE_METHOD(Fixture, "A record that another process mends before it is set aside is found", "[store][file]") {
    write_bytes(path, "damaged");
    files->judge_by([&](const FileCall& call) {
        if (call.name == "try_lock") write_bytes(path, sealed(key, sample_record(3, token)));
        return 0;
    });
    CHECK(load().outcome == LoadOutcome::found);
    CHECK(folder.names().count(name_hash + ".lost.1") == 0);
}

TEST_CASE_METHOD(Fixture, "A symbolic link in the record's place is a fault and is not followed", "[store][file]") {
    const std::string target = folder.file("target");
    const std::string good = sealed(key, sample_record(1, token));
    write_bytes(target, good);
    std::filesystem::create_symlink(target, path);
    const LoadResult result = load();
    CHECK(result.outcome == LoadOutcome::fault);
    CHECK(result.fault.os_code == ELOOP);
    CHECK(save(sample_record(1)) == SaveOutcome::fault);
    CHECK(std::filesystem::is_symlink(path));
    CHECK(file_bytes(target) == good);
}

TEST_CASE_METHOD(Fixture, "A symbolic link in the place of a file that is written is not followed", "[store][file]") {
    const std::string target = folder.file("target");
    write_bytes(target, "untouched");
    for (const char* suffix : {".lock", ".tmp", ".erase"}) {
        std::filesystem::create_symlink(target, path + suffix);
        save(first_record());
        save(sample_tombstone(0));
        CHECK(file_bytes(target) == "untouched");
        for (const std::string& name : folder.names())
            if (name != "target") std::filesystem::remove(folder.file(name));
    }
}

TEST_CASE_METHOD(Fixture, "A directory, a pipe or another user's file in the record's place is a fault", "[store][file]") {
    SECTION("directory") {
        std::filesystem::create_directory(path);
        CHECK(load().fault.os_code == EINVAL);
    }
    SECTION("pipe") {
        REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
        CHECK(load().fault.os_code == EINVAL);
    }
    SECTION("another user's") {
        write_bytes(path, sealed(key, sample_record(1, token)));
        files->pretend_foreign_owner(true);
        CHECK(load().fault.os_code == EPERM);
    }
    CHECK(load().outcome == LoadOutcome::fault);
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
    const SaveResult result = record_file().save(sample_record(1, "newer"), key);
    CHECK(result.outcome == SaveOutcome::fault);
    CHECK(result.fault.os_code == EROFS);
    CHECK(same(load().record, sample_record(1, token)));
}

TEST_CASE_METHOD(Fixture, "A damaged record that cannot be set aside is a fault, not a loss", "[store][file]") {
    write_bytes(path, "damaged");
    files->fail_each("rename", EROFS);
    const LoadResult result = load();
    CHECK(result.outcome == LoadOutcome::fault);
    CHECK(result.fault.os_code == EROFS);
    CHECK(file_bytes(path) == "damaged");
}

TEST_CASE_METHOD(Fixture, "A full disk leaves the old record and no half-written file", "[store][file]") {
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    for (const char* call : {"write", "sync"}) {
        files->fail_each(call, ENOSPC);
        const SaveResult result = record_file().save(sample_record(1, "newer"), key);
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
    CHECK(load().outcome == LoadOutcome::unavailable);  // but to set a record aside
    CHECK(file_bytes(path) == "damaged");
    ::close(holder);
    CHECK(load().outcome == LoadOutcome::lost);
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
    REQUIRE(load().outcome == LoadOutcome::lost);
    CHECK(inode() == before);
}

TEST_CASE_METHOD(Fixture, "What a process that died while saving left behind is no hindrance", "[store][file]") {
    write_bytes(path + ".tmp", std::string(100'000, 'x'));
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    CHECK(folder.names().size() == 2);
    CHECK(load().outcome == LoadOutcome::found);
}

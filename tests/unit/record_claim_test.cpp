// A claim in the file store lives as long as its owner: the owner holds a lock that the system releases.
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
    Fixture() { REQUIRE(save(unclaimed(0)) == SaveOutcome::saved); }

    [[nodiscard]] Record unclaimed(std::uint64_t revision) const {
        Record record = sample_record(revision, token);
        record.claim = {};
        return record;
    }
    static SaveRequest claim(std::uint64_t revision, std::uint64_t owner) {
        SaveRequest request = next(sample_record(revision, "token"));
        request.record.claim.owner = owner;
        request.claims = true;
        return request;
    }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "A claim is alive while its owner is, and dead once that is gone", "[store][claim]") {
    {
        RecordFile owner = record_file();
        REQUIRE(owner.save(claim(1, 0xa), {key}).outcome == SaveOutcome::saved);
        CHECK_FALSE(owner.load(key).claim_owner_is_dead);
        for (int looks = 0; looks < 2; ++looks) CHECK_FALSE(load().claim_owner_is_dead);
    }
    CHECK(load().claim_owner_is_dead);
    CHECK(load().record.claim.owner == 0xa);
}

TEST_CASE_METHOD(Fixture, "A claim's lock is held before the claim is stored", "[store][claim]") {
    bool was_seen = false;
    RecordFile owner = record_file();
    files->judge_by([&](const FileCall& call) {
        if (call.name != "rename" || was_seen) return 0;
        was_seen = true;
        const int other = ::open((path + ".claim").c_str(), O_RDWR | O_CLOEXEC);
        CHECK(::flock(other, LOCK_SH | LOCK_NB) == -1);
        ::close(other);
        return 0;
    });
    REQUIRE(owner.save(claim(1, 0xa), {key}).outcome == SaveOutcome::saved);
    CHECK(was_seen);
}

TEST_CASE_METHOD(Fixture, "A claim's lock ends with the first save without the claim, and where another's record is loaded",
                 "[store][claim]") {
    RecordFile first = record_file();
    REQUIRE(first.save(claim(1, 0xa), {key}).outcome == SaveOutcome::saved);
    SECTION("its own save") { REQUIRE(first.save(next(unclaimed(2)), {key}).outcome == SaveOutcome::saved); }
    SECTION("another's") {
        REQUIRE(save(unclaimed(2)) == SaveOutcome::saved);
        CHECK(first.load(key).outcome == LoadOutcome::found);
    }
    SECTION("another's clear") {
        REQUIRE(save(sample_tombstone(2)) == SaveOutcome::saved);
        CHECK(first.load(key).outcome == LoadOutcome::found);
    }
    const int other = ::open((path + ".claim").c_str(), O_RDWR | O_CLOEXEC);
    CHECK(::flock(other, LOCK_EX | LOCK_NB) == 0);
    ::close(other);
}

TEST_CASE_METHOD(Fixture, "A claim that is not stored holds no lock", "[store][claim]") {
    RecordFile owner = record_file();
    SECTION("conflict") { CHECK(owner.save(claim(7, 0xa), {key}).outcome == SaveOutcome::conflict); }
    SECTION("refused") {
        files->judge_by([&](const FileCall& call) { return call.path == path + ".tmp" && call.name == "open" ? ENOSPC : 0; });
        CHECK(owner.save(claim(1, 0xa), {key}).outcome == SaveOutcome::fault);
        files->fail_none();
    }
    RecordFile other = record_file();
    files->on_sleep([] { FAIL("nobody holds that lock"); });
    CHECK(other.save(claim(1, 0xb), {key}).outcome == SaveOutcome::saved);
}

TEST_CASE_METHOD(Fixture, "A claim is stored though a frozen process, whose claim has lapsed, holds the lock", "[store][claim]") {
    RecordFile frozen = record_file();
    REQUIRE(frozen.save(claim(1, 0xa), {key}).outcome == SaveOutcome::saved);
    RecordFile other = record_file();
    CHECK(other.save(claim(2, 0xb), {key}).outcome == SaveOutcome::saved);
    CHECK(load().record.claim.owner == 0xb);
    CHECK_FALSE(load().claim_owner_is_dead);  // its limit alone decides
}

TEST_CASE_METHOD(Fixture, "A key that is locked away, or another, ends no claim", "[store][claim]") {
    RecordFile owner = record_file();
    REQUIRE(owner.save(claim(1, 0xa), {key}).outcome == SaveOutcome::saved);
    CHECK(owner.load("").fault.cause == StoreCause::other_key);
    CHECK(owner.load(other_key).fault.cause == StoreCause::other_key);
    CHECK_FALSE(load().claim_owner_is_dead);
}

TEST_CASE_METHOD(Fixture, "What lies in the place of the claim's lock says nothing and hinders nothing", "[store][claim]") {
    REQUIRE(save(sample_record(1)) == SaveOutcome::saved);  // with a claim that nobody's lock stands for
    CHECK_FALSE(load().claim_owner_is_dead);
    SECTION("pipe") { REQUIRE(::mkfifo((path + ".claim").c_str(), 0600) == 0); }
    SECTION("link") { std::filesystem::create_symlink("/nowhere", path + ".claim"); }
    SECTION("folder") { std::filesystem::create_directory(path + ".claim"); }
    CHECK_FALSE(load().claim_owner_is_dead);
    RecordFile owner = record_file();
    CHECK(owner.save(claim(2, 0xa), {key}).outcome == SaveOutcome::saved);
}

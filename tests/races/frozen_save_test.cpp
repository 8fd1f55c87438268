// Freeze inside a save, claim against claim and clear against save, in files: a process stands still before each system
// call of a save or a clear in turn, while another one loads, saves or clears. Whatever the order, what both say is true.
#include <string>
#include <thread>

#include "support/catch.hpp"
#include "support/record_folder.hpp"
#include "support/stops.hpp"

namespace {

using namespace portal;
using namespace portal::test;

constexpr std::uint64_t old_epoch = 3;  // of the sample record
constexpr std::uint64_t next_epoch = old_epoch + 1;

// One process: its own view of the folder, frozen where the test says.
class Process {
public:
    explicit Process(const RecordFolder& folder)
        : files(std::make_shared<CountingFileSystem>(std::make_shared<PosixFileSystem>())),
          file_(folder.directory, "default", files, folder.cipher, [] { return true; }),
          key_(folder.key) {}
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process() { (void)thaw(); }

    LoadResult load() { return file_.load(key_); }
    SaveOutcome save(const Record& record) { return file_.save(RecordFolder::next(record), {key_}).outcome; }

    // Whether it stands still in a save of that record, before that call.
    [[nodiscard]] bool freeze_in_save(const Record& record, int call) {
        files->judge_by([this, call](const FileCall& made) {
            if (made.number == call) stop_.pass();
            return 0;
        });
        stop_.arm();
        saving_ = std::thread([this, record] { outcome_ = save(record); });
        return stop_.is_reached();
    }
    [[nodiscard]] bool is_frozen() const { return stop_.holds(); }
    // How the save ended.
    SaveOutcome thaw() {
        stop_.let_go();
        if (saving_.joinable()) saving_.join();
        return outcome_;
    }

    const std::shared_ptr<CountingFileSystem> files;

private:
    RecordFile file_;
    const std::string key_;
    Stop stop_;
    std::thread saving_;
    SaveOutcome outcome_ = SaveOutcome::fault;
};

Record claimed(std::uint64_t owner, const std::string& token) {
    Record record = sample_record(1, token);
    record.claim.owner = owner;
    return record;
}

struct Fixture : RecordFolder {
    const Record old_record = sample_record(1, token);

    void start_over() {
        for (const std::string& name : folder.names()) std::filesystem::remove(folder.file(name));
        REQUIRE(save(first_record()) == SaveOutcome::saved);
    }
    int calls_of(const Record& next) {
        start_over();
        Process process(*this);
        process.files->judge_by({});
        REQUIRE(process.save(next) == SaveOutcome::saved);
        return process.files->calls();
    }
    // Never: a token that the logout has missed.
    LoadResult load_after_logout() {
        LoadResult after = load();
        CHECK((after.record.state == TokenState::signed_out || after.logout.is_due));
        return after;
    }
    void finish_logout(const LoadResult& after) {
        if (after.logout.is_unfinished) CHECK(finish_clear(after) == SaveOutcome::saved);
        CHECK(load().record.state == TokenState::signed_out);
        CHECK(load().logout == Logout{});
        CHECK_FALSE(holds_a_token());
    }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "While a process is frozen anywhere in a save, another one loads a whole record, and a save of its "
                          "own is refused after half a second or counts", "[store]") {
    const Record next = sample_record(1, "token-a");
    const int calls = calls_of(next);
    int refused = 0;
    int lost_to_other = 0;
    int both = 0;
    for (int call = 1; call <= calls; ++call) {
        INFO("frozen before call " << call << " of " << calls);
        start_over();
        Process frozen(*this);
        Process other(*this);
        REQUIRE(frozen.freeze_in_save(next, call));

        const LoadResult seen = other.load();
        REQUIRE(seen.outcome == LoadOutcome::found);
        CHECK((same(seen.record, old_record) || same(seen.record, sample_record(2, "token-a"))));
        CHECK(other.files->slept_ms() == 0);
        const SaveOutcome outcome = other.save(sample_record(seen.version.revision, "token-b"));
        CHECK((outcome == SaveOutcome::saved || outcome == SaveOutcome::unavailable));
        CHECK(other.files->slept_ms() == (outcome == SaveOutcome::saved ? 0 : lock_limit_ms));
        REQUIRE(frozen.is_frozen());

        const SaveOutcome late = frozen.thaw();
        CHECK((late == SaveOutcome::saved || (late == SaveOutcome::conflict && outcome == SaveOutcome::saved)));
        const LoadResult after = load();
        const std::uint64_t saves = (late == SaveOutcome::saved ? 1 : 0) + (outcome == SaveOutcome::saved ? 1 : 0);
        CHECK(after.version.revision == 1 + saves);
        CHECK(after.record.token->equals(outcome == SaveOutcome::saved ? "token-b" : "token-a"));
        refused += outcome == SaveOutcome::unavailable ? 1 : 0;
        lost_to_other += late == SaveOutcome::conflict ? 1 : 0;
        both += saves == 2 ? 1 : 0;
    }
    CHECK(refused > 8);
    CHECK(lost_to_other > 0);
    CHECK(both > 0);
}

TEST_CASE_METHOD(Fixture, "Of two claims on what both have read one is stored, wherever the one process stands while the "
                          "other claims", "[store]") {
    const Record ours = claimed(0xa, token);
    const int calls = calls_of(ours);
    int first_won = 0;
    for (int call = 1; call <= calls; ++call) {
        INFO("frozen before call " << call << " of " << calls);
        start_over();
        Process frozen(*this);
        Process other(*this);
        REQUIRE(frozen.freeze_in_save(ours, call));
        const bool other_claimed = other.save(claimed(0xb, token)) == SaveOutcome::saved;
        REQUIRE(frozen.is_frozen());
        const bool frozen_claimed = frozen.thaw() == SaveOutcome::saved;
        CHECK(frozen_claimed != other_claimed);
        CHECK(load().record.claim.owner == (other_claimed ? 0xb : 0xa));
        CHECK(load().version.revision == 2);
        first_won += frozen_claimed ? 1 : 0;
    }
    CHECK(first_won > 0);
    CHECK(first_won < calls);
}

TEST_CASE_METHOD(Fixture, "A logout is not lost, wherever another process stands in a save", "[store]") {
    const Record next = sample_record(1, "token-a");
    const int calls = calls_of(next);
    int done_at_once = 0;
    int put_back = 0;
    for (int call = 1; call <= calls; ++call) {
        INFO("frozen before call " << call << " of " << calls);
        start_over();
        Process frozen(*this);
        Process other(*this);
        REQUIRE(frozen.freeze_in_save(next, call));
        const std::uint64_t revision = other.load().version.revision;
        const SaveOutcome outcome = other.save(sample_tombstone(revision, next_epoch));
        CHECK((outcome == SaveOutcome::saved || outcome == SaveOutcome::unavailable));
        REQUIRE(frozen.is_frozen());
        (void)frozen.thaw();
        const LoadResult after = load_after_logout();
        if (outcome == SaveOutcome::saved) CHECK(after.record.state == TokenState::signed_out);
        done_at_once += outcome == SaveOutcome::saved ? 1 : 0;
        put_back += after.record.state == TokenState::live ? 1 : 0;
        finish_logout(after);
    }
    CHECK(done_at_once > 0);
    CHECK(put_back > 0);
}

TEST_CASE_METHOD(Fixture, "A logout is not lost, wherever it stands while another process saves", "[store]") {
    const Record tombstone = sample_tombstone(1, next_epoch);
    const int calls = calls_of(tombstone);
    int saved_before = 0;
    int refused = 0;
    for (int call = 1; call <= calls; ++call) {
        INFO("frozen before call " << call << " of " << calls);
        start_over();
        Process clearing(*this);
        Process other(*this);
        REQUIRE(clearing.freeze_in_save(tombstone, call));
        const bool is_begun = folder.names().count(name_hash + ".erase.4") == 1;
        const SaveOutcome outcome = other.save(sample_record(1, "token-b"));  // it has read nothing of the logout
        if (is_begun) CHECK(outcome != SaveOutcome::saved);
        REQUIRE(clearing.is_frozen());
        const SaveOutcome late = clearing.thaw();
        CHECK((late == SaveOutcome::saved || (late == SaveOutcome::conflict && outcome == SaveOutcome::saved)));
        saved_before += outcome == SaveOutcome::saved ? 1 : 0;
        refused += outcome != SaveOutcome::saved ? 1 : 0;
        finish_logout(load_after_logout());
    }
    CHECK(saved_before > 0);
    CHECK(refused > 8);
}

// The power fails before every call of a save and of a clear in turn, and takes with it all that was not synced: the worst
// that a disk may do. What was answered as saved is there, and a clear that was answered is not undone.
#include <memory>
#include <string>

#include "store/aes_gcm_cipher.hpp"
#include "store/record_file.hpp"
#include "support/catch.hpp"
#include "support/counting_file_system.hpp"
#include "support/memory_file_system.hpp"
#include "support/record_folder.hpp"

using namespace portal;
using namespace portal::test;

namespace {

struct Fixture {
    const std::string key = std::string(key_bytes, 'k');
    const std::shared_ptr<AesGcmCipher> cipher = std::make_shared<AesGcmCipher>();
    std::shared_ptr<MemoryFileSystem> disk;
    std::shared_ptr<CountingFileSystem> files;

    void start_over() {
        disk = std::make_shared<MemoryFileSystem>("/store");
        files = std::make_shared<CountingFileSystem>(disk);
        REQUIRE(save(sample_record(0, "old-token")) == SaveOutcome::saved);
        disk->settle();
        files->fail_none();
    }
    RecordFile file() {
        return {"/store", "default", files, cipher, [] { return true; }};
    }
    LoadResult load() { return file().load(key); }
    SaveOutcome save(const Record& record) { return file().save(RecordFolder::next(record), {key}).outcome; }

    // How the save was answered whose power failed before that call.
    SaveOutcome save_without_power_from(int call, const Record& record) {
        start_over();
        files->die_before_call(call);
        const SaveOutcome outcome = save(record);
        disk->lose_power();
        files->fail_none();
        return outcome;
    }
    int calls_of(const Record& record) {
        start_over();
        REQUIRE(save(record) == SaveOutcome::saved);
        return files->calls();
    }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "A save whose power fails leaves the old record or the new one, and what was answered", "[store][crash]") {
    const Record update = sample_record(1, "next-token");
    const int calls = calls_of(update);
    for (int call = 1; call <= calls + 1; ++call) {
        INFO("before call " << call << " of " << calls);
        const SaveOutcome outcome = save_without_power_from(call, update);
        const LoadResult found = load();
        REQUIRE(found.outcome == LoadOutcome::found);
        CHECK((found.record.token->equals("old-token") || found.record.token->equals("next-token")));
        if (outcome == SaveOutcome::saved) CHECK(found.record.token->equals("next-token"));
        CHECK(save(found.record) == SaveOutcome::saved);
    }
}

TEST_CASE_METHOD(Fixture, "A clear whose power fails is not begun, due or done, and what was answered stays done",
                 "[store][crash]") {
    const int calls = calls_of(sample_tombstone(1));
    int due = 0;
    for (int call = 1; call <= calls + 1; ++call) {
        INFO("before call " << call << " of " << calls);
        const SaveOutcome outcome = save_without_power_from(call, sample_tombstone(1));
        const LoadResult found = load();
        REQUIRE(found.outcome == LoadOutcome::found);
        const bool is_signed_out = found.record.state == TokenState::signed_out;
        if (outcome == SaveOutcome::saved) {
            CHECK((is_signed_out && found.logout == Logout{}));
            // The witness is on the medium too.
            for (const auto& [path, bytes] : disk->files())
                if (path.size() == std::string("/store/").size() + 64) disk->put(path, "damaged");
            CHECK(load().logout == Logout{true, 4, false});
        }
        due += found.logout.is_due ? 1 : 0;
    }
    CHECK(due > 5);
}

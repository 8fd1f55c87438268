// One session's record in a folder of its own, over a file system that can fail.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "store/aes_gcm_cipher.hpp"
#include "store/posix_file_system.hpp"
#include "store/record_file.hpp"
#include "store/little_endian.hpp"
#include "store/sealed_record.hpp"
#include "support/counting_file_system.hpp"
#include "support/record_samples.hpp"
#include "support/temp_dir.hpp"

namespace portal::test {

struct RecordFolder {
    const std::string key = std::string(32, 'k');
    const std::string other_key = std::string(32, 'o');
    const std::string token = "canary-token-canary-token";
    const std::string name_hash = "37a8eec1ce19687d132fe29051dca629d164e2c4958ba141d5f4133a33f0688f";  // of "default"

    TempDir folder;
    std::string directory = folder.path();
    const std::string path = folder.file(name_hash);
    const std::shared_ptr<CountingFileSystem> files =
        std::make_shared<CountingFileSystem>(std::make_shared<PosixFileSystem>());
    const std::shared_ptr<AesGcmCipher> cipher = std::make_shared<AesGcmCipher>();
    int destroyed = 0;  // keys, by clears
    bool destroys = true;

    // A new process's, so to say: nothing is remembered from one to the next.
    RecordFile record_file(const std::string& session_name = "default") {
        return {directory, session_name, files, cipher, [this] {
                    ++destroyed;
                    return destroys;
                }};
    }
    LoadResult load(const std::string& with) { return record_file().load(with); }
    LoadResult load() { return load(key); }

    // Writes `record` as it is, in place of `replaces`.
    SaveResult replace(const RecordVersion& replaces, const Record& record, const std::string& with) {
        return record_file().save({record, replaces}, {with});
    }
    SaveOutcome replace(const RecordVersion& replaces, const Record& record) {
        return replace(replaces, record, key).outcome;
    }
    // `record` was loaded with its version, or made for none: it goes on by one revision.
    SaveOutcome save(const Record& record, const std::string& with) { return save_request(record, with).outcome; }
    SaveOutcome save(const Record& record) { return save(record, key); }
    SaveResult save_request(const Record& record, const std::string& with, bool finishes_clear = false) {
        return record_file().save(next(record, finishes_clear), {with});
    }
    static SaveRequest next(Record record, bool finishes_clear = false) {
        RecordVersion replaces = record.version;
        if (replaces.revision == 0) replaces = {};
        ++record.version.revision;
        return {std::move(record), replaces, false, finishes_clear};
    }

    // As a session goes on after that load: it makes a clear's rest good.
    SaveOutcome finish_clear(const LoadResult& loaded, const std::string& with) {
        Record tombstone = sample_tombstone(loaded.version.revision, epoch_after(loaded));
        tombstone.version = {loaded.version.lineage != 0 ? loaded.version.lineage : sample_lineage,
                             loaded.version.revision + 1};
        return record_file().save({tombstone, loaded.version, false, true}, {with}).outcome;
    }
    SaveOutcome finish_clear(const LoadResult& loaded) { return finish_clear(loaded, key); }
    static std::uint64_t epoch_after(const LoadResult& loaded) {
        if (loaded.logout.epoch != 0) return loaded.logout.epoch;
        const bool is_tombstone = loaded.record.state == TokenState::signed_out;
        return is_tombstone ? loaded.record.epoch : std::max<std::uint64_t>(loaded.record.epoch, 1000) + 1;
    }

    [[nodiscard]] Record first_record() const { return sample_record(0, token); }
    [[nodiscard]] std::string sealed(const std::string& with, const Record& record) const {
        return *seal_record(*cipher, with, name_hash, record);
    }

    // Whether any file here opens to a record that holds a token, or shows one in clear.
    [[nodiscard]] bool holds_a_token() const {
        for (const std::string& name : folder.names()) {
            const std::string bytes = file_bytes(folder.file(name));
            if (open_record(*cipher, key, name_hash, bytes).record.token) return true;
            if (bytes.find(token) != std::string::npos) return true;
        }
        return false;
    }
};

}  // namespace portal::test

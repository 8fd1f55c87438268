// One session's record in a folder of its own, over a file system that can fail.
#pragma once

#include <memory>
#include <string>

#include "store/aes_gcm_cipher.hpp"
#include "store/posix_file_system.hpp"
#include "store/record_file.hpp"
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
    int erased = 0;

    // A new process's, so to say: nothing is remembered from one to the next.
    RecordFile record_file(const std::string& session_name = "default") {
        return {directory, session_name, files, cipher, [this] { ++erased; }};
    }
    LoadResult load(const std::string& with, OtherKey other = OtherKey::set_aside) {
        return record_file().load(with, other);
    }
    LoadResult load() { return load(key); }
    SaveOutcome save(const Record& record, const std::string& with) { return record_file().save(record, with).outcome; }
    SaveOutcome save(const Record& record) { return save(record, key); }

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

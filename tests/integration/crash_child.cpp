// A process that dies, or freezes, inside the file store: before a system call that its caller names.
//
//   crash_child FOLDER KEY_FILE first|save|clear|load CALL   kills itself (-9) before that call; 0: never, and prints how
//                                                            many calls it took. Exit code 0: the store said yes
//   crash_child FOLDER KEY_FILE freeze                       saves what is stored once more, and stops itself with the
//                                                            lock in its hand, before the new record takes its place
#include <signal.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "store/aes_gcm_cipher.hpp"
#include "store/posix_file_system.hpp"
#include "store/record_file.hpp"
#include "support/counting_file_system.hpp"
#include "support/record_samples.hpp"
#include "support/temp_dir.hpp"

using namespace portal;
using namespace portal::test;

int main(int count, char** words) {
    if (count < 4) return 2;
    const std::string key = file_bytes(words[2]);
    const std::string what = words[3];
    const int deadly_call = count > 4 ? std::stoi(words[4]) : 0;

    const auto files = std::make_shared<CountingFileSystem>(std::make_shared<PosixFileSystem>());
    RecordFile file(words[1], "default", files, std::make_shared<AesGcmCipher>(), [] {});
    if (what == "freeze") {
        bool was_frozen = false;
        files->judge_by([&](const FileCall& call) {
            if (call.name != "rename" || std::exchange(was_frozen, true)) return 0;
            return ::raise(SIGSTOP);
        });
        // Another process may have the lock, for which a save waits by itself, or save in between.
        for (int tries = 0; tries < 1000; ++tries) {
            const SaveOutcome outcome = file.save(file.load(key, OtherKey::keep).record, key).outcome;
            if (was_frozen) return outcome == SaveOutcome::saved ? 0 : 1;
        }
        return 1;
    }
    files->judge_by([=](const FileCall& call) { return call.number == deadly_call ? ::raise(SIGKILL) : 0; });
    bool is_fine = false;
    if (what == "first") is_fine = file.save(sample_record(0, "next-token"), key).outcome == SaveOutcome::saved;
    if (what == "save") is_fine = file.save(sample_record(1, "next-token"), key).outcome == SaveOutcome::saved;
    if (what == "clear") is_fine = file.save(sample_tombstone(1), key).outcome == SaveOutcome::saved;
    if (what == "load") is_fine = file.load(key, OtherKey::set_aside).outcome == LoadOutcome::lost;
    std::printf("%d\n", files->calls());
    return is_fine ? 0 : 1;
}

// A process that dies, or freezes, inside the file store: before a system call that its caller names.
//
//   crash_child FOLDER KEY_FILE first|save|clear|anew|claim CALL
//                                       kills itself (-9) before that call; 0: never, and prints how many calls it took.
//                                       Exit code 0: the store said yes. A claim is held until a line comes
//   crash_child FOLDER KEY_FILE freeze  saves what is stored once more, and stops itself with the
//                                       lock in its hand, before the new record takes its place
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
    RecordFile file(words[1], "default", files, std::make_shared<AesGcmCipher>(), [] { return true; });
    if (what == "freeze") {
        bool was_frozen = false;
        files->judge_by([&](const FileCall& call) {
            if (call.name != "rename" || std::exchange(was_frozen, true)) return 0;
            return ::raise(SIGSTOP);
        });
        // Another process may have the lock, for which a save waits by itself, or save in between.
        for (int tries = 0; tries < 1000; ++tries) {
            SaveRequest request;
            request.record = file.load(key).record;
            request.replaces = request.record.version;
            ++request.record.version.revision;
            const SaveOutcome outcome = file.save(request, {key}).outcome;
            if (was_frozen) return outcome == SaveOutcome::saved ? 0 : 1;
        }
        return 1;
    }
    const RecordVersion old_version{sample_lineage, 1};
    SaveRequest request{sample_record(2, "next-token"), old_version};
    if (what == "first") request = {sample_record(1, "next-token"), {}};
    if (what == "clear") request.record = sample_tombstone(2);
    if (what == "anew") {  // in place of what does not open
        request.replaces = file.load(key).version;
        request.record.version.lineage = 0x1234;
    }
    request.claims = what == "claim";
    files->judge_by([=](const FileCall& call) { return call.number == deadly_call ? ::raise(SIGKILL) : 0; });
    const bool is_fine = file.save(request, {key}).outcome == SaveOutcome::saved;
    std::printf("%d\n", files->calls());
    std::fflush(stdout);
    if (what == "claim") (void)std::getchar();
    return is_fine ? 0 : 1;
}

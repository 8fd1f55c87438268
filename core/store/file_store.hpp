// The encrypted file store: a RecordFile on the store thread, with the key fetched when it is first needed.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "base/executor.hpp"
#include "base/secret.hpp"
#include "session/record_store.hpp"
#include "store/folder_watch.hpp"
#include "store/key_source.hpp"
#include "store/record_file.hpp"

namespace portal {

// Held by a shared_ptr: an operation that has begun keeps the store alive, ends, and is answered, even if its owner has let
// go. (It is not answered only if the executor drops its work.) Answers come on the executor, one operation's at a time.
//
// What a key that can't be had means:
//   absent        load: an existing record is lost, else absent; save: fault
//   unavailable   unavailable; but no key is asked for where nothing or a tombstone is stored, nor for the app's own clear
//   failed, or not 32 bytes   fault
// A load that finds a record under another key fetches the key once more. A load that sees any sign of a clear forgets the
// key, which may be destroyed: the next save fetches it anew.
class FileStore final : public RecordStore, public std::enable_shared_from_this<FileStore> {
public:
    // Does no I/O. `executor` runs the blocking work; all sessions may share one.
    FileStore(std::string directory, std::string session_name, std::shared_ptr<FileSystem> files,
              std::shared_ptr<Cipher> cipher, std::shared_ptr<KeySource> keys, std::shared_ptr<Executor> executor);

    void load(std::function<void(LoadResult)> answer) override;
    void save(SaveRequest request, std::function<void(SaveResult)> answer) override;
    [[nodiscard]] bool shared() const override { return true; }
    void watch(std::function<void()> changed) override;
    [[nodiscard]] bool is_watched() const override { return !watch_failed_; }
    void look(std::function<void(bool has_news)> answer) override;

private:
    void load_on_executor(const std::function<void(LoadResult)>& answer);
    void save_on_executor(const SaveRequest& request, const std::function<void(SaveResult)>& answer);
    void answer_load(const std::function<void(LoadResult)>& answer, LoadResult result);
    SaveResult save_now(const SaveRequest& request, bool is_key_known);
    void ask_key(std::function<void(KeyOutcome)> then);
    KeyOutcome keep_key(KeyResult result);
    bool destroy_key();
    void keep_watching();

    const std::shared_ptr<KeySource> keys_;
    const std::shared_ptr<Executor> executor_;
    std::atomic<bool> watch_failed_{false};
    Secret key_;  // this and what follows: the executor's alone. Empty: to be asked for
    const std::shared_ptr<RecordFile> file_;  // shared with the watch's looks at it, which keep nothing of the host's alive
    std::function<void()> changed_;
    std::unique_ptr<FolderWatch> watch_;
};

}  // namespace portal

#include "store/file_store.hpp"

#include <utility>

namespace portal {

FileStore::FileStore(std::string directory, std::string session_name, std::shared_ptr<FileSystem> files,
                     std::shared_ptr<Cipher> cipher, std::shared_ptr<KeySource> keys, std::shared_ptr<Executor> executor)
    : keys_(std::move(keys)),
      executor_(std::move(executor)),
      file_(std::make_shared<RecordFile>(std::move(directory), std::move(session_name), std::move(files), std::move(cipher),
                                         [this] { destroy_key(); })) {}

void FileStore::load(std::function<void(LoadResult)> answer) {
    executor_->post([self = shared_from_this(), answer = std::move(answer)] { self->load_on_executor(answer); });
}

void FileStore::save(Record record, std::function<void(SaveResult)> answer) {
    executor_->post([self = shared_from_this(), record = std::move(record), answer = std::move(answer)] {
        self->save_on_executor(record, answer);
    });
}

void FileStore::load_on_executor(const std::function<void(LoadResult)>& answer) {
    // Another process may have cleared the session and gone on with a new key: only a key fetched now is the last word.
    LoadResult result = load_with_key(OtherKey::keep);
    if (result.fault.cause != StoreCause::other_key) return answer_load(answer, std::move(result));
    ask_key([this, answer](KeyOutcome outcome) {
        LoadResult refused{.fault = {StoreCause::key}};
        if (outcome == KeyOutcome::unavailable) refused.outcome = LoadOutcome::unavailable;
        const bool last_word = outcome == KeyOutcome::found || outcome == KeyOutcome::absent;
        answer_load(answer, last_word ? load_with_key(OtherKey::set_aside) : std::move(refused));
    });
}

// The answer first: who opens an app waits for it, and what changes before the watch begins is seen when it does.
void FileStore::answer_load(const std::function<void(LoadResult)>& answer, LoadResult result) {
    answer(std::move(result));
    keep_watching();
}

LoadResult FileStore::load_with_key(OtherKey other_key) {
    LoadResult result = file_->load(key_.reveal(), other_key);
    // Who cleared the session may have destroyed the key: what comes next must not be sealed with it.
    if (result.outcome == LoadOutcome::found && result.record.state == TokenState::signed_out) key_ = Secret();
    return result;
}

void FileStore::save_on_executor(const Record& record, const std::function<void(SaveResult)>& answer) {
    if (!key_.empty() || record.state == TokenState::signed_out) return answer(save_with_key(record));
    ask_key([this, record, answer](KeyOutcome outcome) {
        if (outcome == KeyOutcome::found) return answer(save_with_key(record));
        answer({outcome == KeyOutcome::unavailable ? SaveOutcome::unavailable : SaveOutcome::fault, {StoreCause::key}});
    });
}

SaveResult FileStore::save_with_key(const Record& record) {
    const SaveResult result = file_->save(record, key_.reveal());
    keep_watching();
    return result;
}

// `then` runs on the executor, and holds nothing that keeps the store alive: this does.
void FileStore::ask_key(std::function<void(KeyOutcome)> then) {
    keys_->load([self = shared_from_this(), then = std::move(then)](KeyResult result) {
        auto held = std::make_shared<KeyResult>(std::move(result));  // a posted function is copied, a key never
        self->executor_->post([self, held, then] { then(self->keep_key(std::move(*held))); });
    });
}

KeyOutcome FileStore::keep_key(KeyResult result) {
    const bool usable = result.outcome == KeyOutcome::found && result.key.size() == key_bytes;
    key_ = usable ? std::move(result.key) : Secret();
    return result.outcome == KeyOutcome::found && !usable ? KeyOutcome::failed : result.outcome;
}

// ---- the folder watch ----

void FileStore::watch(std::function<void()> changed) {
    executor_->post([self = shared_from_this(), changed = std::move(changed)] { self->changed_ = changed; });
}

// A folder that is not there yet is watched once a save has made it, ours or another's.
void FileStore::keep_watching() {
    if (!changed_ || (watch_ != nullptr && !watch_->is_over())) return;
    // Our own writes come back too: a look at the file tells them from others'.
    auto look = [file = std::weak_ptr(file_), changed = changed_] {
        if (const auto still_there = file.lock(); still_there != nullptr && still_there->has_news()) changed();
    };
    watch_ = FolderWatch::begin(file_->directory(), [executor = executor_, look, record = file_->name()](std::string_view name) {
        if (name.empty() || name == record) executor->post(look);
    });
    if (watch_ != nullptr) executor_->post(look);  // at what came before it
}

void FileStore::destroy_key() {
    key_ = Secret();
    if (keys_->can_destroy()) keys_->destroy();
}

}  // namespace portal

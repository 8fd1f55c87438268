#include "store/file_store.hpp"

#include <utility>

namespace portal {

FileStore::FileStore(std::string directory, std::string session_name, std::shared_ptr<FileSystem> files,
                     std::shared_ptr<Cipher> cipher, std::shared_ptr<KeySource> keys, std::shared_ptr<Executor> executor)
    : keys_(std::move(keys)),
      executor_(std::move(executor)),
      file_(std::make_shared<RecordFile>(std::move(directory), std::move(session_name), std::move(files), std::move(cipher),
                                         [this] { return destroy_key(); })) {}

void FileStore::load(std::function<void(LoadResult)> answer) {
    executor_->post([self = shared_from_this(), answer = std::move(answer)] { self->load_on_executor(answer); });
}

void FileStore::save(SaveRequest request, std::function<void(SaveResult)> answer) {
    executor_->post([self = shared_from_this(), request = std::move(request), answer = std::move(answer)] {
        self->save_on_executor(request, answer);
    });
}

void FileStore::load_on_executor(const std::function<void(LoadResult)>& answer) {
    // Another process may have cleared the session and gone on with a new key: only a key fetched now is the last word.
    LoadResult result = file_->load(key_.reveal());
    if (result.fault.cause != StoreCause::other_key) return answer_load(answer, std::move(result));
    ask_key([this, answer](KeyOutcome outcome) {
        LoadResult refused{.fault = {StoreCause::key}};
        if (outcome == KeyOutcome::unavailable) refused.outcome = LoadOutcome::unavailable;
        const bool last_word = outcome == KeyOutcome::found || outcome == KeyOutcome::absent;
        answer_load(answer, last_word ? file_->load(key_.reveal()) : std::move(refused));
    });
}

// The answer first: an app waits for it as it opens, and what changes before the watch begins is seen when it does.
void FileStore::answer_load(const std::function<void(LoadResult)>& answer, LoadResult result) {
    if (file_->has_seen_clear()) key_ = Secret();
    answer(std::move(result));
    keep_watching();
}

void FileStore::save_on_executor(const SaveRequest& request, const std::function<void(SaveResult)>& answer) {
    const bool is_tombstone = request.record.state == TokenState::signed_out;
    const bool needs_key = !is_tombstone || request.finishes_clear;  // which may have to destroy it
    if (!needs_key || !key_.empty()) return answer(save_now(request, !key_.empty()));
    ask_key([this, request, is_tombstone, answer](KeyOutcome outcome) {
        if (outcome == KeyOutcome::found || is_tombstone)
            return answer(save_now(request, outcome == KeyOutcome::found || outcome == KeyOutcome::absent));
        answer({outcome == KeyOutcome::unavailable ? SaveOutcome::unavailable : SaveOutcome::fault, {StoreCause::key}});
    });
}

SaveResult FileStore::save_now(const SaveRequest& request, bool is_key_known) {
    const SaveResult result = file_->save(request, {key_.reveal(), is_key_known});
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

bool FileStore::destroy_key() {
    key_ = Secret();
    return !keys_->can_destroy() || keys_->destroy(destroy_limit_ms);
}

// ---- news ----

void FileStore::watch(std::function<void()> changed) {
    executor_->post([self = shared_from_this(), changed = std::move(changed)] { self->changed_ = changed; });
}

void FileStore::look(std::function<void(bool has_news)> answer) {
    executor_->post([self = shared_from_this(), answer = std::move(answer)] { answer(self->file_->looks_changed()); });
}

// A folder that does not exist yet is watched once a save has made it, ours or another's.
void FileStore::keep_watching() {
    if (!changed_ || (watch_ != nullptr && !watch_->is_over())) return;
    // Our own writes come back too: a look at the file tells them from others'.
    auto look = [file = std::weak_ptr(file_), changed = changed_] {
        if (const auto still_there = file.lock(); still_there != nullptr && still_there->has_news()) changed();
    };
    watch_ = FolderWatch::begin(file_->directory(), [executor = executor_, look, record = file_->name()](std::string_view name) {
        const bool is_ours = name.substr(0, record.size()) == record;
        if (name.empty() || name == record || (is_ours && is_marker(name.substr(record.size())))) executor->post(look);
    });
    watch_failed_ = watch_ == nullptr && file_->is_folder_there();
    if (watch_ != nullptr) executor_->post(look);  // at what came before it
}

}  // namespace portal

#include "store/file_store.hpp"

#include <utility>

namespace portal {

FileStore::FileStore(std::string directory, std::string session_name, std::shared_ptr<FileSystem> files,
                     std::shared_ptr<Cipher> cipher, std::shared_ptr<KeySource> keys, std::shared_ptr<Executor> lane)
    : keys_(std::move(keys)),
      lane_(std::move(lane)),
      file_(std::move(directory), std::move(session_name), std::move(files), std::move(cipher), [this] { destroy_key(); }) {
}

void FileStore::load(std::function<void(LoadResult)> answer) {
    lane_->post([self = shared_from_this(), answer = std::move(answer)] { self->load_on_lane(answer); });
}

void FileStore::save(Record record, std::function<void(SaveResult)> answer) {
    lane_->post([self = shared_from_this(), record = std::move(record), answer = std::move(answer)] {
        self->save_on_lane(record, answer);
    });
}

void FileStore::load_on_lane(const std::function<void(LoadResult)>& answer) {
    // Another process may have cleared the session and gone on with a new key: only a key fetched now is the last word.
    LoadResult result = load_with_key(OtherKey::keep);
    if (result.loss != LossReason::other_key) return answer(std::move(result));
    ask_key([this, answer](KeyOutcome outcome) {
        LoadResult refused;
        if (outcome == KeyOutcome::unavailable) refused.outcome = LoadOutcome::unavailable;
        const bool last_word = outcome == KeyOutcome::found || outcome == KeyOutcome::absent;
        answer(last_word ? load_with_key(OtherKey::set_aside) : std::move(refused));
    });
}

LoadResult FileStore::load_with_key(OtherKey other_key) {
    LoadResult result = file_.load(key_.reveal(), other_key);
    // Who cleared the session may have destroyed the key: what comes next must not be sealed with it.
    if (result.outcome == LoadOutcome::found && result.record.state == TokenState::signed_out) key_ = Secret();
    return result;
}

void FileStore::save_on_lane(const Record& record, const std::function<void(SaveResult)>& answer) {
    if (!key_.empty() || record.state == TokenState::signed_out) return answer(file_.save(record, key_.reveal()));
    ask_key([this, record, answer](KeyOutcome outcome) {
        if (outcome == KeyOutcome::found) return answer(file_.save(record, key_.reveal()));
        answer({outcome == KeyOutcome::unavailable ? SaveOutcome::unavailable : SaveOutcome::fault, 0});
    });
}

// `then` runs on the lane, and holds nothing that keeps the store alive: this does.
void FileStore::ask_key(std::function<void(KeyOutcome)> then) {
    keys_->load([self = shared_from_this(), then = std::move(then)](KeyResult result) {
        auto held = std::make_shared<KeyResult>(std::move(result));  // a posted function is copied, a key never
        self->lane_->post([self, held, then] { then(self->keep_key(std::move(*held))); });
    });
}

KeyOutcome FileStore::keep_key(KeyResult result) {
    const bool usable = result.outcome == KeyOutcome::found && result.key.size() == key_bytes;
    key_ = usable ? std::move(result.key) : Secret();
    return result.outcome == KeyOutcome::found && !usable ? KeyOutcome::failed : result.outcome;
}

void FileStore::destroy_key() {
    key_ = Secret();
    if (keys_->can_destroy()) keys_->destroy();
}

}  // namespace portal

// What a session does with its store, without a machine: load, merge, save, and again at a conflict. One process at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "store/file_store.hpp"
#include "store/record_codec.hpp"
#include "support/record_samples.hpp"

namespace portal::test {

inline constexpr std::uint64_t wall_seconds = 1'790'000'000;  // where counters start that are not known

class InlineExecutor final : public Executor {
public:
    void post(std::function<void()> work) override { work(); }
};

// A keychain that makes a new key where there is none.
class Keychain final : public KeySource {
public:
    std::string key = std::string(key_bytes, 'k');
    int destroyed = 0;

    void load(std::function<void(KeyResult)> answer) override { answer({KeyOutcome::found, Secret(key)}); }
    [[nodiscard]] bool can_destroy() const override { return true; }
    [[nodiscard]] bool destroy(std::int64_t /*limit_ms*/) override {
        ++destroyed;
        key = std::string(key_bytes, static_cast<char>('A' + destroyed % 26));
        return true;
    }
};

class PlainSession {
public:
    PlainSession(const std::string& folder, std::shared_ptr<FileSystem> files, std::shared_ptr<Cipher> cipher,
                 std::shared_ptr<Keychain> keychain)
        : store_(std::make_shared<FileStore>(folder, "default", std::move(files), std::move(cipher), std::move(keychain),
                                             std::make_shared<InlineExecutor>())) {}

    const LoadResult& load() {
        store_->load([&](LoadResult result) { loaded_ = std::move(result); });
        const bool is_found = loaded_.outcome == LoadOutcome::found;
        is_signed_out_ = loaded_.logout.is_due || (is_found && loaded_.record.state == TokenState::signed_out);
        std::uint64_t least = is_found ? loaded_.record.epoch : loaded_.outcome == LoadOutcome::lost ? wall_seconds : 1;
        if (loaded_.logout.is_due && loaded_.logout.epoch == 0) least = is_found ? after(least) : wall_seconds;
        epoch_ = std::max(least, loaded_.logout.epoch);
        generation_ = is_found ? loaded_.record.generation : wall_seconds;
        return loaded_;
    }
    [[nodiscard]] bool is_signed_out() const { return is_signed_out_; }
    [[nodiscard]] std::string token() const {
        return loaded_.outcome == LoadOutcome::found && loaded_.record.token && !loaded_.logout.is_due
                   ? std::string(loaded_.record.token->reveal())
                   : std::string();
    }

    // The outcome that it ends with; conflict: it does not end.
    SaveResult push(const std::string& token) {
        return save([&] {
            Record record = sample_record(1, token);
            record.epoch = epoch_;
            record.generation = after(generation_);
            return SaveRequest{record, {}};
        });
    }
    SaveResult log_out() {
        std::optional<std::uint64_t> epoch;
        return save([&] {
            if (!epoch || *epoch < epoch_) epoch = is_signed_out_ ? epoch_ : after(epoch_);
            return SaveRequest{tombstone(*epoch), {}};
        });
    }

private:
    // Counters that run out start anew, in the lineage that is new then.
    static std::uint64_t after(std::uint64_t counter) { return counter + 1 < counters_end ? counter + 1 : wall_seconds; }

    [[nodiscard]] Record tombstone(std::uint64_t epoch) const {
        Record record = sample_tombstone(1, epoch);
        record.generation = generation_;
        return record;
    }
    SaveResult save(const std::function<SaveRequest()>& make) {
        SaveResult result{SaveOutcome::conflict};
        for (int rounds = 0; rounds < 6 && result.outcome == SaveOutcome::conflict; ++rounds) {
            load();
            if (loaded_.logout.is_unfinished) {
                SaveRequest finishing{tombstone(epoch_), {}, false, true};
                (void)save_once(std::move(finishing));
                load();
            }
            result = save_once(make());
        }
        return result;
    }
    SaveResult save_once(SaveRequest request) {
        request.replaces = loaded_.version;
        const RecordVersion& old = loaded_.version;
        const bool is_readable = old.revision != 0 && old.revision + 1 < revisions_end && loaded_.outcome == LoadOutcome::found;
        request.record.version = is_readable ? RecordVersion{old.lineage, old.revision + 1} : RecordVersion{old.lineage ^ 1, 1};
        if (request.record.version.lineage == 0) request.record.version.lineage = 2;
        SaveResult result;
        store_->save(std::move(request), [&](SaveResult answer) { result = answer; });
        return result;
    }

    const std::shared_ptr<FileStore> store_;
    LoadResult loaded_;
    bool is_signed_out_ = false;
    std::uint64_t epoch_ = 1;
    std::uint64_t generation_ = 0;
};

}  // namespace portal::test

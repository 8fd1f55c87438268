// A store that processes share: compare-and-swap on the version, a marker for clears that it refused, and moods.
#pragma once

#include <algorithm>
#include <optional>

#include "session/record_store.hpp"

namespace portal::test {

enum class StoreMood { works, locked, broken };

class SimulatedStore {
public:
    StoreMood mood = StoreMood::works;
    int conflicts_to_come = 0;

    [[nodiscard]] const std::optional<Record>& record() const { return record_; }

    // The record can't be read any more: the next load says so.
    void damage() {
        lost_ = record_.has_value();
        record_.reset();
    }

    LoadResult load() {
        LoadResult result;
        if (mood == StoreMood::locked) result.outcome = LoadOutcome::unavailable;
        if (mood != StoreMood::works) return result;
        result.outcome = record_ ? LoadOutcome::found : lost_ ? LoadOutcome::lost : LoadOutcome::absent;
        lost_ = false;
        if (record_) result.record = *record_;
        if (record_) result.version = record_->version;
        result.logout.is_unfinished = is_marked_;
        result.logout.is_due = is_marked_ && (is_epoch_unknown_ || marked_epoch_ > (record_ ? record_->epoch : 0));
        if (result.logout.is_due) result.logout.epoch = marked_epoch_;
        return result;
    }

    SaveResult save(const SaveRequest& request) {
        const Record& record = request.record;
        const bool is_tombstone = record.state == TokenState::signed_out;
        if (is_tombstone) {
            is_marked_ = true;
            is_epoch_unknown_ = is_epoch_unknown_ || record.epoch == 0;
            marked_epoch_ = std::max(marked_epoch_, record.epoch);
        }
        if (mood == StoreMood::locked) return {SaveOutcome::unavailable};
        if (mood == StoreMood::broken) return {SaveOutcome::fault};
        const RecordVersion stored = record_ ? record_->version : RecordVersion{};
        const bool is_asked_to = conflicts_to_come > 0 && conflicts_to_come-- > 0;
        const bool is_marked_later = is_marked_ && (is_epoch_unknown_ || marked_epoch_ > record.epoch);
        if (is_asked_to || stored != request.replaces || record.epoch == 0 || (!is_tombstone && is_marked_later))
            return {SaveOutcome::conflict};
        record_ = record;
        if (is_tombstone || !is_marked_later) {
            is_marked_ = is_epoch_unknown_ = false;
            marked_epoch_ = 0;
        }
        return {SaveOutcome::saved};
    }

private:
    std::optional<Record> record_;
    bool is_marked_ = false;
    bool is_epoch_unknown_ = false;
    std::uint64_t marked_epoch_ = 0;
    bool lost_ = false;
};

}  // namespace portal::test

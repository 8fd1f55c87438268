// A store that processes share: compare-and-swap on the revision, a mark for clears that it refused, and moods.
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
        result.erase_pending = marked_epoch_ > (record_ ? record_->epoch : 0);
        return result;
    }

    SaveResult save(Record record) {
        const bool is_tombstone = record.state == TokenState::signed_out;
        if (is_tombstone) marked_epoch_ = std::max(marked_epoch_, record.epoch);
        if (mood == StoreMood::locked) return {SaveOutcome::unavailable};
        if (mood == StoreMood::broken) return {SaveOutcome::fault};
        const std::uint64_t revision = record_ ? record_->revision : 0;
        const bool is_asked_to = conflicts_to_come > 0 && conflicts_to_come-- > 0;
        if (is_asked_to || revision != record.revision || (!is_tombstone && marked_epoch_ > record.epoch))
            return {SaveOutcome::conflict};
        ++record.revision;
        record_ = std::move(record);
        if (marked_epoch_ <= record_->epoch) marked_epoch_ = 0;
        return {SaveOutcome::saved};
    }

private:
    std::optional<Record> record_;
    std::uint64_t marked_epoch_ = 0;
    bool lost_ = false;
};

}  // namespace portal::test

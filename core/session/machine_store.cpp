// The record and its store: one operation at a time, every save a compare-and-swap, every conflict a merge.
#include <algorithm>
#include <utility>

#include "base/random.hpp"
#include "session/backoff.hpp"
#include "session/machine.hpp"
#include "session/merge.hpp"

namespace portal {
namespace {

Code code_of(StoreVerdict verdict) {
    if (verdict == StoreVerdict::locked) return Code::store_unavailable;
    return verdict == StoreVerdict::memory_only ? Code::store_failed : Code::ok;
}

}  // namespace

// ---- starting operations ----

void Machine::run_store() {
    if (!config_.has_store) {
        saved_change_ = change_;
        return;
    }
    if (operation_ != StoreOperation::none) return;
    // A clear is tried at once, however locked the store is: the mark that it leaves outlives this process.
    const bool clears_first = store_ == StoreVerdict::locked && clear_is_untried();
    if (store_retry_at_ms_ != never_ms && !clears_first) return;
    if ((!loaded_ || reload_wanted_) && !clears_first) {
        reload_wanted_ = false;
        operation_ = StoreOperation::load;
        pending_.push_back(effect::Load{++operation_id_});
    } else if (clears_first || save_is_wanted()) {
        operation_ = StoreOperation::save;
        // A token that came after a clear waits for the tombstone, which alone makes a store wipe all else that it has.
        operation_change_ = cleared_unread_ ? clear_change_ : change_;
        slide_unsaved_ = false;
        SaveRequest request;
        request.record = cleared_unread_ ? tombstone() : external_record();
        request.record.version = saving_ = next_version();
        request.replaces = stored_;
        request.claims = request.record.claim.owner == config_.owner;
        pending_.push_back(effect::Save{++operation_id_, std::move(request)});
    } else {
        return;
    }
    operation_limit_ms_ = now_.boot_ms + store_call_limit_ms;
    operation_extended_ = false;
}

// ---- what the store answers ----

void Machine::on(const event::Loaded& answer) {
    const bool is_expected = operation_ == StoreOperation::load && answer.operation == operation_id_;
    if (!is_expected) {
        // Given up for unavailable, and here after all: a sign that the store can be read again.
        if (answer.result.outcome == LoadOutcome::found && answer.result.version != stored_) {
            store_retry_at_ms_ = never_ms;
            reload();
        }
        return;
    }
    operation_ = StoreOperation::none;
    if (answer.result.outcome != LoadOutcome::found && answer.result.outcome != LoadOutcome::absent)
        store_fault_ = answer.result.fault;
    if (answer.result.outcome == LoadOutcome::unavailable) {
        if (clear_is_untried()) return set_store(StoreVerdict::locked);
        return store_is_out(StoreVerdict::locked);
    }
    if (answer.result.outcome == LoadOutcome::fault) {
        store_is_out(StoreVerdict::memory_only);
        return first_answer();
    }
    read_boot_ms_ = now_.boot_ms;
    stored_ = answer.result.version;
    if (answer.result.outcome == LoadOutcome::found) {
        lineage_ = stored_.lineage;
        absorb(answer.result.record);
        if (is_of_another_client()) drop_token_of_another_client();
        store_is_read();
    } else {
        record_is_gone(answer.result.outcome == LoadOutcome::lost);
    }
    if (answer.result.logout.is_due) finish_erase();
    epoch_is_known_ = true;
    first_answer();
}

void Machine::on(const event::Saved& answer) {
    if (operation_ != StoreOperation::save || answer.operation != operation_id_) return;
    operation_ = StoreOperation::none;
    switch (answer.result.outcome) {
        case SaveOutcome::saved:
            return was_saved();
        case SaveOutcome::conflict:
            if (store_ == StoreVerdict::locked) failed_change_ = change_;
            store_retry_at_ms_ = never_ms;  // it answers, so it can be read
            return reload();
        default:
            break;
    }
    save_was_refused_ = true;
    store_fault_ = answer.result.fault;
    store_is_out(answer.result.outcome == SaveOutcome::unavailable ? StoreVerdict::locked : StoreVerdict::memory_only);
}

void Machine::was_saved() {
    stored_ = record_.version = saving_;
    lineage_ = stored_.lineage;
    saved_change_ = operation_change_;
    save_was_refused_ = false;
    store_retry_delay_ms_ = store_retry_first_ms;
    written_boot_ms_ = read_boot_ms_ = now_.boot_ms;
    if (saved_change_ >= token_change_) token_is_new_ = false;
    if (saved_change_ >= clear_change_) cleared_unread_ = false;
    set_store(StoreVerdict::persistent);
    if (phase_ == Phase::claiming && saved_change_ >= claim_change_) ask();
}

// The first load has been answered, so pushes and the provider can be.
void Machine::first_answer() {
    if (loaded_) return;
    loaded_ = true;
    for (const Event& report : std::exchange(early_reports_, {}))
        std::visit([this](const auto& what) { on(what); }, report);
    if (early_push_) take_push(*std::exchange(early_push_, std::nullopt));
}

// Locked, or broken: nothing waits for it any longer, and nothing is lost.
void Machine::store_is_out(StoreVerdict verdict) {
    if (verdict == StoreVerdict::locked) {
        store_retry_at_ms_ = now_.boot_ms + store_retry_delay_ms_;
        store_retry_delay_ms_ = std::min(store_retry_delay_ms_ * 2, store_retry_most_ms);
    }
    failed_change_ = change_;
    if (committing()) {
        ++counters_.degraded_saves;
        commit_change_ = saved_change_;
    }
    for (const PendingDone& done : std::exchange(dones_, {}))
        pending_.push_back(effect::Done{done.id, code_of(verdict), store_fault_});
    set_store(verdict);
    if (early_push_ && verdict == StoreVerdict::locked) take_push(*std::exchange(early_push_, std::nullopt));
    if (phase_ == Phase::elsewhere) forget_request();  // nobody can say how that goes: two fetches beat one deadlock
    if (phase_ != Phase::claiming) return;
    record_.claim = {};
    ask();
}

// A load that works does not mend a store that takes no save (a frozen process holds its lock): while there is something to
// save, only a save does.
void Machine::store_is_read() {
    if (save_was_refused_ && save_is_wanted()) return;
    store_retry_delay_ms_ = store_retry_first_ms;
    set_store(StoreVerdict::persistent);
}

void Machine::set_store(StoreVerdict verdict) {
    if (store_ == verdict) return;
    store_ = verdict;
    tell(EventKind::store, code_of(verdict));
}

// ---- what was read ----

void Machine::absorb(const Record& loaded) {
    Record theirs = loaded;
    internalise(theirs);
    const Ours ours{config_.owner, token_is_new_, token_was_given_, epoch_is_known_, cleared_unread_, token_was_pushed_};
    Merged merged = merge(record_, theirs, ours, now_);
    const bool was_cleared = merged.cleared_by_them && epoch_is_known_;
    const bool is_news = merged.token_is_theirs && epoch_is_known_ && merged.record.state == TokenState::live;
    if (was_cleared) withdraw_request();
    if (merged.token_is_theirs) {
        token_is_new_ = token_was_given_ = slide_unsaved_ = declined_ = lost_ = false;
        last_failure_ = {};
        commit_change_ = saved_change_;
        if (phase_ == Phase::claiming) phase_ = Phase::idle;
        if (merged.record.claim.owner == config_.owner && phase_ == Phase::idle) merged.record.claim = {};
    }
    if (merged.clear_is_done) {
        cleared_unread_ = false;
        saved_change_ = std::max(saved_change_, clear_change_);
    }
    const bool ends_our_claim = theirs.claim.owner == config_.owner && merged.record.claim.owner != config_.owner;
    record_ = std::move(merged.record);
    follow_claim();
    if (phase_ == Phase::claiming) {  // for a need of before: who still has it claims again
        phase_ = Phase::idle;
        record_.claim = {};
    }
    const bool has_later_slide = record_.slid != theirs.slid;
    if (has_later_slide) slide_unsaved_ = true;
    if (merged.differs_from_theirs || ends_our_claim) {
        changed();
    } else if (!has_later_slide && !token_is_new_ && !cleared_unread_) {
        saved_change_ = change_;  // it is all there already
    }
    if (was_cleared) {
        complete_all(Code::cleared);
        tell(EventKind::cleared);
    }
    if (is_news) token_is_news_ = true;
}

// The app says whose session this is when it opens it, until a clear.
bool Machine::is_of_another_client() const {
    return client_is_given_ && !record_.client_id.empty() && record_.client_id != config_.client_id;
}

// As after a clear, but for the sign-out: the app is there to ask for a token of the client that it named.
void Machine::drop_token_of_another_client() {
    ++record_.epoch;
    record_.state = TokenState::none;
    record_.token.reset();
    record_.client_id = config_.client_id;
    record_.issued = record_.slid = {};
    token_is_new_ = slide_unsaved_ = false;
    commit_change_ = saved_change_;
    changed();
}

// Another process asks the provider: look again soon. When its claim is over, whoever still needs a token may claim.
void Machine::follow_claim() {
    if (claim_is_foreign() && phase_ == Phase::claiming) {
        phase_ = Phase::elsewhere;
        poll_delay_ms_ = 0;
    }
    if (phase_ != Phase::elsewhere) return;
    if (claim_is_foreign()) {
        poll_delay_ms_ = std::clamp(poll_delay_ms_ * 2, claim_poll_first_ms, claim_poll_most_ms);
        poll_at_ms_ = now_.boot_ms + poll_delay_ms_;
    } else {
        phase_ = Phase::idle;
        poll_at_ms_ = never_ms;
    }
}

bool Machine::claim_is_foreign() const { return record_.claim.owner != config_.owner && is_live(record_.claim, now_); }

// Nothing stored, though there may have been: generation and epoch must grow all the same.
void Machine::record_is_gone(bool was_lost) {
    lineage_ = 0;
    if (record_.claim.owner != config_.owner) record_.claim = {};
    follow_claim();
    if (was_lost) {
        const auto wall_s = static_cast<std::uint64_t>(std::max<std::int64_t>(now_.unix_ms / 1000, 0));
        record_.generation = std::max(record_.generation, wall_s);
        record_.epoch = std::max(record_.epoch, wall_s);
        if (!has_token()) lost_ = true;
    }
    if (has_token() || cleared_unread_) changed();
    if (was_lost)
        set_store(StoreVerdict::lost);
    else
        store_is_read();
}

// A clear was begun and never finished. It clears what was read before. A token of who had read nothing yet may have come
// after it: that one stays, in an epoch of its own.
void Machine::finish_erase() {
    if (cleared_unread_) return;
    if (!token_is_new_ || epoch_is_known_) return on(event::Cleared{record_.epoch + 1, 0});
    ++record_.epoch;
    changed();
}

// ---- the record as it is stored ----

// The revision goes on where a record is made anew too: a host store compares it alone.
RecordVersion Machine::next_version() const {
    constexpr std::uint64_t most_revisions = std::uint64_t{1} << 62;
    const std::uint64_t lineage = lineage_ != 0 ? lineage_ : mix(config_.seed ^ mix(config_.owner + operation_id_)) | 1;
    return {lineage, stored_.revision + 1 < most_revisions ? stored_.revision + 1 : 1};
}

// Only within this process is an unknown boot known to be the same one.
Record Machine::external_record() const {
    Record record = record_;
    for (std::uint64_t* tag : {&record.issued.boot_tag, &record.slid.boot_tag, &record.claim.boot_tag,
                               &record.backoff.boot_tag, &record.rejections.boot_tag})
        if (*tag == config_.owner) *tag = 0;
    return record;
}

// What a clear leaves. Its generation is older than that of any token that came since.
Record Machine::tombstone() const {
    Record record;
    record.install_seed = record_.install_seed;
    record.epoch = record_.epoch;
    record.generation = record_.generation - (has_token() ? 1 : 0);
    record.state = TokenState::signed_out;
    record.rejections = external_record().rejections;
    return record;
}

// A trusted token's instants are told in this boot's time from here on.
void Machine::internalise(Record& record) const {
    Reading as_stored = now_;
    if (as_stored.boot_tag == config_.owner) as_stored.boot_tag = 0;
    const auto in_this_boot = [&](std::uint64_t& tag) {
        if (tag == as_stored.boot_tag) tag = now_.boot_tag;
    };
    in_this_boot(record.claim.boot_tag);
    in_this_boot(record.backoff.boot_tag);
    in_this_boot(record.rejections.boot_tag);
    TokenTimes times{record.issued, record.slid};
    if (!rebase(times, as_stored, config_.policy.margin_ms)) return;
    in_this_boot(times.issued.boot_tag);
    in_this_boot(times.slid.boot_tag);
    record.issued = times.issued;
    record.slid = times.slid;
}

}  // namespace portal

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
    // A clear is tried at once, however locked the store is: the marker that it leaves outlives this process.
    const bool clears_first = store_ == StoreVerdict::locked && clear_is_untried();
    if (store_retry_at_ms_ != never_ms && !clears_first) return;
    const bool saves = clears_first || save_is_wanted();
    // Numbers that are still provisional are never stored: the record is read first. A clear of an unknown epoch is.
    const bool reads_first = saves && !record_is_known_ && !cleared_unread_;
    if ((!loaded_ || reload_wanted_ || reads_first) && !clears_first) {
        reload_wanted_ = false;
        operation_ = StoreOperation::load;
        pending_.push_back(effect::Load{++operation_id_});
    } else if (saves) {
        start_save();
    } else {
        return;
    }
    operation_limit_ms_ = now_.boot_ms + store_call_limit_ms;
    operation_extended_ = false;
}

void Machine::start_save() {
    operation_ = StoreOperation::save;
    // A token that came after a clear waits for the tombstone, which alone makes a store wipe all else that it has.
    operation_change_ = cleared_unread_ ? clear_change_ : change_;
    has_unsaved_slide_ = false;
    SaveRequest request;
    request.record = cleared_unread_ ? tombstone() : external_record();
    request.record.version = saving_ = next_version();
    request.replaces = stored_;
    request.claims = request.record.claim.owner == config_.owner;
    request.finishes_clear = request.record.state == TokenState::signed_out && clear_is_found_;
    saving_slid_ = request.record.slid;
    pending_.push_back(effect::Save{++operation_id_, std::move(request)});
}

// ---- what the store answers ----

void Machine::on(const event::Loaded& answer) {
    const LoadResult& result = answer.result;
    const bool is_expected = operation_ == StoreOperation::load && answer.operation == operation_id_;
    if (!is_expected) {
        // A load that we timed out has answered: the store is readable again.
        if (result.outcome == LoadOutcome::found && result.version != stored_) {
            store_retry_at_ms_ = never_ms;
            reload();
        }
        return;
    }
    operation_ = StoreOperation::none;
    if (result.outcome != LoadOutcome::found && result.outcome != LoadOutcome::absent) store_fault_ = result.fault;
    if (result.outcome == LoadOutcome::unavailable) {
        if (clear_is_untried()) return set_store(StoreVerdict::locked);
        return on_store_unavailable(StoreVerdict::locked);
    }
    if (result.outcome == LoadOutcome::fault) {
        on_store_unavailable(StoreVerdict::memory_only);
        if (result.fault.cause == StoreCause::newer_format) {
            stored_ = result.version;
            lineage_ = 0;
            stand_by(Reason::other_version, wall_seconds(), wall_seconds());
            if (result.logout.is_due) finish_logout(result.logout, false);
        }
        return first_answer();
    }
    read_boot_ms_ = looked_boot_ms_ = now_.boot_ms;
    stored_ = result.version;
    lineage_ = result.outcome == LoadOutcome::found ? stored_.lineage : 0;
    take_loaded(result);
    first_answer();
}

void Machine::take_loaded(const LoadResult& result) {
    const bool is_first = !record_is_known_;
    const bool is_beyond = result.record.epoch >= most_counted || result.record.generation >= most_counted;
    if (result.outcome != LoadOutcome::found || is_beyond) {
        if (is_beyond) store_fault_ = {StoreCause::damaged};
        if (is_beyond) lineage_ = 0;
        on_record_gone(is_beyond || result.outcome == LoadOutcome::lost);
    } else if (const Reason mismatch = mismatch_of(result.record); mismatch != Reason::none) {
        lineage_ = 0;
        stand_by(mismatch, result.record.epoch, result.record.generation);
        on_store_read();
    } else {
        absorb(result.record, result.claim_owner_is_dead);
        on_store_read();
    }
    if (is_first) rebase_requests();
    if (result.logout.is_due) {
        finish_logout(result.logout, is_first && token_is_new_);
    } else if (result.logout.is_unfinished && record_.state == TokenState::signed_out) {
        clear_is_found_ = true;
        changed();  // saved once more, the tombstone finishes what a crash has left
    }
    for (Waiter& waiter : waiters_) cut(waiter);
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
    if (answer.result.has_tombstone && operation_change_ >= clear_change_) {
        stored_ = saving_;
        lineage_ = stored_.lineage;
        cleared_unread_ = false;
    }
    on_store_unavailable(answer.result.outcome == SaveOutcome::unavailable ? StoreVerdict::locked
                                                                           : StoreVerdict::memory_only);
}

void Machine::was_saved() {
    stored_ = saving_;
    lineage_ = stored_.lineage;
    saved_change_ = operation_change_;
    save_was_refused_ = false;
    store_retry_delay_ms_ = store_retry_first_ms;
    read_boot_ms_ = looked_boot_ms_ = now_.boot_ms;
    on_slide_stored(saving_slid_);
    if (standby_ && standby_->replacing) {
        standby_.reset();
        replaced_standby_ = true;
    }
    if (saved_change_ >= token_change_) token_is_new_ = false;
    if (saved_change_ >= clear_change_) cleared_unread_ = false;
    set_store(StoreVerdict::persistent);
    if (phase_ == Phase::claiming && saved_change_ >= claim_change_) ask();
}

// The store has answered for the first time. Once the record is known too, early reports can be judged; pushes need no more
// than the answer.
void Machine::first_answer() {
    loaded_ = true;
    if (record_is_known_) {
        for (const event::Accepted& report : std::exchange(early_accepted_, {})) on(report);
        for (const event::Rejected& report : std::exchange(early_rejected_, {})) on(report);
    }
    if (early_push_) take_push(*std::exchange(early_push_, std::nullopt));
}

// Stop waiting for the store and continue in memory.
void Machine::on_store_unavailable(StoreVerdict verdict) {
    if (verdict == StoreVerdict::locked) {
        store_retry_at_ms_ = now_.boot_ms + store_retry_delay_ms_;
        store_retry_delay_ms_ = std::min(store_retry_delay_ms_ * 2, store_retry_most_ms);
    }
    failed_change_ = change_;
    slide_refused_boot_ms_ = now_.boot_ms;
    if (committing()) {
        ++counters_.degraded_saves;
        commit_change_ = saved_change_;
    }
    for (const PendingDone& done : std::exchange(dones_, {}))
        pending_.push_back(effect::Done{done.id, code_of(verdict), store_fault_});
    set_store(verdict);
    if (early_push_ && verdict == StoreVerdict::locked) take_push(*std::exchange(early_push_, std::nullopt));
    if (phase_ == Phase::elsewhere) forget_request();  // its progress is unknown, and two fetches beat one deadlock
    if (phase_ != Phase::claiming) return;
    record_.claim = {};
    ask();
}

// A load that works does not mend a store that takes no save (a frozen process holds its lock): while there is something to
// save, only a save does.
void Machine::on_store_read() {
    if (save_was_refused_ && save_is_wanted()) return;
    store_retry_delay_ms_ = store_retry_first_ms;
    set_store(StoreVerdict::persistent);
}

void Machine::set_store(StoreVerdict verdict) {
    if (store_ == verdict) return;
    store_ = verdict;
    tell(EventKind::store, code_of(verdict));
}

// ---- slides ----

void Machine::on_slide_stored(const Anchor& slid) {
    stored_slid_boot_ms_ = slid.boot_ms;
    stored_slide_is_of_this_boot_ = slid.boot_tag != 0 && slid.boot_tag == external_tag(now_.boot_tag);
}

// A slide is worth a save 15 minutes after the stored one, at once if that is of another boot; and the store that has just
// refused a save is not asked at each report.
std::int64_t Machine::slide_due_boot_ms() const {
    const std::int64_t by_stored_ms = stored_slide_is_of_this_boot_ ? stored_slid_boot_ms_ + slide_save_every_ms : 0;
    return std::max(by_stored_ms, slide_refused_boot_ms_ + slide_save_every_ms);
}

// ---- what was read ----

// The record is known from here on, so provisional numbers become real ones.
void Machine::learn_numbers(std::uint64_t epoch, std::uint64_t generation) {
    if (record_is_known_) return;
    if (has_live_token()) {
        provisional_epoch_ = record_.epoch;
        provisional_generation_ = record_.generation;
        real_generation_ = generation + 1;
    }
    record_.epoch = epoch;
    record_.generation = real_generation_;
    record_is_known_ = true;
}

// A request in flight was made for this session's need, not against the record that has just appeared: its token is welcome
// all the same, unless that record says that the user has signed out.
void Machine::rebase_requests() {
    if (record_.state == TokenState::signed_out && !request_.forced) return withdraw_request();
    for (Request* request : {&request_, late_ ? &*late_ : nullptr}) {
        if (request == nullptr) continue;
        request->epoch = record_.epoch;
        request->generation = record_.generation;
    }
}

// A token that was handed out keeps its first name, whatever it is numbered later.
void Machine::follow_names(const SharedSecret& before, bool was_given) {
    const bool was_renamed = record_.token != nullptr && record_.token == before && was_given;
    if (!was_renamed) {
        first_name_ = {record_.epoch, record_.generation};
    } else if (is_provisional(first_name_.epoch) && !is_provisional(record_.epoch)) {
        first_name_ = {record_.epoch, real_generation_};
    }
}

// The generation that a lease names, as it is numbered now. None: it is of an epoch that is over.
std::optional<std::uint64_t> Machine::real_generation(std::uint64_t epoch, std::uint64_t generation) const {
    if (names().contain({epoch, generation})) return record_.generation;
    if (epoch == record_.epoch) return generation;
    if (provisional_epoch_ == 0 || epoch != provisional_epoch_) return std::nullopt;
    if (generation != provisional_generation_) return 0;
    return names().contain({record_.epoch, real_generation_}) ? record_.generation : real_generation_;
}

// Of the epoch that a session has once it has read `theirs` for the first time.
std::uint64_t Machine::first_epoch(const Record& theirs) const {
    const bool is_signed_out = theirs.state == TokenState::signed_out;
    if (cleared_unread_) return is_signed_out ? theirs.epoch : theirs.epoch + 1;
    // Only a push ends a sign-out: a token that was fetched without the store is void.
    const bool is_void = has_live_token() && is_signed_out && !token_was_pushed_;
    return is_void ? theirs.epoch - 1 : theirs.epoch;
}

void Machine::absorb(const Record& loaded, bool claim_owner_is_dead) {
    Record theirs = loaded;
    standby_.reset();
    on_slide_stored(theirs.slid);
    internalise(theirs);
    void_claim(theirs.claim, claim_owner_is_dead);
    const bool was_known = record_is_known_;
    learn_numbers(first_epoch(theirs), theirs.generation);
    const bool had_token = has_live_token();
    const std::uint64_t epoch_before = record_.epoch;
    const bool knows_nothing = !was_known && !had_token && !cleared_unread_;
    Merged merged =
        merge(record_, theirs, {config_.owner, token_is_new_, token_was_given_, knows_nothing, cleared_unread_}, now_);
    const bool was_cleared = merged.cleared_by_them && (was_known || had_token);
    const bool is_news = merged.token_is_theirs && was_known && merged.record.state == TokenState::live;
    if (was_cleared) withdraw_request();
    if (merged.token_is_theirs) {
        token_is_new_ = token_was_given_ = has_unsaved_slide_ = declined_ = lost_ = false;
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
    if (record_.epoch != epoch_before) provisional_epoch_ = provisional_generation_ = 0;
    follow_claim();
    if (phase_ == Phase::claiming) {  // That need may be stale. Whoever still has it claims again.
        phase_ = Phase::idle;
        record_.claim = {};
    }
    const bool has_later_slide = record_.slid != theirs.slid;
    if (has_later_slide) has_unsaved_slide_ = true;
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

// A claim ends with its owner: where the store says that it is dead, and where a new process has the same role. That is
// judged once: whoever opens a session of the same process later has no part in it.
void Machine::void_claim(Claim& claim, bool owner_is_dead) {
    if (claim.owner == 0 || claim.owner == config_.owner) return;
    const bool is_of_this_role = !config_.role.empty() && claim.role == config_.role;
    if (!record_is_known_ && is_of_this_role && claim.started_boot_ms < config_.process_began_boot_ms)
        voided_owner_ = claim.owner;
    if (owner_is_dead || claim.owner == voided_owner_) claim = {};
}

// Why this record is not for the session as it was opened; none: it is. The app says whose session it is, until a clear.
Reason Machine::mismatch_of(const Record& theirs) const {
    if (theirs.state == TokenState::signed_out) return Reason::none;
    if (!config_.origin.empty() && theirs.origin != config_.origin) return Reason::other_origin;
    const bool has_token_or_client = theirs.token != nullptr || !theirs.client_id.empty();
    const bool is_other = client_is_given_ && has_token_or_client && theirs.client_id != config_.client_id;
    return is_other ? Reason::other_client : Reason::none;
}

// What this session has stays in memory. A token that was adopted before the record was known replaces it.
void Machine::stand_by(Reason reason, std::uint64_t epoch, std::uint64_t generation) {
    const bool replaces = !record_is_known_ && has_token() && reason != Reason::other_version;
    learn_numbers(replaces ? epoch + 1 : epoch, generation);
    const bool goes_on = standby_ && standby_->replacing && standby_->reason == reason;
    standby_ = Standby{reason, epoch, generation, replaces || goes_on};
    if (standby_->replacing) {
        record_.epoch = std::max(record_.epoch, epoch + 1);
        record_.generation = std::max(record_.generation, generation + 1);
        if (!has_token()) standby_->replacing = false;
    }
    if (cleared_unread_) {  // the tombstone replaces it
        record_.epoch = std::max(record_.epoch, epoch + 1);
        record_.generation = std::max(record_.generation, generation);
        standby_.reset();
        changed();
        clear_change_ = change_;
        return;
    }
    if (phase_ == Phase::claiming || phase_ == Phase::elsewhere) forget_request();
    record_.claim = {};
    if (has_token() && !standby_->replacing) token_is_new_ = token_was_given_ = true;
    commit_change_ = standby_->replacing ? commit_change_ : saved_change_;
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

std::uint64_t Machine::wall_seconds() const {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(now_.unix_ms / 1000, 1));
}

// Nothing that opens is stored, though there may have been: the numbers of what comes must be new all the same.
void Machine::on_record_gone(bool was_lost) {
    if (was_lost && store_fault_.cause == StoreCause::other_key) {
        stand_by(Reason::wrong_key, std::max(record_is_known_ ? record_.epoch : 0, wall_seconds()), wall_seconds());
        return set_store(StoreVerdict::lost);
    }
    standby_.reset();
    const bool was_known = record_is_known_;
    learn_numbers(cleared_unread_ ? 2 : 1, 0);
    if (record_.claim.owner != config_.owner) record_.claim = {};
    follow_claim();
    stored_slide_is_of_this_boot_ = false;
    if (was_lost && was_known) {
        // What is held keeps its numbers: leases name it by them, and a logout that it has missed has a later epoch.
        least_generation_ = wall_seconds();
    } else if (was_lost) {
        record_.generation = std::max(record_.generation, wall_seconds());
        record_.epoch = std::max(record_.epoch, wall_seconds());
        real_generation_ = record_.generation;
    }
    if (was_lost && !has_token()) lost_ = true;
    if (has_token() || cleared_unread_) changed();
    if (was_lost)
        set_store(StoreVerdict::lost);
    else
        on_store_read();
}

// A clear was begun by a process that did not finish it, or its witness has outlived the record. It clears what was read.
// A token adopted before the first load may be newer than the clear: keep it, in a new epoch, behind the tombstone.
void Machine::finish_logout(const Logout& logout, bool keeps_token) {
    if (cleared_unread_) return;
    clear_is_found_ = true;
    if (!keeps_token) return sign_out(logout.epoch);
    record_.epoch = std::max(record_.epoch + 1, logout.epoch);
    cleared_unread_ = true;
    clear_change_ = change_;
    changed();
    token_change_ = change_;
    if (commit_change_ > saved_change_) commit_change_ = change_;
}

// ---- the record as it is stored ----

// The revision goes on where a record is made anew too: a host store compares it alone.
RecordVersion Machine::next_version() const {
    const std::uint64_t fresh = mix(config_.seed ^ mix(config_.owner + operation_id_)) | 1;
    if (stored_.revision >= most_unproven) return {fresh, 1};  // a tombstone must be able to follow
    return {lineage_ != 0 ? lineage_ : fresh, stored_.revision + 1};
}

// Only within this process is an unknown boot known to be the same one.
std::uint64_t Machine::external_tag(std::uint64_t tag) const { return tag == config_.owner ? 0 : tag; }

Record Machine::external_record() const {
    Record record = record_;
    record.origin = config_.origin;
    for (std::uint64_t* tag : {&record.issued.boot_tag, &record.slid.boot_tag, &record.claim.boot_tag,
                               &record.backoff.boot_tag, &record.rejections.boot_tag})
        *tag = external_tag(*tag);
    return record;
}

// What a clear leaves. Its generation is older than that of any token that came since. Epoch 0: the record is yet to be
// read, so the clear voids whatever is stored.
Record Machine::tombstone() const {
    Record record;
    record.state = TokenState::signed_out;
    if (!record_is_known_) return record;
    record.epoch = record_.epoch;
    record.generation = record_.generation - (has_token() ? 1 : 0);
    return record;
}

// Rebases a trusted token's anchors onto this boot's clock.
void Machine::internalise(Record& record) const {
    Reading as_stored = now_;
    as_stored.boot_tag = external_tag(as_stored.boot_tag);
    const auto in_this_boot = [&](std::uint64_t& tag) {
        if (tag == as_stored.boot_tag) tag = now_.boot_tag;
    };
    in_this_boot(record.claim.boot_tag);
    in_this_boot(record.backoff.boot_tag);
    in_this_boot(record.rejections.boot_tag);
    // None of ours lasts as long: were it kept, it would hide a true one at each merge.
    if (record.backoff.boot_tag == now_.boot_tag && record.backoff.not_before_boot_ms > now_.boot_ms &&
        backoff_left(record.backoff, now_) == 0)
        record.backoff.boot_tag = record.backoff.not_before_boot_ms = 0;
    TokenTimes times{record.issued, record.slid};
    if (!rebase(times, as_stored, config_.policy.margin_ms)) return;
    in_this_boot(times.issued.boot_tag);
    in_this_boot(times.slid.boot_tag);
    record.issued = times.issued;
    record.slid = times.slid;
}

}  // namespace portal

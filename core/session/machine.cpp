#include "session/machine.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/random.hpp"
#include "session/backoff.hpp"

namespace portal {
namespace {

constexpr std::size_t most_early_reports = 16;  // of either kind

// Too many: the oldest token's goes, for it is the least likely to be the stored one.
template <typename Report>
void keep(std::vector<Report>& reports, const Report& report) {
    reports.push_back(report);
    if (reports.size() <= most_early_reports) return;
    reports.erase(std::min_element(reports.begin(), reports.end(), [](const Report& a, const Report& b) {
        return std::tie(a.epoch, a.generation) < std::tie(b.epoch, b.generation);
    }));
}

}  // namespace

Machine::Machine(MachineConfig config) : config_(std::move(config)) {
    record_.epoch = 1;
    if (config_.has_store) record_.epoch = record_.generation = first_provisional + (mix(config_.owner) >> 13);
    record_.install_seed = config_.seed;
    record_.client_id = config_.client_id;
    client_is_given_ = !config_.client_id.empty();
    waiters_.reserve(4);
    pending_.reserve(4);
}

void Machine::step(const Event& event, const Moment& moment, Effects& effects) {
    if (ended_) return;
    now_ = moment.reading;
    if (now_.boot_tag == 0) now_.boot_tag = config_.owner;
    store_is_watched_ = moment.store_is_watched;
    absorb_slide(moment);
    const SharedSecret token_before = record_.token;
    const bool was_given = token_was_given_;
    std::visit([this](const auto& what) { on(what); }, event);
    follow_names(token_before, was_given);
    settle();
    follow_names(token_before, was_given);
    publish(effects);
    std::move(pending_.begin(), pending_.end(), std::back_inserter(effects));
    pending_.clear();
}

// ---- events ----

void Machine::on(const event::Opened&) {
    read_boot_ms_ = looked_boot_ms_ = now_.boot_ms;
    if (config_.has_store) return;
    store_ = StoreVerdict::memory_only;
    record_is_known_ = true;
    loaded_ = true;
}

void Machine::on(const event::Prepare&) { wanted_ = true; }

void Machine::on(const event::Accepted& report) {
    const auto generation = real_generation(report.epoch, report.generation);
    if (!record_is_known_ && generation != record_.generation) return keep_early(report);
    if (generation && report.boot_tag == now_.boot_tag) absorb_slide({{}, *generation, report.sent_boot_ms});
    if (has_unsaved_slide_ && record_.slid.boot_ms >= slide_due_boot_ms()) changed();
}

void Machine::on(const event::Rejected& report) {
    republish_ = true;
    const auto generation = real_generation(report.epoch, report.generation);
    const bool is_ours = has_token() && generation == record_.generation;
    if (!record_is_known_ && !is_ours) return keep_early(report);
    if (!is_ours || record_.state != TokenState::live) return;
    record_.state = TokenState::rejected;
    ++counters_.rejections;
    changed();
    reload();
    tell(EventKind::rejected);
}

// A lease may outlive its process. A report of it that precedes the load is kept until the record is known: of each token
// the latest 2xx, and apart from these the rejections, which no number of answers may crowd out.
void Machine::keep_early(const event::Accepted& report) {
    if (is_provisional(report.epoch)) return;  // of an earlier process, which no record tells of
    const auto same = std::find_if(early_accepted_.begin(), early_accepted_.end(), [&](const event::Accepted& kept) {
        return kept.epoch == report.epoch && kept.generation == report.generation && kept.boot_tag == report.boot_tag;
    });
    if (same == early_accepted_.end()) return keep(early_accepted_, report);
    same->sent_boot_ms = std::max(same->sent_boot_ms, report.sent_boot_ms);
}

void Machine::keep_early(const event::Rejected& report) {
    if (is_provisional(report.epoch)) return;
    if (std::find(early_rejected_.begin(), early_rejected_.end(), report) == early_rejected_.end())
        keep(early_rejected_, report);
}

void Machine::on(const event::Cleared& clear) {
    clear_is_found_ = false;
    early_push_.reset();  // it came before this clear; a clear that a load finds is older than the push
    sign_out(0);
    if (clear.done != 0) dones_.push_back({clear.done, clear_change_});
}

// `least_epoch`: of a clear that another process has begun; 0: none is known.
void Machine::sign_out(std::uint64_t least_epoch) {
    withdraw_request();
    complete_all(Code::cleared);
    if (standby_) {
        record_.epoch = std::max(record_.epoch, standby_->epoch);
        record_.generation = std::max(record_.generation, standby_->generation);
        standby_.reset();
    }
    record_.epoch = std::max(record_.epoch + 1, least_epoch);
    record_.state = TokenState::signed_out;
    record_.token.reset();
    record_.client_id.clear();
    client_is_given_ = false;
    record_.issued = record_.slid = {};
    record_.claim = {};
    record_.backoff = {};
    record_.rejections = {};
    early_accepted_.clear();
    early_rejected_.clear();
    last_failure_ = {};
    provisional_epoch_ = provisional_generation_ = 0;
    token_is_new_ = token_is_news_ = declined_ = wanted_ = lost_ = has_unsaved_slide_ = false;
    commit_change_ = saved_change_;
    changed();
    store_retry_at_ms_ = never_ms;  // a logout does not wait for a store that was locked a moment ago
    cleared_unread_ = config_.has_store;
    clear_change_ = change_;
    republish_ = true;
    tell(EventKind::cleared);
}

void Machine::on(const event::Timer&) {
    const bool frozen = armed_ms_ != never_ms && now_.boot_ms - armed_ms_ > frozen_after_ms;
    armed_ms_ = never_ms;
    pass_time(frozen);
}

void Machine::on(const event::Foreground& notice) {
    store_retry_at_ms_ = never_ms;
    failed_change_ = 0;
    reload();
    pass_time(false);
    if (notice.done != 0) dones_.push_back({notice.done, 0});
}

void Machine::on(const event::Background& notice) {
    if (has_unsaved_slide_) changed();
    if (notice.done != 0) dones_.push_back({notice.done, 0});
}

void Machine::on(const event::StoreChanged& notice) {
    store_retry_at_ms_ = never_ms;
    failed_change_ = 0;
    reload();
    if (notice.done != 0) dones_.push_back({notice.done, 0});
}

void Machine::on(const event::StoreLooked&) { looked_boot_ms_ = now_.boot_ms; }

void Machine::on(const event::ClockChanged& notice) {
    pass_time(false);
    if (notice.done != 0) dones_.push_back({notice.done, 0});
}

void Machine::on(const event::Closed&) {
    closing_ = true;
    withdraw_request();
    complete_all(Code::closed);
    early_push_.reset();
    wanted_ = false;
    end_claim();
}

// ---- time ----

void Machine::absorb_slide(const Moment& moment) {
    if (moment.slid_generation != record_.generation || !has_token() || record_.state != TokenState::live || committing())
        return;
    const std::int64_t sent_boot_ms = std::min(moment.slid_boot_ms, now_.boot_ms);
    TokenTimes times{record_.issued, record_.slid};
    if (assess(config_.policy, times, 0, now_).clock == ClockVerdict::untrusted) {
        if (sent_boot_ms <= 0) return;
        reanchor_accepted(times, config_.policy, now_, sent_boot_ms);
        record_.issued = times.issued;
        record_.slid = times.slid;
        changed();
    } else if (sent_boot_ms > record_.slid.boot_ms) {
        record_.slid = {now_.boot_tag, sent_boot_ms, now_.unix_ms - (now_.boot_ms - sent_boot_ms)};
        has_unsaved_slide_ = true;
    }
}

// Does what is due. `frozen`: the process was suspended past the timer, so whoever is due gets a little more, once.
void Machine::pass_time(bool frozen) {
    const auto grace = [&](std::int64_t& limit_ms, bool& extended) {
        const std::int64_t graced_ms = now_.boot_ms + wake_grace_ms;
        if (!frozen || extended || limit_ms >= graced_ms) return;
        limit_ms = graced_ms;
        extended = true;
    };
    if (phase_ == Phase::asking) grace(request_.limit_boot_ms, request_.extended);
    if (operation_ != StoreOperation::none) grace(operation_limit_ms_, operation_extended_);
    for (Waiter& waiter : waiters_) grace(waiter.deadline_boot_ms, waiter.extended);

    if (phase_ == Phase::asking && request_.limit_boot_ms <= now_.boot_ms) {
        late_ = std::exchange(request_, {});
        ProviderFailure failure;
        failure.retryable = true;
        failure.cause = FailureCause::unanswered;
        fail_request(*late_, failure);
    }
    for (std::size_t i = waiters_.size(); i-- > 0;) {
        if (waiters_[i].deadline_boot_ms > now_.boot_ms) continue;
        const Waiter due = waiters_[i];
        waiters_.erase(waiters_.begin() + static_cast<std::ptrdiff_t>(i));
        complete(due, answer_at_deadline(due));
    }
    if (operation_ != StoreOperation::none && operation_limit_ms_ <= now_.boot_ms) {
        if (std::exchange(operation_, StoreOperation::none) == StoreOperation::save) save_was_refused_ = true;
        store_fault_ = {StoreCause::no_answer};
        on_store_unavailable(StoreVerdict::locked);
    }
    if (poll_at_ms_ <= now_.boot_ms) {
        poll_at_ms_ = never_ms;
        reload();
    }
    if (store_retry_at_ms_ <= now_.boot_ms) {
        store_retry_at_ms_ = never_ms;
        reload();
    }
}

std::int64_t Machine::next_timer() const {
    std::int64_t next_ms = std::min(poll_at_ms_, store_retry_at_ms_);
    if (operation_ != StoreOperation::none) next_ms = std::min(next_ms, operation_limit_ms_);
    if (phase_ == Phase::asking) next_ms = std::min(next_ms, request_.limit_boot_ms);
    for (const Waiter& waiter : waiters_) next_ms = std::min(next_ms, waiter.deadline_boot_ms);
    if (closing_) return next_ms;
    const bool is_forced = std::any_of(waiters_.begin(), waiters_.end(),
                                       [](const Waiter& waiter) { return waiter.needs_request != 0; });
    if (is_forced && phase_ == Phase::idle && !committing() && force_left() > 0)
        next_ms = std::min(next_ms, now_.boot_ms + force_left());
    const std::int64_t backoff_ms = backoff_left(record_.backoff, now_);
    if (backoff_ms > 0) next_ms = std::min(next_ms, now_.boot_ms + backoff_ms);
    const Standing at = standing();
    if (at.token.changes_in_ms > 0) next_ms = std::min(next_ms, now_.boot_ms + at.token.changes_in_ms);
    return next_ms;
}

void Machine::arm() {
    const std::int64_t next_ms = next_timer();
    if (next_ms == armed_ms_) return;
    armed_ms_ = next_ms;
    pending_.push_back(effect::Arm{next_ms});
}

// ---- standing and publication ----

bool Machine::has_token() const {
    return record_.token != nullptr && (record_.state == TokenState::live || record_.state == TokenState::rejected);
}

std::int64_t Machine::lead_ms() const { return renewal_lead(config_.policy, record_.install_seed, record_.generation); }

Machine::Standing Machine::standing() const {
    Standing at;
    if (record_.state == TokenState::signed_out) {
        at.state = State::signed_out;
        at.reason = Reason::cleared;
        return at;
    }
    if (record_.state == TokenState::rejected) {
        at.state = State::rejected;
        at.reason = Reason::rejected;
    } else if (has_token()) {
        at.token = assess(config_.policy, {record_.issued, record_.slid}, lead_ms(), now_);
        at.state = at.token.state;
        at.reason = at.token.reason;
    } else if (!loaded_) {
        at.reason = store_ == StoreVerdict::locked ? Reason::store_unavailable : Reason::loading;
        return at;
    } else {
        at.state = State::none;
        at.reason = standby_                                           ? standby_->reason
                    : lost_                                            ? Reason::storage_lost
                                                                       : Reason::first;
    }
    const bool good = at.state == State::fresh || at.state == State::expiring;
    if (declined_ && !good) at.reason = Reason::declined;
    return at;
}

Snapshot Machine::snapshot(const Standing& at) const {
    Snapshot result;
    const bool live = has_token() && record_.state == TokenState::live;
    result.standing = live ? State::fresh : at.state;
    result.standing_reason = at.reason;
    if (has_token()) result.times = {record_.issued, record_.slid};
    result.lead_ms = lead_ms();
    result.usable = live;
    result.memory_only = memory_only();
    result.untrusted = at.token.clock == ClockVerdict::untrusted;
    result.overdue_until_boot_ms = overdue_until_boot_ms();
    if (config_.has_store) result.slide_due_boot_ms = slide_due_boot_ms();
    if (config_.has_store && config_.shared_store) {
        result.recheck_boot_ms = read_boot_ms_ + recheck_every_ms;
        if (!store_is_watched_)
            result.recheck_boot_ms = std::min(result.recheck_boot_ms, std::max(looked_boot_ms_, read_boot_ms_) + look_every_ms);
    }
    result.store_is_watched = store_is_watched_;
    result.generation = record_.generation;
    result.epoch = record_.epoch;
    result.first_name = first_name_;
    result.is_known = record_is_known_;
    if (record_is_known_ || cleared_unread_) result.least_epoch = first_name_.epoch;
    result.provisional_epoch = is_provisional(record_.epoch) ? record_.epoch : provisional_epoch_;
    result.renewal = renewal();
    if (result.renewal == Renewal::backing_off) result.retry_at_boot_ms = record_.backoff.not_before_boot_ms;
    result.store = store_;
    result.store_fault = store_fault_;
    result.counters = counters_;
    return result;
}

// A new token is published once it is durable (or the store has said that it can't be).
void Machine::publish(Effects& effects) {
    if (closing_ || committing()) return;
    const Standing at = standing();
    Snapshot next = snapshot(at);
    // Readers take the slide from their own cell: a later slide alone is no news.
    Snapshot seen = published_;
    if (seen.generation == next.generation && seen.times.issued == next.times.issued) seen.times.slid = next.times.slid;
    // The reason of a live token is judged at the read.
    if (next.usable && seen.usable) seen.standing_reason = next.standing_reason;
    if (!published_once_ || republish_ || !(seen == next)) {
        published_ = next;
        published_once_ = true;
        republish_ = false;
        if (next.usable) token_was_given_ = true;
        effects.push_back(effect::Publish{next, next.usable ? record_.token : nullptr, record_.client_id});
    }
}

void Machine::tell(EventKind kind, Code code, std::int64_t retry_after_ms) {
    const Standing at = standing();
    effect::Tell what{kind, at.state, at.reason, code, record_.generation, record_.epoch, retry_after_ms};
    if (kind == EventKind::store && store_ != StoreVerdict::persistent) what.store_fault = store_fault_;
    if (code == last_failure_.code) what.host_code = last_failure_.host_code;
    pending_.push_back(std::move(what));
}

void Machine::tell_changes() {
    if (committing()) return;
    const Standing at = standing();
    if (std::exchange(token_is_news_, false)) tell(EventKind::new_token);
    if (at.token.clock != last_reported_clock_) {
        last_reported_clock_ = at.token.clock;
        tell(EventKind::clock);
    }
    if (at.state != last_reported_state_ || at.reason != last_reported_reason_) {
        last_reported_state_ = at.state;
        last_reported_reason_ = at.reason;
        tell(EventKind::state);
    }
}

// ---- after each event ----

void Machine::settle() {
    if (!closing_) {
        serve_waiters();
        renew_if_needed();
        tell_changes();
    }
    if (closing_ && has_unsaved_slide_) changed();
    run_store();
    answer_done();
    if (closing_ && operation_ == StoreOperation::none) {
        for (const PendingDone& done : std::exchange(dones_, {})) pending_.push_back(effect::Done{done.id, Code::closed});
        pending_.push_back(effect::Ended{});
        ended_ = true;
        record_.token.reset();  // the handle may be kept for long
        return;
    }
    arm();
}

// A notice is done when nothing that it caused is under way; a clear when the store holds the tombstone.
void Machine::answer_done() {
    const auto is_over = [&](const PendingDone& done) {
        return done.change != 0 ? saved_change_ >= done.change : operation_ == StoreOperation::none;
    };
    for (const PendingDone& done : dones_)
        if (is_over(done)) pending_.push_back(effect::Done{done.id, Code::ok});
    dones_.erase(std::remove_if(dones_.begin(), dones_.end(), is_over), dones_.end());
}

}  // namespace portal

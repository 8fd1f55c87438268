// Requesting a token, and adopting the result or a pushed token.
#include <algorithm>
#include <utility>

#include "base/random.hpp"
#include "session/backoff.hpp"
#include "session/machine.hpp"
#include "session/merge.hpp"

namespace portal {
namespace {

Anchor earlier(const Anchor& anchor, std::int64_t ms) {
    return {anchor.boot_tag, anchor.boot_ms - ms, anchor.unix_ms - ms};
}

}  // namespace

// ---- what the provider and the app say ----

void Machine::on(const event::Fulfilled& answer) {
    const bool is_current = phase_ == Phase::asking && request_.id == answer.request;
    const std::optional<Request> request = take_request(answer.request);
    if (!request || request->epoch != record_.epoch) return;
    if (record_.generation > request->generation && !is_forced_by_somebody(request->id)) return end_claim();

    const Anchor issued = earlier(request->made, answer.offer.age_ms);
    const Code code = judge_offer(answer.offer, issued);
    const State state = standing().state;
    // Asked in the lead, the same token again would be asked for at each read: that too calls for a back-off.
    const bool still_good = state == State::fresh || (state == State::expiring && request->reason != Reason::near_absolute);
    if (code == Code::ok || (code == Code::repeated_token && still_good)) {
        fulfilled_request_ = std::max(fulfilled_request_, request->id);
        last_failure_ = {};
        wanted_ = declined_ = false;
        if (code == Code::repeated_token) return end_claim();
        count_mint(request->reason);
        // A late answer came first: the request that runs for the same need is needed no more.
        if (!is_current && !is_forced_by_somebody(request_.id)) forget_request();
        adopt(answer.offer, issued);
    } else if (is_current) {
        ProviderFailure failure;
        failure.code = code;
        fail_request(*request, failure);
    }
}

void Machine::on(const event::Declined& answer) {
    const bool is_current = phase_ == Phase::asking && request_.id == answer.request;
    const std::optional<Request> request = take_request(answer.request);
    if (!request || !is_current) return;
    declined_ = true;
    wanted_ = false;
    last_failure_ = {Code::sign_in_needed, false, 0, answer.http_status, answer.host_code};
    end_claim();
    complete_after(request->id, Code::sign_in_needed, 0);
    tell(EventKind::sign_in_needed, Code::sign_in_needed);
}

void Machine::on(const event::Failed& answer) {
    const bool is_current = phase_ == Phase::asking && request_.id == answer.request;
    const std::optional<Request> request = take_request(answer.request);
    if (request && is_current) fail_request(*request, answer.failure);
}

void Machine::on(const event::Pushed& push) {
    republish_ = true;
    if (closing_) return;
    // Until the record is read nobody knows which generation and epoch the token gets.
    if (!loaded_ && store_ != StoreVerdict::locked) {
        early_push_ = {push.offer, anchor_at(now_)};
    } else {
        take_push({push.offer, anchor_at(now_)});
    }
}

void Machine::take_push(const Push& push) {
    const TokenOffer& offer = push.offer;
    const Anchor issued = earlier(push.made, offer.age_ms);
    const Code code = judge_offer(offer, issued);
    const State state = standing().state;
    const bool still_good = state == State::fresh || state == State::expiring;
    if (code == Code::repeated_token && still_good) {
        declined_ = false;
        return;
    }
    if (code != Code::ok) return tell(EventKind::renewal_failed, code);
    ++counters_.pushes;
    if (!is_forced_by_somebody(last_request_ + 1)) forget_request();
    last_failure_ = {};
    wanted_ = declined_ = false;
    adopt(offer, issued);
    token_was_pushed_ = true;
}

bool Machine::is_forced_by_somebody(std::uint64_t request) const {
    return std::any_of(waiters_.begin(), waiters_.end(),
                       [&](const Waiter& waiter) { return waiter.needs_request != 0 && waiter.needs_request <= request; });
}

// Ok: take it. Repeated: it is the token that we have.
Code Machine::judge_offer(const TokenOffer& offer, const Anchor& issued) const {
    const bool other_client =
        !record_.client_id.empty() && !offer.client_id.empty() && offer.client_id != record_.client_id;
    if (other_client) return Code::client_mismatch;
    if (record_.token != nullptr && record_.token->equals(offer.token->reveal())) return Code::repeated_token;
    const std::int64_t age_ms = now_.boot_ms - issued.boot_ms;
    const std::int64_t life_ms = std::min(config_.policy.idle_ms, config_.policy.absolute_ms) - config_.policy.margin_ms;
    return age_ms >= life_ms ? Code::token_too_old : Code::ok;
}

void Machine::adopt(const TokenOffer& offer, const Anchor& issued) {
    if (standby_ && !standby_->replacing && standby_->reason != Reason::other_version) {
        standby_->replacing = true;
        record_.epoch = std::max(record_.epoch, standby_->epoch + 1);
        record_.generation = std::max(record_.generation, standby_->generation);
    }
    record_.generation = std::max(record_.generation + 1, least_generation_);
    record_.state = TokenState::live;
    record_.token = offer.token;
    // A token that names no client is of the one that the session was opened for.
    if (client_is_given_) record_.client_id = config_.client_id;
    if (!offer.client_id.empty()) record_.client_id = offer.client_id;
    record_.issued = record_.slid = issued;
    record_.backoff = {};
    if (record_.claim.owner == config_.owner && phase_ == Phase::idle) record_.claim = {};
    token_is_new_ = config_.has_store;
    token_was_given_ = token_was_pushed_ = has_unsaved_slide_ = lost_ = false;
    token_is_news_ = true;
    changed();
    token_change_ = change_;
    const bool store_is_worth_waiting_for =
        config_.has_store && loaded_ && store_retry_at_ms_ == never_ms && (!standby_ || standby_->replacing);
    commit_change_ = store_is_worth_waiting_for ? change_ : saved_change_;
}

void Machine::count_mint(Reason reason) {
    switch (reason) {
        case Reason::idle:
            ++counters_.mints_idle;
            break;
        case Reason::near_absolute:
        case Reason::absolute:
        case Reason::clock_untrusted:
            ++counters_.mints_absolute;
            break;
        case Reason::rejected:
            ++counters_.mints_rejected;
            break;
        case Reason::forced:
            ++counters_.mints_forced;
            break;
        default:
            ++counters_.mints_first;
            break;
    }
}

// ---- asking ----

// Why a renewal is due by the state alone; none: it is not.
Reason Machine::due_reason(const Standing& at) const {
    switch (at.state) {
        case State::none:
            return lost_ ? Reason::storage_lost : Reason::first;
        case State::expired:
            return Reason::idle;
        case State::rejected:
            return Reason::rejected;
        case State::overdue:
            return at.token.clock == ClockVerdict::untrusted && at.token.reason == Reason::clock_untrusted
                       ? Reason::clock_untrusted
                       : Reason::absolute;
        case State::expiring:
            return at.token.reason == Reason::near_absolute ? Reason::near_absolute : Reason::none;
        case State::unknown:
            return Reason::first;
        default:
            return Reason::none;
    }
}

Machine::Refusal Machine::refusal(bool forced, bool because_rejected) const {
    const bool is_other_client = standby_ && standby_->reason == Reason::other_client;
    if (!config_.has_provider) return {is_other_client ? Code::client_mismatch : Code::no_provider, 0};
    if (standby_ && !standby_->replacing && replaced_standby_ && !forced) return {Code::client_mismatch, 0};
    if (declined_ && !forced) return {Code::sign_in_needed, 0};
    const std::int64_t left_ms = backoff_left(record_.backoff, now_);
    const bool force_skips = forced && !record_.backoff.asked_by_server;
    if (left_ms > 0 && !force_skips) return {last_failure_.code, left_ms};
    const std::int64_t wait_ms = because_rejected ? rejection_wait(record_.rejections, now_) : 0;
    if (wait_ms > 0) return {Code::refused, wait_ms};
    return {};
}

// All who still wait have been looked at: whoever is left needs a new token.
void Machine::renew_if_needed() {
    if (phase_ != Phase::idle || committing()) return;
    const Standing at = standing();
    for (const Waiter& waiter : waiters_) {
        if (at.state == State::unknown && !(waiter.without_store && store_ == StoreVerdict::locked)) continue;
        const bool forced = waiter.needs_request != 0;
        if (forced && force_left() > 0) continue;
        wanted_ = true;
        return start_renewal(need_of(waiter, at), forced);
    }
    if (!wanted_ || at.state == State::unknown) return;
    const Reason due = due_reason(at);
    if (due == Reason::none) {
        wanted_ = false;
    } else if (const Refusal refused = refusal(false, due == Reason::rejected); refused.code == Code::ok) {
        start_renewal(due, false);
    } else if (!(last_failure_.retryable && backoff_left(record_.backoff, now_) > 0)) {
        wanted_ = false;  // no timer asks again: the next caller does
    }
}

bool Machine::claims_first() const {
    return config_.has_store && config_.shared_store && loaded_ && store_retry_at_ms_ == never_ms &&
           store_ != StoreVerdict::memory_only && !standby_;
}

void Machine::start_renewal(Reason reason, bool forced) {
    if (forced) {
        declined_ = false;
        last_failure_ = {};
    }
    request_ = {};
    request_.reason = reason;
    request_.forced = forced;
    if (!claims_first()) return ask();
    if (claim_is_foreign()) {  // as of the last look: it may be over by now
        phase_ = Phase::elsewhere;
        poll_delay_ms_ = 0;
        return reload();
    }
    phase_ = Phase::claiming;
    record_.claim = {config_.owner, now_.boot_tag, now_.boot_ms, now_.boot_ms + config_.policy.request_limit_ms,
                     config_.role};
    changed();
    claim_change_ = change_;
}

// How long the next forced ask has to wait for the end of the last one's interval. Who waits for it shares the one request.
std::int64_t Machine::force_left() const {
    return std::clamp<std::int64_t>(last_force_ms_ + force_every_ms - now_.boot_ms, 0, force_every_ms);
}

// A request that outlived its limit may still be answered, and one is asked at a time: the same need waits for that answer
// once more. The next need withdraws it.
bool Machine::resume_late() {
    if (!late_) return false;
    const bool is_useful = !request_.forced && !late_->resumed && late_->epoch == record_.epoch &&
                           late_->generation == record_.generation;
    if (is_useful) {
        request_ = *late_;
        request_.resumed = true;
        request_.extended = false;
        request_.limit_boot_ms = now_.boot_ms + config_.policy.request_limit_ms;
        phase_ = Phase::asking;
        tell(EventKind::renewal_started);
    } else {
        pending_.push_back(effect::Withdraw{late_->id});
    }
    late_.reset();
    return is_useful;
}

void Machine::ask() {
    if (resume_late()) return;
    if (request_.forced) last_force_ms_ = now_.boot_ms;
    phase_ = Phase::asking;
    request_.id = ++last_request_;
    request_.epoch = record_.epoch;
    request_.generation = record_.generation;
    request_.made = anchor_at(now_);
    request_.limit_boot_ms = now_.boot_ms + config_.policy.request_limit_ms;
    if (request_.reason == Reason::rejected) {
        take_rejection(record_.rejections, now_);
        changed();
    }
    tell(EventKind::renewal_started);
    pending_.push_back(effect::Ask{request_.id, request_.reason, record_.backoff.failures_in_a_row + 1,
                                   config_.policy.request_limit_ms, record_.generation, record_.client_id});
}

void Machine::fail_request(const Request& request, const ProviderFailure& failure) {
    Backoff& backoff = record_.backoff;
    ++backoff.failures_in_a_row;
    const std::uint64_t seed = mix(record_.install_seed ^ record_.generation);
    const std::int64_t wait_ms = backoff_after(backoff.failures_in_a_row, failure.retry_after_ms, seed);
    backoff.asked_by_server = failure.retry_after_ms > 0;
    backoff.boot_tag = now_.boot_tag;
    backoff.not_before_boot_ms = now_.boot_ms + wait_ms;
    last_failure_ = failure;
    wanted_ = wanted_ && failure.retryable;  // even where the jitter is none at all
    phase_ = Phase::idle;
    end_claim();
    changed();
    complete_after(request.id, failure.code, wait_ms);
    tell(EventKind::renewal_failed, failure.code, wait_ms);
}

std::optional<Machine::Request> Machine::take_request(std::uint64_t id) {
    if (phase_ == Phase::asking && request_.id == id) {
        phase_ = Phase::idle;
        return std::exchange(request_, {});
    }
    if (!late_ || late_->id != id) return std::nullopt;
    return std::exchange(late_, std::nullopt);
}

// Its answer, should one come, is dropped.
void Machine::forget_request() {
    phase_ = Phase::idle;
    poll_at_ms_ = never_ms;
    request_ = {};
    end_claim();
}

void Machine::withdraw_request() {
    if (phase_ == Phase::asking) pending_.push_back(effect::Withdraw{request_.id});
    if (late_) pending_.push_back(effect::Withdraw{late_->id});
    late_.reset();
    forget_request();
}

void Machine::end_claim() {
    if (record_.claim.owner != config_.owner) return;
    record_.claim = {};
    changed();
}

// Until when an overdue token is handed out: while there is no way to a newer one.
std::int64_t Machine::overdue_until_boot_ms() const {
    if (!config_.has_provider) return never_ms;
    if (declined_) return 0;
    return backoff_left(record_.backoff, now_) > 0 ? record_.backoff.not_before_boot_ms : 0;
}

Renewal Machine::renewal() const {
    if (phase_ == Phase::elsewhere) return Renewal::elsewhere;
    if (phase_ != Phase::idle) return Renewal::asking;
    if (declined_) return Renewal::declined;
    return backoff_left(record_.backoff, now_) > 0 ? Renewal::backing_off : Renewal::idle;
}

}  // namespace portal

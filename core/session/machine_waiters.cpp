// Who waits for a token, and what each of them gets.
#include <algorithm>
#include <utility>

#include "session/backoff.hpp"
#include "session/machine.hpp"

namespace portal {

void Machine::on(const event::Acquire& acquire) {
    Waiter waiter;
    waiter.id = acquire.waiter;
    if (closing_) return complete(waiter, with_code(waiter, Code::closed));
    waiter.since_boot_ms = now_.boot_ms;
    waiter.deadline_boot_ms = now_.boot_ms + acquire.timeout_ms;
    waiter.newer_than = acquire.newer_than;
    waiter.needs_request = acquire.force ? last_request_ + 1 : 0;
    waiter.without_store = acquire.without_store;
    cut(waiter);
    waiters_.push_back(waiter);
    // Revalidate in the background, as a read does.
    const std::int64_t every_ms = store_is_watched_ ? recheck_every_ms : look_every_ms;
    if (config_.shared_store && loaded_ && now_.boot_ms - read_boot_ms_ >= every_ms) reload();
}

// A generation that this session neither loaded nor handed out cannot have failed its caller: more than the newest is the
// newest. Before the record is known, that can be said of provisional numbers alone.
void Machine::cut(Waiter& waiter) const {
    const std::uint64_t newest = record_.generation - (committing() && !token_was_given_ ? 1 : 0);
    if (record_is_known_ && is_provisional(waiter.newer_than))
        waiter.newer_than = waiter.newer_than == provisional_generation_ ? real_generation_ : newest;
    if (record_is_known_ || is_provisional(waiter.newer_than)) waiter.newer_than = std::min(waiter.newer_than, newest);
}

void Machine::on(const event::Cancel& cancel) {
    const auto found =
        std::find_if(waiters_.begin(), waiters_.end(), [&](const Waiter& waiter) { return waiter.id == cancel.waiter; });
    if (found == waiters_.end()) return;
    const Waiter waiter = *found;
    waiters_.erase(found);
    complete(waiter, with_code(waiter, Code::cancelled));
}

void Machine::serve_waiters() {
    const Standing at = standing();
    const auto is_served = [&](const Waiter& waiter) {
        auto answer = answer_for(waiter, at);
        if (!answer) return false;
        if (answer->code == Code::ok && at.token.next == Next::give_and_renew) wanted_ = true;  // behind it
        complete(waiter, std::move(*answer));
        return true;
    };
    waiters_.erase(std::remove_if(waiters_.begin(), waiters_.end(), is_served), waiters_.end());
    for (Waiter& waiter : waiters_) waiter.waited = true;
}

// Empty: it goes on waiting.
std::optional<effect::Complete> Machine::answer_for(const Waiter& waiter, const Standing& at) const {
    const bool forced = waiter.needs_request != 0;
    if (at.state == State::signed_out && !forced) return with_code(waiter, Code::sign_in_needed);
    if (committing()) return std::nullopt;
    if (token_serves(waiter)) {
        if (at.state == State::fresh || at.state == State::expiring) return with_token(waiter, at);
        if (at.state == State::overdue && overdue_until_boot_ms() > now_.boot_ms) return with_token(waiter, at);
    }
    if (at.state == State::unknown && !(waiter.without_store && store_ == StoreVerdict::locked)) return std::nullopt;
    if (phase_ != Phase::idle) return std::nullopt;
    if (forced && force_left() > 0) {
        if (waiter.deadline_boot_ms >= now_.boot_ms + force_left()) return std::nullopt;
        effect::Complete answer = with_code(waiter, Code::provider_failed, force_left());
        answer.held_back = true;
        return answer;
    }
    const Refusal refused = refusal(forced, need_of(waiter, at) == Reason::rejected);
    if (refused.code == Code::ok) return std::nullopt;
    effect::Complete answer = with_code(waiter, refused.code, refused.retry_after_ms);
    answer.held_back = refused.retry_after_ms > 0;
    return answer;
}

effect::Complete Machine::answer_at_deadline(const Waiter& waiter) const {
    const Standing at = standing();
    const bool good = at.state == State::fresh || at.state == State::expiring || at.state == State::overdue;
    // A token that the store is slow to keep, or an overdue one whose renewal is slow, is better than none.
    if (good && !declined_ && token_serves(waiter)) return with_token(waiter, at);
    return with_code(waiter, at.state == State::unknown ? Code::store_unavailable : Code::timeout);
}

bool Machine::token_serves(const Waiter& waiter) const {
    return has_token() && record_.state == TokenState::live && first_name_.generation > waiter.newer_than &&
           fulfilled_request_ >= waiter.needs_request;
}

// Why this waiter needs a new token.
Reason Machine::need_of(const Waiter& waiter, const Standing& at) const {
    if (at.state == State::signed_out) return Reason::forced;
    if (at.state != State::fresh && at.state != State::expiring) return due_reason(at);
    return waiter.needs_request != 0 ? Reason::forced : Reason::rejected;
}

effect::Complete Machine::with_token(const Waiter& waiter, const Standing& at) const {
    effect::Complete answer{waiter.id};
    answer.token = record_.token;
    answer.generation = record_.generation;
    answer.epoch = record_.epoch;
    answer.overdue = at.state == State::overdue;
    answer.memory_only = memory_only();
    answer.left_ms = std::min(at.token.idle_left_ms, at.token.absolute_left_ms);
    return answer;
}

effect::Complete Machine::with_code(const Waiter& waiter, Code code, std::int64_t retry_after_ms) const {
    effect::Complete answer{waiter.id};
    answer.code = code;
    answer.retry_after_ms = retry_after_ms;
    if (code == last_failure_.code) {
        answer.http_status = last_failure_.http_status;
        answer.host_code = last_failure_.host_code;
        answer.cause = last_failure_.cause;
    }
    return answer;
}

void Machine::complete(const Waiter& waiter, effect::Complete answer) {
    if (waiter.waited) {
        ++counters_.waits;
        counters_.longest_wait_ms = std::max(counters_.longest_wait_ms, now_.boot_ms - waiter.since_boot_ms);
    }
    if (answer.code == Code::ok) token_was_given_ = true;
    pending_.push_back(std::move(answer));
}

void Machine::complete_all(Code code) {
    for (const Waiter& waiter : std::exchange(waiters_, {})) complete(waiter, with_code(waiter, code));
}

// A token request ended without a token: those that waited for it share the outcome. Who forced after it was made waits
// for the next one.
void Machine::complete_after(std::uint64_t request, Code code, std::int64_t retry_after_ms) {
    const Standing at = standing();
    const auto shares = [&](const Waiter& waiter) {
        if (waiter.needs_request > request) return false;
        const bool old_one_will_do = at.state == State::overdue && code != Code::sign_in_needed && token_serves(waiter);
        complete(waiter, old_one_will_do ? with_token(waiter, at) : with_code(waiter, code, retry_after_ms));
        return true;
    };
    waiters_.erase(std::remove_if(waiters_.begin(), waiters_.end(), shares), waiters_.end());
}

}  // namespace portal

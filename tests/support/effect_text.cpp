#include "support/effect_text.hpp"

#include <variant>

#include "base/random.hpp"

namespace portal::test {
namespace {

// Collects words; a word that says nothing is left out.
class Words {
public:
    explicit Words(std::string first) : text_(std::move(first)) {}
    Words& add(const std::string& word, bool is_said = true) {
        if (is_said) text_ += " " + word;
        return *this;
    }
    Words& number(const char* name, std::int64_t value) { return add(std::string(name) + std::to_string(value), value != 0); }
    std::string take() { return std::move(text_); }

private:
    std::string text_;
};

// A provisional number is shown by what was counted since open: "g?1".
std::string id(const char* name, std::uint64_t value) {
    constexpr std::uint64_t first = first_provisional + (mix(11) >> 13);  // of machine_config()'s owner
    if (is_provisional(value)) return std::string(name) + "?" + std::to_string(value - first);
    return name + std::to_string(value);
}

struct Teller {
    std::int64_t now_boot_ms;

    std::string operator()(const effect::Load&) const { return "Load"; }
    std::string operator()(const effect::Save& save) const {
        const Record& record = save.request.record;
        return Words("Save")
            .add(id("e", record.epoch))
            .add(id("g", record.generation))
            .add(text_of(record.state))
            .add("claim", record.claim.owner != 0)
            .number("failures=", record.backoff.failures_in_a_row)
            .take();
    }
    std::string operator()(const effect::Ask& ask) const {
        return Words("Ask").add(id("r", ask.request)).add(text_of(ask.reason)).number("attempt=", ask.attempt).take();
    }
    std::string operator()(const effect::Withdraw& withdraw) const { return id("Withdraw r", withdraw.request); }
    std::string operator()(const effect::Complete& complete) const {
        return Words(id("Complete w", complete.waiter))
            .add(text_of(complete.code))
            .add(id("g", complete.generation), complete.code == Code::ok)
            .add("overdue", complete.overdue)
            .add("memory_only", complete.memory_only)
            .number("after=", complete.retry_after_ms)
            .number("http=", complete.http_status)
            .take();
    }
    std::string operator()(const effect::Publish& publish) const {
        const Snapshot& shot = publish.snapshot;
        return Words("Publish")
            .add(shot.usable ? id("token g", shot.generation) : text_of(shot.standing))
            .add(text_of(shot.standing_reason), !shot.usable && shot.standing_reason != Reason::none)
            .add("untrusted", shot.untrusted)
            .add("memory_only", shot.memory_only && shot.usable)
            .add(text_of(shot.renewal), shot.renewal != Renewal::idle)
            .add(text_of(shot.store), shot.store != StoreVerdict::persistent)
            .number("os=", shot.store_fault.os_code)
            .take();
    }
    std::string operator()(const effect::Tell& tell) const {
        const bool is_state = tell.kind == EventKind::state;
        return Words("Tell")
            .add(is_state ? text_of(tell.state) : text_of(tell.kind))
            .add(text_of(tell.reason), is_state && tell.reason != Reason::none)
            .add(text_of(tell.code), tell.code != Code::ok)
            .number("after=", tell.retry_after_ms)
            .take();
    }
    std::string operator()(const effect::Arm& arm) const {
        return arm.boot_ms == never_ms ? "Arm never" : "Arm +" + std::to_string(arm.boot_ms - now_boot_ms);
    }
    std::string operator()(const effect::Done& done) const {
        return Words(id("Done d", done.done)).add(text_of(done.code)).number("os=", done.store_fault.os_code).take();
    }
    std::string operator()(const effect::Ended&) const { return "Ended"; }
};

}  // namespace

const char* text_of(Renewal renewal) {
    switch (renewal) {
        case Renewal::idle: return "idle";
        case Renewal::asking: return "asking";
        case Renewal::elsewhere: return "elsewhere";
        case Renewal::backing_off: return "backing_off";
        case Renewal::declined: return "declined";
    }
    return "?";
}

const char* text_of(StoreVerdict verdict) {
    switch (verdict) {
        case StoreVerdict::persistent: return "persistent";
        case StoreVerdict::memory_only: return "memory_only";
        case StoreVerdict::locked: return "locked";
        case StoreVerdict::lost: return "lost";
    }
    return "?";
}

const char* text_of(EventKind kind) {
    switch (kind) {
        case EventKind::state: return "state";
        case EventKind::new_token: return "new_token";
        case EventKind::rejected: return "rejected";
        case EventKind::renewal_started: return "renewal_started";
        case EventKind::renewal_failed: return "renewal_failed";
        case EventKind::sign_in_needed: return "sign_in_needed";
        case EventKind::cleared: return "cleared";
        case EventKind::store: return "store";
        case EventKind::clock: return "clock";
    }
    return "?";
}

const char* text_of(State state) {
    switch (state) {
        case State::unknown: return "unknown";
        case State::none: return "none";
        case State::fresh: return "fresh";
        case State::expiring: return "expiring";
        case State::overdue: return "overdue";
        case State::expired: return "expired";
        case State::rejected: return "rejected";
        case State::signed_out: return "signed_out";
    }
    return "?";
}

const char* text_of(Reason reason) {
    switch (reason) {
        case Reason::none: return "none";
        case Reason::loading: return "loading";
        case Reason::store_unavailable: return "store_unavailable";
        case Reason::first: return "first";
        case Reason::near_idle: return "near_idle";
        case Reason::idle: return "idle";
        case Reason::near_absolute: return "near_absolute";
        case Reason::absolute: return "absolute";
        case Reason::rejected: return "rejected";
        case Reason::cleared: return "cleared";
        case Reason::declined: return "declined";
        case Reason::storage_lost: return "storage_lost";
        case Reason::clock_untrusted: return "clock_untrusted";
        case Reason::forced: return "forced";
        case Reason::other_client: return "other_client";
        case Reason::other_origin: return "other_origin";
        case Reason::wrong_key: return "wrong_key";
        case Reason::other_version: return "other_version";
    }
    return "?";
}

const char* text_of(ClockVerdict verdict) {
    switch (verdict) {
        case ClockVerdict::same_boot: return "same_boot";
        case ClockVerdict::wall: return "wall";
        case ClockVerdict::untrusted: return "untrusted";
    }
    return "?";
}

const char* text_of(TokenState state) {
    switch (state) {
        case TokenState::none: return "none";
        case TokenState::live: return "live";
        case TokenState::rejected: return "rejected";
        case TokenState::signed_out: return "signed_out";
    }
    return "?";
}

const char* text_of(Code code) {
    switch (code) {
        case Code::ok: return "ok";
        case Code::closed: return "closed";
        case Code::no_token: return "no_token";
        case Code::timeout: return "timeout";
        case Code::cancelled: return "cancelled";
        case Code::cleared: return "cleared";
        case Code::sign_in_needed: return "sign_in_needed";
        case Code::provider_failed: return "provider_failed";
        case Code::no_provider: return "no_provider";
        case Code::bad_token: return "bad_token";
        case Code::client_mismatch: return "client_mismatch";
        case Code::store_unavailable: return "store_unavailable";
        case Code::store_failed: return "store_failed";
        case Code::refused: return "refused";
        case Code::token_too_old: return "token_too_old";
        case Code::repeated_token: return "repeated_token";
        default: return "a code that no machine gives";
    }
}

std::string text_of(const Effect& effect, std::int64_t now_boot_ms) { return std::visit(Teller{now_boot_ms}, effect); }

std::string text_of(const Effects& effects, std::int64_t now_boot_ms) {
    std::string text;
    for (const Effect& effect : effects) {
        if (!text.empty()) text += "; ";
        text += text_of(effect, now_boot_ms);
    }
    return text;
}

}  // namespace portal::test

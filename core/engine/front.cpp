#include "engine/front.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

namespace portal {
namespace {

// 42 bits of milliseconds are 139 years since boot; 22 bits of editions are four million tokens in one process.
constexpr unsigned slide_bits = 42;
constexpr std::uint64_t slide_mask = (std::uint64_t{1} << slide_bits) - 1;

std::uint64_t slide_word(std::uint64_t edition, std::int64_t boot_ms) {
    return edition << slide_bits | (static_cast<std::uint64_t>(std::max<std::int64_t>(boot_ms, 0)) & slide_mask);
}

void raise(std::atomic<std::uint64_t>& cell, std::uint64_t word) {
    std::uint64_t seen = cell.load(std::memory_order_relaxed);
    while (seen < word && !cell.compare_exchange_weak(seen, word, std::memory_order_acq_rel)) {
    }
}

// True for the first who comes for this publication.
bool is_first(std::atomic<std::uint64_t>& mark, std::uint64_t publication) {
    std::uint64_t seen = mark.load(std::memory_order_relaxed);
    return seen < publication && mark.compare_exchange_strong(seen, publication, std::memory_order_relaxed);
}

}  // namespace

Front::Front(const Policy& policy, std::string client_id)
    : policy_(policy),
      idle_less_margin_ms_(policy.idle_ms - policy.margin_ms),
      slots_(new (secret_allocate(sizeof(Slots))) Slots),
      client_id_(std::move(client_id)) {
    Snapshot unknown;
    unknown.epoch = epoch_;
    status_.write({unknown, {}});
}

Front::~Front() {
    slots_->~Slots();
    secret_free(slots_, sizeof(Slots));
}

// ---- reading ----

void Front::copy_token(const Slots::Slot& slot, char* token, std::size_t length) {
    constexpr std::size_t first = offsetof(Published, token);
    std::size_t done = 0;
    for (; done + sizeof(std::uint64_t) <= length; done += sizeof(std::uint64_t)) {
        const std::uint64_t word = slot.word(first + done);
        std::memcpy(token + done, &word, sizeof word);
    }
    if (done < length) {
        const std::uint64_t word = slot.word(first + done);
        std::memcpy(token + done, &word, length - done);
    }
}

std::int64_t Front::slide_of(std::uint64_t edition, std::int64_t slid_boot_ms) const {
    const std::uint64_t word = slide_.load(std::memory_order_acquire);
    if (word >> slide_bits != edition) return slid_boot_ms;
    return std::max(slid_boot_ms, static_cast<std::int64_t>(word & slide_mask));
}

Code Front::judge(const Slots::Slot& slot, std::int64_t now_boot_ms, Lease& lease) const {
    const auto edition = slot.word(offsetof(Published, hot.edition));
    if (dead_edition_.load(std::memory_order_acquire) >= edition) return Code::no_token;
    const std::int64_t slid_boot_ms = slide_of(edition, slot.word<std::int64_t>(offsetof(Published, hot.slid_boot_ms)));
    if (now_boot_ms >= slid_boot_ms + idle_less_margin_ms_) return Code::no_token;
    lease.overdue = false;
    if (now_boot_ms >= slot.word<std::int64_t>(offsetof(Published, hot.attention_boot_ms))) {
        const auto cold = slot.part<Cold>(offsetof(Published, cold));
        lease.overdue = now_boot_ms >= cold.absolute_limit_boot_ms;
        if (lease.overdue && now_boot_ms >= cold.overdue_until_boot_ms) return Code::no_token;
    }
    lease.memory_only = slot.word(offsetof(Published, hot.memory_only)) != 0;
    lease.generation = slot.word(offsetof(Published, hot.generation));
    lease.epoch = slot.word(offsetof(Published, hot.epoch));
    lease.sent_boot_ms = now_boot_ms;
    lease.sent_unix_ms = now_boot_ms + slot.word<std::int64_t>(offsetof(Published, hot.wall_minus_boot_ms));
    lease.boot_tag = slot.word(offsetof(Published, hot.boot_tag));
    const auto absolute_deadline_boot_ms = slot.word<std::int64_t>(offsetof(Published, hot.absolute_deadline_boot_ms));
    lease.left_ms = std::min(slid_boot_ms + policy_.idle_ms, absolute_deadline_boot_ms) - now_boot_ms;
    return Code::ok;
}

// Without a token too the record is looked at again: another process may have one by now.
Wake Front::wake_for(const Cold& cold, std::uint64_t publication, std::int64_t now_boot_ms, bool is_given) const {
    if (is_given && now_boot_ms >= cold.lead_boot_ms && is_first(prepared_, publication)) return Wake::prepare;
    if (now_boot_ms >= cold.recheck_boot_ms && is_first(rechecked_, publication)) return Wake::recheck;
    return Wake::none;
}

Code Front::read(std::int64_t now_boot_ms, Lease& lease, char* token, std::size_t* length, Wake& wake) const {
    if (is_closed()) return Code::closed;
    const std::size_t room = length != nullptr ? *length : 0;
    Code code = Code::no_token;
    std::size_t size = 0;
    std::size_t copied = 0;
    slots_->read([&](const Slots::Slot& slot, std::uint64_t publication) {
        code = Code::no_token;
        size = std::min<std::size_t>(slot.word(offsetof(Published, hot.token_length)), max_token_bytes);
        if (size != 0) code = judge(slot, now_boot_ms, lease);
        if (now_boot_ms >= slot.word<std::int64_t>(offsetof(Published, hot.attention_boot_ms)))
            wake = wake_for(slot.part<Cold>(offsetof(Published, cold)), publication, now_boot_ms, code == Code::ok);
        if (code != Code::ok || token == nullptr) return;
        if (size > room) {
            code = Code::buffer_too_small;
        } else {
            copy_token(slot, token, size);
            copied = size;
        }
    });
    if (length != nullptr && (code == Code::ok || code == Code::buffer_too_small)) *length = size;
    if (code != Code::ok && copied != 0) wipe(token, room);  // the retry met a clear
    return code;
}

Front::Hot Front::hot() const {
    Hot result;
    slots_->read([&](const Slots::Slot& slot, std::uint64_t) { result = slot.part<Hot>(offsetof(Published, hot)); });
    return result;
}

// ---- reports, marks ----

Code Front::accepted(const Lease& lease, std::int64_t now_boot_ms, Wake& wake) {
    Hot hot;
    Cold cold;
    slots_->read([&](const Slots::Slot& slot, std::uint64_t) {
        hot = slot.part<Hot>(offsetof(Published, hot));
        cold = slot.part<Cold>(offsetof(Published, cold));
    });
    if (lease.epoch < hot.epoch) return Code::stale;
    const std::int64_t sent_ms = std::min(lease.sent_boot_ms, now_boot_ms);
    if (hot.is_known == 0) {
        wake = Wake::accepted;
        return Code::ok;
    }
    // An instant of another boot can't be told in this one's time: such a slide is not worth a guess.
    if (hot.token_length == 0 || hot.generation != lease.generation || hot.boot_tag != lease.boot_tag) return Code::ok;
    const std::int64_t before_ms = slide_of(hot.edition, hot.slid_boot_ms);
    raise(slide_, slide_word(hot.edition, sent_ms));
    const bool ends_soft_window = sent_ms >= before_ms + policy_.idle_ms - policy_.soft_window_ms;
    const bool is_untrusted = cold.absolute_limit_boot_ms == std::numeric_limits<std::int64_t>::min();
    if (sent_ms >= cold.slide_due_boot_ms || ends_soft_window || is_untrusted) wake = Wake::accepted;
    return Code::ok;
}

Code Front::rejected(const Lease& lease, Wake& wake) {
    Hot current = hot();
    if (current.is_known == 0) {
        const std::lock_guard lock(writing_);
        current = hot();  // a publication may have come in between
        if (current.is_known == 0) rejected_unread_ = std::max(rejected_unread_, lease.generation);
    }
    if (lease.epoch < current.epoch) return Code::stale;
    if (current.is_known != 0) {
        if (current.token_length == 0 || current.generation != lease.generation) return Code::ok;
        raise(dead_edition_, current.edition);
    }
    wake = Wake::rejected;
    return Code::ok;
}

void Front::mark_dead() { raise(dead_edition_, hot().edition); }

std::uint64_t Front::clear() {
    const std::lock_guard lock(writing_);
    ++epoch_;
    client_id_.clear();
    token_.reset();
    raise(dead_edition_, edition_);
    Published nothing;
    nothing.hot.epoch = epoch_;
    slots_->write(nothing);
    slots_->overwrite_previous(nothing);
    PublishedStatus status = status_.value();
    status.snapshot.standing = State::signed_out;
    status.snapshot.standing_reason = Reason::cleared;
    status.snapshot.usable = false;
    status.snapshot.epoch = epoch_;
    status_.write(status);
    return epoch_;
}

bool Front::close() {
    if (closed_.exchange(true, std::memory_order_acq_rel)) return true;
    const std::lock_guard lock(writing_);
    raise(dead_edition_, edition_);
    token_.reset();
    const Hot before = hot();
    Published nothing;
    nothing.hot.edition = before.edition;  // the worker reads the last slide once more
    nothing.hot.generation = before.generation;
    slots_->write(nothing);
    slots_->overwrite_previous({});
    return false;
}

std::uint64_t Front::epoch() const {
    const std::lock_guard lock(writing_);
    return epoch_;
}

bool Front::accepts_client(const std::string& client_id) const {
    const std::lock_guard lock(writing_);
    return client_id.empty() || client_id_.empty() || client_id == client_id_;
}

bool Front::is_spent(std::string_view token, const Reading& now) const {
    const State state = status(now).state;
    const std::lock_guard lock(writing_);
    return state != State::fresh && state != State::expiring && token_ != nullptr && token_->equals(token);
}

StatusView Front::status(const Reading& now) const {
    const PublishedStatus published = status_.value();
    StatusView view;
    view.snapshot = published.snapshot;
    view.now = now;
    if (view.now.boot_tag == 0) view.now.boot_tag = published.at.boot_tag;
    view.state = published.snapshot.standing;
    view.reason = published.snapshot.standing_reason;
    if (!published.snapshot.usable) return view;

    TokenTimes times = published.snapshot.times;
    const Hot current = hot();
    if (current.generation == published.snapshot.generation && !published.snapshot.untrusted)
        times.slid.boot_ms = std::max(times.slid.boot_ms, slide_of(current.edition, current.slid_boot_ms));
    view.token = assess(policy_, times, published.snapshot.lead_ms, view.now);
    view.state = view.token.state;
    view.reason = view.token.reason;
    const bool good = view.state == State::fresh || view.state == State::expiring;
    if (!good && published.snapshot.renewal == Renewal::declined) view.reason = Reason::declined;
    return view;
}

// ---- publishing ----

void Front::publish(const effect::Publish& published, const Reading& now) {
    const Snapshot& snapshot = published.snapshot;
    const std::lock_guard lock(writing_);
    if (snapshot.epoch < epoch_ || is_closed()) return;  // a clear has come in between: what it published stands
    epoch_ = snapshot.epoch;
    client_id_ = published.client_id;
    if (published.token != nullptr || snapshot.standing == State::signed_out) token_ = published.token;

    Published next;
    Hot& hot = next.hot;
    Cold& cold = next.cold;
    hot.generation = snapshot.generation;
    hot.epoch = snapshot.epoch;
    hot.boot_tag = now.boot_tag;
    hot.wall_minus_boot_ms = now.unix_ms - now.boot_ms;
    hot.memory_only = snapshot.memory_only ? 1 : 0;
    hot.is_known = snapshot.standing != State::unknown ? 1 : 0;
    cold.overdue_until_boot_ms = snapshot.overdue_until_boot_ms;
    cold.slide_due_boot_ms = snapshot.slide_due_boot_ms;
    cold.recheck_boot_ms = snapshot.recheck_boot_ms;
    if (snapshot.usable && published.token != nullptr) {
        const Assessment token = assess(policy_, snapshot.times, snapshot.lead_ms, now);
        hot.slid_boot_ms = now.boot_ms - (policy_.idle_ms - token.idle_left_ms);
        hot.absolute_deadline_boot_ms = now.boot_ms + token.absolute_left_ms;
        cold.absolute_limit_boot_ms = snapshot.untrusted ? std::numeric_limits<std::int64_t>::min()
                                                         : hot.absolute_deadline_boot_ms - policy_.margin_ms;
        if (snapshot.lead_ms > 0) cold.lead_boot_ms = hot.absolute_deadline_boot_ms - snapshot.lead_ms;
        const std::string_view text = published.token->reveal();
        hot.token_length = text.size();
        std::memcpy(next.token, text.data(), text.size());
    }
    hot.attention_boot_ms = std::min({cold.absolute_limit_boot_ms, cold.lead_boot_ms, cold.recheck_boot_ms});
    status_.write({snapshot, now});
    write(next);
    wipe(next.token, sizeof next.token);
}

// A token that was not there before, or that was marked dead and lives after all, gets an edition of its own.
void Front::write(Published& next) {
    const Hot before = hot();
    const bool is_same = (before.token_length != 0) == (next.hot.token_length != 0) &&
                         before.generation == next.hot.generation && before.epoch == next.hot.epoch &&
                         dead_edition_.load(std::memory_order_acquire) < edition_;
    if (!is_same) ++edition_;
    next.hot.edition = edition_;
    if (next.hot.is_known != 0 && std::exchange(rejected_unread_, 0) == next.hot.generation) raise(dead_edition_, edition_);
    slots_->write(next);
    if (!is_same) slots_->overwrite_previous({});
}

void Front::read_slide(Moment& moment) const {
    const Hot current = hot();
    const std::uint64_t word = slide_.load(std::memory_order_acquire);
    if (word >> slide_bits != current.edition) return;
    moment.slid_generation = current.generation;
    moment.slid_boot_ms = static_cast<std::int64_t>(word & slide_mask);
}

}  // namespace portal

#include "engine/published_token.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <utility>

#include "engine/published_token_read.hpp"

namespace portal {
namespace {

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

PublishedToken::PublishedToken(const Policy& policy, std::string client_id)
    : policy_(policy),
      idle_less_margin_ms_(policy.idle_ms - policy.margin_ms),
      slots_(new(secret_allocate(sizeof(Slots))) Slots),
      client_id_(std::move(client_id)) {
    Snapshot unknown;
    unknown.epoch = epoch_;
    status_.write({unknown, {}});
}

PublishedToken::~PublishedToken() {
    slots_->~Slots();
    secret_free(slots_, sizeof(Slots));
}

// ---- reading ----

Code PublishedToken::judge(const Slots::Look& look, std::int64_t now_boot_ms, Lease& lease, Wake& wake) const {
    const std::int64_t slid_boot_ms = slide_of(look.slot);
    Code code = is_good(look.slot, now_boot_ms, slid_boot_ms) ? Code::ok : Code::no_token;
    const auto cold = look.slot.part<Cold>(offsetof(Published, cold));
    const bool is_overdue = now_boot_ms >= cold.absolute_limit_boot_ms;
    if (is_overdue && now_boot_ms >= cold.overdue_until_boot_ms) code = Code::no_token;
    // Without a token too the record is looked at again: another process may have one by now.
    if (code == Code::ok && now_boot_ms >= cold.lead_boot_ms && is_first(prepared_, look.publication))
        wake = Wake::prepare;
    else if (now_boot_ms >= cold.recheck_boot_ms && is_first(rechecked_, look.publication))
        wake = Wake::recheck;
    if (code != Code::ok) return code;
    fill_lease(look.slot, now_boot_ms, slid_boot_ms, lease);
    lease.overdue = is_overdue;
    return Code::ok;
}

Code PublishedToken::read(std::int64_t now_boot_ms, Lease& lease, char* token, std::size_t* length, Wake& wake) const {
    if (is_closed()) return Code::closed;
    const std::size_t room = length != nullptr ? *length : 0;
    for (;;) {
        const Slots::Look look = slots_->look();
        const std::size_t size =
            std::min<std::size_t>(look.slot.word(offsetof(Published, hot.token_length)), max_token_bytes);
        Code code = judge(look, now_boot_ms, lease, wake);
        if (code == Code::ok && token != nullptr && size > room) code = Code::buffer_too_small;
        const bool is_copied = code == Code::ok && token != nullptr;
        if (is_copied) copy_token(look.slot, token, size);
        if (look.is_whole()) {
            if (length != nullptr && (code == Code::ok || code == Code::buffer_too_small)) *length = size;
            return code;
        }
        if (is_copied) wipe(token, size);  // the next look may meet a clear
    }
}

PublishedToken::Hot PublishedToken::hot() const {
    Hot result;
    slots_->read([&](const Slots::Slot& slot) { result = slot.part<Hot>(offsetof(Published, hot)); });
    return result;
}

// ---- reports, marks ----

std::uint64_t PublishedToken::slide_word(std::uint64_t edition, std::int64_t boot_ms) {
    return edition << slide_bits | (static_cast<std::uint64_t>(std::max<std::int64_t>(boot_ms, 0)) & slide_mask);
}

Code PublishedToken::accepted(const Lease& lease, std::int64_t now_boot_ms, Wake& wake) {
    for (;;) {
        const Slots::Look look = slots_->look();
        const Slots::Slot& slot = look.slot;
        const std::uint64_t edition = slot.word(offsetof(Published, hot.edition));
        const bool is_stale = lease.epoch < slot.word(offsetof(Published, hot.epoch));
        const bool is_known = slot.word(offsetof(Published, hot.is_known)) != 0;
        // An instant of another boot can't be told in this one's time: such a slide is not worth a guess.
        const bool is_of_this_token = slot.word(offsetof(Published, hot.token_length)) != 0 &&
                                      slot.word(offsetof(Published, hot.generation)) == lease.generation &&
                                      slot.word(offsetof(Published, hot.boot_tag)) == lease.boot_tag;
        const std::int64_t before_ms = slide_of(slot);
        const auto slide_due_boot_ms = slot.word<std::int64_t>(offsetof(Published, cold.slide_due_boot_ms));
        const bool is_untrusted = slot.word<std::int64_t>(offsetof(Published, cold.absolute_limit_boot_ms)) ==
                                  std::numeric_limits<std::int64_t>::min();
        if (!look.is_whole()) continue;

        if (is_stale) return Code::stale;
        if (!is_known) wake = Wake::accepted;
        if (!is_known || !is_of_this_token) return Code::ok;
        const std::int64_t sent_ms = std::min(lease.sent_boot_ms, now_boot_ms);
        raise(slide_, slide_word(edition, sent_ms));
        const bool ends_soft_window = sent_ms >= before_ms + policy_.idle_ms - policy_.soft_window_ms;
        if (sent_ms >= slide_due_boot_ms || ends_soft_window || is_untrusted) wake = Wake::accepted;
        return Code::ok;
    }
}

Code PublishedToken::rejected(const Lease& lease, Wake& wake) {
    const std::lock_guard lock(writing_);
    const Hot current = hot();
    if (lease.epoch < current.epoch) return Code::stale;
    if (current.is_known != 0) {
        if (current.token_length == 0 || current.generation != lease.generation) return Code::ok;
        rejected_generation_.store(lease.generation, std::memory_order_relaxed);
        raise(dead_edition_, current.edition);
    }
    mark(lease.generation);
    wake = Wake::rejected;
    return Code::ok;
}

void PublishedToken::mark_dead() {
    const std::lock_guard lock(writing_);
    const Hot current = hot();
    raise(dead_edition_, current.edition);
    mark(current.generation);
}

void PublishedToken::mark(std::uint64_t generation) {
    marked_generation_ = std::max(marked_generation_, generation);
    ++unjudged_marks_;
}

void PublishedToken::mark_is_judged() {
    const std::lock_guard lock(writing_);
    if (--unjudged_marks_ == 0) marked_generation_ = 0;
}

std::uint64_t PublishedToken::clear() {
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

bool PublishedToken::close() {
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

std::uint64_t PublishedToken::epoch() const {
    const std::lock_guard lock(writing_);
    return epoch_;
}

bool PublishedToken::accepts_client(const std::string& client_id) const {
    const std::lock_guard lock(writing_);
    return client_id.empty() || client_id_.empty() || client_id == client_id_;
}

bool PublishedToken::is_spent(std::string_view token, const Reading& now) const {
    const State state = status(now).state;
    const std::lock_guard lock(writing_);
    return state != State::fresh && state != State::expiring && token_ != nullptr && token_->equals(token);
}

// Dead by a report, not by a push alone: who pushes has seen no 401.
bool PublishedToken::is_rejected(const Hot& current) const {
    return current.token_length != 0 && dead_edition_.load(std::memory_order_acquire) >= current.edition &&
           rejected_generation_.load(std::memory_order_relaxed) == current.generation;
}

StatusView PublishedToken::status(const Reading& now) const {
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
    if (is_rejected(current)) {  // and the worker has not come to it yet
        view.snapshot.usable = false;
        view.state = State::rejected;
        view.reason = Reason::rejected;
        return view;
    }
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

void PublishedToken::publish(const effect::Publish& published, const Reading& now) {
    const Snapshot& snapshot = published.snapshot;
    const std::lock_guard lock(writing_);
    if (snapshot.epoch < epoch_ || is_closed()) return;  // a clear has come in between: what it published stands
    epoch_ = snapshot.epoch;
    client_id_ = published.client_id;
    if (published.token != nullptr || snapshot.standing == State::signed_out) token_ = published.token;

    // Not on the stack, which a core dump shows.
    const auto free = [](Published* done) { secret_free(done, sizeof *done); };
    const std::unique_ptr<Published, decltype(free)> pages(new (secret_allocate(sizeof(Published))) Published);
    Published& next = *pages;
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
        copy_secret(next.token, text);
    }
    hot.attention_boot_ms = std::min({cold.absolute_limit_boot_ms, cold.lead_boot_ms, cold.recheck_boot_ms});
    status_.write({snapshot, now});
    write(next);
}

// A token that was not there before, or that was marked dead and lives after all, gets an edition of its own.
void PublishedToken::write(Published& next) {
    const Hot before = hot();
    const bool is_same = (before.token_length != 0) == (next.hot.token_length != 0) &&
                         before.generation == next.hot.generation && before.epoch == next.hot.epoch &&
                         dead_edition_.load(std::memory_order_acquire) < edition_;
    if (!is_same) ++edition_;
    next.hot.edition = edition_;
    if (unjudged_marks_ != 0 && next.hot.generation == marked_generation_) raise(dead_edition_, edition_);
    slots_->write(next);
    if (!is_same) slots_->overwrite_previous({});
}

void PublishedToken::read_slide(Moment& moment) const {
    const Hot current = hot();
    const std::uint64_t word = slide_.load(std::memory_order_acquire);
    if (word >> slide_bits != current.edition) return;
    moment.slid_generation = current.generation;
    moment.slid_boot_ms = static_cast<std::int64_t>(word & slide_mask);
}

}  // namespace portal

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

PublishedToken::PublishedToken(const Policy& policy, std::string client_id, std::uint64_t epoch)
    : policy_(policy),
      idle_less_margin_ms_(policy.idle_ms - policy.margin_ms),
      pages_(new(secret_allocate(sizeof(Pages))) Pages),
      client_id_(std::move(client_id)) {
    Snapshot unknown;
    unknown.epoch = epoch;
    status_.write({unknown, {}});
    Published nothing;
    nothing.hot.epoch = nothing.cold.first_epoch = epoch;
    if (is_provisional(epoch)) nothing.cold.provisional_epoch = epoch;
    pages_->slots.write(nothing);
}

PublishedToken::~PublishedToken() {
    pages_->~Pages();
    secret_free(pages_, sizeof(Pages));
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
        const Slots::Look look = pages_->slots.look();
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

PublishedToken::Cold PublishedToken::cold() const {
    Cold result;
    pages_->slots.read([&](const Slots::Slot& slot) { result = slot.part<Cold>(offsetof(Published, cold)); });
    return result;
}

PublishedToken::Hot PublishedToken::hot() const {
    Hot result;
    pages_->slots.read([&](const Slots::Slot& slot) { result = slot.part<Hot>(offsetof(Published, hot)); });
    return result;
}

TokenNames PublishedToken::names() const {
    TokenNames result;
    pages_->slots.read([&](const Slots::Slot& slot) {
        const auto hot = slot.part<Hot>(offsetof(Published, hot));
        const auto cold = slot.part<Cold>(offsetof(Published, cold));
        result = {{cold.first_epoch, cold.first_generation}, {hot.epoch, hot.generation}};
    });
    return result;
}

// ---- reports, marks ----

std::uint64_t PublishedToken::slide_word(std::uint64_t edition, std::int64_t boot_ms) {
    return edition << slide_bits | (static_cast<std::uint64_t>(std::max<std::int64_t>(boot_ms, 0)) & slide_mask);
}

Code PublishedToken::accepted(const Lease& lease, std::int64_t now_boot_ms, Wake& wake) {
    for (;;) {
        const Slots::Look look = pages_->slots.look();
        const Slots::Slot& slot = look.slot;
        const std::uint64_t edition = slot.word(offsetof(Published, hot.edition));
        // An instant of another boot can't be converted to this one's time: such a slide is not worth a guess.
        const bool is_of_this_token = slot.word(offsetof(Published, hot.token_length)) != 0 &&
                                      slot.word(offsetof(Published, hot.epoch)) == lease.epoch &&
                                      slot.word(offsetof(Published, hot.generation)) == lease.generation &&
                                      slot.word(offsetof(Published, hot.boot_tag)) == lease.boot_tag;
        const std::int64_t before_ms = slide_of(slot);
        const auto slide_due_boot_ms = slot.word<std::int64_t>(offsetof(Published, cold.slide_due_boot_ms));
        const bool is_untrusted = slot.word<std::int64_t>(offsetof(Published, cold.absolute_limit_boot_ms)) ==
                                  std::numeric_limits<std::int64_t>::min();
        if (!look.is_whole()) continue;

        if (!is_of_this_token) return accepted_of_another(lease, wake);
        const std::int64_t sent_ms = std::min(lease.sent_boot_ms, now_boot_ms);
        raise(slide_, slide_word(edition, sent_ms));
        const bool ends_soft_window = sent_ms >= before_ms + policy_.idle_ms - policy_.soft_window_ms;
        if (sent_ms >= slide_due_boot_ms || ends_soft_window || is_untrusted) wake = Wake::accepted;
        return Code::ok;
    }
}

// Before the record is read, and of a lease from then, only the worker can say which token it is of.
Code PublishedToken::accepted_of_another(const Lease& lease, Wake& wake) const {
    const Cold current = cold();
    if (is_stale(current, lease.epoch)) return Code::stale;
    const TokenName named{lease.epoch, lease.generation};
    const TokenNames published = names();
    const bool is_earlier_name = published.contain(named) && named != published.last;
    if (current.is_known == 0 || is_provisional(lease.generation) || is_earlier_name) wake = Wake::accepted;
    return Code::ok;
}

Code PublishedToken::rejected(const Lease& lease, const Post& post) {
    if (is_closed()) return Code::closed;
    const std::lock_guard lock(writing_);
    if (is_closed()) return Code::closed;
    const Hot current = hot();
    const Cold state = cold();
    if (is_stale(state, lease.epoch)) return Code::stale;
    const TokenName named{lease.epoch, lease.generation};
    const TokenNames published = names();
    const bool is_current = published.contain(named);
    const bool is_comparable = state.is_known != 0 && !is_provisional(lease.generation) &&
                               (is_current || lease.epoch == current.epoch);
    if (is_comparable && !is_current && lease.generation < current.generation) return Code::ok;  // a newer token holds
    if (is_current && is_comparable && current.token_length == 0) return Code::ok;  // the worker has judged that it is dead
    const Fence::Rejection rejection = fence_.reject(named, is_current ? published : named);
    if (is_current) {
        rejected_generation_.store(current.generation, std::memory_order_relaxed);
        raise(dead_edition_, current.edition);
    } else if (lease.epoch != current.epoch) {
        raise(dead_edition_, current.edition);
    }
    if (rejection.is_new) post(rejection.ticket);
    return Code::ok;
}

Code PublishedToken::push(std::uint64_t expected_epoch, const Post& post) {
    if (is_closed()) return Code::closed;
    const std::lock_guard lock(writing_);
    if (is_closed()) return Code::closed;
    if (expected_epoch != 0 && expected_epoch != hot().epoch) return Code::stale;
    raise(dead_edition_, edition_);
    post(fence_.push());
    return Code::ok;
}

// Once the record is known, the next epoch is known too. Before that, nothing that is not provisional can be of it.
Code PublishedToken::clear(const Post& post, const Post& then_push, std::uint64_t expected_epoch) {
    if (is_closed()) return Code::closed;
    const std::lock_guard lock(writing_);
    if (is_closed()) return Code::closed;
    if (expected_epoch != 0 && expected_epoch != hot().epoch) return Code::stale;
    PublishedStatus status = status_.value();
    const std::uint64_t epoch = hot().epoch + 1;
    Published nothing;
    nothing.hot.epoch = nothing.cold.first_epoch = epoch;
    nothing.cold.is_known = cold().is_known;
    nothing.cold.least_epoch = epoch;
    if (is_provisional(epoch)) nothing.cold.provisional_epoch = epoch;
    client_id_.clear();
    wipe_published();
    pages_->slots.write(nothing);
    pages_->slots.overwrite_previous(nothing);
    status.snapshot.standing = State::signed_out;
    status.snapshot.standing_reason = Reason::cleared;
    status.snapshot.usable = false;
    status.snapshot.epoch = epoch;
    status_.write(status);
    post(fence_.clear());
    if (then_push) then_push(fence_.push());
    return Code::ok;
}

bool PublishedToken::close(const Post& post) {
    if (is_closed()) return false;
    const std::lock_guard lock(writing_);
    if (is_closed()) return false;
    pages_->is_open.store(0, std::memory_order_release);
    const Hot before = hot();
    Published nothing;
    nothing.hot.edition = before.edition;  // the worker reads the last slide once more
    nothing.hot.generation = nothing.cold.first_generation = before.generation;
    wipe_published();
    pages_->slots.write(nothing);
    pages_->slots.overwrite_previous({});
    post(0);
    return true;
}

void PublishedToken::wipe_published() {
    token_.reset();
    raise(dead_edition_, edition_);
}

void PublishedToken::judge(Fence::Ticket ticket) {
    const std::lock_guard lock(writing_);
    fence_.judge(ticket);
}

Code PublishedToken::admit(Fence::Ticket judged, const Fence::Token& token) const {
    if (is_closed()) return Code::closed;
    const std::lock_guard lock(writing_);
    if (is_closed()) return Code::closed;
    const TokenNames published = names();
    switch (fence_.passage(judged, published.contain(token) ? published : TokenNames(token))) {
        case Fence::Passage::open:
            return Code::ok;
        case Fence::Passage::cleared:
            return Code::cleared;
        case Fence::Passage::dead:
            return Code::stale;
    }
    return Code::stale;
}

bool PublishedToken::is_stale(const Cold& current, std::uint64_t epoch) {
    if (is_provisional(epoch)) return epoch != current.provisional_epoch;
    return epoch < current.least_epoch;
}

bool PublishedToken::is_stale(const Lease& lease) const { return is_stale(cold(), lease.epoch); }

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

void PublishedToken::publish(const effect::Publish& published, const Reading& now, Fence::Ticket judged) {
    const Snapshot& snapshot = published.snapshot;
    const std::lock_guard lock(writing_);
    const Fence::Passage passage = fence_.passage(judged, {snapshot.first_name, {snapshot.epoch, snapshot.generation}});
    if (passage == Fence::Passage::cleared || is_closed()) return;  // what the clear published stands
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
    cold.overdue_until_boot_ms = snapshot.overdue_until_boot_ms;
    cold.slide_due_boot_ms = snapshot.slide_due_boot_ms;
    cold.recheck_boot_ms = snapshot.recheck_boot_ms;
    cold.is_known = snapshot.is_known ? 1 : 0;
    cold.least_epoch = snapshot.least_epoch;
    cold.first_epoch = snapshot.first_name.epoch;
    cold.first_generation = snapshot.first_name.generation;
    cold.provisional_epoch = snapshot.provisional_epoch;
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
    write(next, passage == Fence::Passage::dead);
}

// A token that was not there before, or that was marked dead and lives after all, gets an edition of its own.
void PublishedToken::write(Published& next, bool is_dead) {
    const Hot before = hot();
    const bool is_same = (before.token_length != 0) == (next.hot.token_length != 0) &&
                         before.generation == next.hot.generation && before.epoch == next.hot.epoch &&
                         dead_edition_.load(std::memory_order_acquire) < edition_;
    if (!is_same) ++edition_;
    next.hot.edition = edition_;
    if (is_dead) raise(dead_edition_, edition_);
    pages_->slots.write(next);
    if (!is_same) pages_->slots.overwrite_previous({});
}

void PublishedToken::read_slide(Moment& moment) const {
    const Hot current = hot();
    const std::uint64_t word = slide_.load(std::memory_order_acquire);
    if (word >> slide_bits != current.edition) return;
    moment.slid_generation = current.generation;
    moment.slid_boot_ms = static_cast<std::int64_t>(word & slide_mask);
}

}  // namespace portal

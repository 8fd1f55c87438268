#include "engine/front.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

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
    : policy_(policy), slots_(new (secret_allocate(sizeof(Slots))) Slots), client_id_(std::move(client_id)) {
    Snapshot unknown;
    unknown.epoch = epoch_;
    status_.write({unknown, {}});
}

Front::~Front() {
    slots_->~Slots();
    secret_free(slots_, sizeof(Slots));
}

// ---- reading ----

void Front::copy_header(const Slots::Slot& slot, Header& header) {
    constexpr std::size_t count = sizeof(Header) / sizeof(std::uint64_t);
    std::uint64_t words[count];
    for (std::size_t i = 0; i < count; ++i) words[i] = slot.word(i);
    std::memcpy(static_cast<void*>(&header), words, sizeof header);
}

void Front::copy_token(const Slots::Slot& slot, char* token, std::size_t length) {
    constexpr std::size_t first = sizeof(Header) / sizeof(std::uint64_t);
    const std::size_t whole = length / sizeof(std::uint64_t);
    for (std::size_t i = 0; i < whole; ++i) {
        const std::uint64_t word = slot.word(first + i);
        std::memcpy(token + i * sizeof word, &word, sizeof word);
    }
    if (const std::size_t rest = length % sizeof(std::uint64_t); rest != 0) {
        const std::uint64_t word = slot.word(first + whole);
        std::memcpy(token + whole * sizeof word, &word, rest);
    }
}

std::int64_t Front::slide_of(const Header& header) const {
    const std::uint64_t word = slide_.load(std::memory_order_acquire);
    if (word >> slide_bits != header.edition) return header.slid_boot_ms;
    return std::max(header.slid_boot_ms, static_cast<std::int64_t>(word & slide_mask));
}

Code Front::judge(const Header& header, std::int64_t now_boot_ms, Lease& lease) const {
    if (header.usable == 0 || dead_edition_.load(std::memory_order_acquire) >= header.edition) return Code::no_token;
    const std::int64_t idle_deadline_ms = slide_of(header) + policy_.idle_ms;
    if (now_boot_ms >= idle_deadline_ms - policy_.margin_ms) return Code::no_token;
    lease.overdue = now_boot_ms >= header.absolute_limit_boot_ms;
    if (lease.overdue && now_boot_ms >= header.overdue_until_boot_ms) return Code::no_token;
    lease.memory_only = header.memory_only != 0;
    lease.generation = header.generation;
    lease.epoch = header.epoch;
    lease.sent_boot_ms = now_boot_ms;
    lease.sent_unix_ms = now_boot_ms + header.wall_minus_boot_ms;
    lease.boot_tag = header.boot_tag;
    lease.left_ms = std::min(idle_deadline_ms, header.absolute_deadline_boot_ms) - now_boot_ms;
    return Code::ok;
}

Wake Front::wake_for(const Header& header, std::uint64_t publication, std::int64_t now_boot_ms) const {
    if (now_boot_ms >= header.lead_boot_ms && is_first(prepared_, publication)) return Wake::prepare;
    if (now_boot_ms >= header.recheck_boot_ms && is_first(rechecked_, publication)) return Wake::recheck;
    return Wake::none;
}

Code Front::read(std::int64_t now_boot_ms, Lease& lease, char* token, std::size_t* length, Wake& wake) const {
    if (is_closed()) return Code::closed;
    const std::size_t room = length != nullptr ? *length : 0;
    Header header;
    Code code = Code::no_token;
    std::size_t copied = 0;
    std::uint64_t seen = 0;
    slots_->read([&](const Slots::Slot& slot, std::uint64_t publication) {
        seen = publication;
        copy_header(slot, header);
        code = judge(header, now_boot_ms, lease);
        if (code != Code::ok || token == nullptr) return;
        const std::size_t size = std::min<std::size_t>(header.token_length, max_token_bytes);
        if (size > room) {
            code = Code::buffer_too_small;
        } else {
            copy_token(slot, token, size);
            copied = std::max(copied, size);
        }
    });
    if (code == Code::ok || code == Code::buffer_too_small) {
        if (length != nullptr) *length = header.token_length;
        wake = wake_for(header, seen, now_boot_ms);
    }
    if (code != Code::ok && copied != 0) wipe(token, copied);  // a retry met a clear
    return code;
}

Front::Header Front::header() const {
    Header result;
    slots_->read([&](const Slots::Slot& slot, std::uint64_t) { copy_header(slot, result); });
    return result;
}

// ---- reports, marks ----

Wake Front::accepted(std::uint64_t generation, std::int64_t sent_boot_ms, std::int64_t now_boot_ms) {
    const Header current = header();
    if (current.edition == 0) return Wake::accepted;  // nothing was read yet: the machine will judge
    if (current.usable == 0 || current.generation != generation) return Wake::none;
    const std::int64_t before_ms = slide_of(current);
    const std::int64_t sent_ms = std::min(sent_boot_ms, now_boot_ms);
    raise(slide_, slide_word(current.edition, sent_ms));
    const bool ends_soft_window = sent_ms >= before_ms + policy_.idle_ms - policy_.soft_window_ms;
    const bool is_untrusted = current.absolute_limit_boot_ms == std::numeric_limits<std::int64_t>::min();
    return sent_ms >= current.slide_due_boot_ms || ends_soft_window || is_untrusted ? Wake::accepted : Wake::none;
}

Wake Front::rejected(std::uint64_t generation) {
    const Header current = header();
    if (current.edition == 0) return Wake::rejected;  // likewise
    if (current.usable == 0 || current.generation != generation) return Wake::none;
    raise(dead_edition_, current.edition);
    return Wake::rejected;
}

void Front::mark_dead() { raise(dead_edition_, header().edition); }

std::uint64_t Front::clear() {
    const std::lock_guard lock(writing_);
    ++epoch_;
    client_id_.clear();
    raise(dead_edition_, edition_);
    Published nothing;
    nothing.header.epoch = epoch_;
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
    slots_->write({});
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
    const Header current = header();
    if (current.generation == published.snapshot.generation && !published.snapshot.untrusted)
        times.slid.boot_ms = std::max(times.slid.boot_ms, slide_of(current));
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

    Published next;
    Header& header = next.header;
    header.edition = edition_;
    header.generation = snapshot.generation;
    header.epoch = snapshot.epoch;
    header.boot_tag = now.boot_tag;
    header.overdue_until_boot_ms = snapshot.overdue_until_boot_ms;
    header.slide_due_boot_ms = snapshot.slide_due_boot_ms;
    header.recheck_boot_ms = snapshot.recheck_boot_ms;
    header.wall_minus_boot_ms = now.unix_ms - now.boot_ms;
    header.memory_only = snapshot.memory_only ? 1 : 0;
    if (snapshot.usable && published.token != nullptr) {
        const Assessment token = assess(policy_, snapshot.times, snapshot.lead_ms, now);
        header.usable = 1;
        header.slid_boot_ms = now.boot_ms - (policy_.idle_ms - token.idle_left_ms);
        header.absolute_deadline_boot_ms = now.boot_ms + token.absolute_left_ms;
        header.absolute_limit_boot_ms = snapshot.untrusted ? std::numeric_limits<std::int64_t>::min()
                                                           : header.absolute_deadline_boot_ms - policy_.margin_ms;
        if (snapshot.lead_ms > 0) header.lead_boot_ms = header.absolute_deadline_boot_ms - snapshot.lead_ms;
        const std::string_view text = published.token->reveal();
        header.token_length = text.size();
        std::memcpy(next.token, text.data(), text.size());
    }
    status_.write({snapshot, now});
    write(next);
    wipe(next.token, sizeof next.token);
}

// A token that was not there before, or that was marked dead and lives after all, gets an edition of its own.
void Front::write(Published& next) {
    const Header before = header();
    const bool is_same = before.usable == next.header.usable && before.generation == next.header.generation &&
                         before.epoch == next.header.epoch && dead_edition_.load(std::memory_order_acquire) < edition_;
    if (!is_same) ++edition_;
    next.header.edition = edition_;
    slots_->write(next);
    if (!is_same) slots_->overwrite_previous({});
}

void Front::read_slide(Moment& moment) const {
    const Header current = header();
    const std::uint64_t word = slide_.load(std::memory_order_acquire);
    if (current.usable == 0 || word >> slide_bits != current.edition) return;
    moment.slid_generation = current.generation;
    moment.slid_boot_ms = static_cast<std::int64_t>(word & slide_mask);
}

}  // namespace portal

// The read that an app makes before each request, for the usual case: a good token and nothing to do about it. Inline, and
// without a second try, so that what it finds goes to the caller's lease by way of registers: through memory it would cost
// as much again.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

#include "engine/published_token.hpp"

namespace portal {

[[gnu::always_inline]] inline void PublishedToken::copy_token(const Slots::Slot& slot, char* token, std::size_t length) {
    constexpr std::size_t first = offsetof(Published, token);
    constexpr std::size_t whole = sizeof(std::uint64_t);
    const std::size_t words = length / whole;
    for (std::size_t i = 0; i < words; ++i) {
        const std::uint64_t word = slot.word(first + i * whole);
        std::memcpy(token + i * whole, &word, whole);
    }
    if (length % whole == 0) return;
    // In pieces of fixed sizes: a call of memcpy for three bytes costs more than all the words.
    static_assert(std::endian::native == std::endian::little, "The last bytes are shifted out of their word.");
    std::uint64_t word = slot.word(first + words * whole);
    char* to = token + words * whole;
    if ((length & 4) != 0) {
        std::memcpy(to, &word, 4);
        to += 4;
        word >>= 32;
    }
    if ((length & 2) != 0) {
        std::memcpy(to, &word, 2);
        to += 2;
        word >>= 16;
    }
    if ((length & 1) != 0) *to = static_cast<char>(word);
}

[[gnu::always_inline]] inline std::int64_t PublishedToken::slide_of(const Slots::Slot& slot) const {
    return slide_of(slot.word(offsetof(Published, hot.edition)),
                    slot.word<std::int64_t>(offsetof(Published, hot.slid_boot_ms)));
}

[[gnu::always_inline]] inline void PublishedToken::fill_lease(const Slots::Slot& slot, std::int64_t now_boot_ms,
                                                     std::int64_t slid_boot_ms, Lease& lease) const {
    lease.overdue = false;
    lease.memory_only = slot.word(offsetof(Published, hot.memory_only)) != 0;
    lease.generation = slot.word(offsetof(Published, hot.generation));
    lease.epoch = slot.word(offsetof(Published, hot.epoch));
    lease.sent_boot_ms = now_boot_ms;
    lease.sent_unix_ms = now_boot_ms + slot.word<std::int64_t>(offsetof(Published, hot.wall_minus_boot_ms));
    lease.boot_tag = slot.word(offsetof(Published, hot.boot_tag));
    const auto absolute_deadline_boot_ms = slot.word<std::int64_t>(offsetof(Published, hot.absolute_deadline_boot_ms));
    lease.left_ms = std::min(slid_boot_ms + policy_.idle_ms, absolute_deadline_boot_ms) - now_boot_ms;
}

[[gnu::always_inline]] inline bool PublishedToken::is_good(const Slots::Slot& slot, std::int64_t now_boot_ms,
                                                  std::int64_t slid_boot_ms) const {
    return slot.word(offsetof(Published, hot.token_length)) != 0 &&
           dead_edition_.load(std::memory_order_acquire) < slot.word(offsetof(Published, hot.edition)) &&
           now_boot_ms < slid_boot_ms + idle_less_margin_ms_;
}

[[gnu::always_inline]] inline bool PublishedToken::read_at_once(std::int64_t now_boot_ms, Lease& lease, char* token,
                                                       std::size_t* length) const {
    if (is_closed()) return false;
    const Slots::Look look = pages_->slots.look();
    const Slots::Slot& slot = look.slot;
    const std::int64_t slid_boot_ms = slide_of(slot);
    if (!is_good(slot, now_boot_ms, slid_boot_ms) ||
        now_boot_ms >= slot.word<std::int64_t>(offsetof(Published, hot.attention_boot_ms)))
        return false;
    const std::size_t size = slot.word(offsetof(Published, hot.token_length));
    if (token != nullptr && size > *length) return false;
    fill_lease(slot, now_boot_ms, slid_boot_ms, lease);
    if (token != nullptr) copy_token(slot, token, size);
    if (!look.is_whole()) {
        if (token != nullptr) wipe(token, size);
        return false;
    }
    if (length != nullptr) *length = size;
    return true;
}

}  // namespace portal

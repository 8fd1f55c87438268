// What one writer publishes and any number of readers copy, without a lock: the writer fills the idle one of two slots and
// flips. A writer that is stopped in the middle of a write delays no reader, since readers are in the other slot.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace portal {

template <typename Value>
class DoubleBufferedSeqlock {
    static_assert(std::is_trivially_copyable_v<Value> && sizeof(Value) % sizeof(std::uint64_t) == 0);
    static constexpr std::size_t word_count = sizeof(Value) / sizeof(std::uint64_t);

public:
    // Words are atomic and ordered one by one, so that neither the standard nor a thread sanitizer sees a race, and no
    // stand-alone fence is needed. On x86-64 and arm64 they are plain loads and stores, or nearly so.
    class Slot {
    public:
        // One word of Value, by its offset. Word by word is the fast way: a struct that is put together in memory and read
        // again in wider pieces stalls the processor.
        template <typename Word = std::uint64_t>
        [[nodiscard]] Word word(std::size_t offset) const {
            return std::bit_cast<Word>(words_[offset / sizeof(std::uint64_t)].load(std::memory_order_acquire));
        }

        // A larger member of Value, by its offset.
        template <typename Part>
        [[nodiscard]] Part part(std::size_t offset) const {
            static_assert(std::is_trivially_copyable_v<Part> && sizeof(Part) % sizeof(std::uint64_t) == 0);
            std::array<std::uint64_t, sizeof(Part) / sizeof(std::uint64_t)> words;
            for (std::size_t i = 0; i < words.size(); ++i) words[i] = word(offset + i * sizeof(std::uint64_t));
            return std::bit_cast<Part>(words);
        }

    private:
        friend class DoubleBufferedSeqlock;
        std::atomic<std::uint64_t> sequence_{0};  // odd while it is written
        std::array<std::atomic<std::uint64_t>, word_count> words_{};
    };

    // Writers are serialised by their caller.
    void write(const Value& value) {
        const std::uint64_t publication = current_.load(std::memory_order_relaxed) + 1;
        fill(slots_[publication & 1], value);
        current_.store(publication, std::memory_order_release);
    }

    // Overwrites the slot that readers have left, so that what was published before is in memory no more.
    void overwrite_previous(const Value& value) {
        fill(slots_[(current_.load(std::memory_order_relaxed) + 1) & 1], value);
    }

    // One look at what is published. What was copied out of `slot` counts only if the look was whole; else look again.
    struct Look {
        const Slot& slot;
        std::uint64_t publication;
        std::uint64_t sequence;
        [[nodiscard]] bool is_whole() const {
            return (sequence & 1) == 0 && slot.sequence_.load(std::memory_order_relaxed) == sequence;
        }
    };
    [[nodiscard]] Look look() const {
        const std::uint64_t publication = current_.load(std::memory_order_acquire);
        const Slot& slot = slots_[publication & 1];
        return {slot, publication, slot.sequence_.load(std::memory_order_acquire)};
    }

    // Calls `copy(slot)` until it saw one publication whole.
    template <typename Copy>
    void read(Copy&& copy) const {
        for (;;) {
            const Look seen = look();
            copy(seen.slot);
            if (seen.is_whole()) return;
        }
    }

    [[nodiscard]] Value value() const {
        Value result;
        read([&](const Slot& slot) { result = slot.template part<Value>(0); });
        return result;
    }

private:
    static void fill(Slot& slot, const Value& value) {
        const std::uint64_t sequence = slot.sequence_.load(std::memory_order_relaxed);
        slot.sequence_.store(sequence + 1, std::memory_order_relaxed);
        const auto* bytes = reinterpret_cast<const char*>(&value);
        for (std::size_t i = 0; i < word_count; ++i) {  // word by word: no copy of a secret stays on the stack
            std::uint64_t word = 0;
            std::memcpy(&word, bytes + i * sizeof word, sizeof word);
            slot.words_[i].store(word, std::memory_order_release);
        }
        slot.sequence_.store(sequence + 2, std::memory_order_release);
    }

    std::atomic<std::uint64_t> current_{0};
    std::array<Slot, 2> slots_{};
};

}  // namespace portal

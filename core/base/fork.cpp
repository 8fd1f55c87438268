#include "base/fork.hpp"

#include <pthread.h>
#include <unistd.h>

#include <cstddef>
#include <new>

namespace portal {
namespace forks {

constinit std::atomic<std::uint64_t> generation{0};

class Cells {
public:
    constexpr explicit Cells(std::intptr_t free) : free_(free) {}

    Cell& take(std::intptr_t value) {
        std::size_t free_cells = free_cells_.load(std::memory_order_acquire);
        while (free_cells != 0 && !free_cells_.compare_exchange_weak(free_cells, free_cells - 1)) {
        }
        Cell* cell = free_cells != 0 ? first_.load(std::memory_order_acquire) : nullptr;  // else no walk past full ones
        for (; cell != nullptr; cell = cell->next) {
            std::intptr_t expected = free_;
            if (cell->value.compare_exchange_strong(expected, value, std::memory_order_acq_rel)) return *cell;
        }
        auto* const fresh = new Cell{{value}, first_.load(std::memory_order_acquire)};
        while (!first_.compare_exchange_weak(fresh->next, fresh, std::memory_order_acq_rel)) {
        }
        return *fresh;
    }

    void give_back(Cell& cell) {
        cell.value.store(free_, std::memory_order_release);
        free_cells_.fetch_add(1, std::memory_order_acq_rel);
    }

    template <typename Call>
    void empty(Call&& call) {
        for (Cell* cell = first_.load(std::memory_order_acquire); cell != nullptr; cell = cell->next) {
            const std::intptr_t value = cell->value.load(std::memory_order_acquire);
            if (value == free_) continue;
            call(value);
            give_back(*cell);
        }
    }

private:
    const std::intptr_t free_;
    std::atomic<Cell*> first_{nullptr};
    std::atomic<std::size_t> free_cells_{0};  // at most as many as there are
};

namespace {

constinit Cells descriptors{-1};
constinit Cells words{0};
constinit std::atomic<bool> is_watching{false};

// Only what is async-signal-safe.
void begin_child() {
    generation.fetch_add(1, std::memory_order_relaxed);
    descriptors.empty([](std::intptr_t descriptor) { ::close(static_cast<int>(descriptor)); });
    words.empty([](std::intptr_t word) {
        reinterpret_cast<std::atomic<std::uint64_t>*>(word)->store(0, std::memory_order_relaxed);
    });
}

}  // namespace

// Two threads may both register: the handler then runs twice in a child, which changes nothing.
void watch() {
    if (is_watching.load(std::memory_order_acquire)) return;
    if (::pthread_atfork(nullptr, nullptr, &begin_child) != 0) throw std::bad_alloc();
    is_watching.store(true, std::memory_order_release);
}

namespace {

Cell& watched(Cells& cells, std::intptr_t value) {
    watch();
    return cells.take(value);
}

}  // namespace
}  // namespace forks

ClosedInChild::ClosedInChild(int descriptor) : cell_(forks::watched(forks::descriptors, descriptor)) {}
ClosedInChild::~ClosedInChild() {
    if (made_here_.holds()) forks::descriptors.give_back(cell_);
}

ZeroedInChild::ZeroedInChild(std::atomic<std::uint64_t>& word)
    : cell_(forks::watched(forks::words, reinterpret_cast<std::intptr_t>(&word))) {}
ZeroedInChild::~ZeroedInChild() {
    if (made_here_.holds()) forks::words.give_back(cell_);
}

}  // namespace portal

// What a child made by fork without exec needs: to know that it is one, and to leave what its parent's threads held alone.
//
// The parent's threads do not exist in the child, and whatever they had locked stays locked there. So a child repairs
// nothing of its parent's: it replaces it. A child handler (pthread_atfork) counts the fork, zeroes registered words and
// closes registered descriptors, all without a lock or memory. It does not run for a bare clone() or _Fork(): after those
// only async-signal-safe functions may be called anyway.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace portal {

namespace forks {

extern constinit std::atomic<std::uint64_t> generation;
void watch();  // from now on; throws std::bad_alloc. Any number of times, from any thread.

// A cell of a list that only grows: taken and given back without a lock, and read by the child handler.
struct Cell {
    std::atomic<std::intptr_t> value;
    Cell* next;
};
class Cells;

}  // namespace forks

// Differs between a process and each child that it forks, once either has made a PerProcess or a guard of this file.
[[nodiscard]] inline std::uint64_t fork_generation() noexcept { return forks::generation.load(std::memory_order_relaxed); }

// Whether its maker lives in this process, and not in one that forked it.
class MadeHere {
public:
    [[nodiscard]] bool holds() const noexcept { return generation_ == fork_generation(); }

private:
    std::uint64_t generation_ = fork_generation();
};

// A T for each process, made at its first use and never destroyed: threads may outlive static destructors. In a child the
// next `get` makes a fresh one, and leaves the parent's, which another thread may have held, as it was. Declare it constinit:
// a local static with a guard could be held at the fork too. T's constructor may run twice in a race.
template <typename T>
class PerProcess {
public:
    constexpr PerProcess() = default;
    PerProcess(const PerProcess&) = delete;
    PerProcess& operator=(const PerProcess&) = delete;

    T& get() {
        Made* latest = latest_.load(std::memory_order_acquire);
        if (latest != nullptr && latest->made_here.holds()) return latest->value;
        forks::watch();
        auto fresh = std::make_unique<Made>();
        for (;;) {
            fresh->of_parent = latest;
            if (latest_.compare_exchange_strong(latest, fresh.get())) return fresh.release()->value;
            if (latest->made_here.holds()) return latest->value;  // another thread was faster
        }
    }

private:
    struct Made {
        T value{};
        MadeHere made_here;
        Made* of_parent = nullptr;  // still reachable: no leak
    };
    std::atomic<Made*> latest_{nullptr};
};

// A descriptor that a forked child closes at once: a flock belongs to the open file, and the child would keep it when this
// process dies. Closing leaves the lock to the parent; LOCK_UN would release it. Make the guard before locking, and end it
// before closing: afterwards the number may be another file's. A fork between open and the guard still shares the file, so
// unlock with LOCK_UN, and do not take a lock alone as proof that a process lives.
class ClosedInChild {
public:
    explicit ClosedInChild(int descriptor);
    ~ClosedInChild();
    ClosedInChild(const ClosedInChild&) = delete;
    ClosedInChild& operator=(const ClosedInChild&) = delete;

private:
    forks::Cell& cell_;
    const MadeHere made_here_;
};

// A word that is zero in a forked child, on every system: pages that the kernel wipes (MADV_WIPEONFORK) need Linux 4.14.
class ZeroedInChild {
public:
    explicit ZeroedInChild(std::atomic<std::uint64_t>& word);
    ~ZeroedInChild();
    ZeroedInChild(const ZeroedInChild&) = delete;
    ZeroedInChild& operator=(const ZeroedInChild&) = delete;

private:
    forks::Cell& cell_;
    const MadeHere made_here_;
};

}  // namespace portal

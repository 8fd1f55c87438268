// Where a test stops a thread, so that another gets in between; and the order in which things happened, to be asserted.
#pragma once

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/signal.hpp"

namespace portal::test {

inline bool on_thread(std::string_view name) {
    std::array<char, 16> own{};
    ::pthread_getname_np(::pthread_self(), own.data(), own.size());
    return name == own.data();
}
inline bool on_worker() { return on_thread("portal-worker"); }

class Order {
public:
    void note(std::string what) {
        all_.change([&](auto& all) { all.push_back(std::move(what)); });
    }
    [[nodiscard]] std::vector<std::string> all() const { return all_.get(); }

private:
    Signal<std::vector<std::string>> all_;
};

// A seam calls `pass`. Armed, the first thread that comes there stands still until the test lets it go on.
class Stop {
public:
    // `after`: so many pass before.
    void arm(int after = 0) {
        state_.change([=](State& state) { state = {Phase::armed, after, state.turn + 1}; });
    }
    void pass() {
        int turn = 0;
        bool stands = false;
        state_.change([&](State& state) {
            if (state.phase != Phase::armed || state.after-- > 0) return;
            state.phase = Phase::held;
            turn = state.turn;
            stands = true;
        });
        if (stands) (void)state_.wait([=](const State& state) { return state.turn != turn; });
    }
    // Whether a thread has come there.
    [[nodiscard]] bool is_reached() const {
        return state_.wait([](const State& state) { return state.phase == Phase::held; });
    }
    [[nodiscard]] bool holds() const { return state_.get().phase == Phase::held; }
    void let_go() {
        state_.change([](State& state) { state = {Phase::open, 0, state.turn + 1}; });
    }
    // Lets it go on to where it, or another, passes next. Whether that came.
    [[nodiscard]] bool step() {
        arm();
        return is_reached();
    }

private:
    enum class Phase { open, armed, held };
    struct State {
        Phase phase = Phase::open;
        int after = 0;
        int turn = 0;
    };
    Signal<State> state_;
};

// Memory that stops whoever touches it, in the middle of a copy, or whoever writes there, between a look and what follows
// from it. One at a time in a process, for one thread at a time: a signal's handler has no state of its own.
class TouchStop {
public:
    enum class Of { touch, write };

    // Pages of the test's own: `size` bytes of them are open, and the next one stops.
    explicit TouchStop(std::size_t open_bytes) : own_pages_(2 * page_bytes()) {
        void* const pages = ::mmap(nullptr, own_pages_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        start_ = static_cast<char*>(pages);
        memory_ = start_ + page_bytes() - open_bytes;
        begin(start_ + page_bytes(), Of::touch);
    }
    // The page of what is there already, from its start.
    explicit TouchStop(const void* page, Of what = Of::touch) { begin(const_cast<void*>(page), what); }
    TouchStop(const TouchStop&) = delete;
    TouchStop& operator=(const TouchStop&) = delete;
    ~TouchStop() {
        let_go();
        ::sigaction(SIGSEGV, &before_[0], nullptr);
        ::sigaction(SIGBUS, &before_[1], nullptr);
        if (start_ != nullptr) ::munmap(start_, own_pages_);
    }

    [[nodiscard]] char* memory() const { return memory_; }
    [[nodiscard]] static std::size_t page_bytes() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }
    [[nodiscard]] bool is_reached() const {
        pollfd reached{reached_[0], POLLIN, 0};
        return ::poll(&reached, 1, std::chrono::milliseconds(patience).count()) == 1;
    }
    // Opens the page to all; who stands there goes on standing.
    void open() { ::mprotect(page_, page_bytes(), PROT_READ | PROT_WRITE); }
    // And to who stands there too.
    void let_go() {
        open();
        pollfd reached{reached_[0], POLLIN, 0};
        char byte = 0;
        if (::poll(&reached, 1, 0) == 1 && ::read(reached_[0], &byte, 1) == 1) (void)!::write(go_[1], &byte, 1);
    }

private:
    void begin(void* page, Of what) {
        page_ = page;
        // Never closed: who was let go may still be on its way out of the handler.
        [[maybe_unused]] static const bool is_made = ::pipe(reached_) == 0 && ::pipe(go_) == 0;
        struct sigaction action {};
        action.sa_handler = [](int) {
            const int os_code = errno;
            char byte = 'x';
            (void)!::write(reached_[1], &byte, 1);
            while (::read(go_[0], &byte, 1) == -1 && errno == EINTR) {
            }
            errno = os_code;
        };
        ::sigaction(SIGSEGV, &action, &before_[0]);
        ::sigaction(SIGBUS, &action, &before_[1]);
        ::mprotect(page, page_bytes(), what == Of::write ? PROT_READ : PROT_NONE);
    }

    static inline int reached_[2];
    static inline int go_[2];

    void* page_ = nullptr;
    std::size_t own_pages_ = 0;
    char* start_ = nullptr;
    char* memory_ = nullptr;
    struct sigaction before_[2] {};
};

}  // namespace portal::test

// A thread that does one thing after another, and the count of such threads, which tells when all have ended.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "base/executor.hpp"

namespace portal {

// Counts threads until they are really gone, thread-local destructors included, and the sessions that they serve. It must
// outlive its threads, so the process's one is never destroyed.
class ThreadGroup {
public:
    static ThreadGroup& of_process();

    void enter();
    // The last call of a thread.
    void leave_at_exit();
    void begin_session();
    void end_session();
    // True: the threads have ended, or a session has need of them. False: neither until the deadline.
    bool wait_for_end(std::chrono::steady_clock::time_point deadline);

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t alive_ = 0;
    std::size_t sessions_ = 0;
};

// Its thread starts with the first work and ends, by itself and never joined, when the lane is gone and its queue empty.
// So the last holder may be the lane's own thread.
class Lane final : public Executor {
public:
    explicit Lane(const char* name, ThreadGroup& group = ThreadGroup::of_process());
    ~Lane() override;
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    void post(std::function<void()> work) override;
    // Whether this thread is some lane's: there nothing may block.
    [[nodiscard]] static bool is_current_thread();

private:
    struct Shared {
        std::mutex mutex;
        std::condition_variable wake;
        std::deque<std::function<void()>> queue;
        bool started = false;
        bool stopping = false;
    };
    static void run(const std::shared_ptr<Shared>& shared);
    void start();

    const char* name_;
    ThreadGroup& group_;
    std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

void name_this_thread(const char* name);

}  // namespace portal

// A thread that does one thing after another. Lanes of one runtime belong to a group, which tells when all have ended.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/executor.hpp"

namespace portal {

// Counts threads until they are really gone, thread-local destructors included.
class ThreadGroup {
public:
    void enter();
    // The last call of a thread.
    void leave_at_exit();
    // False: some still ran at the deadline.
    bool wait(std::chrono::steady_clock::time_point deadline);

private:
    std::mutex mutex_;
    std::condition_variable ended_;
    std::size_t alive_ = 0;
};

// Its thread starts with the first work and ends, by itself and never joined, when the lane is gone and its queue empty.
// So the last holder may be the lane's own thread.
class Lane final : public Executor {
public:
    Lane(const char* name, std::shared_ptr<ThreadGroup> group);
    ~Lane() override;
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    void post(std::function<void()> work) override;
    [[nodiscard]] bool is_current_thread() const;

private:
    struct Shared {
        std::mutex mutex;
        std::condition_variable wake;
        std::deque<std::function<void()>> queue;
        std::thread::id thread;
        bool started = false;
        bool stopping = false;
    };
    static void run(const std::shared_ptr<Shared>& shared);
    void start();

    const char* name_;
    std::shared_ptr<ThreadGroup> group_;
    std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

void name_this_thread(const char* name);

}  // namespace portal

// A thread that does one thing after another.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "base/executor.hpp"
#include "base/fork.hpp"
#include "base/thread_group.hpp"

namespace portal {

// Its thread starts with the first work, or before it where that was asked for, and ends, by itself and never joined, when
// the executor is gone and its queue empty. So the last holder may be the executor's own thread. In a forked child it is
// dead: its thread is the parent's. Where the work itself forked, the child's thread ends with that work, and the child too.
class SerialExecutor final : public Executor {
public:
    explicit SerialExecutor(const char* name, ThreadGroup& group = ThreadGroup::of_process());
    ~SerialExecutor() override;
    SerialExecutor(const SerialExecutor&) = delete;
    SerialExecutor& operator=(const SerialExecutor&) = delete;

    // Starts the thread before there is work, so that no later post can fail for want of one. Throws std::system_error
    // where the system has none to give.
    void start();
    void post(std::function<void()> work) override;
    // Whether this thread is some executor's: there nothing may block.
    [[nodiscard]] static bool is_current_thread();

private:
    struct Shared {
        std::mutex mutex;
        std::condition_variable wake;
        std::deque<std::function<void()>> queue;
        bool started = false;
        bool stopping = false;
        const MadeHere made_here;
    };
    static void run(const std::shared_ptr<Shared>& shared);
    void start_under_lock();

    const char* name_;
    ThreadGroup& group_;
    std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

}  // namespace portal

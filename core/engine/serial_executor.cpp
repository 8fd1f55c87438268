#include "engine/serial_executor.hpp"

namespace portal {
namespace {

constexpr std::uint64_t in_no_process = ~std::uint64_t{0};
thread_local std::uint64_t executor_thread_of = in_no_process;  // by fork_generation: no child of a thread is an executor

}  // namespace

SerialExecutor::SerialExecutor(const char* name, ThreadGroup& group) : name_(name), group_(group) {}

SerialExecutor::~SerialExecutor() {
    if (!shared_->made_here.holds()) return;
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
    shared_->wake.notify_one();
}

void SerialExecutor::post(std::function<void()> work) {
    const std::lock_guard lock(shared_->mutex);
    shared_->queue.push_back(std::move(work));
    start_under_lock();
    shared_->wake.notify_one();
}

bool SerialExecutor::is_current_thread() { return executor_thread_of == fork_generation(); }

void SerialExecutor::start() {
    const std::lock_guard lock(shared_->mutex);
    start_under_lock();
}

void SerialExecutor::start_under_lock() {
    if (shared_->started) return;
    group_.start(name_, [shared = shared_] {
        executor_thread_of = fork_generation();
        run(shared);
    });
    shared_->started = true;
}

void SerialExecutor::run(const std::shared_ptr<Shared>& shared) {
    std::unique_lock lock(shared->mutex);
    for (;;) {
        shared->wake.wait(lock, [&] { return shared->stopping || !shared->queue.empty(); });
        if (shared->queue.empty()) return;
        std::function<void()> work = std::move(shared->queue.front());
        shared->queue.pop_front();
        lock.unlock();
        // A host's callback may throw whatever its language throws: it ends here, and costs nobody else anything.
        try {
            work();
        } catch (...) {
        }
        if (!shared->made_here.holds()) {
            (void)new std::function<void()>(std::move(work));  // what it holds is the parent's to release
            return;
        }
        work = nullptr;
        lock.lock();
    }
}

}  // namespace portal

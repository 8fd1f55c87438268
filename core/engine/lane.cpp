#include "engine/lane.hpp"

#include <pthread.h>

namespace portal {

void name_this_thread(const char* name) {
#if defined(__APPLE__)
    ::pthread_setname_np(name);
#else
    ::pthread_setname_np(::pthread_self(), name);
#endif
}

void ThreadGroup::enter() {
    const std::lock_guard lock(mutex_);
    ++alive_;
}

void ThreadGroup::leave_at_exit() {
    std::unique_lock lock(mutex_);
    --alive_;
    std::notify_all_at_thread_exit(ended_, std::move(lock));
}

bool ThreadGroup::wait(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    return ended_.wait_until(lock, deadline, [&] { return alive_ == 0; });
}

Lane::Lane(const char* name, std::shared_ptr<ThreadGroup> group) : name_(name), group_(std::move(group)) {}

Lane::~Lane() {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
    shared_->wake.notify_one();
}

void Lane::post(std::function<void()> work) {
    const std::lock_guard lock(shared_->mutex);
    shared_->queue.push_back(std::move(work));
    if (!shared_->started) start();
    shared_->wake.notify_one();
}

bool Lane::is_current_thread() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->started && shared_->thread == std::this_thread::get_id();
}

void Lane::start() {
    group_->enter();
    std::thread thread([shared = shared_, group = group_, name = name_] {
        name_this_thread(name);
        run(shared);
        group->leave_at_exit();
    });
    shared_->thread = thread.get_id();
    shared_->started = true;
    thread.detach();
}

void Lane::run(const std::shared_ptr<Shared>& shared) {
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
        work = nullptr;
        lock.lock();
    }
}

}  // namespace portal

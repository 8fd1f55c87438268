#include "engine/lane.hpp"

#include <pthread.h>

#include <thread>

namespace portal {
namespace {

thread_local bool is_lane_thread = false;

}  // namespace

void name_this_thread(const char* name) {
#if defined(__APPLE__)
    ::pthread_setname_np(name);
#else
    ::pthread_setname_np(::pthread_self(), name);
#endif
}

ThreadGroup& ThreadGroup::of_process() {
    static auto& group = *new ThreadGroup;
    return group;
}

void ThreadGroup::enter() {
    const std::lock_guard lock(mutex_);
    ++alive_;
}

void ThreadGroup::leave_at_exit() {
    std::unique_lock lock(mutex_);
    --alive_;
    std::notify_all_at_thread_exit(changed_, std::move(lock));
}

void ThreadGroup::begin_session() {
    const std::lock_guard lock(mutex_);
    ++sessions_;
    changed_.notify_all();
}

void ThreadGroup::end_session() {
    const std::lock_guard lock(mutex_);
    --sessions_;
}

bool ThreadGroup::wait_for_end(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, deadline, [&] { return alive_ == 0 || sessions_ > 0; });
}

Lane::Lane(const char* name, ThreadGroup& group) : name_(name), group_(group) {}

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

bool Lane::is_current_thread() { return is_lane_thread; }

void Lane::start() {
    group_.enter();
    std::thread([shared = shared_, &group = group_, name = name_] {
        name_this_thread(name);
        is_lane_thread = true;
        run(shared);
        group.leave_at_exit();
    }).detach();
    shared_->started = true;
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

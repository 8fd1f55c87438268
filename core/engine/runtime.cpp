#include "engine/runtime.hpp"

#include <algorithm>
#include <utility>

#include "base/monotonic_condition.hpp"
#include "engine/engine.hpp"

namespace portal {

using SteadyTime = std::chrono::steady_clock::time_point;

struct Runtime::Worker {
    std::mutex mutex;
    MonotonicCondition wake;
    std::list<Task> tasks;
    bool stopping = false;
    // The worker's own. An engine has at most one entry, at its `wake_at`.
    std::multimap<SteadyTime, std::weak_ptr<Engine>> timers;
    Effects effects;  // of the step being carried out, empty between steps: one place for all sessions, so that a step allocates none

    void run_due_timers();
};

std::shared_ptr<Runtime> Runtime::get() {
    struct Current {
        std::mutex mutex;
        std::weak_ptr<Runtime> runtime;
    };
    static constinit PerProcess<Current> of_process;
    Current& current = of_process.get();
    const std::lock_guard lock(current.mutex);
    std::shared_ptr<Runtime> runtime = current.runtime.lock();
    if (runtime == nullptr) {
        runtime = std::make_shared<Runtime>();
        runtime->callbacks().start();
        current.runtime = runtime;
    }
    return runtime;
}

Runtime::Runtime() : worker_(std::make_shared<Worker>()) {
    ThreadGroup::of_process().start("portal-worker", [worker = worker_] { work(worker); });
}

Runtime::~Runtime() {
    if (!made_here_.holds()) return;
    const std::lock_guard lock(worker_->mutex);
    worker_->stopping = true;
    worker_->wake.notify_one();
}

void Runtime::post(std::shared_ptr<Engine> engine, Event event) {
    std::list<Task> task;
    task.push_back({std::move(engine), std::move(event)});
    post(std::move(task));
}

void Runtime::post(std::list<Task> task) noexcept {
    const std::lock_guard lock(worker_->mutex);
    worker_->tasks.splice(worker_->tasks.end(), task);
    worker_->wake.notify_one();
}

SteadyTime Runtime::steady_time_in(std::int64_t real_ms) {
    constexpr std::int64_t most_ms = std::int64_t{1000} * 3600 * 24 * 365;  // what a condition variable can wait for
    return std::chrono::steady_clock::now() + std::chrono::milliseconds(std::clamp<std::int64_t>(real_ms, 0, most_ms));
}

void Runtime::wake_in(const std::shared_ptr<Engine>& engine, std::int64_t real_ms) {
    never_wake(engine);
    engine->wake_at = steady_time_in(real_ms);
    worker_->timers.emplace(engine->wake_at, engine);
}

void Runtime::never_wake(const std::shared_ptr<Engine>& engine) {
    auto& timers = worker_->timers;
    const auto [first, last] = timers.equal_range(engine->wake_at);
    const auto old = std::find_if(first, last, [&](const auto& timer) {
        return !timer.second.owner_before(engine) && !engine.owner_before(timer.second);
    });
    if (old != last) timers.erase(old);
}

// Queued events come before timers: after a suspension an answer that has arrived beats a deadline that has passed.
void Runtime::work(const std::shared_ptr<Worker>& worker) {
    std::list<Task> tasks;
    std::unique_lock lock(worker->mutex);
    for (;;) {
        const auto has_work = [&] { return worker->stopping || !worker->tasks.empty(); };
        if (worker->timers.empty()) {
            worker->wake.wait(lock, has_work);
        } else {
            worker->wake.wait_until(lock, worker->timers.begin()->first, has_work);
        }
        if (worker->tasks.empty() && worker->stopping) return;
        tasks.swap(worker->tasks);
        lock.unlock();
        for (Task& task : tasks) task.engine->run(task.event, task.ticket, worker->effects);
        tasks.clear();
        worker->run_due_timers();
        lock.lock();
    }
}

void Runtime::Worker::run_due_timers() {
    const SteadyTime now = std::chrono::steady_clock::now();
    while (!timers.empty() && timers.begin()->first <= now) {
        const std::shared_ptr<Engine> engine = timers.begin()->second.lock();
        timers.erase(timers.begin());
        if (engine != nullptr) engine->wake(effects);
    }
}

}  // namespace portal

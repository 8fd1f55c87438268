// The threads of the process: however many sessions there are, one worker, one for callbacks, one for files, and one for
// host stores. They start with the first session and end, by themselves, with the last.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>

#include "base/fork.hpp"
#include "engine/serial_executor.hpp"
#include "session/event.hpp"

namespace portal {

class Engine;

class Runtime {
public:
    // The process's one, which is not its forked parent's; made where there is none, with its worker and the thread for
    // callbacks. It lives as long as somebody holds it. Throws std::system_error where the system has no thread to give:
    // later, on the worker, nobody could be told.
    static std::shared_ptr<Runtime> get();
    Runtime();
    ~Runtime();
    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;

    // An event for the worker, which runs it on that engine's machine.
    struct Task {
        std::shared_ptr<Engine> engine;
        Event event;
        std::uint64_t ticket = 0;  // of the fence; 0: none
    };
    // Queues one; only this allocates. A list of one task that was made before is queued without.
    void post(std::shared_ptr<Engine> engine, Event event);
    void post(std::list<Task> task) noexcept;

    // An instant that a thread can wait for, however long `real_ms` is.
    static std::chrono::steady_clock::time_point steady_time_in(std::int64_t real_ms);

    // Wakes the engine about then; replaces its earlier wake. Called on the worker.
    void wake_in(const std::shared_ptr<Engine>& engine, std::int64_t real_ms);
    void never_wake(const std::shared_ptr<Engine>& engine);

    [[nodiscard]] SerialExecutor& callbacks() { return callbacks_; }
    [[nodiscard]] const std::shared_ptr<SerialExecutor>& host() const { return host_; }
    [[nodiscard]] const std::shared_ptr<SerialExecutor>& store() const { return store_; }

private:
    struct Worker;
    static void work(const std::shared_ptr<Worker>& worker);

    SerialExecutor callbacks_{"portal-callback"};
    std::shared_ptr<SerialExecutor> host_ = std::make_shared<SerialExecutor>("portal-host");
    std::shared_ptr<SerialExecutor> store_ = std::make_shared<SerialExecutor>("portal-store");
    std::shared_ptr<Worker> worker_;
    const MadeHere made_here_;
};

}  // namespace portal

// The threads of the process: however many sessions there are, one worker, one for callbacks, one for files, and one for
// host stores. They start with the first session and end, by themselves, with the last.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/lane.hpp"
#include "session/event.hpp"

namespace portal {

class Engine;

class Runtime {
public:
    // The process's one; made where there is none. It lives as long as somebody holds it.
    static std::shared_ptr<Runtime> get();
    Runtime();
    ~Runtime();
    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;

    // Queues an event for the worker, which runs it on that engine's machine.
    void post(std::shared_ptr<Engine> engine, Event event);

    // Wakes the engine with a Timer about then; replaces its earlier wake. Called on the worker.
    void wake_in(const std::shared_ptr<Engine>& engine, std::int64_t real_ms);

    [[nodiscard]] Lane& callbacks() { return callbacks_; }
    [[nodiscard]] const std::shared_ptr<Lane>& host() const { return host_; }
    [[nodiscard]] const std::shared_ptr<Lane>& store() const { return store_; }
    [[nodiscard]] const std::shared_ptr<ThreadGroup>& threads() const { return threads_; }
    // True on the threads that run the host's callbacks: there nothing may block.
    [[nodiscard]] bool is_callback_thread() const;

private:
    struct Worker;
    static void work(const std::shared_ptr<Worker>& worker);

    std::shared_ptr<ThreadGroup> threads_ = std::make_shared<ThreadGroup>();
    Lane callbacks_{"portal-callback", threads_};
    std::shared_ptr<Lane> host_ = std::make_shared<Lane>("portal-host", threads_);
    std::shared_ptr<Lane> store_ = std::make_shared<Lane>("portal-store", threads_);
    std::shared_ptr<Worker> worker_;
};

}  // namespace portal

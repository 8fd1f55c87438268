// engine/executor: one thing after another, and threads that end by themselves.
#include "engine/serial_executor.hpp"

#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/signal.hpp"

namespace {

using namespace portal;
using namespace portal::test;

// A group outlives its threads, so a test's is never destroyed either.
ThreadGroup& new_group() {
    static auto& all = *new std::vector<ThreadGroup*>;  // still reachable at the end: no leak
    return *all.emplace_back(new ThreadGroup);
}

bool has_ended(ThreadGroup& group) { return group.wait_for_end(std::chrono::steady_clock::now() + patience); }
bool has_ended_already(ThreadGroup& group) { return group.wait_for_end(std::chrono::steady_clock::now()); }

TEST_CASE("A executor runs work in order, on one thread, never inside the call that posts it") {
    ThreadGroup& group = new_group();
    Signal<std::vector<int>> done;
    Signal<std::vector<std::thread::id>> threads;
    {
        SerialExecutor executor("executor", group);
        Gate gate;
        executor.post([&] { gate.wait(); });
        for (int i = 0; i < 100; ++i)
            executor.post([&, i] {
                threads.change([](auto& all) { all.push_back(std::this_thread::get_id()); });
                done.change([&](auto& all) { all.push_back(i); });
            });
        CHECK(done.get().empty());
        gate.open();
        REQUIRE(done.wait([](const auto& all) { return all.size() == 100; }));
    }
    for (int i = 0; i < 100; ++i) CHECK(done.get()[static_cast<std::size_t>(i)] == i);
    for (const std::thread::id thread : threads.get()) CHECK(thread == threads.get().front());
    CHECK(threads.get().front() != std::this_thread::get_id());
    CHECK(has_ended(group));
}

TEST_CASE("Work that throws costs nobody else anything") {
    ThreadGroup& group = new_group();
    Gate after;
    {
        SerialExecutor executor("executor", group);
        executor.post([] { throw std::runtime_error("thrown by a host"); });
        executor.post([] { throw 1; });
        executor.post([&] { after.open(); });
        CHECK(after.wait());
    }
    CHECK(has_ended(group));
}

TEST_CASE("What is queued when a executor goes is still done, and then its thread ends") {
    ThreadGroup& group = new_group();
    Gate gate;
    Signal<int> count;
    {
        SerialExecutor executor("executor", group);
        executor.post([&] { gate.wait(); });
        for (int i = 0; i < 10; ++i) executor.post([&] { count.change([](int& done) { ++done; }); });
    }
    CHECK(count.get() == 0);
    gate.open();
    CHECK(has_ended(group));
    CHECK(count.get() == 10);
}

TEST_CASE("The last to let go of a executor may be its own thread") {
    ThreadGroup& group = new_group();
    auto executor = std::make_shared<SerialExecutor>("executor", group);
    Gate gate;
    executor->post([&, executor] { gate.wait(); });
    executor.reset();
    gate.open();
    CHECK(has_ended(group));
}

TEST_CASE("A executor without work has no thread") {
    ThreadGroup& group = new_group();
    SerialExecutor executor("executor", group);
    CHECK(has_ended_already(group));
}

TEST_CASE("Only a executor's own thread counts as one where nothing may block") {
    ThreadGroup& group = new_group();
    Signal<int> inside;
    {
        SerialExecutor executor("executor", group);
        executor.post([&] { inside.change([](int& seen) { seen = SerialExecutor::is_current_thread() ? 1 : 2; }); });
        REQUIRE(inside.wait([](int seen) { return seen != 0; }));
    }
    CHECK(inside.get() == 1);
    CHECK_FALSE(SerialExecutor::is_current_thread());
    CHECK(has_ended(group));
}

TEST_CASE("Who waits for threads to end goes on when a new session needs them") {
    ThreadGroup& group = new_group();
    Gate gate;
    {
        SerialExecutor executor("executor", group);
        executor.post([&] { gate.wait(); });
        CHECK_FALSE(has_ended_already(group));
        std::thread opener([&] { group.begin_session(); });
        CHECK(has_ended(group));
        opener.join();
        group.end_session();
        CHECK_FALSE(has_ended_already(group));
        gate.open();
    }
    CHECK(has_ended(group));
}

}  // namespace

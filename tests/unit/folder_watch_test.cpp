#include "store/folder_watch.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/syscall.h>
#endif

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/thread_group.hpp"
#include "integration/threads_named.hpp"
#include "store/file_store.hpp"
#include "support/catch.hpp"
#include "support/record_folder.hpp"
#include "support/signal.hpp"

using namespace portal;
using namespace portal::test;

#if defined(__linux__)
namespace {
bool has_instances = true;
}
// In place of the C library's: a user may have no instance left.
extern "C" [[gnu::visibility("default")]] int inotify_init1(int flags) noexcept {
    if (has_instances) return static_cast<int>(::syscall(SYS_inotify_init1, flags));
    errno = EMFILE;
    return -1;
}
#endif

namespace {

using Names = std::vector<std::string>;

// What a watch has told.
class Told {
public:
    [[nodiscard]] FolderWatch::Changed call() {
        return [names = names_](std::string_view name) { names->change([&](Names& all) { all.emplace_back(name); }); };
    }
    [[nodiscard]] bool comes(std::size_t count) const {
        return names_->wait([=](const Names& all) { return all.size() >= count; });
    }
    [[nodiscard]] bool hears(const std::string& name) const {
        return names_->wait([&](const Names& all) { return std::find(all.begin(), all.end(), name) != all.end(); });
    }
    [[nodiscard]] Names names() const { return names_->get(); }

private:
    std::shared_ptr<Signal<Names>> names_ = std::make_shared<Signal<Names>>();
};

// By one event.
void put(const TempDir& folder, const std::string& name) {
    const std::string elsewhere = folder.path() + ".new";
    write_bytes(elsewhere, "new");
    std::filesystem::rename(elsewhere, folder.file(name));
}

// The system takes a moment to bury a thread whose last word was heard.
bool thread_has_ended() {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    if (!ThreadGroup::of_process().wait_for_end(deadline)) return false;
    while (threads_named("portal-watch") != 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    return threads_named("portal-watch") == 0;
}

// A store thread, in short: work runs at once, on the thread that brings it, one at a time.
class Inline final : public Executor {
public:
    void post(std::function<void()> work) override {
        const std::lock_guard lock(mutex_);
        works_.push_back(std::move(work));
        if (is_running_) return;
        is_running_ = true;
        while (!works_.empty()) {
            const auto next = std::move(works_.front());
            works_.pop_front();
            next();
        }
        is_running_ = false;
    }

private:
    std::recursive_mutex mutex_;
    std::deque<std::function<void()>> works_;
    bool is_running_ = false;
};

class FixedKey final : public KeySource {
public:
    void load(std::function<void(KeyResult)> answer) override { answer({KeyOutcome::found, Secret(std::string(32, 'k'))}); }
    [[nodiscard]] bool can_destroy() const override { return false; }
    [[nodiscard]] bool destroy(std::int64_t /*limit_ms*/) override { return true; }
};

struct Stores : RecordFolder {
    std::shared_ptr<FileStore> open() {
        return std::make_shared<FileStore>(directory, "default", std::make_shared<PosixFileSystem>(), cipher,
                                           std::make_shared<FixedKey>(), std::make_shared<Inline>());
    }
    SaveOutcome save_in(FileStore& store, const Record& record) {
        std::optional<SaveOutcome> outcome;
        store.save(next(record), [&](SaveResult result) { outcome = result.outcome; });
        return outcome.value();
    }
    LoadResult load_in(FileStore& store) {
        LoadResult loaded;
        store.load([&](LoadResult result) { loaded = std::move(result); });
        return loaded;
    }
    Told told;
    [[nodiscard]] std::function<void()> changed() {
        return [call = told.call()] { call("changed"); };
    }
    // When it returns, the watch has looked at all that was put into the folder before.
    void let_the_watch_look() {
        Told seen;
        const auto watch = FolderWatch::begin(directory, seen.call());
        write_bytes(directory + "/fence.tmp", "");
        std::filesystem::rename(directory + "/fence.tmp", directory + "/fence");
        CHECK(seen.hears("fence"));
    }
};

}  // namespace

TEST_CASE("A folder watch tells what was put in place, to all who watch that folder, and to nobody else", "[watch]") {
    const TempDir folder;
    const TempDir other_folder;
    Told first, second, other;
    const auto one = FolderWatch::begin(folder.path(), first.call());
    auto two = FolderWatch::begin(folder.path(), second.call());
    const auto third = FolderWatch::begin(other_folder.path(), other.call());
    REQUIRE((one != nullptr && two != nullptr && third != nullptr));
    put(folder, "a");
    put(folder, "b");
    CHECK(first.comes(2));
    CHECK(second.comes(2));
    put(other_folder, "c");
    CHECK(other.comes(1));
    CHECK(threads_named("portal-watch") == 1);
    CHECK(other.names() == Names{"c"});

    two = nullptr;  // the other watch of that folder goes on
    put(folder, "d");
    CHECK(first.comes(3));
    CHECK(first.names() == Names{"a", "b", "d"});
    CHECK(second.names() == Names{"a", "b"});
}

TEST_CASE("The watching thread ends with the last watch, and starts again with the next", "[watch]") {
    const TempDir folder;
    for (int round = 0; round < 20; ++round) {
        Told told;
        auto watch = FolderWatch::begin(folder.path(), told.call());
        REQUIRE(watch != nullptr);
        put(folder, "a");
        CHECK(told.comes(1));
        watch = nullptr;
        if (round % 2 == 0) CHECK(thread_has_ended());
    }
    CHECK(thread_has_ended());
}

TEST_CASE("A folder that is not there can't be watched, and one that goes is not watched any more", "[watch]") {
    const TempDir outer;
    const std::string path = outer.file("folder");
    Told told;
    CHECK(FolderWatch::begin(path, told.call()) == nullptr);
    std::filesystem::create_directory(path);
    const auto watch = FolderWatch::begin(path, told.call());
    REQUIRE(watch != nullptr);
    CHECK_FALSE(watch->is_over());
    SECTION("removed") { std::filesystem::remove(path); }
    SECTION("renamed") { std::filesystem::rename(path, outer.file("elsewhere")); }
    CHECK(told.comes(1));
    CHECK(watch->is_over());
    CHECK(thread_has_ended());
}

TEST_CASE_METHOD(Stores, "A watched store tells of what another process saves, and not of its own saves", "[watch]") {
    directory = folder.file("later");  // not there yet: nothing can be watched before there is a save
    const auto ours = open();
    const auto theirs = open();
    ours->watch(changed());
    CHECK(threads_named("portal-watch") == 0);
    REQUIRE(save_in(*ours, first_record()) == SaveOutcome::saved);
    REQUIRE(save_in(*ours, sample_record(1)) == SaveOutcome::saved);
    let_the_watch_look();
    CHECK(told.names().empty());
    REQUIRE(save_in(*theirs, sample_record(2)) == SaveOutcome::saved);
    CHECK(told.comes(1));
    CHECK(threads_named("portal-watch") == 1);
    REQUIRE(load_in(*ours).version.revision == 3);
    REQUIRE(save_in(*ours, sample_tombstone(3)) == SaveOutcome::saved);
    let_the_watch_look();
    REQUIRE(save_in(*theirs, sample_tombstone(4)) == SaveOutcome::saved);
    CHECK(told.comes(2));
    let_the_watch_look();
    CHECK(told.names().size() <= 3);  // a clear is a marker, then a tombstone: a look may fall between them
}

TEST_CASE_METHOD(Stores, "A watched store tells of a clear that another process has only begun, and of none of its own",
                 "[watch]") {
    const auto ours = open();
    ours->watch(changed());
    REQUIRE(save_in(*ours, first_record()) == SaveOutcome::saved);
    const int frozen = ::open((path + ".lock").c_str(), O_RDWR | O_CLOEXEC);
    REQUIRE(::flock(frozen, LOCK_EX | LOCK_NB) == 0);
    SECTION("of its own") {
        REQUIRE(save_in(*ours, sample_tombstone(1, 4)) == SaveOutcome::unavailable);
        let_the_watch_look();
        CHECK(told.names().empty());
    }
    REQUIRE(save_in(*open(), sample_tombstone(1, 5)) == SaveOutcome::unavailable);
    CHECK(told.comes(1));
    ::close(frozen);
    CHECK(load_in(*ours).logout.is_due);
    let_the_watch_look();
    CHECK(told.names().size() == 1);
}

TEST_CASE_METHOD(Stores, "The watch of a store ends with it, and outlives the loss of its folder", "[watch]") {
    directory = folder.file("store");
    auto ours = open();
    const auto theirs = open();
    ours->watch(changed());
    REQUIRE(save_in(*ours, first_record()) == SaveOutcome::saved);
    std::filesystem::remove_all(directory);
    CHECK(thread_has_ended());
    REQUIRE(load_in(*ours).outcome == LoadOutcome::absent);
    REQUIRE(save_in(*ours, first_record()) == SaveOutcome::saved);  // it makes the folder anew
    REQUIRE(save_in(*theirs, sample_record(1)) == SaveOutcome::saved);
    CHECK(told.comes(1));
    ours = nullptr;
    CHECK(thread_has_ended());
}

#if defined(__linux__)
TEST_CASE_METHOD(Stores, "A store whose folder can't be watched says so, a look takes the watch's place, and it recovers",
                 "[watch]") {
    const auto ours = open();
    CHECK(ours->is_watched());  // nothing was tried yet
    ours->watch(changed());
    has_instances = false;
    REQUIRE(save_in(*ours, first_record()) == SaveOutcome::saved);
    CHECK_FALSE(ours->is_watched());
    REQUIRE(save_in(*open(), sample_record(1)) == SaveOutcome::saved);
    bool has_news = false;
    ours->look([&](bool news) { has_news = news; });
    CHECK(has_news);
    CHECK(told.names().empty());
    has_instances = true;
    REQUIRE(load_in(*ours).outcome == LoadOutcome::found);
    CHECK(ours->is_watched());
}
#endif

TEST_CASE_METHOD(Stores, "A folder that is not there yet is no folder that can't be watched", "[watch]") {
    directory = folder.file("later");
    const auto ours = open();
    ours->watch(changed());
    REQUIRE(load_in(*ours).outcome == LoadOutcome::absent);
    CHECK(ours->is_watched());
}

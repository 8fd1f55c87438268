#include "store/file_store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <deque>
#include <functional>
#include <optional>
#include <utility>

#include "support/catch.hpp"
#include "support/record_folder.hpp"

using namespace portal;
using namespace portal::test;

namespace {

class Queue final : public Executor {
public:
    void post(std::function<void()> work) override { works_.push_back(std::move(work)); }
    void run() {
        while (!works_.empty()) {
            const auto work = std::move(works_.front());
            works_.pop_front();
            work();
        }
    }
    void drop() { works_.clear(); }
    [[nodiscard]] bool idle() const { return works_.empty(); }

private:
    std::deque<std::function<void()>> works_;
};

// A host's key: answers inline, or when the test says so.
class FakeKey final : public KeySource {
public:
    KeyOutcome outcome = KeyOutcome::found;
    std::string key = std::string(32, 'k');
    std::string key_after_destroy = std::string(32, 'n');
    bool destroyable = false;
    bool late = false;
    int loads = 0;
    int destroyed = 0;
    bool destroys = true;  // false: it does not answer in time
    std::function<void()> on_destroy;

    void load(std::function<void(KeyResult)> answer) override {
        ++loads;
        waiting_ = std::move(answer);
        if (!late) this->answer();
    }
    void answer() {
        KeyResult result;
        result.outcome = outcome;
        if (outcome == KeyOutcome::found) result.key = Secret(key);
        std::exchange(waiting_, nullptr)(std::move(result));
    }
    [[nodiscard]] bool can_destroy() const override { return destroyable; }
    [[nodiscard]] bool destroy(std::int64_t limit_ms) override {
        CHECK(limit_ms == 10'000);
        if (on_destroy) on_destroy();
        if (!destroys) return false;
        ++destroyed;
        key = key_after_destroy;
        return true;
    }

private:
    std::function<void(KeyResult)> waiting_;
};

struct Fixture : RecordFolder {
    std::shared_ptr<Queue> executor = std::make_shared<Queue>();
    std::shared_ptr<FakeKey> host = std::make_shared<FakeKey>();
    std::shared_ptr<FileStore> store = open();

    // Another process on the same folder, with the same keychain.
    std::shared_ptr<FileStore> open() {
        return std::make_shared<FileStore>(directory, "default", files, cipher, host, executor);
    }
    LoadResult load_now(FileStore& from) {
        std::optional<LoadResult> got;
        from.load([&](LoadResult result) { got = std::move(result); });
        CHECK_FALSE(got);  // never inside the call: the worker is not blocked
        executor->run();
        REQUIRE(got);
        return *got;
    }
    LoadResult load_now() { return load_now(*store); }
    SaveResult save_now(FileStore& to, const Record& record) { return save_now(to, next(record)); }
    SaveResult save_now(FileStore& to, const SaveRequest& request) {
        std::optional<SaveResult> got;
        to.save(request, [&](SaveResult result) { got = result; });
        CHECK_FALSE(got);
        executor->run();
        REQUIRE(got);
        return *got;
    }
    SaveResult save_now(const Record& record) { return save_now(*store, record); }
    SaveResult save_now(const SaveRequest& request) { return save_now(*store, request); }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "The file store is shared, and opening it touches neither files nor the key",
                 "[store][file-store]") {
    CHECK(store->shared());
    CHECK(files->calls() == 0);
    CHECK(host->loads == 0);
    CHECK(executor->idle());
}

TEST_CASE_METHOD(Fixture, "A record saved by one store is found by the next", "[store][file-store]") {
    REQUIRE(save_now(first_record()).outcome == SaveOutcome::saved);
    CHECK(same(load_now(*open()).record, sample_record(1, token)));
}

TEST_CASE_METHOD(Fixture, "The key is asked for once, and only when something needs it", "[store][file-store]") {
    CHECK(load_now().outcome == LoadOutcome::absent);
    CHECK(host->loads == 0);
    REQUIRE(save_now(first_record()).outcome == SaveOutcome::saved);
    REQUIRE(save_now(sample_record(1)).outcome == SaveOutcome::saved);
    REQUIRE(load_now().outcome == LoadOutcome::found);
    CHECK(host->loads == 1);
}

TEST_CASE_METHOD(Fixture, "A locked keychain is unavailable to load and save, and nothing is touched",
                 "[store][file-store]") {
    REQUIRE(save_now(first_record()).outcome == SaveOutcome::saved);
    host->outcome = KeyOutcome::unavailable;
    const auto locked = open();
    const LoadResult unread = load_now(*locked);
    CHECK(unread.outcome == LoadOutcome::unavailable);
    CHECK(unread.fault.cause == StoreCause::key);
    const SaveResult unsaved = save_now(*locked, sample_record(1));
    CHECK(unsaved.outcome == SaveOutcome::unavailable);
    CHECK(unsaved.fault.cause == StoreCause::key);
    host->outcome = KeyOutcome::found;
    CHECK(same(load_now(*locked).record, sample_record(1, token)));
}

TEST_CASE_METHOD(Fixture, "A key that is gone means a loss where a record is, absent where none is, a fault to a save",
                 "[store][file-store]") {
    host->outcome = KeyOutcome::absent;
    CHECK(load_now().outcome == LoadOutcome::absent);
    CHECK(save_now(first_record()).outcome == SaveOutcome::fault);
    host->outcome = KeyOutcome::found;
    REQUIRE(save_now(first_record()).outcome == SaveOutcome::saved);

    host->outcome = KeyOutcome::absent;
    const LoadResult result = load_now(*open());
    CHECK(result.outcome == LoadOutcome::lost);
    CHECK(result.fault.cause == StoreCause::other_key);
    CHECK(folder.names().count(name_hash) == 1);  // it may come back
}

TEST_CASE_METHOD(Fixture, "A key provider that fails, or gives a key of the wrong size, is a fault and costs no record",
                 "[store][file-store]") {
    REQUIRE(save_now(first_record()).outcome == SaveOutcome::saved);
    const auto check_fault = [&] {
        const auto other = open();
        const LoadResult unread = load_now(*other);
        CHECK(unread.outcome == LoadOutcome::fault);
        CHECK(unread.fault.cause == StoreCause::key);
        const SaveResult unsaved = save_now(*other, sample_record(1));
        CHECK(unsaved.outcome == SaveOutcome::fault);
        CHECK(unsaved.fault.cause == StoreCause::key);
    };
    host->outcome = KeyOutcome::failed;
    check_fault();
    host->outcome = KeyOutcome::found;
    for (const std::size_t size : {0, 16, 31, 33}) {
        host->key = std::string(size, 'k');
        check_fault();
    }
    host->key = key;
    CHECK(load_now(*open()).outcome == LoadOutcome::found);
}

TEST_CASE_METHOD(Fixture, "A key that comes late answers load and save late", "[store][file-store]") {
    host->late = true;
    std::optional<SaveOutcome> saved;
    store->save(next(first_record()), [&](SaveResult result) { saved = result.outcome; });
    executor->run();
    CHECK_FALSE(saved);
    host->answer();
    CHECK_FALSE(saved);  // not on the host's thread
    executor->run();
    CHECK(saved == SaveOutcome::saved);
    host->late = false;
    CHECK(load_now(*open()).outcome == LoadOutcome::found);
}

TEST_CASE_METHOD(Fixture, "A store let go with a key outstanding still ends its save and answers once",
                 "[store][file-store]") {
    host->late = true;
    int answers = 0;
    store->save(next(first_record()), [&](SaveResult result) {
        CHECK(result.outcome == SaveOutcome::saved);
        ++answers;
    });
    executor->run();
    const std::weak_ptr<FileStore> watch = store;
    store = nullptr;
    host->answer();
    executor->run();
    CHECK(answers == 1);
    CHECK(watch.expired());
}

TEST_CASE_METHOD(Fixture, "A store whose executor drops its work is freed", "[store][file-store]") {
    const std::weak_ptr<FileStore> watch = store;
    store->load([](LoadResult) { FAIL("nothing runs"); });
    store = nullptr;
    executor->drop();
    CHECK(watch.expired());
}

TEST_CASE_METHOD(Fixture, "A clear destroys the key where that can be, once the tombstone is in place",
                 "[store][file-store]") {
    host->destroyable = true;
    REQUIRE(save_now(first_record()).outcome == SaveOutcome::saved);
    const std::string older_copy = file_bytes(path);
    REQUIRE(save_now(sample_tombstone(1)).outcome == SaveOutcome::saved);
    CHECK(host->destroyed == 1);
    CHECK(load_now(*open()).record.state == TokenState::signed_out);

    SECTION("the older copy never opens again") {
        write_bytes(path, older_copy);
        CHECK(load_now().outcome == LoadOutcome::lost);
    }
    SECTION("the next token is saved with the new key") {
        Record next = sample_record(2, "next-token");
        next.epoch = 4;
        REQUIRE(save_now(next).outcome == SaveOutcome::saved);
        CHECK(open_record(*cipher, std::string(32, 'n'), name_hash, file_bytes(path)).outcome == LoadOutcome::found);
    }
}

TEST_CASE_METHOD(Fixture, "A clear without destroy keeps the key", "[store][file-store]") {
    REQUIRE(save_now(first_record()).outcome == SaveOutcome::saved);
    REQUIRE(save_now(sample_tombstone(1)).outcome == SaveOutcome::saved);
    CHECK(host->destroyed == 0);
}

TEST_CASE_METHOD(Fixture, "A clear that the disk refuses destroys no key", "[store][file-store]") {
    host->destroyable = true;
    REQUIRE(save_now(first_record()).outcome == SaveOutcome::saved);
    files->fail_each("rename", ENOSPC);
    CHECK(save_now(sample_tombstone(1)).outcome == SaveOutcome::fault);
    CHECK(host->destroyed == 0);
    files->fail_none();
    CHECK(load_now().logout == Logout{true, 4, true});
}

TEST_CASE_METHOD(Fixture, "A clear works while the keychain is locked, and is seen by a process that has no key yet",
                 "[store][file-store]") {
    REQUIRE(save_now(first_record()).outcome == SaveOutcome::saved);
    host->outcome = KeyOutcome::unavailable;
    const auto locked = open();
    CHECK(save_now(*locked, sample_tombstone(1)).outcome == SaveOutcome::saved);
    CHECK(load_now(*open()).record.state == TokenState::signed_out);
}

TEST_CASE_METHOD(Fixture, "A process that still has the old key follows another one's clear and new key",
                 "[store][file-store]") {
    host->destroyable = true;
    const auto other = open();
    REQUIRE(save_now(first_record()).outcome == SaveOutcome::saved);
    REQUIRE(load_now(*other).outcome == LoadOutcome::found);
    REQUIRE(save_now(sample_tombstone(1)).outcome == SaveOutcome::saved);

    SECTION("it sees the tombstone, and goes on with the new key") {
        CHECK(load_now(*other).record.state == TokenState::signed_out);
        Record next = sample_record(2, "next-token");
        next.epoch = 4;
        REQUIRE(save_now(*other, next).outcome == SaveOutcome::saved);
        CHECK(load_now().outcome == LoadOutcome::found);
    }
    SECTION("it sees the new token at once") {
        Record next = sample_record(2, "next-token");
        next.epoch = 4;
        REQUIRE(save_now(next).outcome == SaveOutcome::saved);
        CHECK(save_now(*other, sample_record(1)).outcome == SaveOutcome::conflict);
        CHECK(load_now(*other).record.token->equals("next-token"));
    }
}

// ---- Clears and keys -------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(Fixture, "A clear destroys the key while it holds the lock and its marker stands", "[store][file-store]") {
    host->destroyable = true;
    REQUIRE(save_now(first_record()).outcome == SaveOutcome::saved);
    bool was_marked = false;
    host->on_destroy = [&] {
        was_marked = folder.names().count(name_hash + ".erase.4") == 1;
        const int lock = ::open((path + ".lock").c_str(), O_RDWR | O_CLOEXEC);
        CHECK(::flock(lock, LOCK_EX | LOCK_NB) == -1);
        ::close(lock);
    };
    REQUIRE(save_now(sample_tombstone(1)).outcome == SaveOutcome::saved);
    CHECK(was_marked);
    CHECK(folder.names().count(name_hash + ".erase.4") == 0);
}

TEST_CASE_METHOD(Fixture, "A clear whose key is not destroyed in time is not done, and is finished by the next try",
                 "[store][file-store]") {
    host->destroyable = true;
    host->destroys = false;
    REQUIRE(save_now(first_record()).outcome == SaveOutcome::saved);
    const SaveResult unfinished = save_now(sample_tombstone(1));
    CHECK(unfinished.outcome == SaveOutcome::unavailable);
    CHECK(unfinished.fault.cause == StoreCause::key);
    const LoadResult found = load_now();
    CHECK(found.record.state == TokenState::signed_out);
    CHECK(found.logout.is_unfinished);
    host->destroys = true;
    REQUIRE(save_now(next(found.record, true)).outcome == SaveOutcome::saved);
    CHECK(host->destroyed == 1);
    CHECK_FALSE(load_now().logout.is_unfinished);
}

TEST_CASE_METHOD(Fixture, "A save after a clear uses a key that was fetched after the load that saw its marker gone",
                 "[store][file-store]") {
    host->destroyable = true;
    const auto other = open();
    REQUIRE(save_now(first_record()).outcome == SaveOutcome::saved);
    REQUIRE(load_now(*other).outcome == LoadOutcome::found);
    REQUIRE(save_now(sample_tombstone(1)).outcome == SaveOutcome::saved);
    REQUIRE(load_now(*other).record.state == TokenState::signed_out);
    const int loads = host->loads;
    Record login = sample_record(2, "next-token");
    login.epoch = 4;
    REQUIRE(save_now(*other, login).outcome == SaveOutcome::saved);
    CHECK(host->loads == loads + 1);
    CHECK(open_record(*cipher, host->key_after_destroy, name_hash, file_bytes(path)).outcome == LoadOutcome::found);
}

TEST_CASE_METHOD(Fixture, "A save that finds a clear begun and proven finishes it, key and all, and is a conflict",
                 "[store][file-store]") {
    host->destroyable = true;
    REQUIRE(save_now(first_record()).outcome == SaveOutcome::saved);
    files->judge_by([&](const FileCall& call) { return call.name == "list" ? EIO : 0; });  // dead before its lock's work
    REQUIRE(save_now(sample_tombstone(1)).outcome == SaveOutcome::fault);
    files->fail_none();
    write_bytes(path, sealed(key, sample_tombstone(2)));
    REQUIRE(host->destroyed == 0);
    const auto other = open();
    Record login = sample_record(2, "next-token");
    login.epoch = 4;
    CHECK(save_now(*other, login).outcome == SaveOutcome::conflict);
    CHECK(host->destroyed == 1);
    CHECK_FALSE(load_now(*other).logout.is_unfinished);
    CHECK(save_now(*other, login).outcome == SaveOutcome::saved);
    CHECK(open_record(*cipher, host->key_after_destroy, name_hash, file_bytes(path)).outcome == LoadOutcome::found);
}

TEST_CASE_METHOD(Fixture, "A clear that another process began without a key, or that somebody forged, destroys no key",
                 "[store][file-store]") {
    host->destroyable = true;
    REQUIRE(save_now(first_record()).outcome == SaveOutcome::saved);
    const std::string content = GENERATE(std::string(), std::string(8, '\4'), std::string(40, 'x'));
    write_bytes(path + ".erase.4", content);
    const auto other = open();
    const LoadResult found = load_now(*other);
    CHECK(found.logout == Logout{true, 4, true});
    Record tombstone = sample_tombstone(1, 4);
    REQUIRE(save_now(*other, next(tombstone, true)).outcome == SaveOutcome::saved);
    CHECK(host->destroyed == 0);
    CHECK(load_now(*other).logout == Logout{});
    CHECK(load_now(*other).record.state == TokenState::signed_out);
}

TEST_CASE_METHOD(Fixture, "A clear whose proof can't be checked, since the key is locked away, is finished once it is not",
                 "[store][file-store]") {
    host->destroyable = true;
    REQUIRE(save_now(first_record()).outcome == SaveOutcome::saved);
    files->judge_by([&](const FileCall& call) { return call.name == "list" ? EIO : 0; });
    REQUIRE(save_now(sample_tombstone(1)).outcome == SaveOutcome::fault);
    files->fail_none();
    const auto other = open();
    host->outcome = KeyOutcome::unavailable;
    const SaveResult refused = save_now(*other, next(sample_tombstone(1), true));
    CHECK(refused.outcome == SaveOutcome::unavailable);
    CHECK_FALSE(holds_a_token());
    CHECK(load_now(*other).logout.is_unfinished);
    host->outcome = KeyOutcome::found;
    CHECK(save_now(*other, next(sample_tombstone(2), true)).outcome == SaveOutcome::saved);
    CHECK(host->destroyed == 1);
    CHECK(load_now(*other).logout == Logout{});
}

// ---- News ------------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(Fixture, "A look tells another process's save, by one system call, and clear from one's own",
                 "[store][file-store]") {
    const auto looks = [&](FileStore& from) {
        std::optional<bool> news;
        from.look([&](bool has_news) { news = has_news; });
        executor->run();
        REQUIRE(news);
        return *news;
    };
    const auto other = open();
    CHECK(load_now().outcome == LoadOutcome::absent);
    CHECK_FALSE(looks(*store));
    REQUIRE(save_now(*other, first_record()).outcome == SaveOutcome::saved);
    files->judge_by({});
    CHECK(looks(*store));
    CHECK(files->names() == std::vector<std::string>{"look"});
    REQUIRE(load_now().outcome == LoadOutcome::found);
    CHECK_FALSE(looks(*store));
    REQUIRE(save_now(sample_record(1, token)).outcome == SaveOutcome::saved);  // of the same size
    CHECK_FALSE(looks(*store));
    CHECK(looks(*other));
    // A clear that has only begun, and then what is none of this session's.
    CHECK(record_file().save(next(sample_tombstone(0, 4)), {key}).outcome == SaveOutcome::conflict);
    CHECK(looks(*store));
    CHECK(load_now().logout.is_due);
    CHECK_FALSE(looks(*store));
    write_bytes(folder.file("another's"), "");
    CHECK_FALSE(looks(*store));
}

// base/fork: what a forked child knows of its parent, and leaves alone.
#include "base/fork.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/secret.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

namespace {

using namespace portal;
using namespace portal::test;

// What the check in a forked child says: its exit code.
template <typename Check>
int in_child(Check&& check) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(30);  // the child may be stuck: the last resort
        ::_exit(check());
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

struct Locked {
    std::mutex mutex;
    int value = 0;
};
constinit PerProcess<Locked> of_process;

TEST_CASE("A process has one object, and a forked child a fresh one, though its parent's is locked") {
    Locked& own = of_process.get();
    CHECK(&own == &of_process.get());
    const std::lock_guard lock(own.mutex);
    own.value = 7;
    CHECK(in_child([&] {
              Locked& fresh = of_process.get();
              const std::lock_guard not_stuck(fresh.mutex);
              return &fresh != &own && &fresh == &of_process.get() && fresh.value == 0 ? 0 : 1;
          }) == 0);
    CHECK(of_process.get().value == 7);
}

TEST_CASE("A child of a child is a process of its own as well") {
    (void)of_process.get();
    CHECK(in_child([] {
              of_process.get().value = 1;
              return in_child([] { return of_process.get().value; });
          }) == 0);
}

TEST_CASE("What was made before the fork knows in the child that it was not made there") {
    (void)of_process.get();
    const MadeHere parents;
    CHECK(parents.holds());
    CHECK(in_child([&] { return !parents.holds() && MadeHere().holds() ? 0 : 1; }) == 0);
    CHECK(parents.holds());
}

TEST_CASE("Ids of the parent stand for nothing in a child, and no id is given twice") {
    const std::uint64_t id = IdRegistry<int>::of_process().add(1);
    CHECK(in_child([&] {
              auto& registry = IdRegistry<int>::of_process();
              return registry.size() == 0 && !registry.take(id) && registry.add(2) > id ? 0 : 1;
          }) == 0);
    CHECK(IdRegistry<int>::of_process().take(id) == 1);
}

int locked_file(const TempDir& folder) {
    const int file = ::open(folder.file("lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(file != -1);
    return file;
}

bool is_open(int file) { return ::fcntl(file, F_GETFD) != -1; }

TEST_CASE("A child closes its parent's lock file, and the lock stays the parent's") {
    const TempDir folder;
    const int file = locked_file(folder);
    const ClosedInChild guard(file);
    REQUIRE(::flock(file, LOCK_EX | LOCK_NB) == 0);
    CHECK(in_child([&] { return is_open(file) ? 1 : 0; }) == 0);
    const int other = locked_file(folder);
    CHECK(::flock(other, LOCK_EX | LOCK_NB) == -1);
    ::close(other);
    ::close(file);
}

TEST_CASE("A child that outlives its parent keeps no lock of the parent's") {
    const TempDir folder;
    int gate[2];
    int forked[2];
    REQUIRE(::pipe(gate) == 0);
    REQUIRE(::pipe(forked) == 0);
    const pid_t owner = ::fork();
    if (owner == 0) {
        const int file = locked_file(folder);
        const ClosedInChild guard(file);
        ::flock(file, LOCK_EX);
        char byte = 0;
        if (::fork() == 0) {
            ::close(gate[1]);
            (void)!::write(forked[1], &byte, 1);
            (void)!::read(gate[0], &byte, 1);  // lives until the test lets it go
            ::_exit(0);
        }
        (void)!::read(forked[0], &byte, 1);  // fork() may return before its child has run at all
        ::_exit(0);
    }
    REQUIRE(::waitpid(owner, nullptr, 0) == owner);
    const int file = locked_file(folder);
    CHECK(::flock(file, LOCK_EX | LOCK_NB) == 0);
    ::close(file);
    for (const int end : {gate[0], gate[1], forked[0], forked[1]}) ::close(end);
}

TEST_CASE("A descriptor that was forgotten, or of another guard's place, stays open in a child") {
    const TempDir folder;
    const int file = locked_file(folder);
    { const ClosedInChild over(file); }
    CHECK(in_child([&] { return is_open(file) ? 0 : 1; }) == 0);
    {
        const ClosedInChild first(file);
        CHECK(in_child([&] {
                  const int own = locked_file(folder);
                  const ClosedInChild guard(own);  // perhaps in the place of `first`
                  first.~ClosedInChild();
                  return in_child([&] { return is_open(own) ? 1 : 0; });
              }) == 0);
    }
    ::close(file);
}

TEST_CASE("A word is zero in a child, many words are, and only while they are guarded") {
    std::atomic<std::uint64_t> words[100];
    std::vector<std::unique_ptr<ZeroedInChild>> guards;
    for (int round = 0; round < 2; ++round) {
        for (auto& word : words) word = 7;
        for (auto& word : words) guards.push_back(std::make_unique<ZeroedInChild>(word));
        guards.pop_back();
        CHECK(in_child([&] {
                  for (int i = 0; i < 99; ++i)
                      if (words[i] != 0) return 1;
                  return words[99] == 7 ? 0 : 2;
              }) == 0);
        CHECK(words[0] == 7);
        guards.clear();
    }
}

#if defined(__linux__)
TEST_CASE("A secret of the parent's is zeros in a child") {
    const Secret secret("token");
    CHECK(in_child([&] { return secret.reveal() == std::string_view("\0\0\0\0\0", 5) ? 0 : 1; }) == 0);
    CHECK(secret.reveal() == "token");
}
#endif

}  // namespace

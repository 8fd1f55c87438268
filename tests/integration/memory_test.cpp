// What a process holds of a token, seen from outside: in use it is in no core dump, and after a logout it is nowhere at
// all.
#include <portal_session/portal_session.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <string>

#include "integration/secret_world.hpp"
#include "support/canary.hpp"
#include "support/catch.hpp"
#include "support/process_memory.hpp"

using namespace portal::test;

namespace {

void is_nowhere(const SecretHost& host, const Canary& canary, View view) {
    const Scan scan = scan_memory(host.process(), canary, view);
    INFO(scan.text());
    CHECK(scan.sightings.empty());
    CHECK(scan.bytes > 1'000'000);
}

// A process with a region of three pages: the second is a guard, as some systems have in their stacks, and the text is
// in the third.
class TwoIslands {
public:
    explicit TwoIslands(const std::string& text) {
        constexpr int guard_advice = 102;  // MADV_GUARD_INSTALL, of Linux 6.13
        const auto page = static_cast<std::size_t>(::getpagesize());
        size_ = 3 * page;
        char* const around =
            static_cast<char*>(::mmap(nullptr, size_ + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        begin_ = around + page;
        REQUIRE(::mprotect(begin_, size_, PROT_READ | PROT_WRITE) == 0);
        text.copy(begin_ + 2 * page, page);
        if (::madvise(begin_ + page, page, guard_advice) != 0) ::mprotect(begin_ + page, page, PROT_NONE);
        process_ = ::fork();
        if (process_ == 0) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (process_ == 0) ::pause();
    }
    ~TwoIslands() {
        ::kill(process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
    }
    TwoIslands(const TwoIslands&) = delete;
    TwoIslands& operator=(const TwoIslands&) = delete;

    [[nodiscard]] pid_t process() const { return process_; }
    [[nodiscard]] bool hold(std::uint64_t address) const {
        return address - reinterpret_cast<std::uint64_t>(begin_) < size_;
    }

private:
    std::size_t size_ = 0;
    char* begin_ = nullptr;
    pid_t process_ = 0;
};

// Whether this system writes a core dump into the folder of the process that crashed.
bool writes_core_dumps() {
    std::string pattern;
    std::ifstream("/proc/sys/kernel/core_pattern") >> pattern;
    rlimit limit{};
    ::getrlimit(RLIMIT_CORE, &limit);
    return !pattern.empty() && pattern[0] != '|' && pattern[0] != '/' && limit.rlim_max == RLIM_INFINITY;
}

}  // namespace

TEST_CASE("a page that nothing can read hides nothing behind it from the search") {
    const Canary canary(random_text(canary_bytes));
    const TwoIslands islands(canary.text());
    const Scan scan = scan_memory(islands.process(), canary, View::everything);
    CHECK(std::any_of(scan.sightings.begin(), scan.sightings.end(),
                      [&](const Sighting& seen) { return islands.hold(seen.address); }));
}

TEST_CASE("memory that is there and cannot be read fails the search") {
    const char here = 'x';
    const auto address = reinterpret_cast<std::uint64_t>(&here);
    CHECK_THROWS(bytes_of(::getpid(), -1, {address, address + 1, "stack", true, true, 4}));
}

TEST_CASE("a token in use is in memory, and in no core dump") {
    const Canary token(random_text(canary_bytes));
    const Canary careless(random_text(canary_bytes));
    SecretHost host;
    host.use("open");
    host.renew_with(token.text());
    host.use("try");
    host.use("wait");
    CHECK(host.ask("request /api/v3/clients/me") == "200");
    host.use("report 200");
    host.use("background");
    host.give("keep", careless.text());

    CHECK_FALSE(scan_memory(host.process(), token, View::everything).sightings.empty());  // so it can be found
    CHECK_FALSE(scan_memory(host.process(), careless, View::core_dump).sightings.empty());
    is_nowhere(host, token, View::core_dump);
    const std::string core = host.crash();
    CHECK(core.empty() != writes_core_dumps());
    CHECK_FALSE(token.is_in(without_vector_registers(core)));
    if (!core.empty()) CHECK(careless.is_in(core));
}

TEST_CASE("after a logout no region of memory holds a token that the session had") {
    const Canary first(random_text(canary_bytes));
    const Canary second(random_text(canary_bytes));
    const Canary third(random_text(PORTAL_TOKEN_MAX));
    const Canary refused(random_text(canary_bytes));
    SecretHost host;
    host.use("open");
    host.renew_with(first.text());
    host.use("try");
    host.use("wait");
    CHECK(host.ask("request /api/v3/clients/me") == "200");
    host.use("echo");
    CHECK(host.ask("request /api/v3/clients/me") == "200");
    host.use("report 401");
    CHECK(host.ask("try") == "no_token");
    host.use("acquire");
    CHECK(host.ask("fulfil", first.text()) == "repeated_token");
    CHECK(host.ask("acquired") == "repeated_token");
    host.give("push", second.text());
    host.use("wait");
    CHECK(host.ask("request /api/v3/clients/me") == "200");
    CHECK(host.ask("push", refused.text() + " x") == "bad_token");
    host.use("background");
    host.give("push", third.text());
    host.use("wait");
    host.use("foreground");
    CHECK(host.ask("request /api/v3/clients/me") == "200");
    host.use("explain");
    CHECK_FALSE(scan_memory(host.process(), third, View::everything).sightings.empty());

    host.use("clear");
    for (const Canary* token : {&first, &second, &third, &refused}) is_nowhere(host, *token, View::everything);
    CHECK(host.ask("wait") == "sign_in_needed");
    host.use("close");
    for (const Canary* token : {&first, &second, &third}) is_nowhere(host, *token, View::everything);
}

TEST_CASE("tokens that are pushed and read at the same time are in no core dump") {
    const Canary token(random_text(canary_bytes));
    SecretHost host;
    host.use("open");
    host.give("storm", token.text());  // no wait: each push sends it back to wait
    for (int i = 0; i < 20; ++i) is_nowhere(host, token, View::core_dump);
    CHECK_FALSE(scan_memory(host.process(), token, View::everything).sightings.empty());
}

TEST_CASE("a session that closes leaves no token in memory either") {
    const Canary token(random_text(canary_bytes));
    SecretHost host;
    host.use("open");
    host.give("push", token.text());
    host.use("wait");
    host.use("background");
    host.use("forget");  // what the host's own store has
    CHECK_FALSE(scan_memory(host.process(), token, View::everything).sightings.empty());
    host.use("close");
    is_nowhere(host, token, View::everything);
}

// One process of several that share a session, on the C API alone: each line of standard input is a command, each is
// answered by one line. The provider is the app's backend, which the fake Portal plays, so that its counters judge.
//
//   process_peer STORE_FOLDER CLOCK_FILE KEY_FILE PORTAL_URL CA_FILE CLIENT_ID [--no-watch]
//
//   open                         opens a session (again: a further one) and goes on with that -> ok
//   use N                        goes on with the N-th that was opened, from 0 -> ok
//   acquire [force | newer N]    starts to wait for a token -> ok
//   acquired                     the end of the oldest such wait -> ok g1 e1 HASH-OF-TOKEN, or the error's name
//   ended                        whether that wait is over -> yes or no
//   try                          the token without waiting -> likewise
//   report STATUS                of the lease that was handed out last -> ok
//   request                      GET clients/me through portal_send -> ok 200
//   push                         fetches a token and pushes it -> ok
//   quiet                        waits until nothing is going on, what a folder watch has told included -> ok
//   clear, notify NOTICE, close  -> ok, or the error's name, once it is done
//   status                       -> fresh g1 e1 persistent idle
//   await WORD                   waits until the status has that word -> the status, or "never: " and the status
//   events WORD                  how many of that kind an observer was told of
//   threads NAME                 how many threads of that name there are
//   provider answer|hold|fail    what is done with the backend's answers from now on; answer lets the held go -> ok
//   held                         waits until an answer is held -> ok
//   asks                         how often the provider was asked
#include <portal_session/portal_session.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <memory>
#include <mutex>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "integration/threads_named.hpp"
#include "support/clock_file.hpp"

#if defined(__linux__)
#include <sys/syscall.h>
#endif

namespace {

using portal::test::ClockFile;

constexpr std::chrono::seconds patience{10};
bool has_watch = true;

struct Arguments {
    std::string store, clock, key_file, portal_url, ca_file, client_id;
};
Arguments* arguments = nullptr;

// How one thing that takes time has ended.
struct Wait {
    std::string end;  // empty: not yet
    portal_lease lease{};
};
using SharedWait = std::shared_ptr<Wait>;

enum class Provider { answers, holds, fails };

// What callbacks and the main thread share, under one lock. Never destroyed: the library's threads may outlive main.
struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    Provider provider = Provider::answers;
    std::vector<std::pair<std::uint64_t, std::string>> held;  // token requests, and the backend's answers
    int asks = 0;
    std::vector<portal_event_kind> events;
};
Shared& shared = *new Shared;

struct Session {
    portal_session* handle = nullptr;
    portal_lease lease{};
    std::deque<SharedWait> waits;
};

template <typename Change>
void change(Change&& what) {
    const std::lock_guard lock(shared.mutex);
    what();
    shared.changed.notify_all();
}

// False: it did not come to be.
template <typename Condition>
bool wait_until(Condition&& condition) {
    std::unique_lock lock(shared.mutex);
    return shared.changed.wait_for(lock, patience, condition);
}

template <typename Struct>
Struct made() {
    Struct result;
    portal_init(&result, sizeof result);
    return result;
}

portal_text text(const std::string& from) { return {from.data(), from.size()}; }
portal_text text(std::string&&) = delete;  // it would not live as long
std::string text(portal_bytes from) { return {static_cast<const char*>(from.data), from.length}; }
std::string word(portal_code code) { return portal_name(PORTAL_GROUP_CODE, code); }

// Tells tokens apart without showing one.
std::string lease_text(const portal_lease& lease, const char* token, std::size_t length) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (std::size_t i = 0; i < length; ++i) hash = (hash ^ static_cast<unsigned char>(token[i])) * 0x100000001b3ULL;
    std::string result = "ok g" + std::to_string(lease.generation) + " e" + std::to_string(lease.epoch);
    if ((lease.flags & PORTAL_LEASE_OVERDUE) != 0) result += " overdue";
    if ((lease.flags & PORTAL_LEASE_MEMORY_ONLY) != 0) result += " memory_only";
    return result + " " + std::to_string(hash);
}

// ---- things that take time ----

// A callback struct of the API whose `fn` ends `wait`.
template <typename Callback, typename Function>
Callback ending(const SharedWait& wait, Function fn) {
    Callback callback{};
    callback.fn = fn;
    callback.userdata = new SharedWait(wait);
    callback.release = [](void* userdata) { delete static_cast<SharedWait*>(userdata); };
    return callback;
}

void end_wait(void* userdata, const std::string& end) {
    change([&] { (*static_cast<SharedWait*>(userdata))->end = end; });
}

portal_done done_of(const SharedWait& wait) {
    return ending<portal_done>(wait, [](void* userdata, portal_code code, const portal_error*) { end_wait(userdata, word(code)); });
}

std::string end_of(const SharedWait& wait) { return wait_until([&] { return !wait->end.empty(); }) ? wait->end : "never"; }

// ---- what the host supplies ----

void post_token_request(portal_session* session, portal_sent sent) {
    const std::string url = arguments->portal_url + "/_app/token";
    const std::string body = R"({"client_id":")" + arguments->client_id + R"("})";
    auto request = made<portal_http_request>();
    request.flags = PORTAL_REQUEST_NO_TOKEN;
    request.method = {"POST", 4};
    request.url = text(url);
    request.body = {body.data(), body.size()};
    portal_send(session, &request, sent, nullptr, nullptr);
}

portal_token_input token_input(const std::string& json) {
    auto input = made<portal_token_input>();
    input.flags = PORTAL_TOKEN_JSON;
    input.token = text(json);
    return input;
}

void answer_request(std::uint64_t request, const std::string& json) {
    const auto input = token_input(json);
    portal_request_fulfil(request, &input, nullptr);
}

// The backend has answered.
void take_answer(std::uint64_t request, portal_code code, const std::string& body) {
    Provider provider{};
    change([&] {
        provider = code == PORTAL_OK ? shared.provider : Provider::fails;
        if (provider == Provider::holds) shared.held.emplace_back(request, body);
    });
    if (provider == Provider::answers) answer_request(request, body);
    if (provider != Provider::fails) return;
    auto failure = made<portal_failure>();
    failure.retry_after_ms = 5'000;
    portal_request_fail(request, &failure, nullptr);
}

void ask(void* userdata, const portal_token_request* request) {
    change([] { ++shared.asks; });
    portal_sent sent{};
    sent.userdata = new std::uint64_t(request->id);
    sent.release = [](void* id) { delete static_cast<std::uint64_t*>(id); };
    sent.fn = [](void* id, portal_code code, const portal_http_response* response, const portal_error*) {
        take_answer(*static_cast<std::uint64_t*>(id), code, response == nullptr ? "" : text(response->body));
    };
    post_token_request(*static_cast<portal_session**>(userdata), sent);
}

// 32 bytes that all processes share; whoever comes first makes them.
std::string read_or_make_key() {
    const std::string mine = arguments->key_file + "." + std::to_string(::getpid());
    if (::access(arguments->key_file.c_str(), F_OK) != 0) {
        std::random_device random;
        std::string key;
        for (int i = 0; i < 32; ++i) key += static_cast<char>(random());
        std::FILE* file = std::fopen(mine.c_str(), "wb");
        if (file == nullptr) std::abort();
        std::fwrite(key.data(), 1, key.size(), file);
        std::fclose(file);
        (void)!::link(mine.c_str(), arguments->key_file.c_str());  // fails for who comes second
        ::unlink(mine.c_str());
    }
    std::string key(32, '\0');
    std::FILE* file = std::fopen(arguments->key_file.c_str(), "rb");
    if (file == nullptr) return {};
    key.resize(std::fread(key.data(), 1, key.size(), file));
    std::fclose(file);
    return key;
}

portal_options options_of(Session& session) {
    auto options = made<portal_options>();
    options.flags = PORTAL_ALLOW_LOOPBACK;
    options.directory = text(arguments->store);
    options.portal_url = text(arguments->portal_url);
    options.ca_file = text(arguments->ca_file);
    options.provider.ask = ask;
    options.provider.userdata = &session.handle;
    options.observer.event = [](void*, const portal_event* event) { change([&] { shared.events.push_back(event->kind); }); };
    options.key.load = [](void*, std::uint64_t id, portal_text) {
        const std::string key = read_or_make_key();
        portal_key_loaded(id, key.size() == 32 ? PORTAL_FOUND : PORTAL_UNAVAILABLE, {key.data(), key.size()}, nullptr);
    };
    options.key.destroy = [](void*, portal_text) { ::unlink(arguments->key_file.c_str()); };
    options.clock.userdata = new ClockFile(arguments->clock);
    options.clock.read = [](void* userdata, portal_reading* out) {
        const auto& clock = *static_cast<ClockFile*>(userdata);
        *out = {clock.boot_ms(), clock.unix_ms(), clock.boot_tag()};
    };
    return options;
}

// ---- commands ----

std::deque<Session>& sessions = *new std::deque<Session>;
Session* current = nullptr;

std::string open_session() {
    current = &sessions.emplace_back();
    const portal_options options = options_of(*current);
    return word(portal_session_open(&options, &current->handle, nullptr));
}

std::string acquire(std::istream& words) {
    auto options = made<portal_acquire_options>();
    std::string how;
    words >> how;
    if (how == "force") options.flags = PORTAL_ACQUIRE_FORCE;
    if (how == "newer") words >> options.newer_than;
    auto wait = std::make_shared<Wait>();
    current->waits.push_back(wait);
    const auto done = ending<portal_acquired>(
        wait, [](void* userdata, portal_code code, const portal_lease* lease, portal_text token, const portal_error*) {
            if (lease != nullptr) (*static_cast<SharedWait*>(userdata))->lease = *lease;
            end_wait(userdata, lease == nullptr ? word(code) : lease_text(*lease, token.data, token.length));
        });
    return word(portal_lease_acquire(current->handle, &options, done, nullptr, nullptr));
}

std::string acquired() {
    if (current->waits.empty()) return "nobody waits";
    const SharedWait wait = current->waits.front();
    current->waits.pop_front();
    const std::string end = end_of(wait);
    if (end.starts_with("ok")) current->lease = wait->lease;
    return end;
}

std::string ended() {
    bool is_over = false;
    change([&] { is_over = !current->waits.empty() && !current->waits.front()->end.empty(); });
    return is_over ? "yes" : "no";
}

std::string try_token() {
    auto lease = made<portal_lease>();
    char token[PORTAL_TOKEN_MAX];
    std::size_t length = sizeof token;
    const portal_code code = portal_lease_try(current->handle, &lease, token, &length, nullptr);
    if (code != PORTAL_OK) return word(code);
    current->lease = lease;
    return lease_text(lease, token, length);
}

std::string request() {
    const std::string path = "/api/v3/clients/me";
    auto request = made<portal_http_request>();
    request.url = text(path);
    auto wait = std::make_shared<Wait>();
    const auto sent = ending<portal_sent>(
        wait, [](void* userdata, portal_code code, const portal_http_response* response, const portal_error*) {
            end_wait(userdata, response == nullptr ? word(code) : "ok " + std::to_string(response->http_status));
        });
    const portal_code code = portal_send(current->handle, &request, sent, nullptr, nullptr);
    return code == PORTAL_OK ? end_of(wait) : word(code);
}

std::string push() {
    auto wait = std::make_shared<Wait>();
    post_token_request(current->handle, ending<portal_sent>(wait, [](void* userdata, portal_code code, const portal_http_response* response,
                                                                     const portal_error*) {
                           end_wait(userdata, response == nullptr ? word(code) : text(response->body));
                       }));
    const std::string json = end_of(wait);
    const auto input = token_input(json);
    return word(portal_session_push(current->handle, &input, nullptr));
}

std::string status() {
    auto now = made<portal_status>();
    if (const portal_code code = portal_session_status(current->handle, &now, nullptr); code != PORTAL_OK) return word(code);
    return std::string(portal_name(PORTAL_GROUP_STATE, now.state)) + " g" + std::to_string(now.generation) + " e" +
           std::to_string(now.epoch) + " " + portal_name(PORTAL_GROUP_STORE, now.store) + " " +
           portal_name(PORTAL_GROUP_RENEWAL, now.renewal);
}

std::string await(const std::string& wanted) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
        std::size_t seen = 0;
        change([&] { seen = shared.events.size(); });
        const std::string now = status();
        if ((' ' + now + ' ').find(' ' + wanted + ' ') != std::string::npos) return now;
        std::unique_lock lock(shared.mutex);
        if (!shared.changed.wait_until(lock, deadline, [&] { return shared.events.size() != seen; })) return "never: " + now;
    }
}

std::string events(const std::string& kind) {
    std::size_t count = 0;
    change([&] {
        for (const portal_event_kind event : shared.events)
            if (portal_name(PORTAL_GROUP_EVENT, event) == kind) ++count;
    });
    return std::to_string(count);
}

std::string notify(const std::string& what) {
    const std::vector<std::string> notices = {"", "foreground", "background", "store_changed", "clock_changed"};
    std::size_t notice = 1;
    while (notice < notices.size() && notices[notice] != what) ++notice;
    auto wait = std::make_shared<Wait>();
    const auto done = done_of(wait);
    const portal_code code = portal_session_notify(current->handle, static_cast<portal_notice>(notice), &done, nullptr);
    return code == PORTAL_OK ? end_of(wait) : word(code);
}

std::string clear() {
    auto wait = std::make_shared<Wait>();
    const auto done = done_of(wait);
    const portal_code code = portal_session_clear(current->handle, &done, nullptr);
    return code == PORTAL_OK ? end_of(wait) : word(code);
}

std::string set_provider(const std::string& how) {
    std::vector<std::pair<std::uint64_t, std::string>> released;
    change([&] {
        shared.provider = how == "hold" ? Provider::holds : how == "fail" ? Provider::fails : Provider::answers;
        if (shared.provider == Provider::answers) released.swap(shared.held);
    });
    for (const auto& [request, json] : released) answer_request(request, json);
    return "ok";
}

std::string obey(const std::string& line) {
    std::istringstream words(line);
    std::string command, argument;
    words >> command;
    if (command == "open") return open_session();
    if (command == "acquire") return acquire(words);
    words >> argument;
    if (command == "use") return current = &sessions.at(std::stoul(argument)), "ok";
    if (command == "acquired") return acquired();
    if (command == "ended") return ended();
    if (command == "quiet") return notify(has_watch ? "store_changed" : "clock_changed");
    if (command == "try") return try_token();
    if (command == "report") return word(portal_lease_report(current->handle, &current->lease, std::stoi(argument), nullptr, nullptr));
    if (command == "request") return request();
    if (command == "push") return push();
    if (command == "clear") return clear();
    if (command == "notify") return notify(argument);
    if (command == "close") return word(portal_session_close(current->handle, 30'000, nullptr));
    if (command == "status") return status();
    if (command == "await") return await(argument);
    if (command == "threads") return std::to_string(threads_named(argument));
    if (command == "events") return events(argument);
    if (command == "provider") return set_provider(argument);
    if (command == "held") return wait_until([] { return !shared.held.empty(); }) ? "ok" : "never";
    if (command == "asks") {
        int asks = 0;
        change([&] { asks = shared.asks; });
        return std::to_string(asks);
    }
    return "no such command";
}

}  // namespace

#if defined(__linux__)
// The library's own call comes here: with --no-watch the system has none to give.
extern "C" __attribute__((visibility("default"))) int inotify_init1(int flags) noexcept {
    if (has_watch) return static_cast<int>(::syscall(SYS_inotify_init1, flags));
    errno = EMFILE;
    return -1;
}
#endif

int main(int count, char** words) {
    if (count < 7) return 2;
    arguments = new Arguments{words[1], words[2], words[3], words[4], words[5], words[6]};
    has_watch = count < 8;
    for (std::string line; std::getline(std::cin, line);) {
        std::printf("%s\n", obey(line).c_str());
        std::fflush(stdout);
    }
    ::_exit(0);  // as an app that is ended: nothing is closed
}

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
//   ended_thread NAME            waits until there is none -> ok
//   provider answer|hold|fail    what is done with the backend's answers from now on; answer lets the held go -> ok
//   held                         waits until an answer is held -> ok
//   asks                         how often the provider was asked
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <deque>
#include <iostream>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "integration/process_peer.hpp"
#include "integration/threads_named.hpp"

#if defined(__linux__)
#include <sys/syscall.h>
#endif

namespace {

using namespace peer;

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
    post_token_request(current->handle,
                       ending<portal_sent>(wait, [](void* userdata, portal_code code, const portal_http_response* response,
                                                    const portal_error*) {
                           end_wait(userdata, response == nullptr ? word(code) : text(response->body));
                       }));
    const std::string json = end_of(wait);
    const auto input = token_input(json);
    return word(portal_session_push(current->handle, &input, nullptr));
}

std::string status() {
    auto now = made<portal_status>();
    if (const portal_code code = portal_session_status(current->handle, &now, nullptr); code != PORTAL_OK)
        return word(code);
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
        if (!shared.changed.wait_until(lock, deadline, [&] { return shared.events.size() != seen; }))
            return "never: " + now;
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

// The system takes a moment to bury a thread whose last word was heard.
std::string ended_thread(const std::string& name) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (threads_named(name) != 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    return threads_named(name) == 0 ? "ok" : "never";
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
    if (command == "report")
        return word(portal_lease_report(current->handle, &current->lease, std::stoi(argument), nullptr, nullptr));
    if (command == "request") return request();
    if (command == "push") return push();
    if (command == "clear") return clear();
    if (command == "notify") return notify(argument);
    if (command == "close") return word(portal_session_close(current->handle, 30'000, nullptr));
    if (command == "status") return status();
    if (command == "await") return await(argument);
    if (command == "threads") return std::to_string(threads_named(argument));
    if (command == "ended_thread") return ended_thread(argument);
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

// What a process peer and its host parts share: how things end, and what callbacks leave for the main thread.
#pragma once

#include <portal_session/portal_session.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace peer {

inline constexpr std::chrono::seconds patience{30};
inline bool has_watch = true;

struct Arguments {
    std::string store, clock, key_file, portal_url, ca_file, client_id;
};
inline Arguments* arguments = nullptr;

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
inline Shared& shared = *new Shared;

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

inline portal_text text(const std::string& from) { return {from.data(), from.size()}; }
inline portal_text text(std::string&&) = delete;  // it would not live as long
inline std::string text(portal_bytes from) { return {static_cast<const char*>(from.data), from.length}; }
inline std::string word(portal_code code) { return portal_name(PORTAL_GROUP_CODE, code); }

// Tells tokens apart without showing one.
inline std::string lease_text(const portal_lease& lease, const char* token, std::size_t length) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (std::size_t i = 0; i < length; ++i) hash = (hash ^ static_cast<unsigned char>(token[i])) * 0x100000001b3ULL;
    std::string result = "ok g" + std::to_string(lease.generation) + " e" + std::to_string(lease.epoch);
    if ((lease.flags & PORTAL_LEASE_OVERDUE) != 0) result += " overdue";
    if ((lease.flags & PORTAL_LEASE_MEMORY_ONLY) != 0) result += " memory_only";
    return result + " " + std::to_string(hash);
}

// A callback struct of the API whose `fn` ends `wait`.
template <typename Callback, typename Function>
Callback ending(const SharedWait& wait, Function fn) {
    Callback callback{};
    callback.fn = fn;
    callback.userdata = new SharedWait(wait);
    callback.release = [](void* userdata) { delete static_cast<SharedWait*>(userdata); };
    return callback;
}

inline void end_wait(void* userdata, const std::string& end) {
    change([&] { (*static_cast<SharedWait*>(userdata))->end = end; });
}

inline portal_done done_of(const SharedWait& wait) {
    return ending<portal_done>(
        wait, [](void* userdata, portal_code code, const portal_error*) { end_wait(userdata, word(code)); });
}

inline std::string end_of(const SharedWait& wait) {
    return wait_until([&] { return !wait->end.empty(); }) ? wait->end : "never";
}

// ---- process_peer_host.cpp ----

// Asks the app's backend, which the fake Portal plays, for a token.
void post_token_request(portal_session* session, portal_sent sent);
portal_token_input token_input(const std::string& json);
void answer_request(std::uint64_t request, const std::string& json);
// Their texts are those of `arguments`.
portal_options options_of(Session& session);

}  // namespace peer

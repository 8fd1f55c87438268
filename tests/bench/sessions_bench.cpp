// A thousand sessions at once: what one more costs in memory, and that it costs no thread.
#include <portal_session/portal_session.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "support/temp_dir.hpp"

namespace {

constexpr int sessions = 1000;
constexpr double most_kib = 32;

void load_key(void*, uint64_t id, portal_text) {
    static const std::uint8_t key[32] = {1, 2, 3};
    portal_key_loaded(id, PORTAL_FOUND, {key, sizeof key}, nullptr);
}

portal_session* open_session(const std::string& folder, const std::string& name) {
    portal_options options;
    portal_init(&options, sizeof options);
    options.name = {name.data(), name.size()};
    options.directory = {folder.data(), folder.size()};
    options.key.load = load_key;
    portal_session* session = nullptr;
    portal_session_open(&options, &session, nullptr);
    return session;
}

bool push_and_read(portal_session* session, const std::string& token) {
    portal_token_input input;
    portal_init(&input, sizeof input);
    input.token = {token.data(), token.size()};
    if (portal_session_push(session, &input, nullptr) != PORTAL_OK) return false;
    portal_lease lease;
    portal_init(&lease, sizeof lease);
    char read[PORTAL_TOKEN_MAX];
    std::size_t length = sizeof read;
    return portal_lease_wait(session, nullptr, &lease, read, &length, nullptr) == PORTAL_OK &&
           token == std::string(read, length);
}

// Of "VmRSS: 12 kB" or "Threads: 4" in /proc/self/status.
long status_of(const std::string& name) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.rfind(name + ":", 0) == 0) return std::stol(line.substr(name.size() + 1));
    return -1;
}

bool add(std::vector<portal_session*>& all, const std::string& folder) {
    const std::string number = std::to_string(all.size());
    all.push_back(open_session(folder, "session " + number));
    return all.back() != nullptr && push_and_read(all.back(), "a1b2c3d4-e5f6-4a7b-8c9d-" + number);
}

}  // namespace

int main() {
    const portal::test::TempDir folder;
    std::vector<portal_session*> all;
    constexpr int first = 10;  // with these, what is there once is there
    bool good = true;
    while (all.size() < first) good = add(all, folder.path()) && good;
    const long kib_before = status_of("VmRSS");
    const long threads_before = status_of("Threads");
    while (all.size() < sessions) good = add(all, folder.path()) && good;
    const double kib_each = static_cast<double>(status_of("VmRSS") - kib_before) / (sessions - first);
    const long threads_more = status_of("Threads") - threads_before;
    for (portal_session* session : all) portal_session_release(session);

    const bool is_small = kib_each <= most_kib;
    std::printf("%d sessions, each with its token  %s\n", sessions, good ? "ok" : "FAILED");
    std::printf("one more session  %6.1f KiB  at most %.0f  %s\n", kib_each, most_kib, is_small ? "ok" : "OVER");
    std::printf("one more session  %6ld threads for all of them, at most 0  %s\n", threads_more,
                threads_more <= 0 ? "ok" : "OVER");
    const int failed = (good ? 0 : 1) + (is_small ? 0 : 1) + (threads_more <= 0 ? 0 : 1);
    std::printf("%d passed, %d failed\n", 3 - failed, failed);
    return failed == 0 ? 0 : 1;
}

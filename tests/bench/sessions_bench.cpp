// A thousand sessions at once. One more costs no thread, and a limited amount of memory that only this process can use
// (VmData: the heap and the secret pages), which is the same in each run. How much of it is resident depends on the machine,
// so that figure is only printed.
#include <portal_session/portal_session.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "support/temp_dir.hpp"

namespace {

constexpr int sessions = 1000;
constexpr double most_kib = 32;    // with pages of 4 KiB: a secret takes whole ones
constexpr long page_bytes = 4096;

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

// Of "VmData: 12 kB" or "Threads: 4" in /proc/self/status.
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
    const long kib_before = status_of("VmData");
    const long resident_before = status_of("VmRSS");
    const long threads_before = status_of("Threads");
    while (all.size() < sessions) good = add(all, folder.path()) && good;
    const double kib_each = static_cast<double>(status_of("VmData") - kib_before) / (sessions - first);
    const double resident_each = static_cast<double>(status_of("VmRSS") - resident_before) / (sessions - first);
    const long threads_more = status_of("Threads") - threads_before;
    for (portal_session* session : all) portal_session_release(session);

    const bool is_measured = kib_before > 0 && threads_before > 0;
    const bool is_small = ::sysconf(_SC_PAGESIZE) != page_bytes || kib_each <= most_kib;
    const bool is_threadless = threads_more <= 0;
    std::printf("figure: %d sessions, each with its token  %s\n", sessions, good ? "ok" : "FAILED");
    std::printf("figure: one more session  %.1f KiB, at most %.0f  %s\n", kib_each, most_kib, is_small ? "ok" : "OVER");
    std::printf("figure: one more session  %.1f KiB of that resident\n", resident_each);
    std::printf("figure: %d more sessions  %ld threads, at most 0  %s\n", sessions - first, threads_more,
                is_threadless ? "ok" : "OVER");
    if (!is_measured) std::printf("/proc/self/status does not tell memory and threads\n");
    const int failed = (good ? 0 : 1) + (is_measured ? 0 : 1) + (is_small ? 0 : 1) + (is_threadless ? 0 : 1);
    std::printf("%d passed, %d failed\n", 4 - failed, failed);
    return failed == 0 ? 0 : 1;
}

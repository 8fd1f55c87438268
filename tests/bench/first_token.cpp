// The first token of a process, from the encrypted file.
//   first_token FOLDER          prints the nanoseconds that this took, from `main` on
//   first_token --push FOLDER   puts a token there
#include <portal_session/portal_session.h>

#include <cstring>

#include "bench/elapsed.hpp"

namespace {

void load_key(void*, uint64_t id, portal_text) {
    static const std::uint8_t key[32] = {1, 2, 3};
    portal_key_loaded(id, PORTAL_FOUND, {key, sizeof key}, nullptr);
}

portal_session* open_in(const char* folder) {
    portal_options options;
    portal_init(&options, sizeof options);
    options.directory = {folder, std::strlen(folder)};
    options.key.load = load_key;
    portal_session* session = nullptr;
    portal_session_open(&options, &session, nullptr);
    return session;
}

bool wait_for_token(portal_session* session) {
    portal_lease lease;
    portal_init(&lease, sizeof lease);
    char token[PORTAL_TOKEN_MAX];
    std::size_t length = sizeof token;
    return portal_lease_wait(session, nullptr, &lease, token, &length, nullptr) == PORTAL_OK;
}

int end(portal_session* session, bool good) {
    portal_session_close(session, 10'000, nullptr);
    portal_session_release(session);
    return good ? 0 : 1;
}

int push(const char* folder) {
    portal_session* session = open_in(folder);
    portal_token_input input;
    portal_init(&input, sizeof input);
    const char token[] = "a1b2c3d4-e5f6-4a7b-8c9d-0e1f2a3b4c5d";
    input.token = {token, sizeof token - 1};
    portal_session_push(session, &input, nullptr);
    return end(session, wait_for_token(session));
}

}  // namespace

int main(int count, char** words) {
    const bench::Instant began = bench::now();
    if (count == 3 && std::strcmp(words[1], "--push") == 0) return push(words[2]);
    if (count != 2) return 2;
    portal_session* session = open_in(words[1]);
    const bool good = wait_for_token(session);
    if (good) bench::print_since(began);
    return end(session, good);
}

// What every refusal of bad input owes: its code, and a text that names the cause and the next step.
#pragma once

#include "session_rig.hpp"

namespace portal::test {

// "Cause: next step." in at most the 255 bytes that there is room for.
inline void check_told(const std::string& message, const std::string& cause) {
    CAPTURE(message);
    CHECK(message.find(cause) != std::string::npos);
    const std::size_t step = message.find(": ");
    CHECK(step != std::string::npos);
    CHECK(step + 3 < message.size());
    CHECK((!message.empty() && message.back() == '.'));
    CHECK(message.size() < sizeof(portal_error::message) - 1);
}

// `call` gets an error to fill.
template <typename Call>
void check_refused(portal_code expected, const std::string& cause, Call&& call) {
    auto error = made<portal_error>();
    const portal_code code = call(&error);
    CHECK(code == expected);
    CHECK(error.code == expected);
    check_told(error.message, cause);
}

// The session goes on as if nothing had been: the token it had is the one that it gives.
inline void check_still_gives(const SessionRig& rig, const std::string& expected) {
    auto lease = made<portal_lease>();
    char token[PORTAL_TOKEN_MAX];
    std::size_t length = sizeof token;
    CHECK(portal_lease_try(rig.session, &lease, token, &length, nullptr) == PORTAL_OK);
    CHECK(std::string(token, length) == expected);
}

// An open that failed may have begun threads, which end by themselves: this sees them to their end.
inline void see_threads_end() {
    SessionRig rig;
    rig.open();
}

// A folder for the file store, and the key to it.
struct FileStoreRig : SessionRig {
    explicit FileStoreRig(const std::string& directory) {
        options.directory = text_of(directory);
        options.key = {[](void* userdata, std::uint64_t id, portal_text) {
                           const auto& bytes = static_cast<FileStoreRig*>(userdata)->key;
                           portal_key_loaded(id, PORTAL_FOUND, {bytes.data(), bytes.size()}, nullptr);
                       },
                       nullptr, this, nullptr};
    }
    ~FileStoreRig() { close(); }
    std::string key = std::string(32, 'k');
};

#define NEEDS(feature) \
    if ((portal_features() & (feature)) == 0) return

}  // namespace portal::test

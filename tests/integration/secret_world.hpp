// A host that handles secrets well, in a process of its own (secret_child), and all that it and the library leave behind.
#pragma once

#include <signal.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "support/canary.hpp"
#include "support/catch.hpp"
#include "support/peer.hpp"
#include "support/temp_dir.hpp"

namespace portal::test {

inline constexpr std::size_t canary_bytes = 300;

// The first call of a function that is bound lazily (the C++ library's calls often are) saves the vector registers on the
// stack, and the bytes that were just copied: the README's limits say so, and how to avoid it.
inline constexpr const char* bound_at_start = "LD_BIND_NOW=1";

class SecretHost {
public:
    // Host store and host transport.
    SecretHost() : peer_({"/usr/bin/env", bound_at_start, SECRET_CHILD_PROGRAM, log_file()}) {}
    // File store and the library's transport.
    SecretHost(const std::string& portal_url, const std::string& ca_file)
        : peer_({"/usr/bin/env", bound_at_start, SECRET_CHILD_PROGRAM, log_file(), folder_.file("store"), portal_url,
                 ca_file}) {}

    std::string ask(const std::string& command) { return peer_.ask(command); }
    std::string ask(const std::string& command, const std::string& secret) { return peer_.ask(command + "*\n" + secret); }

    void use(const std::string& command) {
        INFO(command);
        REQUIRE(ask(command) == "ok");
    }
    void give(const std::string& command, const std::string& secret) {
        INFO(command);
        REQUIRE(ask(command, secret) == "ok");
    }
    // A token that is asked for, waited for, and given.
    void renew_with(const std::string& token) {
        use("acquire");
        give("fulfil", token);
        use("acquired");
    }

    [[nodiscard]] pid_t process() const { return peer_.id(); }
    // All that the library said: log, events, errors, explain.
    [[nodiscard]] std::string said() const { return file_bytes(log_file()); }
    // Names and bytes of all files in the store's folder.
    [[nodiscard]] std::string stored() const {
        std::string all;
        if (!std::filesystem::exists(folder_.file("store"))) return all;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.file("store"))) {
            all += entry.path().string() + '\n';
            if (entry.is_regular_file()) all += file_bytes(entry.path().string());
        }
        return all;
    }
    // It crashes. What the system wrote of it; empty where the system writes none, or not into the crashed one's folder.
    [[nodiscard]] std::string crash() {
        ::kill(peer_.id(), SIGABRT);
        CHECK(peer_.end() == -SIGABRT);
        for (const std::string& name : folder_.names())
            if (name.rfind("core", 0) == 0) return file_bytes(folder_.file(name));
        return {};
    }

private:
    [[nodiscard]] std::string log_file() const { return folder_.file("said"); }

    TempDir folder_;
    Peer peer_;
};

}  // namespace portal::test

// What processes that share a session live in: the fake Portal, a store folder, a clock that the test moves.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fake_portal/server.hpp"
#include "support/catch.hpp"
#include "support/clock_file.hpp"
#include "support/peer.hpp"
#include "support/temp_dir.hpp"

namespace portal::test {

inline constexpr std::int64_t second_ms = 1000;
inline constexpr std::int64_t minute_ms = 60 * second_ms;
inline constexpr std::int64_t hour_ms = 60 * minute_ms;

inline fake_portal::ServerOptions manual_clock(bool revoke_on_mint = false) {
    fake_portal::ServerOptions options;
    options.manual_clock = true;
    options.rule.revoke_on_mint = revoke_on_mint;
    return options;
}

struct ProcessWorld {
    explicit ProcessWorld(fake_portal::ServerOptions options = manual_clock()) : server(std::move(options)) {
        const std::string body = new_client();
        const std::size_t at = body.find("\"id\":\"") + 6;
        client_id = body.substr(at, body.find('"', at) - at);
        minted_before = server.counters().total.mints;
    }

    fake_portal::Server server;
    TempDir folder;
    ClockFile clock{folder.file("clock")};
    std::string store = folder.file("a/store");  // neither exists yet
    std::string client_id;
    std::uint64_t minted_before = 0;

    enum class Watch { yes, no };
    // A process that has opened the session.
    [[nodiscard]] std::unique_ptr<Peer> peer(Watch watch = Watch::yes) {
        auto process = peer_without_session(watch);
        REQUIRE(process->ask("open") == "ok");
        return process;
    }
    [[nodiscard]] std::unique_ptr<Peer> peer_without_session(Watch watch = Watch::yes) {
        std::vector<std::string> command = {
            PROCESS_PEER_PROGRAM, store,    folder.file("clock"), folder.file("key"), server.url(),
            server.ca_file(),     client_id};
        if (watch == Watch::no) command.emplace_back("--no-watch");
        return std::make_unique<Peer>(std::move(command));
    }

    // A process that has stopped itself inside a save, with the store's lock in its hand.
    [[nodiscard]] std::unique_ptr<Peer> frozen_saver() {
        auto process =
            std::make_unique<Peer>(std::vector<std::string>{CRASH_CHILD_PROGRAM, store, folder.file("key"), "freeze"});
        REQUIRE(process->waits_frozen());
        return process;
    }

    // Tokens that the backend has made for the processes.
    [[nodiscard]] std::uint64_t mints() const { return server.counters().total.mints - minted_before; }

    // Time goes by, and nobody is told.
    void pass(std::int64_t ms) {
        server.advance(ms);
        clock.advance(ms);
    }
    // Time goes by, while these processes rest; they have done what is due when it returns.
    template <typename... Peers>
    void pass_with(std::int64_t ms, Peers&... peers) {
        for (int round = 0; round < 2; ++round)  // one may write something for the others
            for (Peer* peer : {&peers...}) CHECK(peer->ask("quiet") == "ok");
        pass(ms);
        for (Peer* peer : {&peers...}) CHECK(peer->ask("notify clock_changed") == "ok");
    }

private:
    std::string new_client();  // the backend's answer to that
};

// The token of a process: waits for one.
inline std::string token_of(Peer& peer) {
    REQUIRE(peer.ask("acquire") == "ok");
    return peer.ask("acquired");
}

inline bool is_token(const std::string& answer, const std::string& generation) {
    return answer.rfind("ok " + generation + " ", 0) == 0;
}

}  // namespace portal::test

// The handle behind portal_session.
#pragma once

#include <portal_session/portal_session.h>

#include <memory>

#include "client/client.hpp"
#include "engine/engine.hpp"
#include "structs.hpp"

struct portal_session final {
    static constexpr std::uint64_t alive = 0x706f7274616c5353ULL;

    portal_session(std::shared_ptr<portal::Engine> engine_part, std::shared_ptr<portal::Client> client_part)
        : engine(std::move(engine_part)), client(std::move(client_part)) {
        portal::capi::count_handle(1);
    }
    ~portal_session() {
        magic = 0;
        portal::capi::count_handle(-1);
    }
    portal_session(const portal_session&) = delete;
    portal_session& operator=(const portal_session&) = delete;

    volatile std::uint64_t magic = alive;  // catches most uses after release, where a crash would come
    const std::shared_ptr<portal::Engine> engine;
    const std::shared_ptr<portal::Client> client;
};

namespace portal::capi {

[[nodiscard]] inline Result<void> check(const portal_session* session) {
    if (session == nullptr) return invalid("The session is NULL: open one first.");
    if (session->magic != portal_session::alive) return invalid("The session was released: open a new one.");
    return {};
}

struct HostOptions;

// open.cpp. What the options bring with a userdata; null where the struct is too small to tell.
[[nodiscard]] std::shared_ptr<const HostOptions> hold(const portal_options* options);
[[nodiscard]] Result<portal_session*> open_session(const portal_options& options, std::shared_ptr<const HostOptions> held);

// The token of an input: plain, or inside Portal's JSON answer.
[[nodiscard]] Result<NewToken> new_token(const portal_token_input* input);

// A function that tells how an operation ended, or none.
[[nodiscard]] std::function<void(const Error&)> done_function(const portal_done* done);

[[nodiscard]] Lease lease_of(const portal_lease& lease);
// Inline: part of the hot path.
[[gnu::always_inline]] inline void write_lease(portal_lease* out, const Lease& lease, std::uint64_t session_tag) {
    out->flags = (lease.overdue ? PORTAL_LEASE_OVERDUE : 0u) | (lease.memory_only ? PORTAL_LEASE_MEMORY_ONLY : 0u);
    out->session_tag = session_tag;
    out->generation = lease.generation;
    out->epoch = lease.epoch;
    out->sent_boot_ms = lease.sent_boot_ms;
    out->sent_unix_ms = lease.sent_unix_ms;
    out->boot_tag = lease.boot_tag;
    out->left_ms = lease.left_ms;
}

}  // namespace portal::capi

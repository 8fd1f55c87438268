// The handle behind portal_session.
#pragma once

#include <portal_session/portal_session.h>

#include <atomic>
#include <memory>

#include "base/fork.hpp"
#include "client/client.hpp"
#include "engine/engine.hpp"
#include "structs.hpp"

struct portal_session final {
    static constexpr std::uint64_t alive = 0x706f7274616c5353ULL;
    static constexpr std::uint64_t released = 0x72656c6561736564ULL;

    portal_session(std::shared_ptr<portal::Engine> engine_part, std::shared_ptr<portal::Client> client_part)
        : engine(std::move(engine_part)), client(std::move(client_part)) {
        portal::capi::count_handle(1);
    }
    ~portal_session() {
        state = released;
        portal::capi::count_handle(-1);
    }
    portal_session(const portal_session&) = delete;
    portal_session& operator=(const portal_session&) = delete;

    [[nodiscard]] bool is(std::uint64_t wanted) const { return state.load(std::memory_order_relaxed) == wanted; }
    // In a child that was forked since the session was opened: whatever the session points to may be locked permanently there.
    [[nodiscard]] bool is_of_parent() const { return is(0); }

    // What each call looks at first. `released` catches most uses after release, where a crash would come.
    std::atomic<std::uint64_t> state{alive};
    const portal::ZeroedInChild zero_in_child{state};
    const std::shared_ptr<portal::Engine> engine;
    const std::shared_ptr<portal::Client> client;
};

namespace portal::capi {

// Whether the handle may be used at all, be it to close or release it.
[[nodiscard]] inline Result<void> check_handle(const portal_session* session) {
    if (session == nullptr) return invalid("The session is NULL: open one first.");
    if (!session->is(portal_session::alive) && !session->is_of_parent())
        return invalid("The session was released: open a new one.");
    return {};
}

[[nodiscard]] inline Result<void> check(const portal_session* session) {
    if (auto checked = check_handle(session); !checked) return checked;
    if (!session->is_of_parent()) return {};
    return fail(Code::closed,
                "The session was opened before this process was forked and is closed here: open a new one after the fork.");
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

// portal_session_*: thin, one function of the core behind each.
#include "session.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>

#include "base/text.hpp"
#if defined(PORTAL_SESSION_WITH_HTTP)
#include "portal_api/token_answer.hpp"
#endif

using namespace portal;
using namespace portal::capi;

namespace portal::capi {

std::function<void(const Error&)> done_function(const portal_done* done) {
    if (done == nullptr) return nullptr;
    auto held = std::make_shared<Held<portal_done>>(*done);
    return [held](const Error& ended) {
        if ((*held)->fn == nullptr) return;
        portal_error error;
        portal_init(&error, sizeof error);
        write_error(&error, ended);
        (*held)->fn(held->userdata(), error.code, ended.code == Code::ok ? nullptr : &error);
    };
}

Result<NewToken> new_token(const portal_token_input* input) {
    auto given = take(input, "token");
    if (!given) return tl::unexpected<Error>(std::move(given.error()));
    if ((given->flags & ~PORTAL_TOKEN_JSON) != 0)
        return invalid("token.flags has a bit that this library does not know: clear it, or update the library.");
    NewToken result;
    // Only what can be a client id or a token is copied.
    if (!view(given->client_id).empty())
        if (auto checked = check_client_id(view(given->client_id)); !checked)
            return tl::unexpected<Error>(std::move(checked.error()));
    result.client_id = std::string(view(given->client_id));
    result.age_ms = given->age_ms;
    result.expected_epoch = given->expected_epoch;
    if ((given->flags & PORTAL_TOKEN_JSON) == 0) {
        std::string_view token = view(given->token);
        if (token.size() <= max_provider_answer_bytes) token = without_byte_order_mark(token);
        if (auto checked = check_token(token); !checked) return tl::unexpected<Error>(std::move(checked.error()));
        result.token = Secret(token);
        return result;
    }
#if defined(PORTAL_SESSION_WITH_HTTP)
    auto answer = parse_token_answer(view(given->token));
    if (!answer) return tl::unexpected<Error>(std::move(answer.error()));
    result.token = std::move(answer->token);
    if (result.client_id.empty()) result.client_id = std::move(answer->client_id);
    return result;
#else
    return fail(Code::unsupported,
                "This build reads no JSON: pass the text of `clientSessionToken`, without PORTAL_TOKEN_JSON.");
#endif
}

}  // namespace portal::capi

namespace {

void write_times(portal_status& out, const StatusView& view) {
    if (!view.snapshot.store_is_watched) out.flags |= PORTAL_STATUS_UNWATCHED;
    if (!view.snapshot.usable) return;
    if (view.token.clock == ClockVerdict::untrusted) {
        out.flags |= PORTAL_STATUS_TIMES_UNKNOWN;
        return;
    }
    out.idle_left_ms = view.token.idle_left_ms;
    out.absolute_left_ms = view.token.absolute_left_ms;
    out.idle_deadline_unix_ms = view.now.unix_ms + view.token.idle_left_ms;
    out.absolute_deadline_unix_ms = view.now.unix_ms + view.token.absolute_left_ms;
}

void write_counters(portal_status& out, const Counters& counters) {
    out.mints_first = counters.mints_first;
    out.mints_idle = counters.mints_idle;
    out.mints_absolute = counters.mints_absolute;
    out.mints_rejected = counters.mints_rejected;
    out.mints_forced = counters.mints_forced;
    out.pushes = counters.pushes;
    out.rejections = counters.rejections;
    out.waits = counters.waits;
    out.degraded_saves = counters.degraded_saves;
    out.longest_wait_ms = counters.longest_wait_ms;
}

portal_status status_of(const StatusView& view) {
    const Snapshot& snapshot = view.snapshot;
    portal_status out;
    portal_init(&out, sizeof out);
    out.state = static_cast<portal_state>(view.state);
    out.reason = static_cast<portal_reason>(view.reason);
    out.renewal = static_cast<portal_renewal>(snapshot.renewal);
    out.clock = static_cast<portal_clock_verdict>(view.token.clock);
    out.store = static_cast<portal_store_verdict>(snapshot.store);
    out.generation = snapshot.generation;
    out.epoch = shown_epoch(snapshot.epoch);
    const std::int64_t retry_at_ms = snapshot.retry_at_boot_ms;
    out.retry_after_ms = retry_at_ms == 0 ? 0 : std::max<std::int64_t>(retry_at_ms - view.now.boot_ms, 0);
    write_times(out, view);
    write_counters(out, snapshot.counters);
    return out;
}

}  // namespace

portal_code portal_session_open(const portal_options* options, portal_session** out, portal_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        if (out != nullptr) *out = nullptr;
        auto held = hold(options);
        if (out == nullptr) return invalid("`out` is NULL: pass where the session goes.");
        const auto given = take(options, "options");
        if (!given) return tl::unexpected<Error>(given.error());
        return open_session(*given, std::move(held)).transform([&](portal_session* session) { *out = session; });
    });
}

portal_code portal_session_close(portal_session* session, int64_t wait_ms, portal_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        if (const auto checked = check_handle(session); !checked) return checked;
        if (session->is_of_parent()) return {};
        if (wait_ms < 0) return invalid("wait_ms is negative: pass how long to wait, or 0.");
        session->engine->ignore_provider();
        session->client->close();
        const Code code = session->engine->close(wait_ms);
        if (code == Code::ok) return {};
        return fail(code,
                    "The session is closed, and a callback of it still runs: its userdata is released when that returns.");
    });
}

void portal_session_release(portal_session* session) noexcept {
    if (!check_handle(session)) return;
    if (session->is_of_parent()) {  // nothing of it can be ended here: it goes with the process
        session->state = portal_session::released;
        return;
    }
    (void)portal_session_close(session, 0, nullptr);
    delete session;
}

portal_code portal_session_clear(portal_session* session, const portal_done* done, portal_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        auto call = done_function(done);
        if (const auto checked = check(session); !checked) return checked;
        return session->engine->clear(std::move(call));
    });
}

portal_code portal_session_notify(portal_session* session, portal_notice notice, const portal_done* done,
                                  portal_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        auto call = done_function(done);
        if (const auto checked = check(session); !checked) return checked;
        switch (notice) {
            case PORTAL_NOTICE_FOREGROUND:
                return session->engine->notify(Notice::foreground, std::move(call));
            case PORTAL_NOTICE_BACKGROUND:
                return session->engine->notify(Notice::background, std::move(call));
            case PORTAL_NOTICE_STORE_CHANGED:
                return session->engine->notify(Notice::store_changed, std::move(call));
            case PORTAL_NOTICE_CLOCK_CHANGED:
                return session->engine->notify(Notice::clock_changed, std::move(call));
        }
        return invalid("`notice` is none of PORTAL_NOTICE_*: pass one of them.");
    });
}

portal_code portal_session_status(const portal_session* session, portal_status* out, portal_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        if (const auto checked = check(session); !checked) return checked;
        if (const auto checked = check_size(out, "out"); !checked) return checked;
        return session->engine->status().transform([&](const StatusView& view) { give(out, status_of(view)); });
    });
}

portal_code portal_session_explain(const portal_session* session, char* buffer, size_t* length,
                                   portal_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        if (const auto checked = check(session); !checked) return checked;
        if (length == nullptr) return invalid("`length` is NULL: pass the buffer's room.");
        return session->engine->explain().and_then([&](const std::string& text) -> Result<void> {
            const std::size_t room = buffer == nullptr ? 0 : *length;
            *length = text.size();
            if (buffer == nullptr) return {};
            if (room < text.size()) return fail_with(Code::buffer_too_small);
            std::memcpy(buffer, text.data(), text.size());
            return {};
        });
    });
}

portal_code portal_session_allows(const portal_session* session, portal_text scheme, portal_text host, uint16_t port,
                                  portal_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        if (const auto checked = check(session); !checked) return checked;
        const bool is_http = equal_ignoring_case(view(scheme), "http");
        return session->client->allows(view(scheme), view(host), port != 0 ? port : is_http ? 80 : 443);
    });
}

portal_code portal_session_prepare(portal_session* session, portal_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        if (const auto checked = check(session); !checked) return checked;
        return session->engine->prepare();
    });
}

portal_code portal_session_push(portal_session* session, const portal_token_input* token, portal_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        if (const auto checked = check(session); !checked) return checked;
        auto offer = new_token(token);
        if (!offer) return tl::unexpected<Error>(std::move(offer.error()));
        return session->engine->push(std::move(*offer));
    });
}

portal_code portal_session_switch(portal_session* session, const portal_token_input* token, const portal_done* done,
                                  portal_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        auto call = done_function(done);
        if (const auto checked = check(session); !checked) return checked;
        auto offer = new_token(token);
        if (!offer) return tl::unexpected<Error>(std::move(offer.error()));
        return session->engine->switch_to(std::move(*offer), std::move(call));
    });
}

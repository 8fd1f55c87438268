// portal_lease_* and portal_cancel.
#include "portal_api/verdict.hpp"
#include "session.hpp"

using namespace portal;
using namespace portal::capi;

namespace portal::capi {

Lease lease_of(const portal_lease& lease) {
    return {(lease.flags & PORTAL_LEASE_OVERDUE) != 0,
            (lease.flags & PORTAL_LEASE_MEMORY_ONLY) != 0,
            lease.generation,
            lease.epoch,
            lease.sent_boot_ms,
            lease.sent_unix_ms,
            lease.boot_tag,
            lease.left_ms};
}

}  // namespace portal::capi

namespace {

Result<AcquireOptions> acquire_options(const portal_acquire_options* given) {
    return take_or_default(given, "options").and_then([](const portal_acquire_options& options) -> Result<AcquireOptions> {
        constexpr std::uint32_t known = PORTAL_ACQUIRE_FORCE | PORTAL_ACQUIRE_WITHOUT_STORE;
        if ((options.flags & ~known) != 0)
            return invalid("options.flags has a bit that this library does not know: clear it, or update the library.");
        return AcquireOptions{options.timeout_ms, options.newer_than, (options.flags & PORTAL_ACQUIRE_FORCE) != 0,
                              (options.flags & PORTAL_ACQUIRE_WITHOUT_STORE) != 0};
    });
}

// The lease of that session, checked.
Result<Lease> own_lease(const portal_session* session, const portal_lease* lease) {
    auto given = take(lease, "lease");
    if (!given) return tl::unexpected<Error>(std::move(given.error()));
    if (given->session_tag != session->engine->tag())
        return invalid("The lease is another session's: report it to the session that gave it.");
    return lease_of(*given);
}

Result<void> copy_token(std::string_view token, char* out, std::size_t* length) {
    const std::size_t room = *length;
    *length = token.size();
    if (room < token.size()) return fail_with(Code::buffer_too_small);
    token.copy(out, token.size());
    return {};
}

// What the hot paths ask, and no more: anything else takes the slow path, which builds the error message.
bool is_plain_lease(const portal_session* session, const portal_lease* lease) {
    return session != nullptr && session->is(portal_session::alive) && lease != nullptr &&
           lease->struct_size == sizeof(portal_lease);
}

[[gnu::noinline]] portal_code refuse(Code code, portal_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> { return fail_with(code); });
}

[[gnu::noinline]] portal_code try_with_care(portal_session* session, portal_lease* out, char* token, size_t* length,
                                            portal_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        if (const auto checked = check(session); !checked) return checked;
        if (token != nullptr && length == nullptr) return invalid("`length` is NULL: pass the token buffer's room.");
        if (const auto checked = check_size(out, "out"); !checked) return checked;
        Lease lease;
        const Code code = session->engine->read(lease, token, length);
        if (code != Code::ok) return fail_with(code);
        write_lease(out, lease, session->engine->tag());
        return {};
    });
}

[[gnu::noinline]] portal_code report_with_care(portal_session* session, const portal_lease* lease, int32_t http_status,
                                               const portal_answer* answer, portal_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        if (const auto checked = check(session); !checked) return checked;
        const auto given = own_lease(session, lease);
        if (!given) return tl::unexpected<Error>(given.error());
        const auto details = take_or_default(answer, "answer");
        if (!details) return tl::unexpected<Error>(details.error());
        if (details->retry_after_ms < 0) return invalid("answer.retry_after_ms is negative: pass the wait, or 0.");
        if (const auto checked = check_texts(*details); !checked) return checked;
        const int status = http_status != 0 ? http_status : details->http_status;
        const Verdict verdict =
            verdict_of({status, view(details->error_id), view(details->exception), details->legacy_code});
        Code code = session->engine->check(*given);
        if (verdict == Verdict::accepted) code = session->engine->accepted(*given);
        if (verdict == Verdict::rejected) code = session->engine->rejected(*given);
        if (code != Code::ok) return fail_with(code);
        return {};
    });
}

}  // namespace

portal_code portal_lease_try(portal_session* session, portal_lease* out, char* token, size_t* length,
                             portal_error* error) noexcept {
    Lease lease;
    if (!is_plain_lease(session, out) || (token != nullptr && length == nullptr) ||
        !session->engine->read_at_once(lease, token, length))
        return try_with_care(session, out, token, length, error);
    write_lease(out, lease, session->engine->tag());
    return PORTAL_OK;
}

portal_code portal_lease_acquire(portal_session* session, const portal_acquire_options* options, portal_acquired done,
                                 uint64_t* id, portal_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        auto held = std::make_shared<Held<portal_acquired>>(done);
        if (const auto checked = check(session); !checked) return checked;
        if (done.fn == nullptr) return invalid("done.fn is NULL: pass the function that takes the token.");
        const auto wanted = acquire_options(options);
        if (!wanted) return tl::unexpected<Error>(wanted.error());
        const std::uint64_t tag = session->engine->tag();
        const auto call = [held, tag](Acquired acquired) {
            portal_lease lease;
            portal_init(&lease, sizeof lease);
            portal_error failure;
            portal_init(&failure, sizeof failure);
            const bool ok = acquired.code == Code::ok;
            if (ok) {
                write_lease(&lease, acquired.lease, tag);
            } else {
                write_error(&failure, acquired.error);
            }
            (*held)->fn(held->userdata(), static_cast<portal_code>(acquired.code), ok ? &lease : nullptr,
                        ok ? text_of(acquired.token->reveal()) : portal_text{nullptr, 0}, ok ? nullptr : &failure);
        };
        return session->engine->acquire(*wanted, call, id).transform([](std::uint64_t) {});
    });
}

portal_code portal_lease_wait(portal_session* session, const portal_acquire_options* options, portal_lease* out,
                              char* token, size_t* length, portal_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        if (const auto checked = check(session); !checked) return checked;
        if (const auto checked = check_size(out, "out"); !checked) return checked;
        if (token == nullptr || length == nullptr)
            return invalid("`token` or `length` is NULL: pass a buffer of PORTAL_TOKEN_MAX bytes.");
        const auto wanted = acquire_options(options);
        if (!wanted) return tl::unexpected<Error>(wanted.error());
        if (session->engine->in_callback()) return fail_with(Code::in_callback);

        Acquired acquired = session->engine->wait(*wanted);
        if (acquired.code != Code::ok) return tl::unexpected<Error>(std::move(acquired.error));
        return copy_token(acquired.token->reveal(), token, length).transform([&] {
            write_lease(out, acquired.lease, session->engine->tag());
        });
    });
}

portal_code portal_lease_stamp(const portal_session* session, portal_lease* lease, portal_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        if (const auto checked = check(session); !checked) return checked;
        return own_lease(session, lease).and_then([&](const Lease& given) -> Result<void> {
            if (session->engine->is_closed()) return fail_with(Code::closed);
            write_lease(lease, session->engine->stamped(given), session->engine->tag());
            return {};
        });
    });
}

portal_code portal_lease_report(portal_session* session, const portal_lease* lease, int32_t http_status,
                                const portal_answer* answer, portal_error* error) noexcept {
    if (answer == nullptr && http_status >= 200 && http_status <= 299 && is_plain_lease(session, lease) &&
        lease->session_tag == session->engine->tag()) {
        const Code code = session->engine->accepted(lease_of(*lease));
        return code == Code::ok ? PORTAL_OK : refuse(code, error);
    }
    return report_with_care(session, lease, http_status, answer, error);
}

portal_code portal_cancel(uint64_t id, portal_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        return Engine::cancel(id).or_else([&](const Error&) { return Client::cancel(id); });
    });
}

// The answers of the host: to token requests, and to the calls of its own store, key and transport.
#include "base/text.hpp"
#include "host_parts.hpp"
#include "http/retry_after.hpp"
#include "portal_api/backend_answer.hpp"
#include "session.hpp"
#include "store/cipher.hpp"
#include "store/record_codec.hpp"

using namespace portal;
using namespace portal::capi;

namespace {

// An answer with a token that cannot be used is an answer: its waiters must not wait for another one.
Result<void> fulfil_with(std::uint64_t request_id, Result<NewToken> offer, const ProviderFailure& otherwise = {}) {
    if (offer) return Engine::fulfil(request_id, std::move(*offer));
    if (offer.error().code != Code::invalid_argument) {
        ProviderFailure failure = otherwise;
        failure.code = offer.error().code;
        if (auto answered = Engine::fail_request(request_id, failure); !answered) return answered;
    }
    return tl::unexpected<Error>(std::move(offer.error()));
}

// What a backend said wrong is no mistake of the code that calls: no better answer will come.
tl::unexpected<Error> bad_token(Error error) {
    error.code = Code::bad_token;
    return tl::unexpected<Error>(std::move(error));
}

Result<NewToken> token_of(const portal_backend_answer& answer) {
    auto input = portal_token_input{};
    portal_init(&input, sizeof input);
    input.client_id = answer.client_id;
    input.age_ms = answer.age_ms;
    input.token = answer.token_or_body;
    if (answer.age_ms < 0)
        return fail(Code::bad_token, "age_ms is negative: pass the milliseconds since the token was made, or 0.");
    if (!view(answer.client_id).empty())
        if (auto checked = check_client_id(view(answer.client_id)); !checked) return bad_token(std::move(checked.error()));
    if ((answer.flags & PORTAL_ANSWER_PARSED) == 0) {
        const auto found = find_token(view(answer.token_or_body), (answer.flags & PORTAL_ANSWER_BARE_TOKEN) != 0);
        if (!found) return tl::unexpected<Error>(found.error());
        input.token = text_of(found->text);
        if (found->is_json) input.flags = PORTAL_TOKEN_JSON;
    }
    return new_token(&input);
}

ProviderFailure failure_of(const portal_backend_answer& answer) {
    ProviderFailure failure;
    failure.http_status = answer.http_status;
    failure.host_code = answer.os_code;
    failure.retryable = backend_verdict_of(answer.http_status).retryable;
    if (failure.retryable) failure.retry_after_ms = retry_after_ms(view(answer.retry_after), view(answer.date));
    if (answer.http_status != 0) return failure;
    failure.cause = FailureCause::unreachable;
    if (answer.code == PORTAL_ERR_TIMEOUT) failure.cause = FailureCause::timed_out;
    if ((answer.flags & PORTAL_ANSWER_TLS) != 0) failure.cause = FailureCause::tls;
    return failure;
}

Result<void> check_answer(const portal_backend_answer& answer) {
    constexpr std::uint32_t known = PORTAL_ANSWER_BARE_TOKEN | PORTAL_ANSWER_PARSED | PORTAL_ANSWER_TLS;
    if ((answer.flags & ~known) != 0)
        return invalid("answer.flags has a bit that this library does not know: clear it, or update the library.");
    if (answer.http_status < 0)
        return invalid("answer.http_status is negative: pass the backend's status, or 0 where no answer came.");
    if (auto checked = check_length(answer.retry_after, max_header_value_bytes, "answer.retry_after"); !checked)
        return checked;
    return check_length(answer.date, max_header_value_bytes, "answer.date");
}

}  // namespace

portal_code portal_request_fulfil(uint64_t request_id, const portal_token_input* token, portal_error* error) noexcept {
    return guarded(error, [&] { return fulfil_with(request_id, new_token(token)); });
}

portal_code portal_request_answer(uint64_t request_id, const portal_backend_answer* answer, portal_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        const auto given = take(answer, "answer");
        if (!given) return tl::unexpected<Error>(given.error());
        if (auto checked = check_answer(*given); !checked) return checked;
        switch (backend_verdict_of(given->http_status).outcome) {
            case BackendOutcome::fulfil:
                return fulfil_with(request_id, token_of(*given), failure_of(*given));
            case BackendOutcome::decline:
                return Engine::decline(request_id, given->os_code, given->http_status);
            case BackendOutcome::fail:
                return Engine::fail_request(request_id, failure_of(*given));
        }
        return fail_with(Code::internal);
    });
}

portal_code portal_request_decline(uint64_t request_id, int32_t host_code, portal_error* error) noexcept {
    return guarded(error, [&] { return Engine::decline(request_id, host_code); });
}

portal_code portal_request_fail(uint64_t request_id, const portal_failure* failure, portal_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        const auto given = take_or_default(failure, "failure");
        if (!given) return tl::unexpected<Error>(given.error());
        if ((given->flags & ~PORTAL_FAILURE_RETRYABLE) != 0)
            return invalid("failure.flags has a bit that this library does not know: clear it, or update the library.");
        if (auto checked = check_length(given->retry_after, max_header_value_bytes, "failure.retry_after"); !checked)
            return checked;
        if (given->retry_after_ms < 0) return invalid("failure.retry_after_ms is negative: pass the wait, or 0.");
        ProviderFailure out;
        out.retryable = (given->flags & PORTAL_FAILURE_RETRYABLE) != 0;
        out.retry_after_ms =
            given->retry_after_ms != 0 ? given->retry_after_ms : retry_after_ms(view(given->retry_after), {});
        out.http_status = given->http_status;
        out.host_code = given->host_code;
        return Engine::fail_request(request_id, out);
    });
}

portal_code portal_store_loaded(uint64_t id, portal_found found, uint64_t revision, portal_bytes record,
                                portal_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        switch (found) {
            case PORTAL_FOUND:
                if (!view(record).empty() && view(record).size() <= max_record_bytes)
                    return HostStore::loaded(id, LoadOutcome::found, revision, view(record));
                if (auto answered = HostStore::loaded(id, LoadOutcome::fault, 0, {}); !answered) return answered;
                return invalid(
                    "The record does not have 1 to 8192 bytes, so the store counts as failed: pass what was saved, or "
                    "answer ABSENT.");
            case PORTAL_ABSENT:
                return HostStore::loaded(id, LoadOutcome::absent, 0, {});
            case PORTAL_UNAVAILABLE:
                return HostStore::loaded(id, LoadOutcome::unavailable, 0, {});
            case PORTAL_FAILED:
                return HostStore::loaded(id, LoadOutcome::fault, 0, {});
        }
        return invalid("`found` is no portal_found: pass PORTAL_FOUND, ABSENT, UNAVAILABLE or FAILED.");
    });
}

portal_code portal_store_saved(uint64_t id, portal_saved saved, int32_t os_code, portal_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        switch (saved) {
            case PORTAL_SAVED:
                return HostStore::saved(id, SaveOutcome::saved, os_code);
            case PORTAL_CONFLICT:
                return HostStore::saved(id, SaveOutcome::conflict, os_code);
            case PORTAL_SAVE_UNAVAILABLE:
                return HostStore::saved(id, SaveOutcome::unavailable, os_code);
            case PORTAL_SAVE_FAILED:
                return HostStore::saved(id, SaveOutcome::fault, os_code);
        }
        return invalid("`saved` is no portal_saved: pass PORTAL_SAVED, CONFLICT, SAVE_UNAVAILABLE or SAVE_FAILED.");
    });
}

portal_code portal_key_loaded(uint64_t id, portal_found found, portal_bytes key, portal_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        switch (found) {
            case PORTAL_FOUND:
                if (view(key).size() == key_bytes) return HostKey::loaded(id, KeyOutcome::found, view(key));
                if (auto answered = HostKey::loaded(id, KeyOutcome::failed, {}); !answered) return answered;
                return invalid(
                    "The key does not have 32 bytes, so the store counts as failed: pass 32, and the next load opens it.");
            case PORTAL_ABSENT:
                return HostKey::loaded(id, KeyOutcome::absent, {});
            case PORTAL_UNAVAILABLE:
                return HostKey::loaded(id, KeyOutcome::unavailable, {});
            case PORTAL_FAILED:
                return HostKey::loaded(id, KeyOutcome::failed, {});
        }
        return invalid("`found` is no portal_found: pass PORTAL_FOUND, ABSENT, UNAVAILABLE or FAILED.");
    });
}

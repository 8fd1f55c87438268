// The answers of the host: to token requests, and to the calls of its own store, key and transport.
#include "host_parts.hpp"
#include "http/retry_after.hpp"
#include "session.hpp"
#include "store/cipher.hpp"
#include "store/record_codec.hpp"

using namespace portal;
using namespace portal::capi;

portal_code portal_request_fulfil(uint64_t request_id, const portal_token_input* token, portal_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        auto offer = new_token(token);
        if (offer) return Engine::fulfil(request_id, std::move(*offer));
        // An answer with a token that cannot be used is an answer: its waiters must not wait for another one.
        if (offer.error().code != Code::invalid_argument) {
            ProviderFailure failure;
            failure.code = offer.error().code;
            if (auto answered = Engine::fail_request(request_id, failure); !answered) return answered;
        }
        return tl::unexpected<Error>(std::move(offer.error()));
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

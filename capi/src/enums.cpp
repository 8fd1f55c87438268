// Proof that the core's words and the C API's are the same numbers.
#include <portal_session/portal_session.h>

#include "engine/host.hpp"
#include "portal_api/verdict.hpp"
#include "session/status.hpp"

namespace portal::capi {
namespace {

#define SAME(core, c) static_assert(static_cast<std::int32_t>(core) == static_cast<std::int32_t>(c))

SAME(Code::ok, PORTAL_OK);
SAME(Code::invalid_argument, PORTAL_ERR_INVALID_ARGUMENT);
SAME(Code::closed, PORTAL_ERR_CLOSED);
SAME(Code::buffer_too_small, PORTAL_ERR_BUFFER_TOO_SMALL);
SAME(Code::unsupported, PORTAL_ERR_UNSUPPORTED);
SAME(Code::out_of_memory, PORTAL_ERR_OUT_OF_MEMORY);
SAME(Code::internal, PORTAL_ERR_INTERNAL);
SAME(Code::in_callback, PORTAL_ERR_IN_CALLBACK);
SAME(Code::stale, PORTAL_ERR_STALE);
SAME(Code::no_token, PORTAL_ERR_NO_TOKEN);
SAME(Code::timeout, PORTAL_ERR_TIMEOUT);
SAME(Code::cancelled, PORTAL_ERR_CANCELLED);
SAME(Code::cleared, PORTAL_ERR_CLEARED);
SAME(Code::sign_in_needed, PORTAL_ERR_SIGN_IN_NEEDED);
SAME(Code::provider_failed, PORTAL_ERR_PROVIDER_FAILED);
SAME(Code::no_provider, PORTAL_ERR_NO_PROVIDER);
SAME(Code::bad_token, PORTAL_ERR_BAD_TOKEN);
SAME(Code::client_mismatch, PORTAL_ERR_CLIENT_MISMATCH);
SAME(Code::store_unavailable, PORTAL_ERR_STORE_UNAVAILABLE);
SAME(Code::store_failed, PORTAL_ERR_STORE_FAILED);
SAME(Code::host_not_allowed, PORTAL_ERR_HOST_NOT_ALLOWED);
SAME(Code::network, PORTAL_ERR_NETWORK);
SAME(Code::policy, PORTAL_ERR_POLICY);
SAME(Code::refused, PORTAL_ERR_REFUSED);
SAME(Code::token_too_old, PORTAL_ERR_TOKEN_TOO_OLD);
SAME(Code::repeated_token, PORTAL_ERR_REPEATED_TOKEN);

SAME(State::unknown, PORTAL_STATE_UNKNOWN);
SAME(State::none, PORTAL_STATE_NONE);
SAME(State::fresh, PORTAL_STATE_FRESH);
SAME(State::expiring, PORTAL_STATE_EXPIRING);
SAME(State::overdue, PORTAL_STATE_OVERDUE);
SAME(State::expired, PORTAL_STATE_EXPIRED);
SAME(State::rejected, PORTAL_STATE_REJECTED);
SAME(State::signed_out, PORTAL_STATE_SIGNED_OUT);

SAME(Reason::none, PORTAL_REASON_NONE);
SAME(Reason::loading, PORTAL_REASON_LOADING);
SAME(Reason::store_unavailable, PORTAL_REASON_STORE_UNAVAILABLE);
SAME(Reason::first, PORTAL_REASON_FIRST);
SAME(Reason::near_idle, PORTAL_REASON_NEAR_IDLE);
SAME(Reason::idle, PORTAL_REASON_IDLE);
SAME(Reason::near_absolute, PORTAL_REASON_NEAR_ABSOLUTE);
SAME(Reason::absolute, PORTAL_REASON_ABSOLUTE);
SAME(Reason::rejected, PORTAL_REASON_REJECTED);
SAME(Reason::cleared, PORTAL_REASON_CLEARED);
SAME(Reason::declined, PORTAL_REASON_DECLINED);
SAME(Reason::storage_lost, PORTAL_REASON_STORAGE_LOST);
SAME(Reason::clock_untrusted, PORTAL_REASON_CLOCK_UNTRUSTED);
SAME(Reason::forced, PORTAL_REASON_FORCED);
SAME(Reason::other_client, PORTAL_REASON_OTHER_CLIENT);
SAME(Reason::other_origin, PORTAL_REASON_OTHER_ORIGIN);
SAME(Reason::wrong_key, PORTAL_REASON_WRONG_KEY);
SAME(Reason::other_version, PORTAL_REASON_OTHER_VERSION);

SAME(Verdict::other, PORTAL_VERDICT_OTHER);
SAME(Verdict::accepted, PORTAL_VERDICT_ACCEPTED);
SAME(Verdict::rejected, PORTAL_VERDICT_REJECTED);
SAME(Verdict::forbidden, PORTAL_VERDICT_FORBIDDEN);
SAME(Verdict::throttled, PORTAL_VERDICT_THROTTLED);
SAME(Verdict::unavailable, PORTAL_VERDICT_UNAVAILABLE);

SAME(ClockVerdict::same_boot, PORTAL_CLOCK_SAME_BOOT);
SAME(ClockVerdict::wall, PORTAL_CLOCK_WALL);
SAME(ClockVerdict::untrusted, PORTAL_CLOCK_UNTRUSTED);

SAME(StoreVerdict::persistent, PORTAL_STORE_PERSISTENT);
SAME(StoreVerdict::memory_only, PORTAL_STORE_MEMORY_ONLY);
SAME(StoreVerdict::locked, PORTAL_STORE_LOCKED);
SAME(StoreVerdict::lost, PORTAL_STORE_LOST);

SAME(Renewal::idle, PORTAL_RENEWAL_IDLE);
SAME(Renewal::asking, PORTAL_RENEWAL_ASKING);
SAME(Renewal::elsewhere, PORTAL_RENEWAL_ELSEWHERE);
SAME(Renewal::backing_off, PORTAL_RENEWAL_BACKING_OFF);
SAME(Renewal::declined, PORTAL_RENEWAL_DECLINED);

SAME(EventKind::state, PORTAL_EVENT_STATE);
SAME(EventKind::new_token, PORTAL_EVENT_NEW_TOKEN);
SAME(EventKind::rejected, PORTAL_EVENT_REJECTED);
SAME(EventKind::renewal_started, PORTAL_EVENT_RENEWAL_STARTED);
SAME(EventKind::renewal_failed, PORTAL_EVENT_RENEWAL_FAILED);
SAME(EventKind::sign_in_needed, PORTAL_EVENT_SIGN_IN_NEEDED);
SAME(EventKind::cleared, PORTAL_EVENT_CLEARED);
SAME(EventKind::store, PORTAL_EVENT_STORE);
SAME(EventKind::clock, PORTAL_EVENT_CLOCK);

SAME(LogLevel::off, PORTAL_LEVEL_OFF);
SAME(LogLevel::error, PORTAL_LEVEL_ERROR);
SAME(LogLevel::warning, PORTAL_LEVEL_WARNING);
SAME(LogLevel::info, PORTAL_LEVEL_INFO);
SAME(LogLevel::debug, PORTAL_LEVEL_DEBUG);

}  // namespace
}  // namespace portal::capi

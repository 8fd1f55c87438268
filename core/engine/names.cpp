#include "engine/names.hpp"

#include <cstddef>

namespace portal {
namespace {

template <std::size_t Count>
const char* pick(const char* const (&words)[Count], std::int64_t index) {
    return index >= 0 && index < static_cast<std::int64_t>(Count) ? words[index] : "?";
}

}  // namespace

const char* name_of(Code code) {
    static constexpr const char* words[] = {
        "ok",              "invalid_argument", "closed",         "buffer_too_small",  "unsupported",  "out_of_memory",
        "internal",        "in_callback",      "stale",          "no_token",          "timeout",      "cancelled",
        "cleared",         "sign_in_needed",   "provider_failed", "no_provider",      "bad_token",    "client_mismatch",
        "store_unavailable", "store_failed",   "host_not_allowed", "network",         "policy",       "refused",
        "token_too_old",   "repeated_token"};
    return pick(words, -static_cast<std::int64_t>(code));
}

const char* name_of(State state) {
    static constexpr const char* words[] = {"unknown", "none",    "fresh",    "expiring",
                                            "overdue", "expired", "rejected", "signed_out"};
    return pick(words, static_cast<std::int64_t>(state));
}

const char* name_of(Reason reason) {
    static constexpr const char* words[] = {"none",          "loading",  "store_unavailable", "first",    "near_idle",
                                            "idle",          "near_absolute", "absolute",     "rejected", "cleared",
                                            "declined",      "storage_lost",  "clock_untrusted", "forced", "other_client",
                                            "other_origin",  "wrong_key",     "other_version"};
    return pick(words, static_cast<std::int64_t>(reason));
}

const char* name_of(ClockVerdict verdict) {
    static constexpr const char* words[] = {"same_boot", "wall", "untrusted"};
    return pick(words, static_cast<std::int64_t>(verdict));
}

const char* name_of(StoreVerdict verdict) {
    static constexpr const char* words[] = {"persistent", "memory_only", "locked", "lost"};
    return pick(words, static_cast<std::int64_t>(verdict));
}

const char* name_of(StoreCause cause) {
    static constexpr const char* words[] = {"none",   "system",  "host",      "no_answer",    "key",
                                            "cipher", "damaged", "other_key", "other_format", "earlier"};
    return pick(words, static_cast<std::int64_t>(cause));
}

const char* name_of(Renewal renewal) {
    static constexpr const char* words[] = {"idle", "asking", "elsewhere", "backing_off", "declined"};
    return pick(words, static_cast<std::int64_t>(renewal));
}

const char* name_of(EventKind kind) {
    static constexpr const char* words[] = {"?",       "state",          "new_token",      "rejected", "renewal_started",
                                            "renewal_failed", "sign_in_needed", "cleared", "store",    "clock"};
    return pick(words, static_cast<std::int64_t>(kind));
}

}  // namespace portal

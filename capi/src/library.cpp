// What belongs to no session.
#include <portal_session/portal_session.h>

#include <cstring>

#include "base/secret.hpp"
#include "clock/clock.hpp"
#include "engine/names.hpp"
#include "host_parts.hpp"
#include "portal_api/verdict.hpp"
#include "session.hpp"

using namespace portal;
using namespace portal::capi;

namespace {

const char* verdict_name(std::int32_t value) {
    static constexpr const char* words[] = {"other", "accepted", "rejected", "forbidden", "throttled", "unavailable"};
    return value >= 0 && value < 6 ? words[value] : "?";
}

}  // namespace

void portal_init(void* structure, size_t size) noexcept {
    if (structure == nullptr || size < sizeof(std::uint32_t)) return;
    std::memset(structure, 0, size);
    const auto struct_size = static_cast<std::uint32_t>(size);
    std::memcpy(structure, &struct_size, sizeof struct_size);
}

void portal_clock_system(portal_reading* out) noexcept {
    if (out == nullptr) return;
    const Reading now = SystemClock().read();
    *out = {now.boot_ms, now.unix_ms, now.boot_tag};
}

void portal_wipe(void* memory, size_t size) noexcept { wipe(memory, size); }

const char* portal_version(void) noexcept { return PORTAL_VERSION; }

uint32_t portal_abi(void) noexcept { return PORTAL_ABI; }

uint32_t portal_features(void) noexcept {
    std::uint32_t features = 0;
#if defined(PORTAL_SESSION_WITH_HTTP)
    features |= PORTAL_FEATURE_HTTP | PORTAL_FEATURE_JSON;
#endif
#if defined(PORTAL_SESSION_WITH_FILE_STORE)
    features |= PORTAL_FEATURE_FILE_STORE;
#endif
    return features;
}

const char* portal_name(portal_group group, int32_t value) noexcept {
    switch (group) {
        case PORTAL_GROUP_CODE: return name_of(static_cast<Code>(value));
        case PORTAL_GROUP_STATE: return name_of(static_cast<State>(value));
        case PORTAL_GROUP_REASON: return name_of(static_cast<Reason>(value));
        case PORTAL_GROUP_VERDICT: return verdict_name(value);
        case PORTAL_GROUP_CLOCK: return name_of(static_cast<ClockVerdict>(value));
        case PORTAL_GROUP_STORE: return name_of(static_cast<StoreVerdict>(value));
        case PORTAL_GROUP_RENEWAL: return name_of(static_cast<Renewal>(value));
        case PORTAL_GROUP_EVENT: return name_of(static_cast<EventKind>(value));
    }
    return "?";
}

uint64_t portal_live_objects(void) noexcept {
    try {
        return live_handles() + Engine::open_operations() + Client::open_exchanges() + HostStore::open_calls() +
               HostKey::open_calls() + HostTransport::open_calls();
    } catch (...) {
        return 0;
    }
}

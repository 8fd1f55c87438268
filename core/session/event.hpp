// Everything that can happen to a session.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "base/error.hpp"
#include "session/record_store.hpp"

namespace portal {

// What the provider's answer, or a push, brings. Its text was checked.
struct TokenOffer {
    SharedSecret token;
    std::string client_id;    // empty: not said
    std::int64_t age_ms = 0;  // since issue, by the backend's own clock
};

struct ProviderFailure {
    Code code = Code::provider_failed;
    bool retryable = false;
    std::int64_t retry_after_ms = 0;  // 0: the server did not say
    int http_status = 0;
    int host_code = 0;
    FailureCause cause = FailureCause::unknown;
};

namespace event {

struct Opened {};
struct Loaded {
    std::uint64_t operation;
    LoadResult result;
};
struct Saved {
    std::uint64_t operation;
    SaveResult result;
};
struct Acquire {
    std::uint64_t waiter;
    std::int64_t timeout_ms;
    std::uint64_t newer_than = 0;  // the generation that failed its caller; 0: any
    bool force = false;
    bool without_store = false;
};
struct Prepare {};  // start a renewal that is due; also the first read inside the lead
struct Cancel {
    std::uint64_t waiter;
};
// A 2xx has moved the slide cell already: this only says that there may be something to write.
struct Accepted {
    std::uint64_t epoch;
    std::uint64_t generation;
    std::uint64_t boot_tag;
    std::int64_t sent_boot_ms;

    bool operator==(const Accepted&) const = default;
};
struct Rejected {
    std::uint64_t epoch;
    std::uint64_t generation;

    bool operator==(const Rejected&) const = default;
};
struct Fulfilled {
    std::uint64_t request;
    TokenOffer offer;
};
struct Declined {
    std::uint64_t request;
    int host_code = 0;
    int http_status = 0;
};
struct Failed {
    std::uint64_t request;
    ProviderFailure failure;
};
struct Pushed {
    TokenOffer offer;
};
struct Cleared {
    std::uint64_t done = 0;
};
struct Timer {};
struct Foreground {
    std::uint64_t done = 0;
};
struct Background {
    std::uint64_t done = 0;
};
struct StoreChanged {
    std::uint64_t done = 0;
};
struct StoreLooked {};  // a look at the store found nothing new

struct ClockChanged {
    std::uint64_t done = 0;
};
struct Closed {};

}  // namespace event

using Event = std::variant<event::Opened, event::Loaded, event::Saved, event::Acquire, event::Prepare, event::Cancel,
                           event::Accepted, event::Rejected, event::Fulfilled, event::Declined, event::Failed,
                           event::Pushed, event::Cleared, event::Timer, event::Foreground, event::Background,
                           event::StoreChanged, event::StoreLooked, event::ClockChanged, event::Closed>;

}  // namespace portal

// What the app supplies. Each call comes on the callback thread, one at a time, under no lock, and may call anything.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "session/status.hpp"

namespace portal {

struct TokenRequest {
    std::uint64_t id = 0;  // answered once, from any thread, now or later
    Reason reason = Reason::none;
    std::uint32_t attempt = 1;
    std::int64_t timeout_ms = 0;
    std::uint64_t generation = 0;
    std::string client_id;
};

struct SessionEvent {
    EventKind kind = EventKind::state;
    std::uint64_t sequence = 0;
    State state = State::unknown;
    Reason reason = Reason::none;
    Code code = Code::ok;
    std::uint64_t generation = 0;
    std::uint64_t epoch = 0;
    std::int64_t retry_after_ms = 0;
    std::int64_t at_unix_ms = 0;
    std::int32_t os_code = 0;  // of the store, or the host's own of its provider
};

enum class LogLevel : std::int32_t { off = 0, error = 1, warning = 2, info = 3, debug = 4 };

class Host {
public:
    virtual ~Host() = default;
    [[nodiscard]] virtual bool has_provider() const = 0;
    [[nodiscard]] virtual bool has_observer() const = 0;
    [[nodiscard]] virtual LogLevel log_level() const = 0;  // lines above it are never made

    virtual void ask(const TokenRequest& request) = 0;
    virtual void withdrawn(std::uint64_t request_id) = 0;
    virtual void event(const SessionEvent& event) = 0;
    virtual void log(LogLevel level, std::string_view line) = 0;
};

}  // namespace portal

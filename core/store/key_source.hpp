// Where the file store's key comes from: the host's keychain, keystore or key file.
#pragma once

#include <cstdint>
#include <functional>

#include "base/secret.hpp"

namespace portal {

enum class KeyOutcome : std::uint8_t {
    found,
    absent,       // there is no key any more: what was sealed with it is lost
    unavailable,  // not now (locked)
    failed,
};

struct KeyResult {
    KeyOutcome outcome = KeyOutcome::failed;
    Secret key;  // set where found: 32 bytes
};

inline constexpr std::int64_t destroy_limit_ms = 10'000;

// Called on the store thread.
class KeySource {
public:
    virtual ~KeySource() = default;
    // Answers once, inline or later, on any thread, and does not block. It always answers: an implementation turns a host's
    // silence into `unavailable`.
    virtual void load(std::function<void(KeyResult)> answer) = 0;
    [[nodiscard]] virtual bool can_destroy() const = 0;
    // Blocks until the key is destroyed: after that no `load` gives it; it finds a new one, or none. False: that was not
    // confirmed within the limit.
    [[nodiscard]] virtual bool destroy(std::int64_t limit_ms) = 0;
};

}  // namespace portal

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

// Called on the store thread, which it must not block.
class KeySource {
public:
    virtual ~KeySource() = default;
    // Answers once, inline or later, on any thread. It always answers: an implementation turns a host's silence into
    // `unavailable`.
    virtual void load(std::function<void(KeyResult)> answer) = 0;
    [[nodiscard]] virtual bool can_destroy() const = 0;
    // After this no `load` gives the old key: it finds a new one, or none.
    virtual void destroy() = 0;
};

}  // namespace portal

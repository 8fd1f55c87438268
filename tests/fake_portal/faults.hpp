// What goes wrong on purpose: faults wait in a queue, and each request takes the first that is meant for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>

namespace fake_portal {

// Which requests a fault is meant for, and which of the three servers a path belongs to.
enum class Scope : std::uint8_t {
    any,
    client,     // Portal's Client API and hosted RPC: what a device calls
    custodian,  // Portal's Custodian API: what the app's backend calls
    app,        // the app's own backend
};

enum class FaultKind : std::uint8_t {
    status,       // answers with `status` instead of doing the work: nothing is minted; a slide as the rule has it
    slow,         // does the work at once, and holds the answer back for `delay_ms`
    hold,         // the same until it is released, one minute at most
    drop_before,  // the connection ends before the server did anything
    drop_after,   // the work is done (the token slid, was minted), but the answer is lost
};

struct Fault {
    FaultKind kind = FaultKind::status;
    Scope scope = Scope::any;
    int times = 1;
    int status = 503;
    std::int64_t delay_ms = 0;
    std::optional<std::int64_t> retry_after_seconds;
    bool retry_after_as_date = false;  // written as an HTTP date by the server's own clock
    std::string location;              // for a redirect
    std::optional<std::string> body;   // sent as it is; without it the status has its usual one
};

class Faults {
public:
    void arm(Fault fault) { queue_.push_back(std::move(fault)); }
    // The first fault meant for `scope`; it is used up by one.
    std::optional<Fault> take(Scope scope);
    void clear() { queue_.clear(); }
    [[nodiscard]] std::size_t armed() const;  // answers that still go wrong

private:
    std::list<Fault> queue_;
};

}  // namespace fake_portal

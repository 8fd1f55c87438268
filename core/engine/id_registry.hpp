// Which engine a waiter's or a token request's id belongs to.
#pragma once

#include <memory>

#include "base/ids.hpp"

namespace portal {

class Engine;

struct RequestRef {
    std::weak_ptr<Engine> engine;
    std::uint64_t request = 0;  // the machine's own number of it
};
struct WaiterRef {
    std::weak_ptr<Engine> engine;
};

inline IdRegistry<RequestRef>& requests() { return IdRegistry<RequestRef>::of_process(); }
inline IdRegistry<WaiterRef>& waiters() { return IdRegistry<WaiterRef>::of_process(); }

}  // namespace portal

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

inline IdTable<RequestRef>& requests() { return IdTable<RequestRef>::of_process(); }
inline IdTable<WaiterRef>& waiters() { return IdTable<WaiterRef>::of_process(); }

}  // namespace portal

// Where work runs. Each thread of the engine is one; a test's is a plain queue.
#pragma once

#include <functional>

namespace portal {

class Executor {
public:
    virtual ~Executor() = default;
    // Runs `work` later, in the order of the calls, never inside this call.
    virtual void post(std::function<void()> work) = 0;
};

}  // namespace portal

#include "fake_portal/faults.hpp"

#include <algorithm>
#include <numeric>

namespace fake_portal {

std::optional<Fault> Faults::take(Scope scope) {
    const auto meant = [scope](const Fault& fault) { return fault.scope == Scope::any || fault.scope == scope; };
    const auto found = std::find_if(queue_.begin(), queue_.end(), meant);
    if (found == queue_.end()) return std::nullopt;
    Fault fault = *found;
    if (--found->times <= 0) queue_.erase(found);
    return fault;
}

std::size_t Faults::armed() const {
    return std::accumulate(queue_.begin(), queue_.end(), std::size_t{0},
                           [](std::size_t sum, const Fault& fault) { return sum + static_cast<std::size_t>(fault.times); });
}

}  // namespace fake_portal

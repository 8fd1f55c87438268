#include "structs.hpp"

#include <algorithm>
#include <atomic>

#include "base/fork.hpp"

namespace portal::capi {
namespace {

constinit PerProcess<std::atomic<std::int64_t>> live;

}  // namespace

bool all_zero(const void* memory, std::size_t size) noexcept {
    const auto* bytes = static_cast<const unsigned char*>(memory);
    return std::all_of(bytes, bytes + size, [](unsigned char byte) { return byte == 0; });
}

Userdata::Userdata(void* data, portal_release_fn release) : data_(data), release_(release) { count_handle(1); }

Userdata::~Userdata() {
    try {
        if (release_ != nullptr) release_(data_);
    } catch (...) {  // nothing may be thrown out of a destructor, and the rest must be released all the same
    }
    count_handle(-1);
}

std::uint64_t live_handles() { return static_cast<std::uint64_t>(live.get().load(std::memory_order_acquire)); }
void count_handle(int by) { live.get().fetch_add(by, std::memory_order_acq_rel); }

}  // namespace portal::capi

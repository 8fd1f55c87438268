#include "structs.hpp"

#include <algorithm>
#include <atomic>

#include "base/fork.hpp"

namespace portal::capi {
namespace {

constinit PerProcess<std::atomic<std::int64_t>> live;

// No version will ever need more. A struct that nobody set up can claim any size, and its tail must not be read.
constexpr std::size_t max_struct_bytes = 64 * 1024;

}  // namespace

Result<void> check_struct(const void* given, std::size_t size, std::size_t first, const char* what) {
    if (given == nullptr) return invalid(std::string(what) + " is NULL: pass one that portal_init has set up.");
    std::uint32_t given_size = 0;
    std::memcpy(&given_size, given, sizeof given_size);
    if (given_size < size && given_size != first)
        return invalid(std::string(what) + ".struct_size is too small: set the struct up with portal_init.");
    if (given_size > max_struct_bytes)
        return invalid(std::string(what) + ".struct_size is over 64 KiB: set the struct up with portal_init.");
    return {};
}

tl::unexpected<Error> unknown_fields(const char* what) {
    return invalid(std::string(what) +
                   " has fields that this library does not know: update the library, or leave them zero.");
}

Result<void> check_length(std::size_t length, std::size_t most, const char* what) {
    if (length <= most) return {};
    return invalid(std::string(what) + " is over " + std::to_string(most) + " bytes: pass the text's true length.");
}

Result<void> check_texts(const portal_answer& answer) {
    if (auto checked = check_length(answer.error_id, max_header_value_bytes, "answer.error_id"); !checked) return checked;
    if (auto checked = check_length(answer.exception, max_header_value_bytes, "answer.exception"); !checked) return checked;
    return check_length(answer.retry_after, max_header_value_bytes, "answer.retry_after");
}

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

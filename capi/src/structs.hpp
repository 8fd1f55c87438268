// Structs and texts from the caller: sizes checked, copied, turned into the core's own.
#pragma once

#include <portal_session/portal_session.h>

#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "guard.hpp"

namespace portal::capi {

[[nodiscard]] bool all_zero(const void* memory, std::size_t size) noexcept;

// A struct by pointer, as this library knows it. This is version 1: nothing smaller ever existed.
template <typename Struct>
Result<Struct> take(const Struct* given, const char* what) {
    if (given == nullptr) return invalid(std::string(what) + " is NULL: pass one that portal_init has set up.");
    const std::size_t size = given->struct_size;
    if (size < sizeof(Struct))
        return invalid(std::string(what) + ".struct_size is too small: set the struct up with portal_init.");
    if (!all_zero(reinterpret_cast<const char*>(given) + sizeof(Struct), size - sizeof(Struct)))
        return invalid(std::string(what) + " has fields that this library does not know: update the library, or leave them zero.");
    return *given;
}

// The same where NULL means all defaults.
template <typename Struct>
Result<Struct> take_or_default(const Struct* given, const char* what) {
    if (given != nullptr) return take(given, what);
    Struct defaults;
    portal_init(&defaults, sizeof defaults);
    return defaults;
}

// Whether an output struct can be written whole; what is larger keeps its tail.
template <typename Struct>
Result<void> check_output(const Struct* out, const char* what) {
    return take(out, what).map([](const Struct&) {});
}

[[nodiscard]] inline std::string_view view(portal_text text) {
    return text.data == nullptr ? std::string_view() : std::string_view(text.data, text.length);
}
[[nodiscard]] inline portal_text text_of(std::string_view text) { return {text.data(), text.size()}; }
[[nodiscard]] inline std::string_view view(portal_bytes bytes) {
    return bytes.data == nullptr ? std::string_view() : std::string_view(static_cast<const char*>(bytes.data), bytes.length);
}

// The caller's context of a callback; its release runs once, when the last holder lets go.
class Userdata {
public:
    Userdata(void* data, portal_release_fn release);
    ~Userdata();
    Userdata(const Userdata&) = delete;
    Userdata& operator=(const Userdata&) = delete;
    [[nodiscard]] void* get() const { return data_; }

private:
    void* data_;
    portal_release_fn release_;
};

// A nested callback struct with the userdata that goes with it.
template <typename Callbacks>
class Held {
public:
    explicit Held(const Callbacks& callbacks)
        : callbacks_(callbacks), userdata_(std::make_shared<Userdata>(callbacks.userdata, callbacks.release)) {}
    [[nodiscard]] const Callbacks& operator*() const { return callbacks_; }
    [[nodiscard]] const Callbacks* operator->() const { return &callbacks_; }
    [[nodiscard]] void* userdata() const { return userdata_->get(); }

private:
    Callbacks callbacks_;
    std::shared_ptr<Userdata> userdata_;
};

// Handles and userdata of the process that are not released.
[[nodiscard]] std::uint64_t live_handles() noexcept;
void count_handle(int by) noexcept;

}  // namespace portal::capi

// Structs and texts from the caller: sizes checked, copied, turned into the core's own.
#pragma once

#include <portal_session/portal_session.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "guard.hpp"

namespace portal::capi {

[[nodiscard]] bool all_zero(const void* memory, std::size_t size) noexcept;

// What a later version may use must be zero today.
template <typename Struct>
bool reserved_is_zero(const Struct&) {
    return true;
}
inline bool reserved_is_zero(const portal_options& given) { return given.reserved == nullptr && given.log.reserved == 0; }
inline bool reserved_is_zero(const portal_answer& given) { return given.reserved == 0; }
inline bool reserved_is_zero(const portal_failure& given) { return given.reserved == 0 && given.reserved2 == 0; }
inline bool reserved_is_zero(const portal_backend_answer& given) { return given.reserved == 0; }
inline bool reserved_is_zero(const portal_http_response& given) { return given.reserved == 0; }

// The struct_size of version 1, where a later version has added fields.
template <typename Struct>
inline constexpr std::size_t first_size = sizeof(Struct);
template <>
inline constexpr std::size_t first_size<portal_options> = offsetof(portal_options, role);
template <>
inline constexpr std::size_t first_size<portal_status> = offsetof(portal_status, flags);

// Whether a struct by pointer has a size that a version of it has. `size` and `first`: of today's and of version 1's.
[[nodiscard]] Result<void> check_struct(const void* given, std::size_t size, std::size_t first, const char* what);
template <typename Struct>
Result<void> check_size(const Struct* given, const char* what) {
    return check_struct(given, sizeof(Struct), first_size<Struct>, what);
}

// Fields, or a tail, that this library does not know.
[[nodiscard]] tl::unexpected<Error> unknown_fields(const char* what);

// A struct by pointer, as this library knows it. What an older one lacks is zero.
template <typename Struct>
Result<Struct> take(const Struct* given, const char* what) {
    if (auto checked = check_size(given, what); !checked) return tl::unexpected<Error>(std::move(checked.error()));
    const std::size_t size = given->struct_size;
    Struct known;
    portal_init(&known, sizeof known);
    std::memcpy(&known, given, std::min(size, sizeof known));
    const bool has_tail = size > sizeof known;
    if (!reserved_is_zero(known) ||
        (has_tail && !all_zero(reinterpret_cast<const char*>(given) + sizeof known, size - sizeof known)))
        return unknown_fields(what);
    return known;
}

// Writes an output up to the smaller of both sizes. It keeps the caller's struct_size.
template <typename Struct>
void give(Struct* out, Struct result) {
    result.struct_size = out->struct_size;
    std::memcpy(out, &result, std::min<std::size_t>(result.struct_size, sizeof result));
}

// The same where NULL means all defaults.
template <typename Struct>
Result<Struct> take_or_default(const Struct* given, const char* what) {
    if (given != nullptr) return take(given, what);
    Struct defaults;
    portal_init(&defaults, sizeof defaults);
    return defaults;
}

[[nodiscard]] inline std::string_view view(portal_text text) {
    return text.data == nullptr ? std::string_view() : std::string_view(text.data, text.length);
}
[[nodiscard]] inline portal_text text_of(std::string_view text) { return {text.data(), text.size()}; }
[[nodiscard]] inline std::string_view view(portal_bytes bytes) {
    return bytes.data == nullptr ? std::string_view()
                                 : std::string_view(static_cast<const char*>(bytes.data), bytes.length);
}

// A length that no such text has was never set; nothing behind the text must be read.
[[nodiscard]] Result<void> check_length(std::size_t length, std::size_t most, const char* what);
[[nodiscard]] inline Result<void> check_length(portal_text text, std::size_t most, const char* what) {
    return check_length(view(text).size(), most, what);
}
inline constexpr std::size_t max_header_value_bytes = 8 * 1024;

// Of every answer that a server gave, or an SDK tells.
[[nodiscard]] Result<void> check_texts(const portal_answer& answer);

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

// Handles and userdata of the process that are not released; a forked child begins with none.
[[nodiscard]] std::uint64_t live_handles();
void count_handle(int by);

}  // namespace portal::capi

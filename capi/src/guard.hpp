// The boundary: no exception crosses it, every failure becomes a code and, if asked for, a filled portal_error.
#pragma once

#include <portal_session/portal_session.h>

#include <new>
#include <utility>

#include "base/error.hpp"
#include "engine/messages.hpp"

namespace portal::capi {

// Writes at most what the caller's struct has room for; a struct that is too small for version 1 is left alone.
void write_error(portal_error* out, const Error& error) noexcept;
// The same without a text, which takes memory.
void write_code(portal_error* out, portal_code code) noexcept;

template <typename Body>
portal_code guarded(portal_error* error, Body&& body) noexcept {
    try {
        const Result<void> result = body();
        if (result) return PORTAL_OK;
        write_error(error, result.error());
        return static_cast<portal_code>(result.error().code);
    } catch (const std::bad_alloc&) {
        write_code(error, PORTAL_ERR_OUT_OF_MEMORY);
        return PORTAL_ERR_OUT_OF_MEMORY;
    } catch (...) {
        write_code(error, PORTAL_ERR_INTERNAL);
        return PORTAL_ERR_INTERNAL;
    }
}

inline tl::unexpected<Error> invalid(std::string message) { return fail(Code::invalid_argument, std::move(message)); }

}  // namespace portal::capi

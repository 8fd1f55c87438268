// The boundary: no exception crosses it, every failure becomes a code and, if asked for, a filled portal_error.
#pragma once

#include <portal_session/portal_session.h>

#include <new>
#include <system_error>
#include <utility>

#include "base/error.hpp"
#include "engine/messages.hpp"

namespace portal::capi {

// Writes at most what the caller's struct has room for; a struct that is too small for version 1 is left alone.
void write_error(portal_error* out, const Error& error) noexcept;
// The same for what was thrown: it takes no memory. Returns the code.
portal_code write_thrown(portal_error* out, portal_code code, const char* message) noexcept;

template <typename Body>
portal_code guarded(portal_error* error, Body&& body) noexcept {
    try {
        const Result<void> result = body();
        if (result) return PORTAL_OK;
        write_error(error, result.error());
        return static_cast<portal_code>(result.error().code);
    } catch (const std::bad_alloc&) {
        return write_thrown(error, PORTAL_ERR_OUT_OF_MEMORY, "Memory ran out: free some and try again.");
    } catch (const std::system_error&) {  // only the start of a thread throws it
        return write_thrown(error, PORTAL_ERR_OUT_OF_MEMORY,
                            "The system gave no thread: end some, or raise the limit on them, and try again.");
    } catch (...) {
        return write_thrown(error, PORTAL_ERR_INTERNAL,
                            "An unexpected fault inside the library: please report it with what explain says.");
    }
}

inline tl::unexpected<Error> invalid(std::string message) { return fail(Code::invalid_argument, std::move(message)); }
inline tl::unexpected<Error> invalid(const char* message) { return fail(Code::invalid_argument, message); }

}  // namespace portal::capi

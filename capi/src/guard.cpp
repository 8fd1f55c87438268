#include "guard.hpp"

#include <algorithm>
#include <cstring>

namespace portal::capi {

void write_error(portal_error* out, const Error& error) noexcept {
    if (out == nullptr || out->struct_size < sizeof(portal_error)) return;
    out->code = static_cast<portal_code>(error.code);
    out->http_status = error.http_status;
    out->os_code = error.os_code;
    out->retry_after_ms = error.retry_after_ms;
    out->flags = (error.retryable ? PORTAL_FLAG_RETRYABLE : 0u) | (error.tls ? PORTAL_FLAG_TLS : 0u);
    out->reserved = 0;
    const std::size_t length = std::min(error.message.size(), sizeof out->message - 1);
    std::memcpy(out->message, error.message.data(), length);
    out->message[length] = '\0';
}

void write_code(portal_error* out, portal_code code) noexcept {
    Error error;
    error.code = static_cast<Code>(code);
    write_error(out, error);
}

}  // namespace portal::capi

#include "guard.hpp"

#include <algorithm>
#include <cstring>

namespace portal::capi {

void write_error(portal_error* out, const Error& error) noexcept {
    if (out == nullptr || out->struct_size < sizeof(portal_error)) return;
    write_thrown(out, static_cast<portal_code>(error.code), error.message.c_str());
    out->http_status = error.http_status;
    out->os_code = error.os_code;
    out->retry_after_ms = error.retry_after_ms;
    out->flags = (error.retryable ? PORTAL_FLAG_RETRYABLE : 0u) | (error.tls ? PORTAL_FLAG_TLS : 0u);
}

portal_code write_thrown(portal_error* out, portal_code code, const char* message) noexcept {
    if (out == nullptr || out->struct_size < sizeof(portal_error)) return code;
    out->code = code;
    out->http_status = 0;
    out->os_code = 0;
    out->retry_after_ms = 0;
    out->flags = 0;
    out->reserved = 0;
    const std::size_t length = std::min(std::strlen(message), sizeof out->message - 1);
    std::memcpy(out->message, message, length);
    out->message[length] = '\0';
    return code;
}

}  // namespace portal::capi

// The program's exit codes: part of its interface, like the names of its options.
#pragma once

#include <portal_session/portal_session.h>

namespace cli {

enum class ExitCode : int {
    ok = 0,
    other = 1,
    usage = 2,
    sign_in_needed = 3,
    provider_unavailable = 4,
    store = 5,
    refused = 6,
    host_not_allowed = 7,
    network = 8,
};

// What a script can do about it decides: sign in, wait, mend the store, try again, or read the message.
constexpr ExitCode exit_code_of(portal_code code) {
    switch (code) {
        case PORTAL_OK:
            return ExitCode::ok;
        case PORTAL_ERR_INVALID_ARGUMENT:
            return ExitCode::usage;
        case PORTAL_ERR_SIGN_IN_NEEDED:
        case PORTAL_ERR_CLEARED:
        case PORTAL_ERR_NO_PROVIDER:  // only a push can help, and that is a sign-in
            return ExitCode::sign_in_needed;
        case PORTAL_ERR_PROVIDER_FAILED:
        case PORTAL_ERR_TIMEOUT:
            return ExitCode::provider_unavailable;
        case PORTAL_ERR_STORE_UNAVAILABLE:
        case PORTAL_ERR_STORE_FAILED:
            return ExitCode::store;
        case PORTAL_ERR_REFUSED:
            return ExitCode::refused;
        case PORTAL_ERR_HOST_NOT_ALLOWED:
            return ExitCode::host_not_allowed;
        case PORTAL_ERR_NETWORK:
            return ExitCode::network;
        default:
            return ExitCode::other;
    }
}

}  // namespace cli

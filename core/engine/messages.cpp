#include "engine/messages.hpp"

#include <system_error>

#include "engine/names.hpp"

namespace portal {
namespace {

std::string message_for_cause(FailureCause cause) {
    switch (cause) {
        case FailureCause::unknown:
            break;
        case FailureCause::unreachable:
            return "The app's backend cannot be reached: check the network and the backend's address, and try again when "
                   "the wait is over.";
        case FailureCause::tls:
            return "The connection to the app's backend is not safe, so nothing was sent: check its certificate, this "
                   "device's date, and who intercepts the connection.";
        case FailureCause::timed_out:
            return "The app's backend did not answer in time: check the network and the backend, and try again when the "
                   "wait is over.";
        case FailureCause::unanswered:
            return "The token provider did not answer in time: make sure that it answers each request, also after a "
                   "failure of its own.";
    }
    return message_for(Code::provider_failed);
}

// The app's backend, or what stands before it, answered with that status.
std::string message_for_status(int status) {
    const std::string answered = "The app's backend answered HTTP " + std::to_string(status);
    if (status >= 200 && status <= 299) return message_for(Code::provider_failed);
    if (status >= 300 && status <= 399)
        return answered + ", a redirect, which is not followed: let the provider call the final address.";
    switch (status) {
        case 403:
            return answered +
                   " (forbidden): check what the backend allows, and whether a firewall or proxy answers for it.";
        case 404:
            return answered + " (not found): check the address that the provider calls.";
        case 407:
            return "A proxy wants a login first (HTTP 407): give this device the proxy's user name and password.";
        case 408:
            return answered + " (the request came too slowly): check the network, and try again when the wait is over.";
        case 429:
            return answered + " (too many requests): try again when the wait is over.";
        case 511:
            return "The network wants a sign-in first (captive portal, HTTP 511): open a web page in the browser and sign "
                   "in there.";
        default:
            break;
    }
    if (status >= 500 && status <= 599)
        return answered + ": look at the backend's log, and try again when the wait is over.";
    if (status >= 400 && status <= 499) return answered + ": check what the provider sends, and the backend's log.";
    return answered + ", which is no final status: check what answers at the provider's address.";
}

// At most 255 bytes with what is put before it: portal_error has no room for more.
std::string message_for_provider(const effect::Complete& completed) {
    const std::string why = completed.http_status != 0 ? message_for_status(completed.http_status)
                                                       : message_for_cause(completed.cause);
    return completed.held_back ? "The provider failed before and was not asked now. " + why : why;
}

}  // namespace

std::string message_for(Code code) {
    switch (code) {
        case Code::ok:
            return "";
        case Code::invalid_argument:
            return "An argument is missing or out of its range: see the function's comment.";
        case Code::closed:
            return "The session is closed: open a new one.";
        case Code::buffer_too_small:
            return "The buffer is too small: the length that it needs was written.";
        case Code::unsupported:
            return "This build of the library lacks the part: use the full flavour, or supply the host's own.";
        case Code::out_of_memory:
            return "Memory ran out: free some and try again.";
        case Code::internal:
            return "An unexpected fault inside the library: please report it with what explain says.";
        case Code::in_callback:
            return "A blocking call inside a callback would wait for itself: use acquire.";
        case Code::stale:
            return "That id, lease or epoch is over: nothing was done, and nothing need be.";
        case Code::no_token:
            return "There is no token to give now: acquire one.";
        case Code::timeout:
            return "The deadline passed before an answer came: try again, or allow more time.";
        case Code::cancelled:
            return "The caller cancelled it.";
        case Code::cleared:
            return "The session was cleared (logout) meanwhile: sign in and push a token.";
        case Code::sign_in_needed:
            return "The user must sign in again: then push a token, or force a renewal.";
        case Code::provider_failed:
            return "The token provider failed: look at the app's own backend, and try again when the wait is over.";
        case Code::no_provider:
            return "A token is needed and the session has no provider: push one.";
        case Code::bad_token:
            return "The provider's answer holds no usable token: pass the text of `clientSessionToken`.";
        case Code::client_mismatch:
            return "The token belongs to another client: to change the user, clear the session and then push.";
        case Code::store_unavailable:
            return "The store can't be read now (locked device?): nothing is lost; try again when it is unlocked.";
        case Code::store_failed:
            return "The store does not work: the session goes on in memory; look at the folder, its rights and its space.";
        case Code::host_not_allowed:
            return "The token does not go there: only to https hosts on the session's allow-list.";
        case Code::network:
            return "No answer came from the network: check the connection and try again.";
        case Code::policy:
            return "A policy value is out of its bounds: see portal_options.";
        case Code::refused:
            return "Portal rejects each new token: check the backend's Portal API key and environment; try again when the "
                   "wait is over.";
        case Code::token_too_old:
            return "The token is so old that it is about to end: let the backend make a new one.";
        case Code::repeated_token:
            return "The provider gave the very token that is no longer good: let the backend make a new one.";
    }
    return "";
}

tl::unexpected<Error> fail_with(Code code) { return fail(code, message_for(code)); }

std::string text_of(const StoreFault& fault) {
    std::string text = name_of(fault.cause);
    if (fault.os_code != 0) text += " " + std::to_string(fault.os_code);
    if (fault.cause == StoreCause::system) text += " (" + std::system_category().message(fault.os_code) + ")";
    return text;
}

Error error_for(const effect::Done& done) {
    Error error;
    error.code = done.code;
    error.message = message_for(done.code);
    error.os_code = done.store_fault.os_code;
    if (done.store_fault.cause == StoreCause::cipher)
        error.message =
            "The crypto library (OpenSSL) does not work, so nothing is stored: the session goes on in memory; check that "
            "its build has its default provider and a random source.";
    else if (done.store_fault.cause == StoreCause::system)
        error.message += " The system says: " + std::system_category().message(error.os_code) + ".";
    return error;
}

Error error_for(const effect::Complete& completed) {
    Error error;
    error.code = completed.code;
    error.message =
        completed.code == Code::provider_failed ? message_for_provider(completed) : message_for(completed.code);
    error.http_status = completed.http_status;
    error.os_code = completed.host_code;
    error.retry_after_ms = completed.retry_after_ms;
    error.retryable =
        completed.retry_after_ms > 0 || completed.code == Code::timeout || completed.code == Code::store_unavailable;
    return error;
}

}  // namespace portal

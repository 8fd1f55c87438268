#include "cli/event_text.hpp"

#include "cli/text.hpp"

namespace cli {
namespace {

std::string word(portal_group group, std::int32_t value) { return spaced(portal_name(group, value)); }

std::string with_wait(std::string text, const portal_event& event) {
    if (event.retry_after_ms > 0) text += "; next try in " + format_wait(event.retry_after_ms);
    return text + ".";
}

std::string state_of(const portal_event& event) {
    const std::string state = word(PORTAL_GROUP_STATE, event.state);
    const std::string reason = word(PORTAL_GROUP_REASON, event.reason);
    const bool says_more = event.reason != PORTAL_REASON_NONE && reason != state;
    return "The state is " + state + (says_more ? " (" + reason + ")." : ".");
}

}  // namespace

std::string sentence_of(const portal_event& event) {
    switch (event.kind) {
        case PORTAL_EVENT_STATE:
            return state_of(event);
        case PORTAL_EVENT_NEW_TOKEN:
            return "A new token is in use: generation " + std::to_string(event.generation) + ".";
        case PORTAL_EVENT_REJECTED:
            return "Portal answered 401: the token is rejected.";
        case PORTAL_EVENT_RENEWAL_STARTED:
            return "The provider is asked for a token: " + word(PORTAL_GROUP_REASON, event.reason) + ".";
        case PORTAL_EVENT_RENEWAL_FAILED:
            return with_wait("No new token: " + word(PORTAL_GROUP_CODE, event.code), event);
        case PORTAL_EVENT_SIGN_IN_NEEDED:
            return "The user must sign in.";
        case PORTAL_EVENT_CLEARED:
            return "The session is signed out.";
        case PORTAL_EVENT_STORE:
            return event.code == PORTAL_OK ? "The store works." : "The store: " + word(PORTAL_GROUP_CODE, event.code) + ".";
        case PORTAL_EVENT_CLOCK:
            return "The clock is judged in another way.";
        default:
            return word(PORTAL_GROUP_EVENT, event.kind) + ".";
    }
}

}  // namespace cli

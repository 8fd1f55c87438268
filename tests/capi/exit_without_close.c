/* Ends without closing what it opened, while the library's threads run: what an app's exit() does. */
#include <portal_session/portal_session.h>

#include <stddef.h>

static portal_session *session; /* never closed */

static void ask(void *userdata, const portal_token_request *request) {
    portal_token_input input;
    (void)userdata;
    portal_init(&input, sizeof input);
    input.token.data = "token-1";
    input.token.length = 7;
    portal_request_fulfil(request->id, &input, NULL);
}

int main(void) {
    portal_options options;
    portal_lease lease;
    char token[PORTAL_TOKEN_MAX];
    size_t length = sizeof token;
    portal_init(&options, sizeof options);
    portal_init(&lease, sizeof lease);
    options.provider.ask = ask;
    if (portal_session_open(&options, &session, NULL) != PORTAL_OK) return 1;
    if (portal_lease_wait(session, NULL, &lease, token, &length, NULL) != PORTAL_OK) return 2;
    return portal_session_notify(session, PORTAL_NOTICE_FOREGROUND, NULL, NULL) == PORTAL_OK ? 0 : 3;
}

/* An app as small as can be, in C11: it has a token, makes a request with it and reports the answer. */
#include <portal_session/portal_session.h>
#include <stdio.h>
#include <string.h>

static int fail(const char *step, portal_code code)
{
    fprintf(stderr, "%s: %s\n", step, portal_name(PORTAL_GROUP_CODE, code));
    return 1;
}

int main(void)
{
    if (strcmp(portal_version(), PORTAL_VERSION) != 0 || portal_abi() < PORTAL_ABI) {
        fprintf(stderr, "header %s, library %s\n", PORTAL_VERSION, portal_version());
        return 1;
    }

    portal_options options;
    portal_init(&options, sizeof options); /* no directory, no store: in memory */
    portal_session *session = NULL;
    portal_code code = portal_session_open(&options, &session, NULL);
    if (code != PORTAL_OK) return fail("open", code);

    portal_token_input input;
    portal_init(&input, sizeof input);
    input.token = (portal_text){"a-token-of-the-consumer", 23};
    code = portal_session_push(session, &input, NULL);
    if (code != PORTAL_OK) return fail("push", code);

    portal_lease lease;
    portal_init(&lease, sizeof lease);
    char token[PORTAL_TOKEN_MAX];
    size_t length = sizeof token;
    code = portal_lease_wait(session, NULL, &lease, token, &length, NULL);
    if (code != PORTAL_OK) return fail("wait", code);
    if (length != 23 || memcmp(token, "a-token-of-the-consumer", 23) != 0) return fail("another token", PORTAL_OK);
    length = sizeof token;
    code = portal_lease_try(session, &lease, token, &length, NULL);
    if (code != PORTAL_OK) return fail("try", code);
    portal_wipe(token, sizeof token);
    code = portal_lease_report(session, &lease, 200, NULL, NULL);
    if (code != PORTAL_OK) return fail("report", code);

    code = portal_session_close(session, 10000, NULL);
    if (code != PORTAL_OK) return fail("close", code);
    portal_session_release(session);
    printf("portal-session %s\n", portal_version());
    return 0;
}

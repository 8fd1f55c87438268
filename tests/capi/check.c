#include "check.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* callbacks check too */
static int passed;
static int failed;

/* What the header's comments list; OK is in each function's list. Not reachable by a test: OUT_OF_MEMORY, INTERNAL. */
typedef struct documented {
    const char *function;
    portal_code code;
    unsigned needs; /* PORTAL_FEATURE_* that the build must have */
    unsigned lacks; /* ... and must not have */
    int seen;
} documented;

#define OK(function) {#function, PORTAL_OK, 0, 0, 0}
#define INVALID(function) {#function, PORTAL_ERR_INVALID_ARGUMENT, 0, 0, 0}
#define ERR(function, word) {#function, PORTAL_ERR_##word, 0, 0, 0}
#define NEEDS(function, word, feature) {#function, PORTAL_ERR_##word, PORTAL_FEATURE_##feature, 0, 0}
#define LACKS(function, word, feature) {#function, PORTAL_ERR_##word, 0, PORTAL_FEATURE_##feature, 0}

static documented all[] = {
    OK(portal_session_open), INVALID(portal_session_open), ERR(portal_session_open, POLICY),
    ERR(portal_session_open, HOST_NOT_ALLOWED), ERR(portal_session_open, UNSUPPORTED),
    OK(portal_session_close), INVALID(portal_session_close), ERR(portal_session_close, TIMEOUT),
    OK(portal_session_release),
    OK(portal_session_clear), INVALID(portal_session_clear), ERR(portal_session_clear, CLOSED),
    ERR(portal_session_clear, STORE_UNAVAILABLE), ERR(portal_session_clear, STORE_FAILED),
    OK(portal_session_notify), INVALID(portal_session_notify), ERR(portal_session_notify, CLOSED),
    ERR(portal_session_notify, STORE_UNAVAILABLE), ERR(portal_session_notify, STORE_FAILED),
    OK(portal_session_status), INVALID(portal_session_status), ERR(portal_session_status, CLOSED),
    OK(portal_session_explain), INVALID(portal_session_explain), ERR(portal_session_explain, BUFFER_TOO_SMALL),
    ERR(portal_session_explain, CLOSED),
    OK(portal_session_allows), INVALID(portal_session_allows), ERR(portal_session_allows, HOST_NOT_ALLOWED),
    OK(portal_lease_try), INVALID(portal_lease_try), ERR(portal_lease_try, NO_TOKEN),
    ERR(portal_lease_try, BUFFER_TOO_SMALL), ERR(portal_lease_try, CLOSED),
    OK(portal_lease_acquire), INVALID(portal_lease_acquire), ERR(portal_lease_acquire, CLOSED),
    ERR(portal_lease_acquire, TIMEOUT), ERR(portal_lease_acquire, STORE_UNAVAILABLE), ERR(portal_lease_acquire, CANCELLED),
    ERR(portal_lease_acquire, CLEARED), ERR(portal_lease_acquire, SIGN_IN_NEEDED), ERR(portal_lease_acquire, NO_PROVIDER),
    ERR(portal_lease_acquire, PROVIDER_FAILED), ERR(portal_lease_acquire, REFUSED), ERR(portal_lease_acquire, BAD_TOKEN),
    ERR(portal_lease_acquire, CLIENT_MISMATCH), ERR(portal_lease_acquire, TOKEN_TOO_OLD),
    ERR(portal_lease_acquire, REPEATED_TOKEN), LACKS(portal_lease_acquire, UNSUPPORTED, JSON),
    OK(portal_lease_wait), INVALID(portal_lease_wait), ERR(portal_lease_wait, IN_CALLBACK),
    ERR(portal_lease_wait, BUFFER_TOO_SMALL), ERR(portal_lease_wait, CLOSED), ERR(portal_lease_wait, TIMEOUT),
    ERR(portal_lease_wait, STORE_UNAVAILABLE), ERR(portal_lease_wait, CLEARED), ERR(portal_lease_wait, SIGN_IN_NEEDED),
    ERR(portal_lease_wait, NO_PROVIDER), ERR(portal_lease_wait, PROVIDER_FAILED), ERR(portal_lease_wait, REFUSED),
    ERR(portal_lease_wait, BAD_TOKEN), ERR(portal_lease_wait, CLIENT_MISMATCH), ERR(portal_lease_wait, TOKEN_TOO_OLD),
    ERR(portal_lease_wait, REPEATED_TOKEN), LACKS(portal_lease_wait, UNSUPPORTED, JSON),
    OK(portal_lease_stamp), INVALID(portal_lease_stamp), ERR(portal_lease_stamp, CLOSED),
    OK(portal_lease_report), INVALID(portal_lease_report), ERR(portal_lease_report, STALE), ERR(portal_lease_report, CLOSED),
    OK(portal_session_prepare), INVALID(portal_session_prepare), ERR(portal_session_prepare, CLOSED),
    OK(portal_cancel), ERR(portal_cancel, STALE),
    OK(portal_session_push), INVALID(portal_session_push), ERR(portal_session_push, BAD_TOKEN),
    ERR(portal_session_push, CLIENT_MISMATCH), ERR(portal_session_push, TOKEN_TOO_OLD),
    ERR(portal_session_push, REPEATED_TOKEN), ERR(portal_session_push, STALE), LACKS(portal_session_push, UNSUPPORTED, JSON),
    ERR(portal_session_push, CLOSED),
    OK(portal_session_switch), INVALID(portal_session_switch), ERR(portal_session_switch, BAD_TOKEN),
    ERR(portal_session_switch, TOKEN_TOO_OLD), ERR(portal_session_switch, STALE),
    LACKS(portal_session_switch, UNSUPPORTED, JSON), ERR(portal_session_switch, CLOSED),
    ERR(portal_session_switch, STORE_UNAVAILABLE), ERR(portal_session_switch, STORE_FAILED),
    OK(portal_request_fulfil), INVALID(portal_request_fulfil), ERR(portal_request_fulfil, STALE),
    ERR(portal_request_fulfil, BAD_TOKEN), ERR(portal_request_fulfil, CLIENT_MISMATCH),
    ERR(portal_request_fulfil, TOKEN_TOO_OLD), ERR(portal_request_fulfil, REPEATED_TOKEN),
    LACKS(portal_request_fulfil, UNSUPPORTED, JSON),
    OK(portal_request_decline), ERR(portal_request_decline, STALE),
    OK(portal_request_fail), INVALID(portal_request_fail), ERR(portal_request_fail, STALE),
    OK(portal_request_answer), INVALID(portal_request_answer), ERR(portal_request_answer, STALE),
    ERR(portal_request_answer, BAD_TOKEN), ERR(portal_request_answer, CLIENT_MISMATCH),
    ERR(portal_request_answer, TOKEN_TOO_OLD), ERR(portal_request_answer, REPEATED_TOKEN),
    LACKS(portal_request_answer, UNSUPPORTED, JSON),
    OK(portal_store_loaded), INVALID(portal_store_loaded), ERR(portal_store_loaded, STALE),
    OK(portal_store_saved), INVALID(portal_store_saved), ERR(portal_store_saved, STALE),
    {"portal_key_loaded", PORTAL_OK, PORTAL_FEATURE_FILE_STORE, 0, 0}, INVALID(portal_key_loaded),
    ERR(portal_key_loaded, STALE),
    OK(portal_transport_answered), INVALID(portal_transport_answered), ERR(portal_transport_answered, STALE),
    OK(portal_send), INVALID(portal_send), ERR(portal_send, HOST_NOT_ALLOWED), LACKS(portal_send, UNSUPPORTED, HTTP),
    ERR(portal_send, CLOSED), ERR(portal_send, NETWORK), ERR(portal_send, TIMEOUT), ERR(portal_send, CANCELLED),
    ERR(portal_send, NO_PROVIDER),
    OK(portal_verdict_of), OK(portal_init), OK(portal_clock_system), OK(portal_wipe), OK(portal_version), OK(portal_abi),
    OK(portal_features), OK(portal_name), OK(portal_live_objects),
};

void check_at(int holds, const char *text, const char *file, int line) {
    pthread_mutex_lock(&lock);
    if (holds) ++passed;
    else ++failed;
    pthread_mutex_unlock(&lock);
    if (!holds) printf("%s:%d: %s\n", file, line, text);
}

void expect_at(portal_code expected, portal_code code, const char *function, const char *file, int line) {
    size_t i;
    pthread_mutex_lock(&lock);
    if (code == expected) ++passed;
    else ++failed;
    for (i = 0; i < sizeof all / sizeof *all; ++i)
        if (code == expected && all[i].code == code && strcmp(all[i].function, function) == 0) all[i].seen = 1;
    pthread_mutex_unlock(&lock);
    if (code != expected)
        printf("%s:%d: %s answers %s, not %s\n", file, line, function, portal_name(PORTAL_GROUP_CODE, code),
               portal_name(PORTAL_GROUP_CODE, expected));
}

int finish_checks(void) {
    const unsigned has = portal_features();
    size_t i;
    for (i = 0; i < sizeof all / sizeof *all; ++i) {
        if ((all[i].needs & ~has) != 0 || (all[i].lacks & has) != 0) continue;
        if (!all[i].seen) printf("%s was never seen to answer %s\n", all[i].function, portal_name(PORTAL_GROUP_CODE, all[i].code));
        if (all[i].seen) ++passed;
        else ++failed;
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}

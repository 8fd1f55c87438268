/* What belongs to no session. */
#include <string.h>

#include "check.h"
#include "rig.h"

void test_library(void) {
    unsigned char bytes[8];
    portal_lease lease;
    portal_reading now = {0, 0, 0};
    portal_answer answer;

    memset(&lease, 0xff, sizeof lease);
    portal_init(&lease, sizeof lease);
    CHECK(lease.struct_size == sizeof lease && lease.flags == 0 && lease.generation == 0 && lease.left_ms == 0);
    memset(bytes, 0xff, sizeof bytes);
    portal_init(bytes, 3);
    CHECK(bytes[0] == 0xff);
    portal_init(NULL, 64);
    SEEN(PORTAL_OK, PORTAL_OK, portal_init);

    portal_clock_system(&now);
    CHECK(now.boot_ms > 0 && now.unix_ms > 1600000000000);
    SEEN(PORTAL_OK, PORTAL_OK, portal_clock_system);

    portal_wipe(bytes, sizeof bytes);
    CHECK(bytes[0] == 0 && bytes[7] == 0);
    portal_wipe(NULL, 0);
    SEEN(PORTAL_OK, PORTAL_OK, portal_wipe);

    CHECK(strcmp(portal_version(), PORTAL_VERSION) == 0);
    SEEN(PORTAL_OK, PORTAL_OK, portal_version);
    CHECK(portal_abi() == PORTAL_ABI);
    SEEN(PORTAL_OK, PORTAL_OK, portal_abi);
    CHECK((portal_features() & ~(PORTAL_FEATURE_HTTP | PORTAL_FEATURE_FILE_STORE | PORTAL_FEATURE_JSON)) == 0);
    SEEN(PORTAL_OK, PORTAL_OK, portal_features);

    CHECK(strcmp(portal_name(PORTAL_GROUP_CODE, PORTAL_ERR_SIGN_IN_NEEDED), "sign_in_needed") == 0);
    CHECK(strcmp(portal_name(PORTAL_GROUP_CODE, PORTAL_ERR_REPEATED_TOKEN), "repeated_token") == 0);
    CHECK(strcmp(portal_name(PORTAL_GROUP_STATE, PORTAL_STATE_SIGNED_OUT), "signed_out") == 0);
    CHECK(strcmp(portal_name(PORTAL_GROUP_REASON, PORTAL_REASON_NEAR_IDLE), "near_idle") == 0);
    CHECK(strcmp(portal_name(PORTAL_GROUP_REASON, PORTAL_REASON_OTHER_CLIENT), "other_client") == 0);
    CHECK(strcmp(portal_name(PORTAL_GROUP_REASON, PORTAL_REASON_OTHER_ORIGIN), "other_origin") == 0);
    CHECK(strcmp(portal_name(PORTAL_GROUP_REASON, PORTAL_REASON_WRONG_KEY), "wrong_key") == 0);
    CHECK(strcmp(portal_name(PORTAL_GROUP_REASON, PORTAL_REASON_OTHER_VERSION), "other_version") == 0);
    CHECK(strcmp(portal_name(PORTAL_GROUP_REASON, PORTAL_REASON_OTHER_VERSION + 1), "?") == 0);
    CHECK(strcmp(portal_name(PORTAL_GROUP_VERDICT, PORTAL_VERDICT_THROTTLED), "throttled") == 0);
    CHECK(strcmp(portal_name(PORTAL_GROUP_CLOCK, PORTAL_CLOCK_UNTRUSTED), "untrusted") == 0);
    CHECK(strcmp(portal_name(PORTAL_GROUP_STORE, PORTAL_STORE_MEMORY_ONLY), "memory_only") == 0);
    CHECK(strcmp(portal_name(PORTAL_GROUP_RENEWAL, PORTAL_RENEWAL_BACKING_OFF), "backing_off") == 0);
    CHECK(strcmp(portal_name(PORTAL_GROUP_EVENT, PORTAL_EVENT_NEW_TOKEN), "new_token") == 0);
    CHECK(strcmp(portal_name(PORTAL_GROUP_CODE, 1), "?") == 0);
    CHECK(strcmp(portal_name(PORTAL_GROUP_CODE, -26), "?") == 0);
    CHECK(strcmp(portal_name(PORTAL_GROUP_STATE, -1), "?") == 0);
    CHECK(strcmp(portal_name(PORTAL_GROUP_EVENT, 99), "?") == 0);
    CHECK(strcmp(portal_name(99, 0), "?") == 0);
    SEEN(PORTAL_OK, PORTAL_OK, portal_name);

    portal_init(&answer, sizeof answer);
    answer.http_status = 204;
    CHECK(portal_verdict_of(&answer) == PORTAL_VERDICT_ACCEPTED);
    answer.http_status = 401;
    CHECK(portal_verdict_of(&answer) == PORTAL_VERDICT_REJECTED);
    answer.http_status = 403;
    CHECK(portal_verdict_of(&answer) == PORTAL_VERDICT_FORBIDDEN);
    answer.http_status = 429;
    CHECK(portal_verdict_of(&answer) == PORTAL_VERDICT_THROTTLED);
    answer.http_status = 503;
    CHECK(portal_verdict_of(&answer) == PORTAL_VERDICT_UNAVAILABLE);
    answer.http_status = 404;
    CHECK(portal_verdict_of(&answer) == PORTAL_VERDICT_OTHER);
    answer.http_status = 0;
    answer.error_id = text_of("SESSION_EXPIRED");
    CHECK(portal_verdict_of(&answer) == PORTAL_VERDICT_REJECTED);
    answer.error_id = text_of("");
    answer.exception = text_of("io.portalhq.PortalHttpUnauthorizedException");
    CHECK(portal_verdict_of(&answer) == PORTAL_VERDICT_REJECTED);
    answer.exception = text_of("");
    answer.legacy_code = 202;
    CHECK(portal_verdict_of(&answer) == PORTAL_VERDICT_REJECTED);
    answer.struct_size = 4; /* cannot be read */
    CHECK(portal_verdict_of(&answer) == PORTAL_VERDICT_OTHER);
    SEEN(PORTAL_OK, PORTAL_OK, portal_verdict_of);

    CHECK(portal_live_objects() == 0);
    SEEN(PORTAL_OK, PORTAL_OK, portal_live_objects);
}

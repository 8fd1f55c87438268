/* portal_lease_*, portal_cancel. */
#include <string.h>

#include "check.h"
#include "rig.h"

#define DAY_MS ((int64_t)24 * 3600 * 1000)

void test_try_stamp_report(void) {
    rig r;
    outcome o;
    portal_lease lease;
    portal_lease foreign;
    portal_lease old;
    char token[PORTAL_TOKEN_MAX];
    size_t length = sizeof token;
    rig_init(&r);
    r.provides = "the-token";
    rig_open(&r);
    portal_init(&lease, sizeof lease);
    EXPECT(PORTAL_ERR_NO_TOKEN, portal_lease_try, r.session, &lease, token, &length, NULL);
    acquire(&r, 0, 0, &o);
    SEEN(PORTAL_OK, wait_for(&o), portal_lease_acquire);
    CHECK(strcmp(o.token, "the-token") == 0);
    length = sizeof token;
    EXPECT(PORTAL_OK, portal_lease_try, r.session, &lease, token, &length, NULL);
    CHECK(length == 9 && memcmp(token, "the-token", 9) == 0);
    CHECK(lease.generation == 1 && lease.epoch == 1 && lease.sent_boot_ms == 3600000 && lease.sent_unix_ms == 1700000000000);
    CHECK(lease.boot_tag == 7 && lease.left_ms == DAY_MS && lease.struct_size == sizeof lease);
    CHECK(lease.session_tag == o.lease.session_tag && lease.flags == PORTAL_LEASE_MEMORY_ONLY);
    EXPECT(PORTAL_OK, portal_lease_try, r.session, &lease, NULL, NULL, NULL);
    length = 8;
    EXPECT(PORTAL_ERR_BUFFER_TOO_SMALL, portal_lease_try, r.session, &lease, token, &length, NULL);
    CHECK(length == 9);
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_lease_try, r.session, &lease, token, NULL, NULL);
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_lease_try, r.session, NULL, token, &length, NULL);
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_lease_try, NULL, &lease, token, &length, NULL);

    rig_advance(&r, 5000);
    EXPECT(PORTAL_OK, portal_lease_stamp, r.session, &lease, NULL);
    CHECK(lease.sent_boot_ms == 3605000 && lease.sent_unix_ms == 1700000005000);
    foreign = lease;
    foreign.session_tag ^= 1;
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_lease_stamp, r.session, &foreign, NULL);
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_lease_stamp, r.session, NULL, NULL);

    EXPECT(PORTAL_OK, portal_lease_report, r.session, &lease, 200, NULL, NULL);
    EXPECT(PORTAL_OK, portal_lease_try, r.session, &lease, NULL, NULL, NULL);
    CHECK(lease.left_ms == DAY_MS);
    EXPECT(PORTAL_OK, portal_lease_report, r.session, &lease, 403, NULL, NULL);
    EXPECT(PORTAL_OK, portal_lease_report, r.session, &lease, 503, NULL, NULL);
    EXPECT(PORTAL_OK, portal_lease_try, r.session, &lease, NULL, NULL, NULL);
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_lease_report, r.session, &foreign, 200, NULL, NULL);
    EXPECT(PORTAL_OK, portal_lease_report, r.session, &lease, 401, NULL, NULL);
    EXPECT(PORTAL_ERR_NO_TOKEN, portal_lease_try, r.session, &lease, NULL, NULL, NULL);
    old = lease;
    EXPECT(PORTAL_OK, portal_session_clear, r.session, NULL, NULL);
    EXPECT(PORTAL_ERR_STALE, portal_lease_report, r.session, &old, 200, NULL, NULL);
    EXPECT(PORTAL_ERR_STALE, portal_lease_report, r.session, &old, 401, NULL, NULL);
    EXPECT(PORTAL_ERR_STALE, portal_lease_report, r.session, &old, 403, NULL, NULL);

    EXPECT(PORTAL_OK, portal_session_close, r.session, 30000, NULL);
    EXPECT(PORTAL_ERR_CLOSED, portal_lease_try, r.session, &lease, NULL, NULL, NULL);
    EXPECT(PORTAL_ERR_CLOSED, portal_lease_stamp, r.session, &lease, NULL);
    EXPECT(PORTAL_ERR_CLOSED, portal_lease_report, r.session, &lease, 200, NULL, NULL);
    EXPECT(PORTAL_ERR_CLOSED, portal_lease_report, r.session, &lease, 403, NULL, NULL);
    rig_close(&r);
}

/* One code, by acquire and by wait. `provides` of the rig decides, or the store. */
static void both_end(rig *r, uint32_t flags, uint64_t newer_than, portal_code expected) {
    outcome o;
    blocking b;
    acquire(r, flags, newer_than, &o);
    begin_blocking(r, flags, newer_than, &b);
    while (!is_over(&b)) rig_advance(r, 0);
    SEEN(expected, wait_for(&o), portal_lease_acquire);
    SEEN(expected, end_blocking(&b), portal_lease_wait);
    CHECK(expected == PORTAL_OK || o.error.message[0] != '\0');
}

static void test_provider_codes(void) {
    static const char *const bad = "with space";
    rig r;
    int i;
    rig_init(&r);
    r.options.provider.ask = NULL;
    rig_open(&r);
    both_end(&r, 0, 0, PORTAL_ERR_NO_PROVIDER);
    EXPECT(PORTAL_OK, portal_session_clear, r.session, NULL, NULL);
    both_end(&r, 0, 0, PORTAL_ERR_SIGN_IN_NEEDED);
    rig_close(&r);

    rig_init(&r);
    r.provides = bad;
    rig_open(&r);
    both_end(&r, 0, 0, PORTAL_ERR_BAD_TOKEN);
    rig_close(&r);

    rig_init(&r);
    r.provides = "the-token";
    rig_open(&r);
    both_end(&r, 0, 0, PORTAL_OK);
    rig_settle(&r);
    for (i = 1; i <= 3; ++i) { /* the same token again is none */
        portal_lease lease;
        outcome o;
        portal_token_input next = token_input(i == 1 ? "token-2" : "token-3");
        portal_init(&lease, sizeof lease);
        EXPECT(PORTAL_OK, portal_lease_try, r.session, &lease, NULL, NULL, NULL);
        EXPECT(PORTAL_OK, portal_lease_report, r.session, &lease, 401, NULL, NULL);
        rig_settle(&r);
        if (i == 1) {
            both_end(&r, 0, 1, PORTAL_ERR_REPEATED_TOKEN);
            EXPECT(PORTAL_OK, portal_session_push, r.session, &next, NULL);
        } else if (i == 2) {
            break;
        }
        acquire(&r, 0, 0, &o);
        CHECK(wait_for(&o) == PORTAL_OK);
    }
    rig_close(&r);
}

/* A server that rejects each new token. */
static void test_refused(void) {
    static const char *const tokens[] = {"token-1", "token-2", "token-3", "token-4"};
    rig r;
    outcome o;
    uint64_t generation = 0;
    int i;
    rig_init(&r);
    rig_open(&r);
    for (i = 0; i < 4; ++i) {
        r.provides = tokens[i];
        acquire(&r, 0, generation, &o);
        CHECK(wait_for(&o) == PORTAL_OK);
        generation = o.lease.generation;
        EXPECT(PORTAL_OK, portal_lease_report, r.session, &o.lease, 401, NULL, NULL);
    }
    both_end(&r, 0, generation, PORTAL_ERR_REFUSED);
    rig_close(&r);
}

/* Answers the n-th ask with one of the failures, for an acquire and a blocking wait that are there by then. */
static void failing(portal_code expected) {
    rig r;
    outcome o;
    blocking b;
    uint64_t id;
    portal_token_input token = token_input("the-token");
    portal_failure failure;
    rig_init(&r);
    r.options.client_id = text_of("client-1");
    rig_open(&r);
    acquire(&r, 0, 0, &o);
    id = rig_ask(&r, 1);
    begin_blocking(&r, 0, 0, &b);
    await_blocking(&b);
    portal_init(&failure, sizeof failure);
    failure.retry_after_ms = 1000;
    failure.host_code = 42;
    if (expected == PORTAL_ERR_PROVIDER_FAILED) EXPECT(PORTAL_OK, portal_request_fail, id, &failure, NULL);
    if (expected == PORTAL_ERR_SIGN_IN_NEEDED) EXPECT(PORTAL_OK, portal_request_decline, id, 42, NULL);
    if (expected == PORTAL_ERR_CLIENT_MISMATCH) token.client_id = text_of("client-2");
    if (expected == PORTAL_ERR_TOKEN_TOO_OLD) token.age_ms = DAY_MS;
    if (expected == PORTAL_ERR_UNSUPPORTED) token.flags = PORTAL_TOKEN_JSON;
    if (token.age_ms != 0 || token.client_id.length != 0 || token.flags != 0) {
        EXPECT(expected, portal_request_fulfil, id, &token, NULL);
        EXPECT(PORTAL_ERR_STALE, portal_request_fulfil, id, &token, NULL);
    }
    SEEN(expected, wait_for(&o), portal_lease_acquire);
    SEEN(expected, end_blocking(&b), portal_lease_wait);
    if (expected == PORTAL_ERR_PROVIDER_FAILED) CHECK(o.error.retry_after_ms >= 1000 && o.error.os_code == 42);
    if (expected == PORTAL_ERR_SIGN_IN_NEEDED) CHECK(o.error.os_code == 42);
    rig_close(&r);
}

static void test_deadlines(void) {
    rig r;
    outcome o;
    blocking b;
    portal_code code = PORTAL_OK;
    int i;
    /* A wait that begins late on a slow machine would be told of the token request's own limit: then once more. */
    for (i = 0; i < 100 && code != PORTAL_ERR_TIMEOUT; ++i) {
        rig_init(&r);
        r.options.request_timeout_ms = 5 * 60 * 1000;
        rig_open(&r);
        acquire(&r, 0, 0, &o);
        (void)rig_ask(&r, 1);
        begin_blocking(&r, 0, 0, &b);
        await_blocking(&b);
        rig_settle(&r);
        while (!is_over(&b)) rig_advance(&r, 35 * 1000);
        SEEN(PORTAL_ERR_TIMEOUT, wait_for(&o), portal_lease_acquire);
        code = end_blocking(&b);
        rig_close(&r);
    }
    SEEN(PORTAL_ERR_TIMEOUT, code, portal_lease_wait);

    rig_init(&r);
    rig_with_store(&r, STORE_UNAVAILABLE);
    rig_open(&r);
    acquire(&r, 0, 0, &o);
    begin_blocking(&r, 0, 0, &b);
    while (!is_over(&b)) rig_advance(&r, 35 * 1000);
    SEEN(PORTAL_ERR_STORE_UNAVAILABLE, wait_for(&o), portal_lease_acquire);
    SEEN(PORTAL_ERR_STORE_UNAVAILABLE, end_blocking(&b), portal_lease_wait);
    rig_close(&r);

    /* A wait that begins behind the clear would be told SIGN_IN_NEEDED: then once more. */
    for (i = 0; i < 100 && code != PORTAL_ERR_CLEARED; ++i) {
        rig_init(&r);
        rig_open(&r);
        acquire(&r, 0, 0, &o);
        (void)rig_ask(&r, 1);
        begin_blocking(&r, 0, 0, &b);
        await_blocking(&b);
        rig_settle(&r);
        EXPECT(PORTAL_OK, portal_session_clear, r.session, NULL, NULL);
        SEEN(PORTAL_ERR_CLEARED, wait_for(&o), portal_lease_acquire);
        code = end_blocking(&b);
        rig_settle(&r);
        CHECK(r.withdrawn == 1);
        rig_close(&r);
    }
    SEEN(PORTAL_ERR_CLEARED, code, portal_lease_wait);

    rig_init(&r);
    rig_open(&r);
    acquire(&r, 0, 0, &o);
    (void)rig_ask(&r, 1);
    begin_blocking(&r, 0, 0, &b);
    (void)portal_session_close(r.session, 0, NULL);
    SEEN(PORTAL_ERR_CLOSED, wait_for(&o), portal_lease_acquire);
    SEEN(PORTAL_ERR_CLOSED, end_blocking(&b), portal_lease_wait);
    rig_close(&r);
}

static void wait_in_callback(void *userdata, portal_code code, const portal_lease *lease, portal_text token,
                             const portal_error *error) {
    rig *r = userdata;
    portal_lease own;
    char buffer[PORTAL_TOKEN_MAX];
    size_t length = sizeof buffer;
    (void)code, (void)lease, (void)token, (void)error;
    portal_init(&own, sizeof own);
    EXPECT(PORTAL_ERR_IN_CALLBACK, portal_lease_wait, r->session, NULL, &own, buffer, &length, NULL);
}

static void test_calls(void) {
    rig r;
    outcome o;
    portal_acquired done;
    portal_acquire_options options;
    portal_lease lease;
    char token[PORTAL_TOKEN_MAX];
    size_t length = 3;
    uint64_t id = 0;
    rig_init(&r);
    rig_open(&r);
    portal_init(&options, sizeof options);
    options.timeout_ms = 10 * 60 * 1000 + 1;
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_lease_acquire, r.session, &options, into_acquired(&o), NULL, NULL);
    CHECK(o.times == 0 && o.released == 1);
    portal_init(&lease, sizeof lease);
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_lease_wait, r.session, &options, &lease, token, &length, NULL);
    options.timeout_ms = 0;
    options.flags = 4;
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_lease_acquire, r.session, &options, into_acquired(&o), NULL, NULL);
    done = into_acquired(&o);
    done.fn = NULL;
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_lease_acquire, r.session, NULL, done, NULL, NULL);
    CHECK(o.released == 1);
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_lease_wait, r.session, NULL, &lease, NULL, &length, NULL);

    EXPECT(PORTAL_OK, portal_lease_acquire, r.session, NULL, into_acquired(&o), &id, NULL);
    CHECK(id != 0);
    EXPECT(PORTAL_OK, portal_cancel, id, NULL);
    SEEN(PORTAL_ERR_CANCELLED, wait_for(&o), portal_lease_acquire);
    EXPECT(PORTAL_ERR_STALE, portal_cancel, id, NULL);
    EXPECT(PORTAL_ERR_STALE, portal_cancel, 0, NULL);

    {
        const uint64_t request = rig_ask(&r, 1);
        const portal_token_input input = token_input("the-token");
        EXPECT(PORTAL_OK, portal_request_fulfil, request, &input, NULL);
    }
    acquire(&r, 0, 0, &o);
    CHECK(wait_for(&o) == PORTAL_OK);
    EXPECT(PORTAL_ERR_BUFFER_TOO_SMALL, portal_lease_wait, r.session, NULL, &lease, token, &length, NULL);
    CHECK(length == 9);
    EXPECT(PORTAL_OK, portal_lease_wait, r.session, NULL, &lease, token, &length, NULL);
    CHECK(length == 9 && memcmp(token, "the-token", 9) == 0 && lease.generation == 1);
    done.fn = wait_in_callback;
    done.userdata = &r;
    done.release = NULL;
    EXPECT(PORTAL_OK, portal_lease_acquire, r.session, NULL, done, NULL, NULL);
    rig_settle(&r);

    EXPECT(PORTAL_OK, portal_session_close, r.session, 30000, NULL);
    EXPECT(PORTAL_ERR_CLOSED, portal_lease_acquire, r.session, NULL, into_acquired(&o), NULL, NULL);
    CHECK(o.times == 0 && o.released == 1);
    EXPECT(PORTAL_ERR_CLOSED, portal_lease_wait, r.session, NULL, &lease, token, &length, NULL);
    rig_close(&r);
}

void test_waits(void) {
    test_calls();
    test_provider_codes();
    test_refused();
    failing(PORTAL_ERR_PROVIDER_FAILED);
    failing(PORTAL_ERR_SIGN_IN_NEEDED);
    failing(PORTAL_ERR_CLIENT_MISMATCH);
    failing(PORTAL_ERR_TOKEN_TOO_OLD);
    if ((portal_features() & PORTAL_FEATURE_JSON) == 0) failing(PORTAL_ERR_UNSUPPORTED);
    test_deadlines();
}

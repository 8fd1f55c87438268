/* portal_session_push, portal_request_*. */
#include <string.h>

#include "check.h"
#include "rig.h"

#define DAY_MS ((int64_t)24 * 3600 * 1000)

static const char *const json =
    "{\"id\":\"client-1\",\"clientSessionToken\":\"json-token\",\"clientApiKey\":\"must-not-be-taken\"}";

static void test_push(void) {
    rig r;
    outcome o;
    portal_token_input token = token_input("the-token");
    rig_init(&r);
    rig_open(&r);
    token.client_id = text_of("client-1");
    EXPECT(PORTAL_OK, portal_session_push, r.session, &token, NULL);
    acquire(&r, 0, 0, &o);
    CHECK(wait_for(&o) == PORTAL_OK && strcmp(o.token, "the-token") == 0);
    token = token_input("other-token");
    token.client_id = text_of("client-2");
    EXPECT(PORTAL_ERR_CLIENT_MISMATCH, portal_session_push, r.session, &token, NULL);
    token = token_input("");
    EXPECT(PORTAL_ERR_BAD_TOKEN, portal_session_push, r.session, &token, NULL);
    token = token_input("old-token");
    token.age_ms = DAY_MS - 60000;
    EXPECT(PORTAL_ERR_TOKEN_TOO_OLD, portal_session_push, r.session, &token, NULL);
    token.age_ms = -1;
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_session_push, r.session, &token, NULL);
    token.age_ms = 0;
    token.flags = 2;
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_session_push, r.session, &token, NULL);
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_session_push, r.session, NULL, NULL);
    token.flags = 0;
    token.expected_epoch = 9;
    EXPECT(PORTAL_ERR_STALE, portal_session_push, r.session, &token, NULL);

    EXPECT(PORTAL_OK, portal_lease_report, r.session, &o.lease, 401, NULL, NULL);
    rig_settle(&r);
    token = token_input("the-token");
    EXPECT(PORTAL_ERR_REPEATED_TOKEN, portal_session_push, r.session, &token, NULL);

    token = token_input(json);
    token.flags = PORTAL_TOKEN_JSON;
    if ((portal_features() & PORTAL_FEATURE_JSON) != 0) {
        EXPECT(PORTAL_OK, portal_session_push, r.session, &token, NULL);
        acquire(&r, 0, 0, &o);
        CHECK(wait_for(&o) == PORTAL_OK && strcmp(o.token, "json-token") == 0);
        token.token = text_of("{\"clientApiKey\":\"a-key\"}");
        EXPECT(PORTAL_ERR_BAD_TOKEN, portal_session_push, r.session, &token, NULL);
    } else {
        EXPECT(PORTAL_ERR_UNSUPPORTED, portal_session_push, r.session, &token, NULL);
    }
    EXPECT(PORTAL_OK, portal_session_close, r.session, 30000, NULL);
    token = token_input("the-token");
    EXPECT(PORTAL_ERR_CLOSED, portal_session_push, r.session, &token, NULL);
    rig_close(&r);
}

static void test_switch(void) {
    static const int how[] = {STORE_UNAVAILABLE, STORE_FAILED};
    static const portal_code code[] = {PORTAL_ERR_STORE_UNAVAILABLE, PORTAL_ERR_STORE_FAILED};
    rig r;
    outcome o;
    portal_done done;
    portal_token_input token;
    int i;
    rig_init(&r);
    r.provides = "old-token";
    rig_open(&r);
    acquire(&r, 0, 0, &o);
    CHECK(wait_for(&o) == PORTAL_OK);
    done = into_done(&o);
    token = token_input("with space");
    EXPECT(PORTAL_ERR_BAD_TOKEN, portal_session_switch, r.session, &token, &done, NULL);
    CHECK(o.times == 0 && o.released == 1);
    token = token_input("new-token");
    token.age_ms = DAY_MS;
    EXPECT(PORTAL_ERR_TOKEN_TOO_OLD, portal_session_switch, r.session, &token, NULL, NULL);
    token.age_ms = 0;
    token.expected_epoch = 9;
    EXPECT(PORTAL_ERR_STALE, portal_session_switch, r.session, &token, NULL, NULL);
    token.expected_epoch = 1;
    token.client_id = text_of("a b");
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_session_switch, r.session, &token, NULL, NULL);
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_session_switch, r.session, NULL, NULL, NULL);
    token.client_id = text_of("client-2");
    done = into_done(&o);
    EXPECT(PORTAL_OK, portal_session_switch, r.session, &token, &done, NULL);
    SEEN(PORTAL_OK, wait_for(&o), portal_session_switch);
    acquire(&r, 0, 0, &o);
    CHECK(wait_for(&o) == PORTAL_OK && strcmp(o.token, "new-token") == 0 && o.lease.epoch == 2);
    EXPECT(PORTAL_ERR_STALE, portal_session_switch, r.session, &token, NULL, NULL);
    if ((portal_features() & PORTAL_FEATURE_JSON) == 0) {
        token = token_input(json);
        token.flags = PORTAL_TOKEN_JSON;
        EXPECT(PORTAL_ERR_UNSUPPORTED, portal_session_switch, r.session, &token, NULL, NULL);
    }
    EXPECT(PORTAL_OK, portal_session_close, r.session, 30000, NULL);
    token = token_input("new-token");
    EXPECT(PORTAL_ERR_CLOSED, portal_session_switch, r.session, &token, NULL, NULL);
    rig_close(&r);

    for (i = 0; i < 2; ++i) {
        rig_init(&r);
        rig_with_store(&r, how[i]);
        rig_open(&r);
        rig_settle(&r);
        token = token_input("new-token");
        done = into_done(&o);
        EXPECT(PORTAL_OK, portal_session_switch, r.session, &token, &done, NULL);
        if (i == 0) rig_advance(&r, 500); /* the locked store is tried again */
        SEEN(code[i], wait_for(&o), portal_session_switch);
        rig_close(&r);
    }
}

static void test_fulfil(void) {
    rig r;
    outcome o;
    portal_token_input token = token_input("the-token");
    uint64_t id;
    rig_init(&r);
    r.options.client_id = text_of("client-1");
    rig_open(&r);
    acquire(&r, 0, 0, &o);
    id = rig_ask(&r, 1);
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_request_fulfil, id, NULL, NULL); /* the request is still open */
    token = token_input("json-token");
    if ((portal_features() & PORTAL_FEATURE_JSON) != 0) {
        token.flags = PORTAL_TOKEN_JSON;
        token.token = text_of(json);
    }
    EXPECT(PORTAL_OK, portal_request_fulfil, id, &token, NULL);
    CHECK(wait_for(&o) == PORTAL_OK && strcmp(o.token, "json-token") == 0);
    EXPECT(PORTAL_ERR_STALE, portal_request_fulfil, id, &token, NULL);
    EXPECT(PORTAL_ERR_STALE, portal_request_decline, id, 0, NULL);
    EXPECT(PORTAL_ERR_STALE, portal_request_fail, id, NULL, NULL);
    EXPECT(PORTAL_ERR_STALE, portal_request_fail, 0, NULL, NULL);

    EXPECT(PORTAL_OK, portal_lease_report, r.session, &o.lease, 401, NULL, NULL);
    acquire(&r, 0, o.lease.generation, &o);
    token = token_input("json-token");
    EXPECT(PORTAL_ERR_REPEATED_TOKEN, portal_request_fulfil, rig_ask(&r, 2), &token, NULL);
    CHECK(wait_for(&o) == PORTAL_ERR_REPEATED_TOKEN);

    rig_advance(&r, 10 * 60 * 1000);
    acquire(&r, 0, 0, &o);
    token = token_input("with space");
    EXPECT(PORTAL_ERR_BAD_TOKEN, portal_request_fulfil, rig_ask(&r, 3), &token, NULL);
    CHECK(wait_for(&o) == PORTAL_ERR_BAD_TOKEN);

    rig_advance(&r, 10 * 60 * 1000);
    acquire(&r, 0, 0, &o);
    id = rig_ask(&r, 4);
    {
        portal_failure failure;
        portal_init(&failure, sizeof failure);
        failure.flags = 2;
        EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_request_fail, id, &failure, NULL);
        failure.flags = 0;
        failure.retry_after_ms = -1;
        EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_request_fail, id, &failure, NULL);
        failure.retry_after_ms = 0;
        failure.reserved2 = 1;
        EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_request_fail, id, &failure, NULL);
        failure.reserved2 = 0;
        failure.retry_after = text_of("120");
        failure.http_status = 503;
        EXPECT(PORTAL_OK, portal_request_fail, id, &failure, NULL);
    }
    CHECK(wait_for(&o) == PORTAL_ERR_PROVIDER_FAILED);
    CHECK(o.error.retry_after_ms >= 120000 && o.error.http_status == 503 && (o.error.flags & PORTAL_FLAG_RETRYABLE) != 0);

    rig_advance(&r, 3600 * 1000);
    acquire(&r, 0, 0, &o);
    EXPECT(PORTAL_OK, portal_request_fail, rig_ask(&r, 5), NULL, NULL);
    CHECK(wait_for(&o) == PORTAL_ERR_PROVIDER_FAILED && o.error.retry_after_ms < 5 * 60 * 1000);
    rig_close(&r);
}

static portal_backend_answer answer_with(const char *token) {
    portal_backend_answer answer;
    portal_init(&answer, sizeof answer);
    answer.http_status = 200;
    answer.flags = PORTAL_ANSWER_PARSED;
    answer.token_or_body = text_of(token);
    return answer;
}

static void test_answer(void) {
    rig r;
    outcome o;
    portal_backend_answer answer = answer_with("the-token");
    uint64_t id;
    rig_init(&r);
    r.options.client_id = text_of("client-1");
    rig_open(&r);
    acquire(&r, 0, 0, &o);
    id = rig_ask(&r, 1);
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_request_answer, id, NULL, NULL); /* the request is still open */
    EXPECT(PORTAL_OK, portal_request_answer, id, &answer, NULL);
    CHECK(wait_for(&o) == PORTAL_OK && strcmp(o.token, "the-token") == 0);
    EXPECT(PORTAL_ERR_STALE, portal_request_answer, id, &answer, NULL);

    EXPECT(PORTAL_OK, portal_lease_report, r.session, &o.lease, 401, NULL, NULL);
    acquire(&r, 0, o.lease.generation, &o);
    EXPECT(PORTAL_ERR_REPEATED_TOKEN, portal_request_answer, rig_ask(&r, 2), &answer, NULL);
    CHECK(wait_for(&o) == PORTAL_ERR_REPEATED_TOKEN);

    rig_advance(&r, 10 * 60 * 1000);
    acquire(&r, 0, 0, &o);
    answer = answer_with("other-token");
    answer.client_id = text_of("client-2");
    EXPECT(PORTAL_ERR_CLIENT_MISMATCH, portal_request_answer, rig_ask(&r, 3), &answer, NULL);
    CHECK(wait_for(&o) == PORTAL_ERR_CLIENT_MISMATCH);

    rig_advance(&r, 10 * 60 * 1000);
    acquire(&r, 0, 0, &o);
    answer = answer_with("other-token");
    answer.age_ms = DAY_MS;
    EXPECT(PORTAL_ERR_TOKEN_TOO_OLD, portal_request_answer, rig_ask(&r, 4), &answer, NULL);
    CHECK(wait_for(&o) == PORTAL_ERR_TOKEN_TOO_OLD);

    rig_advance(&r, 10 * 60 * 1000);
    acquire(&r, 0, 0, &o);
    answer = answer_with("with space");
    EXPECT(PORTAL_ERR_BAD_TOKEN, portal_request_answer, rig_ask(&r, 5), &answer, NULL);
    CHECK(wait_for(&o) == PORTAL_ERR_BAD_TOKEN && o.error.http_status == 200);

    if ((portal_features() & PORTAL_FEATURE_JSON) == 0) {
        rig_advance(&r, 10 * 60 * 1000);
        acquire(&r, 0, 0, &o);
        answer = answer_with(json);
        answer.flags = 0;
        EXPECT(PORTAL_ERR_UNSUPPORTED, portal_request_answer, rig_ask(&r, 6), &answer, NULL);
        CHECK(wait_for(&o) == PORTAL_ERR_UNSUPPORTED);
    }
    rig_close(&r);
}

void test_tokens(void) {
    test_push();
    test_switch();
    test_fulfil();
    test_answer();
}

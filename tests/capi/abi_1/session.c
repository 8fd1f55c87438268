/* A session in memory, from its first token to its close. */
#include "host.h"

enum { HOUR_MS = 3600000 };

typedef struct taken {
    GUARDED(portal_lease) lease;
    GUARDED(portal_error) error;
    char token[PORTAL_TOKEN_MAX + 1];
    size_t length;
} taken;

static void clean(taken *t) {
    GUARD(t->lease);
    GUARD(t->error);
    memset(t->token, 0, sizeof t->token);
    t->length = PORTAL_TOKEN_MAX;
}

static portal_code try_token(host *h, taken *t) {
    portal_code code;
    clean(t);
    code = portal_lease_try(h->session, &t->lease.out, t->token, &t->length, &t->error.out);
    EXPECT_GUARDED(t->lease);
    EXPECT_GUARDED(t->error);
    return code;
}

static portal_code wait_token(host *h, uint64_t newer_than, taken *t) {
    portal_acquire_options options;
    portal_code code;
    portal_init(&options, sizeof options);
    options.newer_than = newer_than;
    clean(t);
    code = portal_lease_wait(h->session, &options, &t->lease.out, t->token, &t->length, &t->error.out);
    EXPECT_GUARDED(t->lease);
    EXPECT_GUARDED(t->error);
    return code;
}

static void expect_token(host *h, uint64_t newer_than, const char *token, taken *t) {
    expect_code(PORTAL_OK, wait_token(h, newer_than, t), "a wait ends with a token");
    expect(strcmp(t->token, token) == 0 && t->length == strlen(token), "a wait gives the token that is due");
    expect(t->lease.out.struct_size == sizeof t->lease.out, "an output keeps the program's struct_size");
}

static portal_status status_of(host *h) {
    GUARDED(portal_status) status;
    GUARD(status);
    expect_code(PORTAL_OK, portal_session_status(h->session, &status.out, NULL), "a status is read");
    EXPECT_GUARDED(status);
    return status.out;
}

static void test_lease(host *h) {
    portal_answer answer;
    portal_status status;
    taken t;
    uint64_t first;
    size_t room = 3;
    expect_token(h, 0, "token-1", &t);
    first = t.lease.out.generation;
    expect_code(PORTAL_OK, try_token(h, &t), "a valid token is read without waiting");
    expect(strcmp(t.token, "token-1") == 0 && t.lease.out.generation == first, "a read gives the token");
    expect(t.lease.out.boot_tag == 7, "a lease names the boot");
    expect(t.lease.out.flags == PORTAL_LEASE_MEMORY_ONLY && t.lease.out.left_ms == 24 * HOUR_MS, "a new token's lease");
    expect_code(PORTAL_ERR_BUFFER_TOO_SMALL, portal_lease_try(h->session, &t.lease.out, t.token, &room, NULL), "no room");
    expect(room == 7, "a small buffer is answered with the length needed");
    expect_code(PORTAL_OK, portal_lease_try(h->session, &t.lease.out, NULL, NULL, NULL), "a lease alone is taken");

    host_move(h, HOUR_MS);
    expect_code(PORTAL_OK, portal_lease_stamp(h->session, &t.lease.out, NULL), "a lease is stamped");
    expect(t.lease.out.sent_boot_ms == 2 * HOUR_MS, "a stamp is now");
    expect(t.lease.out.sent_unix_ms == 1700000000000 + HOUR_MS, "a stamp is now by the wall too");
    status = status_of(h);
    expect(status.idle_left_ms == 23 * HOUR_MS && status.absolute_left_ms == 167 * HOUR_MS, "an hour of both has passed");
    portal_init(&answer, sizeof answer);
    answer.http_status = 200;
    expect_code(PORTAL_OK, portal_lease_report(h->session, &t.lease.out, 200, &answer, NULL), "a 2xx is reported");
    status = status_of(h);
    expect(status.struct_size == sizeof status && status.idle_left_ms == 24 * HOUR_MS, "a 2xx slides the idle deadline");
    expect(status.state == PORTAL_STATE_FRESH && status.store == PORTAL_STORE_MEMORY_ONLY, "a fresh token, in memory");
    expect(status.generation == first && status.mints_first == 1 && status.waits == 1, "a status counts");
    expect(status.idle_deadline_unix_ms == 1700000000000 + 25 * HOUR_MS, "a status shows the deadline");
}

static void test_answers(host *h) {
    portal_token_input input = input_of("pushed-1");
    portal_token_input empty = input_of("");
    taken t;
    outcome o;
    uint64_t id = 0;
    portal_acquire_options options;
    portal_init(&options, sizeof options);
    expect_token(h, 0, "token-1", &t);
    options.newer_than = t.lease.out.generation;
    options.timeout_ms = 20000;
    expect_code(PORTAL_OK, portal_lease_acquire(h->session, &options, into_acquired(&o), &id, NULL), "an acquire starts");
    expect_code(PORTAL_OK, end_of(&o), "an acquire ends with a token");
    expect(id != 0 && strcmp(o.token, "token-2") == 0, "an acquire has an id and brings the next token");
    expect(o.lease.generation == t.lease.out.generation + 1, "the generation grows by one with a token");

    input.expected_epoch = o.lease.epoch;
    expect_code(PORTAL_OK, portal_session_push(h->session, &input, NULL), "a token is pushed");
    expect_token(h, 0, "pushed-1", &t);
    clean(&t);
    expect_code(PORTAL_ERR_BAD_TOKEN, portal_session_push(h->session, &empty, &t.error.out), "an empty token is bad");
    expect(t.error.out.code == PORTAL_ERR_BAD_TOKEN && t.error.out.message[0] != '\0', "an error has its code and a text");
    expect(t.error.out.struct_size == sizeof t.error.out, "an error keeps the program's struct_size");
    EXPECT_GUARDED(t.error);
    input.expected_epoch = o.lease.epoch + 1;
    expect_code(PORTAL_ERR_STALE, portal_session_push(h->session, &input, NULL), "a push of another epoch is stale");

    expect_code(PORTAL_OK, portal_lease_report(h->session, &o.lease, 401, NULL, NULL), "an older lease is reported");
    expect_code(PORTAL_OK, try_token(h, &t), "a 401 to an older token changes nothing");
    expect_code(PORTAL_OK, portal_lease_report(h->session, &t.lease.out, 401, NULL, NULL), "a 401 is reported");
    expect_code(PORTAL_ERR_NO_TOKEN, try_token(h, &t), "a rejected token is not read");
    expect(t.error.out.code == PORTAL_ERR_NO_TOKEN, "a read without a token says why");
    expect(status_of(h).state == PORTAL_STATE_REJECTED, "a rejected token's state");
    expect_token(h, 0, "token-3", &t);
    expect_code(PORTAL_OK, portal_session_prepare(h->session, NULL), "a session prepares");
}

static void test_failures(host *h) {
    portal_token_input input = input_of("token-4");
    portal_acquire_options options;
    taken t;
    outcome o;
    uint64_t id = 0;
    host_move(h, 6 * HOUR_MS); /* Portal's rejections above are forgotten */
    expect_token(h, 0, "token-3", &t);
    portal_init(&options, sizeof options);
    options.newer_than = t.lease.out.generation;

    host_set(h, IS_SILENT);
    expect_code(PORTAL_OK, portal_lease_acquire(h->session, &options, into_acquired(&o), &id, NULL), "an acquire starts");
    (void)host_ask(h, 4);
    expect_code(PORTAL_OK, portal_cancel(id, NULL), "an acquire is cancelled");
    expect_code(PORTAL_ERR_CANCELLED, end_of(&o), "a cancelled acquire ends so");
    expect_code(PORTAL_OK, portal_request_fulfil(h->asked, &input, NULL), "the late answer is welcome");
    expect_token(h, t.lease.out.generation, "token-4", &t);

    host_set(h, DECLINES);
    expect_code(PORTAL_ERR_SIGN_IN_NEEDED, wait_token(h, t.lease.out.generation, &t), "a declined request");
    expect(t.error.out.os_code == 41, "a declined request tells the host's number");
    host_set(h, FAILS);
    input = input_of("pushed-2");
    expect_code(PORTAL_OK, portal_session_push(h->session, &input, NULL), "a push after a decline signs in");
    expect_token(h, 0, "pushed-2", &t);
    expect_code(PORTAL_ERR_PROVIDER_FAILED, wait_token(h, t.lease.out.generation, &t), "a failed request");
    expect(t.error.out.os_code == 42 && t.error.out.http_status == 503, "a failed request tells the host's numbers");
    expect(t.error.out.retry_after_ms > 0, "a failed request tells when to try again");
    expect(status_of(h).renewal == PORTAL_RENEWAL_BACKING_OFF, "after a failure the provider is left alone");
}

static void test_clear(host *h) {
    portal_token_input input = input_of("pushed-3");
    portal_done done;
    taken t, before;
    outcome o;
    expect_token(h, 0, "pushed-2", &before);
    done = into_done(&o);
    expect_code(PORTAL_OK, portal_session_clear(h->session, &done, NULL), "a session is cleared");
    expect_code(PORTAL_ERR_NO_TOKEN, try_token(h, &t), "no read gives a token after a clear");
    expect_code(PORTAL_OK, end_of(&o), "a clear ends");
    expect_code(PORTAL_ERR_STALE, portal_lease_report(h->session, &before.lease.out, 200, NULL, NULL), "a lease of before");
    expect_code(PORTAL_ERR_SIGN_IN_NEEDED, wait_token(h, 0, &t), "signed out");
    expect(status_of(h).state == PORTAL_STATE_SIGNED_OUT && status_of(h).reason == PORTAL_REASON_CLEARED, "signed out");
    expect_code(PORTAL_OK, portal_session_push(h->session, &input, NULL), "a push signs in");
    expect_token(h, 0, "pushed-3", &t);
    expect(t.lease.out.epoch == before.lease.out.epoch + 1, "the epoch grows by one with a clear");
}

static void test_views(host *h) {
    char text[PORTAL_EXPLAIN_MAX];
    size_t length = 0, needed;
    outcome o;
    portal_notice notice;
    expect_code(PORTAL_OK, portal_session_explain(h->session, NULL, &length, NULL), "the length of explain");
    needed = length;
    length = sizeof text;
    expect_code(PORTAL_OK, portal_session_explain(h->session, text, &length, NULL), "explain");
    expect(needed <= sizeof text && text[0] == '{' && text[length - 1] == '}', "explain is an object that fits");
    expect(!contains(text, length, "pushed-3"), "explain holds no token");
    expect_code(PORTAL_OK, portal_session_allows(h->session, text_of("https"), text_of("api.portalhq.io"), 0, NULL),
                "the token goes to Portal");
    expect_code(PORTAL_ERR_HOST_NOT_ALLOWED,
                portal_session_allows(h->session, text_of("https"), text_of("portalhq.io.example.com"), 443, NULL),
                "the token goes nowhere else");
    for (notice = PORTAL_NOTICE_FOREGROUND; notice <= PORTAL_NOTICE_CLOCK_CHANGED; ++notice) {
        const portal_done done = into_done(&o);
        expect_code(PORTAL_OK, portal_session_notify(h->session, notice, &done, NULL), "a notice is taken");
        expect_code(PORTAL_OK, end_of(&o), "a notice ends");
    }
}

void test_session(void) {
    static const unsigned kinds = 1u << PORTAL_EVENT_STATE | 1u << PORTAL_EVENT_NEW_TOKEN | 1u << PORTAL_EVENT_REJECTED |
                                  1u << PORTAL_EVENT_RENEWAL_STARTED | 1u << PORTAL_EVENT_RENEWAL_FAILED |
                                  1u << PORTAL_EVENT_SIGN_IN_NEEDED | 1u << PORTAL_EVENT_CLEARED;
    host h;
    taken t;
    host_init(&h);
    h.options.struct_size = 8;
    expect_code(PORTAL_ERR_INVALID_ARGUMENT, portal_session_open(&h.options, &h.session, NULL), "options cut short");
    host_init(&h);
    host_open(&h);
    test_lease(&h);
    test_answers(&h);
    test_failures(&h);
    test_clear(&h);
    test_views(&h);
    expect((h.kinds & kinds) == kinds && h.lines != 0, "events and log lines come");
    expect_code(PORTAL_OK, portal_session_close(h.session, 60000, NULL), "a session closes");
    expect_code(PORTAL_ERR_CLOSED, try_token(&h, &t), "a closed session answers so");
    host_close(&h);
}

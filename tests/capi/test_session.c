/* portal_session_*, but for the tokens. */
#include <string.h>

#include "check.h"
#include "rig.h"

/* A failed open gives no session, an error that says why, and each userdata back. */
static void open_fails(rig *r, portal_code expected, int line) {
    portal_session *session = (portal_session *)r;
    portal_error error;
    portal_init(&error, sizeof error);
    expect_at(expected, portal_session_open(&r->options, &session, &error), "portal_session_open", __FILE__, line);
    CHECK(session == NULL);
    CHECK(error.code == expected && error.message[0] != '\0' && error.struct_size == sizeof error);
    CHECK(r->released == 2);
    CHECK(portal_live_objects() == 0);
    rig_init(r);
}

#define OPEN_FAILS(expected) open_fails(&r, expected, __LINE__)

static void no_key(void *userdata, uint64_t id, portal_text name) {
    (void)userdata;
    (void)id;
    (void)name;
}

void test_open(void) {
    static const portal_text bad_pin = {"too-short", 9};
    static const portal_text bad_host = {"https://portalhq.io", 19};
    char long_name[129];
    rig r;
    rig_init(&r);
    rig_open(&r);
    rig_close(&r);
    CHECK(r.released == 2);

    rig_init(&r);
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_session_open, &r.options, NULL, NULL);
    CHECK(r.released == 2);
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_session_open, NULL, &r.session, NULL);
    rig_init(&r);
    memset(long_name, 'x', sizeof long_name);
    r.options.name.data = long_name;
    r.options.name.length = sizeof long_name;
    OPEN_FAILS(PORTAL_ERR_INVALID_ARGUMENT);
    r.options.client_id = text_of("with space");
    OPEN_FAILS(PORTAL_ERR_INVALID_ARGUMENT);
    r.options.allowed_hosts = &bad_host;
    r.options.allowed_host_count = 1;
    OPEN_FAILS(PORTAL_ERR_INVALID_ARGUMENT);
    r.options.spki_pins = &bad_pin;
    r.options.spki_pin_count = 1;
    OPEN_FAILS(PORTAL_ERR_INVALID_ARGUMENT);
    r.options.directory = text_of("/nowhere");
    OPEN_FAILS(PORTAL_ERR_INVALID_ARGUMENT); /* without a key */
    r.options.flags = 2;
    OPEN_FAILS(PORTAL_ERR_INVALID_ARGUMENT);
    r.options.reserved = &r;
    OPEN_FAILS(PORTAL_ERR_INVALID_ARGUMENT);
    r.options.log.level = 5;
    OPEN_FAILS(PORTAL_ERR_INVALID_ARGUMENT);
    r.options.idle_ms = 1;
    OPEN_FAILS(PORTAL_ERR_POLICY);
    r.options.margin_ms = -2;
    OPEN_FAILS(PORTAL_ERR_POLICY);
    r.options.request_timeout_ms = 6 * 60 * 1000;
    OPEN_FAILS(PORTAL_ERR_POLICY);
    r.options.portal_url = text_of("http://api.portalhq.io");
    OPEN_FAILS(PORTAL_ERR_HOST_NOT_ALLOWED);
    r.options.portal_url = text_of("http://127.0.0.1:8080");
    OPEN_FAILS(PORTAL_ERR_HOST_NOT_ALLOWED);
    rig_with_transport(&r);
    r.options.transport.release = NULL;
    r.options.ca_file = text_of("/ca.pem");
    OPEN_FAILS(PORTAL_ERR_UNSUPPORTED);
    if ((portal_features() & PORTAL_FEATURE_FILE_STORE) == 0) {
        r.options.directory = text_of("/nowhere");
        r.options.key.load = no_key;
        OPEN_FAILS(PORTAL_ERR_UNSUPPORTED);
    }
}

static void test_close(void) {
    rig r;
    outcome o;
    rig_init(&r);
    rig_with_store(&r, STORE_SILENT);
    rig_open(&r);
    (void)rig_count(&r, &r.loads, 1, &r.last_load);
    acquire(&r, 0, 0, &o);
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_session_close, NULL, 0, NULL);
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_session_close, r.session, -1, NULL);
    EXPECT(PORTAL_ERR_TIMEOUT, portal_session_close, r.session, 0, NULL);
    EXPECT(PORTAL_ERR_TIMEOUT, portal_session_close, r.session, 1, NULL); /* the store has not answered */
    SEEN(PORTAL_ERR_CLOSED, wait_for(&o), portal_lease_acquire);
    EXPECT(PORTAL_OK, portal_store_loaded, r.last_load, PORTAL_ABSENT, 0, (portal_bytes){NULL, 0}, NULL);
    rig_close(&r);
    CHECK(r.released == 3);
    portal_session_release(NULL);

    rig_init(&r);
    rig_open(&r);
    EXPECT(PORTAL_OK, portal_session_close, r.session, INT64_MAX, NULL); /* "for ever" is no overflow */
    rig_close(&r);
}

static void test_clear_and_notify(void) {
    static const int how[] = {STORE_UNAVAILABLE, STORE_FAILED};
    static const portal_code code[] = {PORTAL_ERR_STORE_UNAVAILABLE, PORTAL_ERR_STORE_FAILED};
    static const int os_code[] = {0, 0}; /* a load's; no save is tried before the record is known */
    rig r;
    outcome o;
    portal_done done;
    int i;
    rig_init(&r);
    rig_open(&r);
    done = into_done(&o);
    EXPECT(PORTAL_OK, portal_session_clear, r.session, &done, NULL);
    SEEN(PORTAL_OK, wait_for(&o), portal_session_clear);
    EXPECT(PORTAL_OK, portal_session_clear, r.session, NULL, NULL);
    for (i = 1; i <= 4; ++i) {
        done = into_done(&o);
        EXPECT(PORTAL_OK, portal_session_notify, r.session, i, &done, NULL);
        SEEN(PORTAL_OK, wait_for(&o), portal_session_notify);
    }
    done = into_done(&o);
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_session_notify, r.session, 5, &done, NULL);
    CHECK(o.times == 0 && o.released == 1);
    done = into_done(&o);
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_session_clear, NULL, &done, NULL);
    CHECK(o.times == 0 && o.released == 1);
    rig_close(&r);

    for (i = 0; i < 2; ++i) {
        rig_init(&r);
        rig_with_store(&r, how[i]);
        rig_open(&r);
        rig_settle(&r);
        done = into_done(&o);
        EXPECT(PORTAL_OK, portal_session_notify, r.session, PORTAL_NOTICE_FOREGROUND, &done, NULL);
        SEEN(code[i], wait_for(&o), portal_session_notify);
        CHECK(o.error.code == code[i] && o.error.message[0] != '\0');
        done = into_done(&o);
        EXPECT(PORTAL_OK, portal_session_clear, r.session, &done, NULL);
        if (i == 0) rig_advance(&r, 500); /* the locked store is tried again */
        SEEN(code[i], wait_for(&o), portal_session_clear);
        CHECK(o.error.os_code == os_code[i]); /* the store's own number for it */
        rig_close(&r);
    }
}

static void test_status_and_explain(void) {
    rig r;
    outcome o;
    portal_status status;
    portal_error error;
    char text[PORTAL_EXPLAIN_MAX];
    size_t length = 0;
    size_t needed;
    rig_init(&r);
    r.provides = "the-token";
    rig_open(&r);
    acquire(&r, 0, 0, &o);
    SEEN(PORTAL_OK, wait_for(&o), portal_lease_acquire);
    rig_settle(&r);
    portal_init(&status, sizeof status);
    EXPECT(PORTAL_OK, portal_session_status, r.session, &status, NULL);
    CHECK(status.state == PORTAL_STATE_FRESH && status.generation == 1 && status.epoch == 1 && status.mints_first == 1);
    CHECK(status.store == PORTAL_STORE_MEMORY_ONLY && status.clock == PORTAL_CLOCK_SAME_BOOT);
    CHECK(status.idle_left_ms == 24 * 3600 * 1000 && status.absolute_left_ms == 7 * 24 * 3600 * 1000);
    CHECK(status.idle_deadline_unix_ms == 1700000000000 + status.idle_left_ms);
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_session_status, r.session, NULL, NULL);

    EXPECT(PORTAL_OK, portal_session_explain, r.session, NULL, &length, NULL);
    needed = length;
    CHECK(needed > 100 && needed <= PORTAL_EXPLAIN_MAX);
    length = needed - 1;
    EXPECT(PORTAL_ERR_BUFFER_TOO_SMALL, portal_session_explain, r.session, text, &length, NULL);
    CHECK(length == needed);
    EXPECT(PORTAL_OK, portal_session_explain, r.session, text, &length, NULL);
    CHECK(length == needed && text[0] == '{' && text[length - 1] == '}');
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_session_explain, r.session, text, NULL, NULL);

    EXPECT(PORTAL_OK, portal_session_prepare, r.session, NULL);
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_session_prepare, NULL, NULL);

    EXPECT(PORTAL_OK, portal_session_allows, r.session, text_of("https"), text_of("api.portalhq.io"), 0, NULL);
    EXPECT(PORTAL_OK, portal_session_allows, r.session, text_of("HTTPS"), text_of("PortalHQ.io."), 443, NULL);
    EXPECT(PORTAL_ERR_HOST_NOT_ALLOWED, portal_session_allows, r.session, text_of("http"), text_of("api.portalhq.io"), 0, NULL);
    EXPECT(PORTAL_ERR_HOST_NOT_ALLOWED, portal_session_allows, r.session, text_of("https"), text_of("portalhq.io.evil.com"),
           443, NULL);
    EXPECT(PORTAL_ERR_HOST_NOT_ALLOWED, portal_session_allows, r.session, text_of("https"), text_of("api.portalhq.io"), 8443,
           NULL);
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_session_allows, NULL, text_of("https"), text_of("portalhq.io"), 0, NULL);

    EXPECT(PORTAL_OK, portal_session_close, r.session, 30000, NULL);
    portal_init(&error, sizeof error);
    EXPECT(PORTAL_ERR_CLOSED, portal_session_status, r.session, &status, &error);
    CHECK(error.code == PORTAL_ERR_CLOSED && error.message[0] != '\0');
    EXPECT(PORTAL_ERR_CLOSED, portal_session_explain, r.session, text, &length, NULL);
    EXPECT(PORTAL_ERR_CLOSED, portal_session_prepare, r.session, NULL);
    EXPECT(PORTAL_ERR_CLOSED, portal_session_clear, r.session, NULL, NULL);
    EXPECT(PORTAL_ERR_CLOSED, portal_session_notify, r.session, PORTAL_NOTICE_FOREGROUND, NULL, NULL);
    EXPECT(PORTAL_OK, portal_session_allows, r.session, text_of("https"), text_of("api.portalhq.io"), 0, NULL);
    rig_close(&r); /* twice is fine */
}

void test_session(void) {
    test_close();
    test_clear_and_notify();
    test_status_and_explain();
}

/* The host's answers: store, key, transport; and portal_send. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "rig.h"

static const portal_bytes nothing = {NULL, 0};

void test_store(void) {
    rig r;
    outcome o;
    portal_token_input token = token_input("the-token");
    uint64_t id;
    rig_init(&r);
    rig_with_store(&r, STORE_SILENT);
    rig_open(&r);
    id = rig_count(&r, &r.loads, 1, &r.last_load);
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_store_loaded, id, 0, 0, nothing, NULL);
    EXPECT(PORTAL_OK, portal_store_loaded, id, PORTAL_ABSENT, 0, nothing, NULL);
    EXPECT(PORTAL_ERR_STALE, portal_store_loaded, id, PORTAL_ABSENT, 0, nothing, NULL);
    EXPECT(PORTAL_OK, portal_session_push, r.session, &token, NULL);
    id = rig_count(&r, &r.saves, 1, &r.last_save);
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_store_saved, id, 5, 0, NULL);
    EXPECT(PORTAL_OK, portal_store_saved, id, PORTAL_SAVED, 0, NULL);
    EXPECT(PORTAL_ERR_STALE, portal_store_saved, id, PORTAL_SAVED, 0, NULL);
    acquire(&r, 0, 0, &o);
    CHECK(wait_for(&o) == PORTAL_OK && o.lease.flags == 0);
    EXPECT(PORTAL_OK, portal_session_notify, r.session, PORTAL_NOTICE_STORE_CHANGED, NULL, NULL);
    id = rig_count(&r, &r.loads, 2, &r.last_load);
    (void)portal_session_close(r.session, 0, NULL);
    EXPECT(PORTAL_OK, portal_store_loaded, id, PORTAL_UNAVAILABLE, 0, nothing, NULL);
    rig_close(&r);
    EXPECT(PORTAL_ERR_STALE, portal_store_loaded, id, PORTAL_ABSENT, 0, nothing, NULL);
    CHECK(r.released == 3);
}

static void on_key(void *userdata, uint64_t id, portal_text name) {
    static const char key[32] = "0123456789abcdef0123456789abcde";
    rig *r = userdata;
    const portal_bytes cut = {key, 31};
    const portal_bytes whole = {key, 32};
    CHECK(name.length == 4 && memcmp(name.data, "test", 4) == 0);
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_key_loaded, id, 7, whole, NULL);
    if (++r->keys == 1) {
        EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_key_loaded, id, PORTAL_FOUND, cut, NULL);
    } else {
        EXPECT(PORTAL_OK, portal_key_loaded, id, PORTAL_FOUND, whole, NULL);
    }
    EXPECT(PORTAL_ERR_STALE, portal_key_loaded, id, PORTAL_FOUND, whole, NULL);
}

void test_key(void) {
    static const char key[32] = {0};
    char directory[] = "/tmp/portal-session-XXXXXX";
    char command[64];
    rig r;
    outcome o;
    portal_token_input token = token_input("the-token");
    EXPECT(PORTAL_ERR_STALE, portal_key_loaded, 0, PORTAL_FOUND, ((portal_bytes){key, sizeof key}), NULL);
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_key_loaded, 0, 0, nothing, NULL);
    if ((portal_features() & PORTAL_FEATURE_FILE_STORE) == 0) return;
    CHECK(mkdtemp(directory) != NULL);
    rig_init(&r);
    r.options.directory = text_of(directory);
    r.options.key.load = on_key;
    r.options.key.userdata = &r;
    rig_open(&r);
    EXPECT(PORTAL_OK, portal_session_push, r.session, &token, NULL);
    acquire(&r, 0, 0, &o);
    CHECK(wait_for(&o) == PORTAL_OK && o.lease.flags == PORTAL_LEASE_MEMORY_ONLY); /* its key was too short */
    {
        const portal_done done = into_done(&o);
        EXPECT(PORTAL_OK, portal_session_notify, r.session, PORTAL_NOTICE_FOREGROUND, &done, NULL);
        SEEN(PORTAL_OK, wait_for(&o), portal_session_notify);
    }
    rig_close(&r);
    rig_init(&r);
    r.keys = 1;
    r.options.directory = text_of(directory);
    r.options.key.load = on_key;
    r.options.key.userdata = &r;
    rig_open(&r);
    acquire(&r, 0, 0, &o);
    CHECK(wait_for(&o) == PORTAL_OK && strcmp(o.token, "the-token") == 0 && o.lease.flags == 0);
    rig_close(&r);
    strcpy(command, "rm -r ");
    strcat(command, directory);
    CHECK(system(command) == 0);
}

static portal_http_request request_to(const char *url) {
    portal_http_request request;
    portal_init(&request, sizeof request);
    request.url = text_of(url);
    return request;
}

static portal_http_response response_of(int32_t status, portal_code code) {
    portal_http_response response;
    portal_init(&response, sizeof response);
    response.http_status = status;
    response.code = code;
    return response;
}

static void test_sends(rig *r) {
    static char large[4 * 1024 * 1024 + 1];
    static const portal_code told[] = {PORTAL_ERR_NETWORK, PORTAL_ERR_TIMEOUT, PORTAL_ERR_INTERNAL};
    static const portal_code ends[] = {PORTAL_ERR_NETWORK, PORTAL_ERR_TIMEOUT, PORTAL_ERR_NETWORK};
    portal_http_request request = request_to("/api/v3/clients/me");
    portal_http_response response = response_of(200, PORTAL_OK);
    outcome o;
    uint64_t id = 0;
    int sends = 0;
    int i;
    EXPECT(PORTAL_OK, portal_send, r->session, &request, into_sent(&o), &id, NULL);
    CHECK(id != 0);
    id = rig_count(r, &r->sends, ++sends, &r->last_send);
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_transport_answered, id, NULL, NULL);
    EXPECT(PORTAL_OK, portal_transport_answered, id, &response, NULL);
    EXPECT(PORTAL_ERR_STALE, portal_transport_answered, id, &response, NULL);
    SEEN(PORTAL_OK, wait_for(&o), portal_send);
    CHECK(o.http_status == 200);
    for (i = 0; i < 3; ++i) {
        EXPECT(PORTAL_OK, portal_send, r->session, &request, into_sent(&o), NULL, NULL);
        response = response_of(0, told[i]);
        id = rig_count(r, &r->sends, ++sends, &r->last_send);
        EXPECT(PORTAL_OK, portal_transport_answered, id, &response, NULL);
        SEEN(ends[i], wait_for(&o), portal_send);
    }
    for (i = 0; i < 2; ++i) { /* an answer that cannot be used */
        EXPECT(PORTAL_OK, portal_send, r->session, &request, into_sent(&o), NULL, NULL);
        response = response_of(i == 0 ? 0 : 200, PORTAL_OK);
        response.body.data = large;
        response.body.length = i == 0 ? 0 : sizeof large;
        id = rig_count(r, &r->sends, ++sends, &r->last_send);
        EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_transport_answered, id, &response, NULL);
        SEEN(PORTAL_ERR_NETWORK, wait_for(&o), portal_send);
    }
    EXPECT(PORTAL_OK, portal_send, r->session, &request, into_sent(&o), &id, NULL);
    (void)rig_count(r, &r->sends, ++sends, &r->last_send);
    EXPECT(PORTAL_OK, portal_cancel, id, NULL);
    SEEN(PORTAL_ERR_CANCELLED, wait_for(&o), portal_send);
    EXPECT(PORTAL_ERR_STALE, portal_cancel, id, NULL);
}

static void test_refused_sends(rig *r) {
    const portal_header colon = {{"na:me", 5}, {"value", 5}, 0, 0};
    const portal_header folded = {{"name", 4}, {"a\r\nb", 4}, 0, 0};
    const portal_header own = {{"authorization", 13}, {"Bearer x", 8}, 0, 0};
    const portal_header *const headers[] = {&colon, &folded, &own};
    portal_http_request request = request_to("/path");
    portal_sent done;
    outcome o;
    int i;
    done = into_sent(&o);
    done.fn = NULL;
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_send, r->session, &request, done, NULL, NULL);
    CHECK(o.released == 1);
    for (i = 0; i < 3; ++i) {
        request.headers = headers[i];
        request.header_count = 1;
        EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_send, r->session, &request, into_sent(&o), NULL, NULL);
        CHECK(o.times == 0 && o.released == 1);
    }
    request = request_to("no-url");
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_send, r->session, &request, into_sent(&o), NULL, NULL);
    request = request_to("/path");
    request.method = text_of("GET IT");
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_send, r->session, &request, into_sent(&o), NULL, NULL);
    request = request_to("/path");
    request.timeout_ms = -1;
    EXPECT(PORTAL_ERR_INVALID_ARGUMENT, portal_send, r->session, &request, into_sent(&o), NULL, NULL);
    request = request_to("https://example.com/");
    EXPECT(PORTAL_ERR_HOST_NOT_ALLOWED, portal_send, r->session, &request, into_sent(&o), NULL, NULL);
    request = request_to("http://example.com/");
    request.flags = PORTAL_REQUEST_NO_TOKEN;
    EXPECT(PORTAL_ERR_HOST_NOT_ALLOWED, portal_send, r->session, &request, into_sent(&o), NULL, NULL);
    CHECK(o.times == 0 && o.released == 1);
}

void test_send(void) {
    portal_http_request request = request_to("/path");
    portal_http_response response = response_of(200, PORTAL_OK);
    rig r;
    outcome o;
    rig_init(&r);
    r.provides = "the-token";
    rig_with_transport(&r);
    rig_open(&r);
    test_sends(&r);
    test_refused_sends(&r);
    EXPECT(PORTAL_OK, portal_send, r.session, &request, into_sent(&o), NULL, NULL);
    (void)portal_session_close(r.session, 0, NULL);
    SEEN(PORTAL_ERR_CLOSED, wait_for(&o), portal_send);
    EXPECT(PORTAL_ERR_CLOSED, portal_send, r.session, &request, into_sent(&o), NULL, NULL);
    CHECK(o.times == 0 && o.released == 1);
    rig_close(&r);
    CHECK(r.released == 3);
    EXPECT(PORTAL_ERR_STALE, portal_transport_answered, r.last_send, &response, NULL);

    rig_init(&r);
    r.options.provider.ask = NULL;
    rig_with_transport(&r);
    rig_open(&r);
    EXPECT(PORTAL_OK, portal_send, r.session, &request, into_sent(&o), NULL, NULL);
    SEEN(PORTAL_ERR_NO_PROVIDER, wait_for(&o), portal_send);
    rig_close(&r);

    if ((portal_features() & PORTAL_FEATURE_HTTP) != 0) return;
    rig_init(&r);
    rig_open(&r);
    EXPECT(PORTAL_ERR_UNSUPPORTED, portal_send, r.session, &request, into_sent(&o), NULL, NULL);
    rig_close(&r);
}

#include "host.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static atomic_int failed;

static void enter(void) { pthread_mutex_lock(&lock); }
static void leave(void) {
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

/* Under the lock: waits for a change. 0: a wait that would never end. */
static int await_change(void) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    return pthread_cond_timedwait(&changed, &lock, &until) == 0;
}

void expect(int holds, const char *sentence) {
    if (holds) return;
    ++failed;
    printf("Differs from 0.1.0: %s\n", sentence);
}

void expect_code(portal_code wanted, portal_code code, const char *sentence) {
    if (code == wanted) return;
    expect(0, sentence);
    printf("  the code is %s, not %s\n", portal_name(PORTAL_GROUP_CODE, code), portal_name(PORTAL_GROUP_CODE, wanted));
}

void expect_guarded(const unsigned char *guard, const char *what) {
    int i;
    for (i = 0; i < GUARD_BYTES; ++i) {
        if (guard[i] == 0xA5) continue;
        expect(0, "an output ends where its size of 0.1.0 ends");
        printf("  the library wrote behind %s\n", what);
        return;
    }
}

int failures(void) { return failed; }

portal_text text_of(const char *text) {
    const portal_text result = {text, strlen(text)};
    return result;
}

int contains(const char *bytes, size_t length, const char *text) {
    const size_t size = strlen(text);
    size_t i;
    for (i = 0; i + size <= length; ++i)
        if (memcmp(bytes + i, text, size) == 0) return 1;
    return 0;
}

portal_token_input input_of(const char *token) {
    portal_token_input input;
    portal_init(&input, sizeof input);
    input.token = text_of(token);
    return input;
}

/* ---- clock, provider, observer, log ---- */

static void on_release(void *userdata) {
    enter();
    ++((host *)userdata)->released;
    leave();
}

static void on_clock(void *userdata, portal_reading *out) {
    enter();
    out->boot_ms = 3600000 + ((host *)userdata)->moved_ms;
    out->unix_ms = 1700000000000 + ((host *)userdata)->moved_ms;
    out->boot_tag = 7;
    leave();
}

static void on_ask(void *userdata, const portal_token_request *request) {
    host *h = userdata;
    char token[] = "token-0";
    portal_token_input input;
    portal_failure failure;
    answers how;
    expect(request->struct_size >= sizeof *request && request->id != 0 && request->timeout_ms == 30000,
           "a token request has its size, an id and 30 s");
    enter();
    ++h->asks;
    h->asked = request->id;
    how = h->provider;
    token[6] = (char)('0' + h->asks);
    leave();
    input = input_of(token);
    portal_init(&failure, sizeof failure);
    failure.http_status = 503;
    failure.retry_after_ms = 5000;
    failure.host_code = 42;
    if (how == GIVES_TOKEN)
        expect_code(PORTAL_OK, portal_request_fulfil(request->id, &input, NULL), "the provider fulfils");
    if (how == DECLINES) expect_code(PORTAL_OK, portal_request_decline(request->id, 41, NULL), "the provider declines");
    if (how == FAILS) expect_code(PORTAL_OK, portal_request_fail(request->id, &failure, NULL), "the provider fails");
    if (how != IS_SILENT)
        expect_code(PORTAL_ERR_STALE, portal_request_fulfil(request->id, &input, NULL), "a second answer is stale");
}

static void on_withdrawn(void *userdata, uint64_t id) {
    host *h = userdata;
    enter();
    if (id == h->asked) ++h->withdrawn;
    leave();
}

static void on_event(void *userdata, const portal_event *event) {
    host *h = userdata;
    expect(event->struct_size >= sizeof *event && event->at_unix_ms >= 1700000000000, "an event has its size and time");
    enter();
    ++h->events;
    h->kinds |= 1u << event->kind;
    expect(h->last_sequence == 0 || event->sequence == h->last_sequence + 1, "events are numbered without a gap");
    h->last_sequence = event->sequence;
    leave();
}

static void on_line(void *userdata, portal_level level, portal_text message) {
    host *h = userdata;
    expect(level >= PORTAL_LEVEL_ERROR && level <= PORTAL_LEVEL_INFO, "a log line has a level that was asked for");
    expect(message.length != 0, "a log line has text");
    expect(!contains(message.data, message.length, "token-1"), "no log line holds a token");
    enter();
    ++h->lines;
    leave();
}

/* ---- store, key, transport ---- */

static void on_load(void *userdata, uint64_t id, portal_text name) {
    host *h = userdata;
    portal_bytes record;
    expect(name.length == 5 && memcmp(name.data, "abi 1", 5) == 0, "the store is asked for the session's name");
    record.data = h->record;
    record.length = h->record_length;
    expect_code(PORTAL_OK,
                portal_store_loaded(id, h->record_length == 0 ? PORTAL_ABSENT : PORTAL_FOUND, h->revision, record, NULL),
                "the store answers a load");
}

static void on_save(void *userdata, uint64_t id, portal_text name, uint64_t revision, portal_bytes record) {
    host *h = userdata;
    const int fits = revision == h->revision + 1 && record.length != 0 && record.length <= sizeof h->record;
    (void)name;
    expect(fits, "a save brings the next revision and a record of 8 KiB at most");
    if (fits) {
        memcpy(h->record, record.data, record.length);
        h->record_length = record.length;
        h->revision = revision;
    }
    expect_code(PORTAL_OK, portal_store_saved(id, fits ? PORTAL_SAVED : PORTAL_CONFLICT, 0, NULL), "the store saves");
}

static void on_key(void *userdata, uint64_t id, portal_text name) {
    static const char key[32] = "0123456789abcdef0123456789abcde";
    const portal_bytes bytes = {key, sizeof key};
    (void)userdata;
    expect(name.length == 5, "the key is asked for by the session's name");
    expect_code(PORTAL_OK, portal_key_loaded(id, PORTAL_FOUND, bytes, NULL), "the key is given");
}

static void on_destroy(void *userdata, portal_text name) {
    (void)name;
    enter();
    ++((host *)userdata)->destroyed;
    leave();
}

static int carries(const portal_http_request *request, const char *token) {
    size_t i;
    for (i = 0; i < request->header_count; ++i) {
        const portal_header *header = &request->headers[i];
        if (header->name.length == 13 && (header->flags & PORTAL_HEADER_SECRET) != 0 &&
            contains(header->value.data, header->value.length, token))
            return 1;
    }
    return 0;
}

static void on_send(void *userdata, uint64_t id, const portal_http_request *request) {
    static const portal_header header = {{"X-Answer", 8}, {"yes", 3}, 0, 0};
    host *h = userdata;
    portal_http_response response;
    answers how;
    expect(request->struct_size >= sizeof *request && request->timeout_ms > 0, "a transport's request has size and time");
    expect(contains(request->url.data, request->url.length, "https://api.portalhq.io/api/v3/clients/me"),
           "a transport gets the absolute URL");
    expect(carries(request, "Bearer token-"), "a transport gets the token, marked as a secret");
    enter();
    ++h->sends;
    h->sent = id;
    how = h->transport;
    leave();
    portal_init(&response, sizeof response);
    if (how == GIVES_TOKEN || how == FAILS) response.http_status = how == FAILS && carries(request, "token-1") ? 401 : 200;
    if (how == DECLINES) response.code = PORTAL_ERR_NETWORK;
    response.headers = &header;
    response.header_count = 1;
    if (how != IS_SILENT)
        expect_code(PORTAL_OK, portal_transport_answered(id, &response, NULL), "the transport answers");
}

static void on_cancel(void *userdata, uint64_t id) {
    host *h = userdata;
    enter();
    if (id == h->sent) ++h->cancels;
    leave();
}

/* ---- a session's life ---- */

void host_init(host *h) {
    const portal_provider provider = {on_ask, on_withdrawn, h, on_release};
    const portal_observer observer = {on_event, h, on_release};
    const portal_log log = {on_line, PORTAL_LEVEL_INFO, 0, h, on_release};
    const portal_clock clock = {on_clock, h, on_release};
    memset(h, 0, sizeof *h);
    portal_init(&h->options, sizeof h->options);
    h->options.name = text_of("abi 1");
    h->options.provider = provider;
    h->options.observer = observer;
    h->options.log = log;
    h->options.clock = clock;
}

void host_with_store(host *h) {
    const portal_store store = {on_load, on_save, h, on_release};
    h->options.store = store;
}

void host_with_key(host *h, const char *directory) {
    const portal_key key = {on_key, on_destroy, h, on_release};
    h->options.directory = text_of(directory);
    h->options.key = key;
}

void host_with_transport(host *h) {
    const portal_transport transport = {on_send, on_cancel, h, on_release};
    h->options.transport = transport;
}

void host_open(host *h) {
    h->released = 0;
    h->last_sequence = 0;
    expect_code(PORTAL_OK, portal_session_open(&h->options, &h->session, NULL), "a session opens with options of 0.1.0");
}

void host_close(host *h) {
    const portal_options *o = &h->options;
    const int given = 4 + (o->store.load != NULL) + (o->key.load != NULL) + (o->transport.send != NULL);
    expect_code(PORTAL_OK, portal_session_close(h->session, 60000, NULL), "a session closes");
    portal_session_release(h->session);
    expect(h->released == given, "each release of the options runs once, by the end of close");
    while (portal_live_objects() != 0) sched_yield(); /* the last thread may still be on its way out */
}

void host_move(host *h, int64_t ms) {
    outcome o;
    const portal_done done = into_done(&o);
    enter();
    h->moved_ms += ms;
    leave();
    expect_code(PORTAL_OK, portal_session_notify(h->session, PORTAL_NOTICE_CLOCK_CHANGED, &done, NULL), "a notice comes");
    expect_code(PORTAL_OK, end_of(&o), "a notice ends");
}

void host_set(host *h, answers provider) {
    enter();
    h->provider = provider;
    leave();
}

static uint64_t await(const int *count, int number, const uint64_t *id) {
    uint64_t result;
    enter();
    while (*count < number && await_change()) {
    }
    result = *count >= number ? *id : 0;
    leave();
    return result;
}

uint64_t host_ask(host *h, int number) { return await(&h->asks, number, &h->asked); }
uint64_t host_send(host *h, int number) { return await(&h->sends, number, &h->sent); }

/* ---- how operations end ---- */

static void on_outcome_release(void *userdata) {
    enter();
    ++((outcome *)userdata)->released;
    leave();
}

static void note(outcome *o, portal_code code, const portal_error *error) {
    ++o->times;
    o->code = code;
    if (error == NULL) return;
    o->error = *error; /* of this program's size */
}

static void on_done(void *userdata, portal_code code, const portal_error *error) {
    expect((code == PORTAL_OK) == (error == NULL), "an operation ends with an error or without, as its code says");
    expect(error == NULL || (error->struct_size >= sizeof *error && error->code == code), "an error has its size and code");
    enter();
    note(userdata, code, error);
    leave();
}

static void on_acquired(void *userdata, portal_code code, const portal_lease *lease, portal_text token,
                        const portal_error *error) {
    outcome *o = userdata;
    expect((code == PORTAL_OK) == (lease != NULL), "an acquire ends with a lease or without, as its code says");
    expect(lease == NULL || lease->struct_size >= sizeof *lease, "a lease has its size");
    enter();
    note(o, code, error);
    if (lease != NULL) memcpy(&o->lease, lease, sizeof o->lease);
    o->lease.struct_size = sizeof o->lease;
    if (token.length != 0 && token.length < sizeof o->token) memcpy(o->token, token.data, token.length);
    leave();
}

static void on_sent(void *userdata, portal_code code, const portal_http_response *response, const portal_error *error) {
    outcome *o = userdata;
    expect((code == PORTAL_OK) == (response != NULL), "a request ends with a response or without, as its code says");
    enter();
    note(o, code, error);
    if (response != NULL) {
        expect(response->struct_size >= sizeof *response && response->header_count == 1, "a response has its headers");
        o->http_status = response->http_status;
        o->verdict = response->verdict;
    }
    leave();
}

portal_done into_done(outcome *o) {
    const portal_done result = {on_done, o, on_outcome_release};
    memset(o, 0, sizeof *o);
    return result;
}

portal_acquired into_acquired(outcome *o) {
    const portal_acquired result = {on_acquired, o, on_outcome_release};
    memset(o, 0, sizeof *o);
    return result;
}

portal_sent into_sent(outcome *o) {
    const portal_sent result = {on_sent, o, on_outcome_release};
    memset(o, 0, sizeof *o);
    return result;
}

portal_code end_of(outcome *o) {
    portal_code code;
    enter();
    while (o->released == 0 && await_change()) {
    }
    code = o->times == 1 && o->released == 1 ? o->code : PORTAL_ERR_INTERNAL;
    leave();
    return code;
}

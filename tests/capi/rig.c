#include "rig.h"

#include <sched.h>
#include <string.h>
#include <time.h>

#include "check.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void enter(void) { pthread_mutex_lock(&lock); }

static void leave(void) {
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

/* Under the lock: waits for a change. 0: a wait that would never end. */
static int await_change(void) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    return pthread_cond_timedwait(&changed, &lock, &until) == 0;
}

static void on_release(void *userdata) {
    enter();
    ++((rig *)userdata)->released;
    leave();
}

static void read_clock(void *userdata, portal_reading *out) {
    enter();
    out->boot_ms = 3600000 + ((rig *)userdata)->moved_ms;
    out->unix_ms = 1700000000000 + ((rig *)userdata)->moved_ms;
    out->boot_tag = 7;
    leave();
}

static void on_ask(void *userdata, const portal_token_request *request) {
    rig *r = userdata;
    const char *provides;
    enter();
    if (r->asks < 16) r->asked[r->asks] = request->id;
    ++r->asks;
    provides = r->provides;
    leave();
    if (provides != NULL) {
        const portal_token_input token = token_input(provides);
        portal_request_fulfil(request->id, &token, NULL);
    }
}

static void on_withdrawn(void *userdata, uint64_t id) {
    (void)id;
    enter();
    ++((rig *)userdata)->withdrawn;
    leave();
}

void rig_init(rig *r) {
    memset(r, 0, sizeof *r);
    portal_init(&r->options, sizeof r->options);
    r->options.name = text_of("test");
    r->options.clock.read = read_clock;
    r->options.clock.userdata = r;
    r->options.clock.release = on_release;
    r->options.provider.ask = on_ask;
    r->options.provider.withdrawn = on_withdrawn;
    r->options.provider.userdata = r;
    r->options.provider.release = on_release;
}

static void on_load(void *userdata, uint64_t id, portal_text name) {
    rig *r = userdata;
    const portal_bytes none = {NULL, 0};
    int how;
    (void)name;
    enter();
    r->last_load = id;
    ++r->loads;
    how = r->store;
    leave();
    if (how == STORE_ABSENT) portal_store_loaded(id, PORTAL_ABSENT, 0, none, NULL);
    if (how == STORE_UNAVAILABLE) portal_store_loaded(id, PORTAL_UNAVAILABLE, 0, none, NULL);
    if (how == STORE_FAILED) portal_store_loaded(id, PORTAL_FAILED, 0, none, NULL);
}

static void on_save(void *userdata, uint64_t id, portal_text name, uint64_t revision, portal_bytes record) {
    rig *r = userdata;
    int how;
    (void)name;
    (void)revision;
    (void)record;
    enter();
    r->last_save = id;
    ++r->saves;
    how = r->store;
    leave();
    if (how == STORE_ABSENT) portal_store_saved(id, PORTAL_SAVED, 0, NULL);
    if (how == STORE_UNAVAILABLE) portal_store_saved(id, PORTAL_SAVE_UNAVAILABLE, 0, NULL);
    if (how == STORE_FAILED) portal_store_saved(id, PORTAL_SAVE_FAILED, 5, NULL);
}

void rig_with_store(rig *r, int how) {
    enter();
    r->store = how;
    leave();
    r->options.store.load = on_load;
    r->options.store.save = on_save;
    r->options.store.userdata = r;
    r->options.store.release = on_release;
}

static void on_send(void *userdata, uint64_t id, const portal_http_request *request) {
    rig *r = userdata;
    CHECK(request->struct_size == sizeof *request);
    enter();
    r->last_send = id;
    ++r->sends;
    leave();
}

void rig_with_transport(rig *r) {
    r->options.transport.send = on_send;
    r->options.transport.userdata = r;
    r->options.transport.release = on_release;
}

void rig_open(rig *r) { EXPECT(PORTAL_OK, portal_session_open, &r->options, &r->session, NULL); }

void rig_close(rig *r) {
    EXPECT(PORTAL_OK, portal_session_close, r->session, 30000, NULL);
    portal_session_release(r->session);
    SEEN(PORTAL_OK, PORTAL_OK, portal_session_release);
    r->session = NULL;
}

void rig_settle(rig *r) {
    outcome o;
    const portal_done done = into_done(&o);
    EXPECT(PORTAL_OK, portal_session_notify, r->session, PORTAL_NOTICE_CLOCK_CHANGED, &done, NULL);
    (void)wait_for(&o);
}

void rig_advance(rig *r, int64_t ms) {
    enter();
    r->moved_ms += ms;
    leave();
    rig_settle(r);
}

uint64_t rig_count(rig *r, const int *count, int wanted, const uint64_t *id) {
    uint64_t result;
    (void)r;
    enter();
    while (*count < wanted && await_change()) {
    }
    result = *count >= wanted ? *id : 0;
    pthread_mutex_unlock(&lock);
    CHECK(result != 0);
    return result;
}

uint64_t rig_ask(rig *r, int number) { return rig_count(r, &r->asks, number, &r->asked[number - 1]); }

portal_text text_of(const char *text) {
    const portal_text result = {text, text == NULL ? 0 : strlen(text)};
    return result;
}

portal_token_input token_input(const char *text) {
    portal_token_input token;
    portal_init(&token, sizeof token);
    token.token = text_of(text);
    return token;
}

static void on_outcome(void *userdata, portal_code code, const portal_lease *lease, portal_text token,
                       const portal_error *error) {
    outcome *o = userdata;
    CHECK((code == PORTAL_OK) == (lease != NULL) && (code == PORTAL_OK) == (error == NULL));
    enter();
    ++o->times;
    o->code = code;
    if (lease != NULL) o->lease = *lease;
    if (error != NULL) o->error = *error;
    if (token.length <= PORTAL_TOKEN_MAX && token.length != 0) memcpy(o->token, token.data, token.length);
    o->length = token.length;
    leave();
}

static void on_done(void *userdata, portal_code code, const portal_error *error) {
    const portal_text none = {NULL, 0};
    portal_lease lease;
    portal_init(&lease, sizeof lease);
    on_outcome(userdata, code, code == PORTAL_OK ? &lease : NULL, none, error);
}

static void on_sent(void *userdata, portal_code code, const portal_http_response *response, const portal_error *error) {
    outcome *o = userdata;
    CHECK((code == PORTAL_OK) == (response != NULL));
    if (response != NULL) o->http_status = response->http_status;
    on_done(userdata, code, error);
}

static void on_outcome_release(void *userdata) {
    enter();
    ++((outcome *)userdata)->released;
    leave();
}

portal_acquired into_acquired(outcome *o) {
    const portal_acquired result = {on_outcome, o, on_outcome_release};
    memset(o, 0, sizeof *o);
    return result;
}

portal_done into_done(outcome *o) {
    const portal_done result = {on_done, o, on_outcome_release};
    memset(o, 0, sizeof *o);
    return result;
}

portal_sent into_sent(outcome *o) {
    const portal_sent result = {on_sent, o, on_outcome_release};
    memset(o, 0, sizeof *o);
    return result;
}

void acquire(rig *r, uint32_t flags, uint64_t newer_than, outcome *o) {
    portal_acquire_options options;
    portal_init(&options, sizeof options);
    options.flags = flags;
    options.newer_than = newer_than;
    EXPECT(PORTAL_OK, portal_lease_acquire, r->session, &options, into_acquired(o), NULL, NULL);
}

/* Its userdata is given back right after it was told. */
portal_code wait_for(outcome *o) {
    portal_code code;
    enter();
    while (o->released == 0 && await_change()) {
    }
    code = o->times == 1 && o->released == 1 ? o->code : PORTAL_ERR_INTERNAL;
    pthread_mutex_unlock(&lock);
    return code;
}

static void *run_blocking(void *context) {
    blocking *b = context;
    portal_acquire_options options;
    portal_lease lease;
    portal_code code;
    char token[PORTAL_TOKEN_MAX];
    size_t length = sizeof token;
    portal_init(&options, sizeof options);
    portal_init(&lease, sizeof lease);
    options.flags = b->flags;
    options.newer_than = b->newer_than;
    code = portal_lease_wait(b->r->session, &options, &lease, token, &length, NULL);
    enter();
    b->code = code;
    b->over = 1;
    leave();
    return NULL;
}

void begin_blocking(rig *r, uint32_t flags, uint64_t newer_than, blocking *b) {
    memset(b, 0, sizeof *b);
    b->r = r;
    b->flags = flags;
    b->newer_than = newer_than;
    CHECK(pthread_create(&b->thread, NULL, run_blocking, b) == 0);
}

/* Session, 7 userdata of its options, an acquire with its userdata, the token request; and the blocking wait. */
void await_blocking(blocking *b) {
    while (portal_live_objects() != 12 && !is_over(b)) sched_yield();
}

int is_over(blocking *b) {
    int over;
    enter();
    over = b->over;
    pthread_mutex_unlock(&lock);
    return over;
}

portal_code end_blocking(blocking *b) {
    CHECK(pthread_join(b->thread, NULL) == 0);
    return b->code;
}

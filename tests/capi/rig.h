/* The host side of the C program: a clock that it moves, a provider and a store that do as told, answers that can be waited
 * for. One rig is one session. */
#ifndef PORTAL_TESTS_RIG_H
#define PORTAL_TESTS_RIG_H

#include <portal_session/portal_session.h>
#include <pthread.h>

enum { STORE_NONE, STORE_ABSENT, STORE_UNAVAILABLE, STORE_FAILED, STORE_SILENT };

typedef struct rig {
    portal_options options;
    portal_session *session;
    int64_t moved_ms;
    uint64_t asked[16]; /* ids of token requests, not answered by the rig */
    int asks;
    int withdrawn;
    const char *provides; /* NULL: nothing; else each ask is answered with it at once */
    int store;            /* STORE_*: how loads and saves are answered */
    uint64_t last_load, last_save, last_key, last_send;
    int loads, saves, keys, sends;
    int released; /* userdata given back */
} rig;

/* How an operation ended. */
typedef struct outcome {
    int times;
    portal_code code;
    portal_lease lease;
    char token[PORTAL_TOKEN_MAX + 1];
    size_t length;
    int http_status;
    portal_error error;
    int released;
} outcome;

void rig_init(rig *r); /* options with clock and provider; the name is "test" */
void rig_open(rig *r);
void rig_close(rig *r); /* closes, waits for the end, releases */
void rig_settle(rig *r);
void rig_advance(rig *r, int64_t ms);
void rig_with_store(rig *r, int how);
void rig_with_transport(rig *r);
uint64_t rig_ask(rig *r, int number); /* waits for the n-th token request */
uint64_t rig_count(rig *r, const int *count, int wanted, const uint64_t *id); /* waits for a counter */

portal_token_input token_input(const char *text);
portal_text text_of(const char *text);
portal_acquired into_acquired(outcome *o);
portal_done into_done(outcome *o);
portal_sent into_sent(outcome *o);
void acquire(rig *r, uint32_t flags, uint64_t newer_than, outcome *o);
portal_code wait_for(outcome *o); /* its code; INTERNAL if it never came */
/* A blocking wait on a thread of its own. */
typedef struct blocking {
    rig *r;
    uint32_t flags;
    uint64_t newer_than;
    portal_code code;
    int over;
    pthread_t thread;
} blocking;
void begin_blocking(rig *r, uint32_t flags, uint64_t newer_than, blocking *b);
void await_blocking(blocking *b); /* until it waits, beside one acquire and one token request */
int is_over(blocking *b);
portal_code end_blocking(blocking *b);

#endif

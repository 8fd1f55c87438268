/* The host side of the program of 0.1.0: a clock that it moves; a provider, an observer, a log, a store, a key and a
 * transport that do as they are set; and the ends of operations. Every struct has the size that it had in 0.1.0. */
#ifndef PORTAL_TESTS_ABI_1_HOST_H
#define PORTAL_TESTS_ABI_1_HOST_H

#include <portal_session/portal_session.h>

#include <string.h>

#if PORTAL_ABI != 1
#error "This program is compiled against the header of 0.1.0 alone."
#endif

void test_session(void); /* session.c */

/* What the library writes with an old size ends where that size ends: the bytes behind it stay as they are. */
enum { GUARD_BYTES = 64 };
#define GUARDED(type)                     \
    struct {                              \
        type out;                         \
        unsigned char guard[GUARD_BYTES]; \
    }
#define GUARD(guarded)                                              \
    (memset((guarded).guard, 0xA5, sizeof (guarded).guard),         \
     portal_init(&(guarded).out, sizeof (guarded).out))
#define EXPECT_GUARDED(guarded) expect_guarded((guarded).guard, #guarded)

typedef enum answers { GIVES_TOKEN, DECLINES, FAILS, IS_SILENT } answers;

typedef struct host {
    portal_options options;
    portal_session *session;
    int64_t moved_ms;
    answers provider;
    answers transport; /* GIVES_TOKEN: 200; FAILS: 401 to token-1, else 200; DECLINES: no network */
    uint64_t asked, sent;
    int asks, withdrawn, events, lines, sends, cancels, destroyed, released;
    uint64_t last_sequence;
    unsigned kinds; /* bit n: an event of kind n came */
    char record[8192];
    size_t record_length;
    uint64_t revision;
} host;

/* How an operation ended. */
typedef struct outcome {
    int times;
    int released;
    portal_code code;
    portal_error error;
    portal_lease lease;
    char token[PORTAL_TOKEN_MAX + 1];
    int http_status;
    portal_verdict verdict;
} outcome;

/* A sentence that does not hold is printed, and the program ends with 1. */
void expect(int holds, const char *sentence);
void expect_code(portal_code wanted, portal_code code, const char *sentence);
void expect_guarded(const unsigned char *guard, const char *what);
int failures(void);

void host_init(host *h); /* clock, provider, observer and log; the name is "abi 1" */
void host_with_store(host *h);
void host_with_key(host *h, const char *directory);
void host_with_transport(host *h);
void host_open(host *h);
void host_close(host *h); /* closes, releases; every userdata must have come back */
void host_move(host *h, int64_t ms);
void host_set(host *h, answers provider);
uint64_t host_ask(host *h, int number);  /* waits for the n-th token request */
uint64_t host_send(host *h, int number); /* ... for the n-th request of the transport */

portal_text text_of(const char *text);
int contains(const char *bytes, size_t length, const char *text);
portal_token_input input_of(const char *token);
portal_done into_done(outcome *o);
portal_acquired into_acquired(outcome *o);
portal_sent into_sent(outcome *o);
portal_code end_of(outcome *o); /* waits for it; INTERNAL if it never came, or came twice */

#endif

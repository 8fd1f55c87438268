/* The C API as a C11 program: each function once to succeed, and once for every error code that its comment lists. */
#include <stdio.h>

#include "check.h"
#include "layout.h"

void test_library(void);
void test_open(void);
void test_session(void);
void test_try_stamp_report(void);
void test_waits(void);
void test_tokens(void);
void test_store(void);
void test_key(void);
void test_send(void);

static void run(void (*test)(void)) {
    test();
    CHECK(portal_live_objects() == 0);
}

int main(void) {
    run(test_library);
    run(test_open);
    run(test_session);
    run(test_try_stamp_report);
    run(test_waits);
    run(test_tokens);
    run(test_store);
    run(test_key);
    run(test_send);
    return finish_checks();
}

/* Checks for the C program: each failure says where, and the program goes on. */
#ifndef PORTAL_TESTS_CHECK_H
#define PORTAL_TESTS_CHECK_H

#include <portal_session/portal_session.h>

#define CHECK(condition) check_at((condition) != 0, #condition, __FILE__, __LINE__)

/* Calls a function of the API, checks its code, and notes that this code was seen of it. */
#define EXPECT(expected, function, ...) expect_at((expected), function(__VA_ARGS__), #function, __FILE__, __LINE__)

/* Notes it for a function without a code, or for one whose code came to its callback. */
#define SEEN(expected, code, function) expect_at((expected), (code), #function, __FILE__, __LINE__)

void check_at(int holds, const char *text, const char *file, int line);
void expect_at(portal_code expected, portal_code code, const char *function, const char *file, int line);

/* Every code in each function's comment was seen; then the closing line. Returns what main returns. */
int finish_checks(void);

#endif

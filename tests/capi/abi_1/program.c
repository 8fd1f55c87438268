/* A program of 0.1.0: compiled against the header of that version (portal_session/ beside this file; it never changes) and
 * linked with today's library. It calls each function as an app of that time does, prints a sentence for each difference,
 * and then ends with 1. What later versions add has tests of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "host.h"

/* ---- the library ---- */

static void test_words(void) {
    /* By group, from its first value on; codes count down. */
    static const struct {
        portal_group group;
        int32_t first, step;
        const char *words;
    } groups[] = {
        {PORTAL_GROUP_CODE, 0, -1, "ok invalid_argument closed buffer_too_small unsupported out_of_memory internal "
         "in_callback stale no_token timeout cancelled cleared sign_in_needed provider_failed "
         "no_provider bad_token client_mismatch store_unavailable store_failed host_not_allowed "
         "network policy refused token_too_old repeated_token"},
        {PORTAL_GROUP_STATE, 0, 1, "unknown none fresh expiring overdue expired rejected signed_out"},
        {PORTAL_GROUP_REASON, 0, 1, "none loading store_unavailable first near_idle idle near_absolute absolute rejected "
         "cleared declined storage_lost clock_untrusted forced"},
        {PORTAL_GROUP_VERDICT, 0, 1, "other accepted rejected forbidden throttled unavailable"},
        {PORTAL_GROUP_CLOCK, 0, 1, "same_boot wall untrusted"},
        {PORTAL_GROUP_STORE, 0, 1, "persistent memory_only locked lost"},
        {PORTAL_GROUP_RENEWAL, 0, 1, "idle asking elsewhere backing_off declined"},
        {PORTAL_GROUP_EVENT, 1, 1, "state new_token rejected renewal_started renewal_failed sign_in_needed cleared store "
         "clock"},
    };
    size_t i;
    for (i = 0; i < sizeof groups / sizeof *groups; ++i) {
        const char *rest = groups[i].words;
        int32_t value = groups[i].first;
        for (; *rest != '\0'; value += groups[i].step) {
            const size_t length = strcspn(rest, " ");
            const char *word = portal_name(groups[i].group, value);
            expect(strlen(word) == length && memcmp(word, rest, length) == 0, "each value keeps its word");
            rest += length + (rest[length] == ' ');
        }
    }
    expect(strcmp(portal_name((portal_group)99, 0), "?") == 0, "an unknown group has no words");
}

static void test_verdicts(void) {
    static const struct {
        int32_t http_status, legacy_code;
        const char *error_id, *exception;
        portal_verdict verdict;
    } rows[] = {
        {200, 0, "", "", PORTAL_VERDICT_ACCEPTED},
        {302, 0, "", "", PORTAL_VERDICT_OTHER},
        {401, 0, "", "", PORTAL_VERDICT_REJECTED},
        {403, 0, "", "", PORTAL_VERDICT_FORBIDDEN},
        {404, 0, "", "", PORTAL_VERDICT_OTHER},
        {429, 0, "", "", PORTAL_VERDICT_THROTTLED},
        {503, 0, "", "", PORTAL_VERDICT_UNAVAILABLE},
        {0, 0, "AUTH_FAILED", "", PORTAL_VERDICT_REJECTED},
        {0, 0, "INVALID_API_KEY", "", PORTAL_VERDICT_REJECTED},
        {0, 0, "SESSION_EXPIRED", "", PORTAL_VERDICT_REJECTED},
        {0, 202, "", "", PORTAL_VERDICT_REJECTED},
        {0, 0, "", "PortalHttpUnauthorizedException", PORTAL_VERDICT_REJECTED},
    };
    size_t i;
    for (i = 0; i < sizeof rows / sizeof *rows; ++i) {
        portal_answer answer;
        portal_init(&answer, sizeof answer);
        answer.http_status = rows[i].http_status;
        answer.legacy_code = rows[i].legacy_code;
        answer.error_id = text_of(rows[i].error_id);
        answer.exception = text_of(rows[i].exception);
        expect(portal_verdict_of(&answer) == rows[i].verdict, "the same answer has the same verdict");
    }
}

static void test_library(void) {
    portal_reading reading = {0, 0, 0};
    char secret[] = "secret";
    GUARDED(portal_status) status;
    expect(portal_abi() >= PORTAL_ABI, "a newer library has a larger portal_abi()");
    expect(portal_version()[0] != '\0', "the library has a version");
    portal_clock_system(&reading);
    expect(reading.boot_ms > 0 && reading.unix_ms > 1700000000000, "the system's clocks are read");
    portal_wipe(secret, sizeof secret);
    expect(secret[0] == '\0' && secret[5] == '\0', "portal_wipe zeroes");
    memset(&status.out, 1, sizeof status.out);
    GUARD(status);
    expect(status.out.struct_size == sizeof status.out && status.out.longest_wait_ms == 0, "portal_init zeroes a struct");
    EXPECT_GUARDED(status);
    expect_code(PORTAL_ERR_STALE, portal_cancel(1, NULL), "an id that never was is stale");
    test_words();
    test_verdicts();
}

/* ---- stores ---- */

static portal_code wait_for_token(host *h, char *token, uint32_t *flags) {
    portal_lease lease;
    portal_code code;
    size_t length = PORTAL_TOKEN_MAX;
    portal_init(&lease, sizeof lease);
    code = portal_lease_wait(h->session, NULL, &lease, token, &length, NULL);
    token[code == PORTAL_OK ? length : 0] = '\0';
    *flags = lease.flags;
    return code;
}

/* Three lives of one session: a token is stored, found again without an ask, and logged out. */
static void test_lives(host *h) {
    char token[PORTAL_TOKEN_MAX + 1];
    uint32_t flags;
    outcome o;
    portal_done done;
    host_open(h);
    expect_code(PORTAL_OK, wait_for_token(h, token, &flags), "a first token is asked for");
    expect(strcmp(token, "token-1") == 0 && flags == 0, "a first token is stored");
    host_close(h);

    host_open(h);
    expect_code(PORTAL_OK, wait_for_token(h, token, &flags), "a stored token is found");
    expect(strcmp(token, "token-1") == 0 && flags == 0 && h->asks == 1, "a stored token is served without an ask");
    done = into_done(&o);
    expect_code(PORTAL_OK, portal_session_clear(h->session, &done, NULL), "a stored session is cleared");
    expect_code(PORTAL_OK, end_of(&o), "a clear ends when the store is overwritten");
    host_close(h);

    host_open(h);
    expect_code(PORTAL_ERR_SIGN_IN_NEEDED, wait_for_token(h, token, &flags), "a logout survives");
    expect(h->asks == 1, "after a logout nobody is asked");
    host_close(h);
}

static void test_host_store(void) {
    host h;
    host_init(&h);
    host_with_store(&h);
    test_lives(&h);
    expect(h.revision >= 2 && h.record_length != 0, "the store was written");
    expect(!contains(h.record, h.record_length, "token-1"), "after a logout the record holds no token");
}

static void test_file_store(void) {
    char directory[] = "/tmp/portal-session-XXXXXX";
    char command[64];
    host h;
    expect(mkdtemp(directory) != NULL, "a folder is made");
    host_init(&h);
    host_with_key(&h, directory);
    if ((portal_features() & PORTAL_FEATURE_FILE_STORE) == 0) {
        expect_code(PORTAL_ERR_UNSUPPORTED, portal_session_open(&h.options, &h.session, NULL), "a build without files");
        expect(h.session == NULL && h.released == 5, "an open that fails gives each userdata back");
    } else {
        test_lives(&h);
        expect(h.destroyed != 0, "a logout destroys the key");
    }
    snprintf(command, sizeof command, "rm -r %s", directory);
    expect(system(command) == 0, "the folder is removed");
}

/* ---- send ---- */

static portal_code send_and_wait(host *h, outcome *o) {
    portal_http_request request;
    portal_init(&request, sizeof request);
    request.url = text_of("/api/v3/clients/me");
    expect_code(PORTAL_OK, portal_send(h->session, &request, into_sent(o), NULL, NULL), "a request is sent");
    return end_of(o);
}

static void test_send(void) {
    portal_http_request request;
    host h;
    outcome o;
    uint64_t id = 0;
    host_init(&h);
    host_with_transport(&h);
    host_open(&h);
    expect_code(PORTAL_OK, send_and_wait(&h, &o), "a request is answered");
    expect(o.http_status == 200 && o.verdict == PORTAL_VERDICT_ACCEPTED, "an answer has its status and verdict");
    h.transport = FAILS;
    expect_code(PORTAL_OK, send_and_wait(&h, &o), "a request that meets a 401 is sent again");
    expect(o.http_status == 200 && h.sends == 3 && h.asks == 2, "it is sent once more, with a newer token");
    h.transport = DECLINES;
    expect_code(PORTAL_ERR_NETWORK, send_and_wait(&h, &o), "a request without an answer");

    h.transport = IS_SILENT;
    portal_init(&request, sizeof request);
    request.url = text_of("/api/v3/clients/me");
    expect_code(PORTAL_OK, portal_send(h.session, &request, into_sent(&o), &id, NULL), "a request is sent");
    (void)host_send(&h, 5);
    expect_code(PORTAL_OK, portal_cancel(id, NULL), "a request is cancelled");
    expect_code(PORTAL_ERR_CANCELLED, end_of(&o), "a cancelled request ends so");
    request.url = text_of("https://example.com/");
    expect_code(PORTAL_ERR_HOST_NOT_ALLOWED, portal_send(h.session, &request, into_sent(&o), NULL, NULL), "another host");
    host_close(&h);
    expect(h.cancels == 1, "the transport hears of the cancel");
}

int main(void) {
    test_library();
    test_session();
    test_host_store();
    test_file_store();
    test_send();
    printf("%d differences from 0.1.0\n", failures());
    return failures() == 0 ? 0 : 1;
}

/* portal_session.h: the whole C API of portal-session.
 *
 * It keeps the Client Session Token (CST, "token" below) of a Portal user on a device, in memory and encrypted at rest, and
 * tracks its sliding expiry: the app is asked for a new one exactly when Portal will no longer take the old one.
 *
 * The shortest use: open a session with a provider that calls your backend; take a lease; put the token on your request to
 * Portal; report the answer's status.
 *
 *     portal_options options;
 *     portal_init(&options, sizeof options);
 *     options.provider.ask = ask_my_backend;             // answers by portal_request_fulfil, now or later
 *     portal_session *session = NULL;
 *     portal_session_open(&options, &session, NULL);
 *     ...
 *     portal_lease lease;
 *     portal_init(&lease, sizeof lease);
 *     char token[PORTAL_TOKEN_MAX];
 *     size_t length = sizeof token;
 *     portal_lease_wait(session, NULL, &lease, token, &length, NULL);
 *     int status = my_request("Authorization: Bearer", token, length);
 *     portal_wipe(token, sizeof token);
 *     portal_lease_report(session, &lease, status, NULL, NULL);
 *
 * RULES THAT HOLD FOR EVERY FUNCTION
 *
 *  1 Threads    Call from any thread, from inside any callback too, unless the comment says otherwise. Nothing blocks,
 *               unless its name (`wait`) or a parameter (`wait_ms`) says so.
 *  2 Results    A portal_code: PORTAL_OK or one of PORTAL_ERR_*. `error` may be NULL and is written only on failure. There
 *               is no "last error" of a thread.
 *               Three codes are not repeated below: INVALID_ARGUMENT for a NULL that is not marked nullable, a wrong
 *               struct_size, an unknown flag, a non-zero reserved field or a negative duration; OUT_OF_MEMORY; INTERNAL.
 *               After any of them, and whatever else INVALID_ARGUMENT is said of, the session is as it was before the
 *               call; but see rule 7 for answers.
 *  3 Text       portal_text and portal_bytes that go in are borrowed for the call; those handed to a callback die when it
 *               returns. Text that comes out goes into your buffer: `*length` is its room before and the length (or, with
 *               BUFFER_TOO_SMALL, the length needed) after. It has no NUL at its end.
 *               A text that is longer than any of its kind can be is refused before it is read.
 *  4 Release    Each `release` runs exactly once, after the last use of its userdata; also when the call that took it fails
 *               (then before that call returns). Those of the options run at the end of close, not of
 *               portal_session_release: thus a session that its own provider holds is freed by close.
 *  5 Callbacks  They run on one library thread, one at a time, never inside a call of yours and under no lock, and may call
 *               anything here. Return soon: a blocked callback delays other callbacks, never the session or a blocking
 *               wait. Exceptions: store and key callbacks have a thread of their own; the clock runs inside calls (see
 *               portal_clock). A callback must not throw or long-jump out.
 *  6 Structs    Zero is the default of every field. Structs passed by pointer start with struct_size; set them up with
 *               portal_init. A struct_size smaller than the library's (but not than version 1's) means that the missing
 *               fields are zero; a larger one that the tail must be zero. Outputs are written up to the smaller of both
 *               sizes and keep your struct_size. A struct_size over 64 KiB is refused. Structs without struct_size (those
 *               nested by value, those in arrays, portal_done, portal_reading) never grow.
 *  7 Ids        Unique in the process, never 0, never reused. Answering or cancelling what is over is PORTAL_ERR_STALE, and
 *               harmless for ever, also after its session is gone.
 *               An answer that is refused for the token, record, key or response it brings was an answer all the same: it
 *               counts as a failure at once, and its id is over. One that is refused for anything else (rule 2's list, a
 *               client id, no such value of an enum) was none: the id is still open.
 *  8 Time       Every number of time is in milliseconds and says so in its name (`_ms`). `_unix_ms` is wall time since
 *               1970, for display only; `_boot_ms` is time since boot, sleep included. Durations run on the session's
 *               clock.
 *  9 Secrets    The token and the store's record are secrets: wipe your copies with portal_wipe. No error message, log
 *               line, event, lease, status or explain text holds a secret, nor any text that came from outside.
 */
#ifndef PORTAL_SESSION_H
#define PORTAL_SESSION_H

#include <stddef.h>
#include <stdint.h>

/* ---- version ------------------------------------------------------------------------------------------------------ */

#define PORTAL_VERSION "0.1.0"
#define PORTAL_ABI 2 /* grows with each addition; nothing is ever removed or changed: a larger portal_abi() serves you */

/* ---- sizes -------------------------------------------------------------------------------------------------------- */

#define PORTAL_TOKEN_MAX 4096    /* bytes of a token: a buffer of this size always suffices */
#define PORTAL_EXPLAIN_MAX 16384 /* bytes of the text of portal_session_explain, likewise */

/* ---- what lets C, C++ and Swift read one header -------------------------------------------------------------------- */

#if defined(PORTAL_BUILDING)
#define PORTAL_API __attribute__((visibility("default")))
#else
#define PORTAL_API
#endif

#if defined(__cplusplus)
#define PORTAL_NOEXCEPT noexcept
#else
#define PORTAL_NOEXCEPT
#endif

/* Pointers between PORTAL_BEGIN and PORTAL_END are never NULL unless marked: Swift then sees the right optionals. */
#if defined(__clang__)
#define PORTAL_OPEN __attribute__((enum_extensibility(open)))
#define PORTAL_NULLABLE _Nullable
#define PORTAL_NONNULL _Nonnull
#define PORTAL_BEGIN                                                                   \
    _Pragma("clang diagnostic push") _Pragma("clang diagnostic ignored \"-Wpragmas\"") \
    _Pragma("clang diagnostic ignored \"-Wunknown-warning-option\"")                   \
    _Pragma("clang diagnostic ignored \"-Wfixed-enum-extension\"")                     \
    _Pragma("clang diagnostic ignored \"-Wc23-extensions\"")                           \
    _Pragma("clang diagnostic ignored \"-Wc2x-extensions\"")                           \
    _Pragma("clang diagnostic ignored \"-Wnullability-extension\"")                    \
    _Pragma("clang assume_nonnull begin")
#define PORTAL_END _Pragma("clang assume_nonnull end") _Pragma("clang diagnostic pop")
#else
#define PORTAL_OPEN
#define PORTAL_NULLABLE
#define PORTAL_NONNULL
#define PORTAL_BEGIN
#define PORTAL_END
#endif

/* An enum of 32 bits in every language and on every target; values that a newer library adds are legal. */
#if defined(__cplusplus)
#define PORTAL_ENUM(name) enum PORTAL_OPEN name : int32_t
#elif defined(__clang__)
#define PORTAL_ENUM(name)              \
    enum PORTAL_OPEN name : int32_t;   \
    typedef enum name name;            \
    enum PORTAL_OPEN name : int32_t
#else
#define PORTAL_ENUM(name)  \
    typedef int32_t name;  \
    enum
#endif

/* clang-format off */
PORTAL_BEGIN
#ifdef __cplusplus
extern "C" {
#endif

/* ==== vocabulary ===================================================================================================
 * Values are fixed for ever and never reused. portal_name() gives each its word in lower case. */

/* How a call or an operation ended. */
PORTAL_ENUM(portal_code) {
    PORTAL_OK                     =   0,
    PORTAL_ERR_INVALID_ARGUMENT   =  -1, /* NULL, wrong struct_size, bad number: a mistake in the calling code */
    PORTAL_ERR_CLOSED             =  -2, /* the session was closed */
    PORTAL_ERR_BUFFER_TOO_SMALL   =  -3, /* the length needed was written */
    PORTAL_ERR_UNSUPPORTED        =  -4, /* this build of the library lacks the part: see portal_features */
    PORTAL_ERR_OUT_OF_MEMORY      =  -5, /* or out of threads: the message says which */
    PORTAL_ERR_INTERNAL           =  -6, /* a mistake in this library: please report it */
    PORTAL_ERR_IN_CALLBACK        =  -7, /* a blocking call inside a callback */
    PORTAL_ERR_STALE              =  -8, /* that id, lease or epoch is over; nothing happened, nothing is wrong */
    PORTAL_ERR_NO_TOKEN           =  -9, /* portal_lease_try only: none to give now; an acquire would wait */
    PORTAL_ERR_TIMEOUT            = -10, /* the deadline passed */
    PORTAL_ERR_CANCELLED          = -11, /* by portal_cancel */
    PORTAL_ERR_CLEARED            = -12, /* the session was cleared meanwhile, here or by another process */
    PORTAL_ERR_SIGN_IN_NEEDED     = -13, /* declined or signed out: until a push or a forced acquire */
    PORTAL_ERR_PROVIDER_FAILED    = -14, /* the provider failed, or is left alone after a failure: see retry_after_ms */
    PORTAL_ERR_NO_PROVIDER        = -15, /* a token is needed and only a push can bring it */
    PORTAL_ERR_BAD_TOKEN          = -16, /* empty, too long, not header-safe, a word like null, or JSON without a token */
    PORTAL_ERR_CLIENT_MISMATCH    = -17, /* the token belongs to another client: clear first, then push */
    PORTAL_ERR_STORE_UNAVAILABLE  = -18, /* locked now; nothing is lost */
    PORTAL_ERR_STORE_FAILED       = -19, /* the store does not work */
    PORTAL_ERR_HOST_NOT_ALLOWED   = -20, /* the host is outside the allow-list, or the URL is not https */
    PORTAL_ERR_NETWORK            = -21, /* no answer; TLS faults carry PORTAL_FLAG_TLS */
    PORTAL_ERR_POLICY             = -22, /* a policy value of the options is out of its bounds */
    PORTAL_ERR_REFUSED            = -23, /* Portal rejects each new token: see retry_after_ms */
    PORTAL_ERR_TOKEN_TOO_OLD      = -24, /* its age leaves less than the margin */
    PORTAL_ERR_REPEATED_TOKEN     = -25  /* the provider gave the very token that is no longer good */
};

/* What the session has. Source: Portal's rule of 24 hours after the last authenticated request, and 7 days in all. */
PORTAL_ENUM(portal_state) {
    PORTAL_STATE_UNKNOWN    = 0, /* the store is not read yet, or unavailable now */
    PORTAL_STATE_NONE       = 1, /* no token yet */
    PORTAL_STATE_FRESH      = 2, /* a good token */
    PORTAL_STATE_EXPIRING   = 3, /* a good token near one of its deadlines */
    PORTAL_STATE_OVERDUE    = 4, /* at its 7 days, or the clock cannot be trusted: renewed first, used if that fails */
    PORTAL_STATE_EXPIRED    = 5, /* 24 hours without a request: no longer good */
    PORTAL_STATE_REJECTED   = 6, /* Portal answered 401 */
    PORTAL_STATE_SIGNED_OUT = 7  /* cleared */
};

/* Why the state is what it is; in a token request, why a new token is needed. */
PORTAL_ENUM(portal_reason) {
    PORTAL_REASON_NONE              =  0,
    PORTAL_REASON_LOADING           =  1, /* the store has not answered yet */
    PORTAL_REASON_STORE_UNAVAILABLE =  2, /* the store is locked now */
    PORTAL_REASON_FIRST             =  3, /* there was no token yet */
    PORTAL_REASON_NEAR_IDLE         =  4, /* little is left of the idle window; the next request slides it */
    PORTAL_REASON_IDLE              =  5, /* the idle window passed */
    PORTAL_REASON_NEAR_ABSOLUTE     =  6, /* the absolute deadline is near: renewed in the background */
    PORTAL_REASON_ABSOLUTE          =  7, /* the absolute deadline passed */
    PORTAL_REASON_REJECTED          =  8, /* Portal answered 401 to this generation */
    PORTAL_REASON_CLEARED           =  9, /* signed out */
    PORTAL_REASON_DECLINED          = 10, /* the provider said that the user must sign in */
    PORTAL_REASON_STORAGE_LOST      = 11, /* there was a record, but it cannot be read any more */
    PORTAL_REASON_CLOCK_UNTRUSTED   = 12, /* the date was moved across a reboot: the token's age is not known */
    PORTAL_REASON_FORCED            = 13, /* the app asked for a new token */
    PORTAL_REASON_OTHER_CLIENT      = 14, /* the store holds another client's record; it is left untouched */
    PORTAL_REASON_OTHER_ORIGIN      = 15, /* the stored record is for another portal_url; it is left untouched */
    PORTAL_REASON_WRONG_KEY         = 16, /* the key does not open the stored record; it is left untouched */
    PORTAL_REASON_OTHER_VERSION     = 17  /* another version of this library wrote the record; it is left untouched */
};

/* What an answer of Portal means for the token. Source: Portal's error codes; only 401 speaks of the token itself. */
PORTAL_ENUM(portal_verdict) {
    PORTAL_VERDICT_OTHER       = 0, /* says nothing about the token */
    PORTAL_VERDICT_ACCEPTED    = 1, /* 2xx: slides the idle deadline */
    PORTAL_VERDICT_REJECTED    = 2, /* 401 and its other spellings: a new token is needed */
    PORTAL_VERDICT_FORBIDDEN   = 3, /* 403: wrong kind of credential or permission; never an expiry */
    PORTAL_VERDICT_THROTTLED   = 4, /* 429 */
    PORTAL_VERDICT_UNAVAILABLE = 5  /* 5xx, or no answer at all */
};

/* How the token's age is known. */
PORTAL_ENUM(portal_clock_verdict) {
    PORTAL_CLOCK_SAME_BOOT = 0, /* by time since boot: right whatever the user did to the date */
    PORTAL_CLOCK_WALL      = 1, /* by the date, across a reboot */
    PORTAL_CLOCK_UNTRUSTED = 2  /* not known: the date contradicts itself */
};

/* Where the session is kept. */
PORTAL_ENUM(portal_store_verdict) {
    PORTAL_STORE_PERSISTENT  = 0, /* in the store */
    PORTAL_STORE_MEMORY_ONLY = 1, /* in memory: no store was given, or it does not work */
    PORTAL_STORE_LOCKED      = 2, /* the store is unavailable now; it is tried again */
    PORTAL_STORE_LOST        = 3  /* the record could not be read and was set aside */
};

/* What the session does about a new token. */
PORTAL_ENUM(portal_renewal) {
    PORTAL_RENEWAL_IDLE        = 0, /* nothing */
    PORTAL_RENEWAL_ASKING      = 1, /* the provider is asked */
    PORTAL_RENEWAL_ELSEWHERE   = 2, /* another process asks its provider; its token is adopted */
    PORTAL_RENEWAL_BACKING_OFF = 3, /* the provider is left alone after a failure: see retry_after_ms */
    PORTAL_RENEWAL_DECLINED    = 4  /* the provider said that the user must sign in */
};

/* What an observer is told. */
PORTAL_ENUM(portal_event_kind) {
    PORTAL_EVENT_STATE           = 1, /* state or reason changed */
    PORTAL_EVENT_NEW_TOKEN       = 2, /* a new generation holds */
    PORTAL_EVENT_REJECTED        = 3, /* Portal rejected the current generation */
    PORTAL_EVENT_RENEWAL_STARTED = 4, /* the provider is asked */
    PORTAL_EVENT_RENEWAL_FAILED  = 5, /* no token this time: `code` says why */
    PORTAL_EVENT_SIGN_IN_NEEDED  = 6, /* the user must sign in */
    PORTAL_EVENT_CLEARED         = 7, /* signed out, here or by another process */
    PORTAL_EVENT_STORE           = 8, /* the store verdict changed */
    PORTAL_EVENT_CLOCK           = 9  /* the clock verdict changed */
};

/* What the host tells of the outside world, by portal_session_notify. */
PORTAL_ENUM(portal_notice) {
    PORTAL_NOTICE_FOREGROUND    = 1, /* the app came to the front: look again at clock, store and timers */
    PORTAL_NOTICE_BACKGROUND    = 2, /* the app goes: write what is unwritten */
    PORTAL_NOTICE_STORE_CHANGED = 3, /* another process wrote, or the store became readable */
    PORTAL_NOTICE_CLOCK_CHANGED = 4  /* the host clock jumped; for tests that move it */
};

/* How a load of a host store or a key ended. */
PORTAL_ENUM(portal_found) {
    PORTAL_FOUND       = 1,
    PORTAL_ABSENT      = 2, /* surely nothing there. A keychain before first unlock is UNAVAILABLE, whatever it says */
    PORTAL_UNAVAILABLE = 3, /* cannot be told now: tried again, nothing is dropped */
    PORTAL_FAILED      = 4  /* does not work: the session goes on in memory */
};

/* How a save of a host store ended. */
PORTAL_ENUM(portal_saved) {
    PORTAL_SAVED            = 1,
    PORTAL_CONFLICT         = 2, /* the stored revision was another one; nothing was written */
    PORTAL_SAVE_UNAVAILABLE = 3, /* cannot be written now: tried again */
    PORTAL_SAVE_FAILED      = 4
};

/* How much is logged: a level includes those of smaller value. */
PORTAL_ENUM(portal_level) {
    PORTAL_LEVEL_OFF     = 0,
    PORTAL_LEVEL_ERROR   = 1, /* reserved: no line has it yet */
    PORTAL_LEVEL_WARNING = 2, /* changes that tell of a failure */
    PORTAL_LEVEL_INFO    = 3, /* all changes, and each ask of the provider */
    PORTAL_LEVEL_DEBUG   = 4  /* reserved: no line has it yet */
};

/* Which enum portal_name() is asked about. */
PORTAL_ENUM(portal_group) {
    PORTAL_GROUP_CODE    = 1,
    PORTAL_GROUP_STATE   = 2,
    PORTAL_GROUP_REASON  = 3,
    PORTAL_GROUP_VERDICT = 4,
    PORTAL_GROUP_CLOCK   = 5,
    PORTAL_GROUP_STORE   = 6,
    PORTAL_GROUP_RENEWAL = 7,
    PORTAL_GROUP_EVENT   = 8
};

/* ==== small structs ================================================================================================ */

/* A session: opaque, made by portal_session_open, given back by portal_session_release. */
typedef struct portal_session portal_session;

/* UTF-8 text; needs no NUL at its end. length 0 is empty, whatever data is. */
typedef struct portal_text {
    const char *PORTAL_NULLABLE data;
    size_t length;
} portal_text;

/* Bytes. length 0 is empty, whatever data is. */
typedef struct portal_bytes {
    const void *PORTAL_NULLABLE data;
    size_t length;
} portal_bytes;

/* Gives a userdata back to the host: see rule 4.
 *   Thread: the callback thread (store, key: the host thread); inside the call that fails. */
typedef void (*portal_release_fn)(void *PORTAL_NULLABLE userdata);

#define PORTAL_FLAG_RETRYABLE 1u /* the same call may succeed later, at best after retry_after_ms */
#define PORTAL_FLAG_TLS       2u /* the fault is in TLS: certificate, pin, protocol */

/* Details of a failure, in memory of the caller. */
typedef struct portal_error {
    uint32_t    struct_size;
    portal_code code;
    int32_t     http_status;    /* 0: none */
    int32_t     os_code;        /* errno, OSStatus, CURLcode or the host's own number; 0: none */
    int64_t     retry_after_ms; /* 0: not known */
    uint32_t    flags;          /* PORTAL_FLAG_* */
    uint32_t    reserved;       /* 0 */
    char        message[256];   /* UTF-8, with NUL: the cause and the next step, never a secret */
} portal_error;

#define PORTAL_LEASE_OVERDUE     1u /* past its 7 days or of unknown age, with no new token to be had: may be refused */
#define PORTAL_LEASE_MEMORY_ONLY 2u /* the token is not in the store: it ends with this process */

/* A ticket for requests with one token. It holds no secret: keep it, print it, store it across a relaunch. It is never
 * freed and owes nothing; it serves any number of requests. 64 bytes. */
typedef struct portal_lease {
    uint32_t struct_size;
    uint32_t flags;        /* PORTAL_LEASE_* */
    uint64_t session_tag;  /* which session: a report to another one is refused */
    uint64_t generation;   /* grows by one with each new token */
    uint64_t epoch;        /* grows by one with each clear */
    int64_t  sent_boot_ms; /* the send instant: when the lease was handed out, or last stamped */
    int64_t  sent_unix_ms; /* the same as wall time; derived from the last wall reading, not read again */
    uint64_t boot_tag;     /* which boot; 0: not known */
    int64_t  left_ms;      /* to the nearer deadline, when handed out */
} portal_lease;

/* What Portal, or Portal's own SDK, answered. Fill what you have. */
typedef struct portal_answer {
    uint32_t    struct_size;
    int32_t     http_status;    /* 0: there was no answer, or the SDK hides it */
    int64_t     retry_after_ms; /* not used yet; 0: none. Not negative */
    portal_text retry_after;    /* not used yet: the header as it came */
    portal_text error_id;       /* "AUTH_FAILED", "INVALID_API_KEY", "SESSION_EXPIRED", ... */
    portal_text exception;      /* "PortalHttpUnauthorizedException", "PortalRequestsError.unauthorized", ... */
    int32_t     legacy_code;    /* 202, ... */
    uint32_t    reserved;       /* 0 */
} portal_answer;

#define PORTAL_FAILURE_RETRYABLE 1u /* the session may ask again by itself, after a back-off */

/* Why the provider has no token this time. All zero: not retryable; the next caller's acquire asks again after the
 * back-off. */
typedef struct portal_failure {
    uint32_t    struct_size;
    uint32_t    flags;          /* PORTAL_FAILURE_* */
    int32_t     http_status;    /* of the app's backend; 0: none */
    uint32_t    reserved;       /* 0 */
    int64_t     retry_after_ms; /* 0: not known */
    portal_text retry_after;    /* the header as it came, in seconds; a date, which needs its Date, is none */
    int32_t     host_code;      /* the host's own number for it, shown in explain and as the waiters' os_code; 0: none */
    uint32_t    reserved2;      /* 0 */
} portal_failure;

#define PORTAL_ANSWER_BARE_TOKEN 1u /* the body may be the token itself; without this only JSON is taken */
#define PORTAL_ANSWER_PARSED     2u /* the caller has read the body: token_or_body is the token, client_id its `id` */
#define PORTAL_ANSWER_TLS        4u /* no answer came because of TLS: certificate, pin, protocol */

/* What the app's own backend answered to the provider's HTTP request. Fill what you have. Since ABI 2. */
typedef struct portal_backend_answer {
    uint32_t    struct_size;
    uint32_t    flags;         /* PORTAL_ANSWER_* */
    int32_t     http_status;   /* 0: no answer came; then `code` says why */
    int32_t     os_code;       /* errno, NSURLError, CURLcode, shown in explain and as the waiters' os_code; 0: none */
    portal_code code;          /* with status 0: PORTAL_ERR_TIMEOUT, or any other for "unreachable" */
    uint32_t    reserved;      /* 0 */
    portal_text retry_after;   /* the header as it came: seconds, or a date */
    portal_text date;          /* the answer's own Date header: a date in retry_after counts from it */
    portal_text token_or_body; /* copied; wipe yours */
    portal_text client_id;     /* empty: the body's `id`, or as before */
    int64_t     age_ms;        /* since Portal issued the token, by the backend's own clock; 0: just made */
} portal_backend_answer;

#define PORTAL_TOKEN_JSON 1u /* `token` holds Portal's (or the backend's) JSON answer; needs PORTAL_FEATURE_JSON */

/* A new token. */
typedef struct portal_token_input {
    uint32_t    struct_size;
    uint32_t    flags;          /* PORTAL_TOKEN_* */
    portal_text token;          /* copied; wipe yours */
    portal_text client_id;      /* the `id` beside it in Portal's answer; empty: as before */
    int64_t     age_ms;         /* since Portal issued it, by the backend's own clock; 0: just made */
    uint64_t    expected_epoch; /* push only: the epoch it was fetched in, else STALE; 0: any */
} portal_token_input;

#define PORTAL_STATUS_TIMES_UNKNOWN 1u /* the clock cannot be trusted: deadlines and times left are not known, and are 0 */
#define PORTAL_STATUS_UNWATCHED     2u /* the store's folder cannot be watched: news of other processes may come late */

/* What a session has and does, at one instant. */
typedef struct portal_status {
    uint32_t             struct_size;
    portal_state         state;
    portal_reason        reason;
    portal_renewal       renewal;
    portal_clock_verdict clock;
    portal_store_verdict store;
    uint64_t             generation;                /* 0: no token yet */
    uint64_t             epoch;                     /* 0: not known yet: the store is yet to be read */
    int64_t              idle_deadline_unix_ms;     /* last slide + 24 h, for display; 0: none */
    int64_t              absolute_deadline_unix_ms; /* issue + 7 d, for display; 0: none */
    int64_t              idle_left_ms;              /* negative: past it */
    int64_t              absolute_left_ms;          /* negative: past it */
    int64_t              retry_after_ms;            /* while backing off; 0: not */
    uint64_t             mints_first;               /* new tokens since open, by why: first, storage_lost */
    uint64_t             mints_idle;                /*   near_idle, idle */
    uint64_t             mints_absolute;            /*   near_absolute, absolute, clock_untrusted */
    uint64_t             mints_rejected;            /*   rejected */
    uint64_t             mints_forced;              /*   forced */
    uint64_t             pushes;                    /* tokens that came by push, since open */
    uint64_t             rejections;                /* generations that Portal rejected, since open */
    uint64_t             waits;                     /* acquires that had to wait, since open */
    uint64_t             degraded_saves;            /* tokens handed out though the store did not take them, since open */
    int64_t              longest_wait_ms;           /* of an acquire, since open */
    uint32_t             flags;                     /* PORTAL_STATUS_*; since ABI 2 */
    uint32_t             reserved;                  /* 0; since ABI 2 */
} portal_status;

/* ==== what the host supplies =======================================================================================
 * Nested in the options by value and copied at open. A NULL first function means "not supplied". */

/* One ask for a new token. */
typedef struct portal_token_request {
    uint32_t      struct_size;
    portal_reason reason;     /* why a token is needed */
    uint64_t      id;         /* answer with it, once, from any thread, now or later */
    uint32_t      attempt;    /* 1, 2, ... since the last success */
    uint32_t      reserved;   /* 0 */
    int64_t       timeout_ms; /* then the waiters give up; a later answer is still welcome */
    uint64_t      generation; /* the newest that this session has had */
    portal_text   client_id;  /* whose token; empty: not known */
} portal_token_request;

/* The app's way to its own backend. */
typedef struct portal_provider {
    /* Asks for a token: answer once by portal_request_fulfil, _decline or _fail, inside or later. One ask at a time per
     * session.
     *   Thread: callback thread. Valid: `request` until the return. May: anything; start the work and return. */
    void (*PORTAL_NULLABLE ask)(void *PORTAL_NULLABLE userdata, const portal_token_request *request);
    /* A clear or close made that request void: stop working on it. Optional. An answer after this is STALE.
     *   Thread: callback thread. Valid: the id for ever. May: anything. */
    void (*PORTAL_NULLABLE withdrawn)(void *PORTAL_NULLABLE userdata, uint64_t request_id);
    void *PORTAL_NULLABLE userdata;
    portal_release_fn PORTAL_NULLABLE release;
} portal_provider;

/* One change of a session. */
typedef struct portal_event {
    uint32_t          struct_size;
    portal_event_kind kind;
    uint64_t          sequence;       /* +1 each, per session: a gap means that older ones were dropped */
    portal_state      state;
    portal_reason     reason;
    portal_code       code;           /* why, for the kinds that tell of a failure; else PORTAL_OK */
    uint32_t          reserved;       /* 0 */
    uint64_t          generation;
    uint64_t          epoch;
    int64_t           retry_after_ms; /* 0: none */
    int64_t           at_unix_ms;     /* when, for display */
} portal_event;

/* Who is told of changes: one for each session. 64 events are queued at most, then the oldest go. */
typedef struct portal_observer {
    /* Tells of one change, in order. A status read inside is at least as new as the event.
     *   Thread: callback thread. Valid: `event` until the return. May: anything. */
    void (*PORTAL_NULLABLE event)(void *PORTAL_NULLABLE userdata, const portal_event *event);
    void *PORTAL_NULLABLE userdata;
    portal_release_fn PORTAL_NULLABLE release;
} portal_observer;

/* Where log lines go. */
typedef struct portal_log {
    /* Takes one line, without a line end and without a secret.
     *   Thread: callback thread. Valid: `message` until the return. May: anything. */
    void (*PORTAL_NULLABLE line)(void *PORTAL_NULLABLE userdata, portal_level level, portal_text message);
    portal_level level;    /* lines above it are never formatted */
    uint32_t     reserved; /* 0 */
    void *PORTAL_NULLABLE userdata;
    portal_release_fn PORTAL_NULLABLE release;
} portal_log;

/* The host's own store. Records are opaque, 8 KiB at most, and IN CLEAR: the store must protect them. Each id is answered
 * once, by portal_store_loaded or _saved, inside the callback or later; 10 s without an answer counts as UNAVAILABLE. */
typedef struct portal_store {
    /* Reads the record of the session `name`: answer by portal_store_loaded.
     *   Thread: host thread. Valid: `name` until the return. May: anything; blocking delays sessions with host stores only.
     *   */
    void (*PORTAL_NULLABLE load)(void *PORTAL_NULLABLE userdata, uint64_t id, portal_text name);
    /* Writes `record` with `revision`, only if the stored revision is revision - 1 (nothing stored counts as 0), else
     * answers CONFLICT: answer by portal_store_saved. Clear is a save too: of a record that holds no token.
     *   Thread: host thread. Valid: `name` and `record` until the return; wipe your copies. May: as above. */
    void (*PORTAL_NULLABLE save)(void *PORTAL_NULLABLE userdata, uint64_t id, portal_text name, uint64_t revision,
                                 portal_bytes record);
    void *PORTAL_NULLABLE userdata;
    portal_release_fn PORTAL_NULLABLE release;
} portal_store;

/* Where the key of the file store comes from: 32 random bytes that the host keeps, in a keychain for example. */
typedef struct portal_key {
    /* Asks for the key of the session `name`: answer by portal_key_loaded. Where there is none yet, make one and answer
     * FOUND.
     *   Thread: host thread. Valid: `name` until the return. May: anything; blocking delays sessions with host parts only.
     *   */
    void (*PORTAL_NULLABLE load)(void *PORTAL_NULLABLE userdata, uint64_t id, portal_text name);
    /* Destroys the key, for clear: older copies of the file never open again. Optional. Done when it returns.
     *   Thread: host thread. Valid: `name` until the return. May: as above. */
    void (*PORTAL_NULLABLE destroy)(void *PORTAL_NULLABLE userdata, portal_text name);
    void *PORTAL_NULLABLE userdata;
    portal_release_fn PORTAL_NULLABLE release;
} portal_key;

/* One reading of the clocks. */
typedef struct portal_reading {
    int64_t  boot_ms;  /* since boot, sleep included */
    int64_t  unix_ms;  /* wall time, as the user may have set it */
    uint64_t boot_tag; /* this boot's identity; 0: not known */
} portal_reading;

/* The host's own clock: for tests that travel in time. After moving it, say PORTAL_NOTICE_CLOCK_CHANGED. Move it when the
 * session is quiet (PORTAL_NOTICE_BACKGROUND is done): a store call under way counts the jump as its own time. */
typedef struct portal_clock {
    /* Reads all three. The one callback that runs inside your calls. What is beyond 2^52 ms counts as 2^52 ms.
     *   Thread: any, many at once. Valid: `out` until the return. May: nothing here but portal_clock_system; be quick, and
     *   lock nothing that you hold while you call this library. */
    void (*PORTAL_NULLABLE read)(void *PORTAL_NULLABLE userdata, portal_reading *out);
    void *PORTAL_NULLABLE userdata;
    portal_release_fn PORTAL_NULLABLE release;
} portal_clock;

#define PORTAL_HEADER_SECRET 1u /* never log the value */

/* One header line of HTTP. */
typedef struct portal_header {
    portal_text name;
    portal_text value;
    uint32_t    flags;    /* PORTAL_HEADER_* */
    uint32_t    reserved; /* 0 */
} portal_header;

#define PORTAL_REQUEST_REPLAY   1u /* may be sent twice though its method is not idempotent */
#define PORTAL_REQUEST_NO_TOKEN 2u /* to the app's own backend: no token, no allow-list; https or loopback all the same */

/* One HTTP request: to portal_send, and from the session to a host transport. */
typedef struct portal_http_request {
    uint32_t    struct_size;
    uint32_t    flags;      /* PORTAL_REQUEST_* */
    portal_text method;     /* empty: GET */
    portal_text url;        /* absolute, or a path under portal_url; a transport gets it absolute, made of checked parts */
    const portal_header *PORTAL_NULLABLE headers;
    size_t      header_count;
    portal_bytes body;
    int64_t     timeout_ms; /* 0: 30 s; at most 10 min; the wait for a token included */
} portal_http_request;

/* What came of it: to the callback of portal_send, and from a host transport to the session. */
typedef struct portal_http_response {
    uint32_t       struct_size;
    int32_t        http_status;    /* 0: no answer; then `code` says why */
    portal_code    code;           /* PORTAL_OK with an answer */
    portal_verdict verdict;        /* filled by the session; a transport leaves it 0 */
    const portal_header *PORTAL_NULLABLE headers;
    size_t         header_count;
    portal_bytes   body;           /* 4 MiB at most */
    int64_t        retry_after_ms; /* 0: none */
    int32_t        os_code;        /* errno, NSURLError, CURLcode; 0: none */
    uint32_t       reserved;       /* 0 */
} portal_http_response;

/* The host's own HTTP stack, instead of the library's. It follows no redirect, answers from no cache and keeps no cookie.
 * */
typedef struct portal_transport {
    /* Sends: answer once by portal_transport_answered, inside or later.
     *   Thread: callback thread. Valid: all of `request` until the return. May: anything; start the work and return. */
    void (*PORTAL_NULLABLE send)(void *PORTAL_NULLABLE userdata, uint64_t id, const portal_http_request *request);
    /* The answer is no longer wanted: stop. Optional; only for what `send` was told. An answer after this is STALE.
     *   Thread: callback thread. Valid: the id for ever. May: anything. */
    void (*PORTAL_NULLABLE cancel)(void *PORTAL_NULLABLE userdata, uint64_t id);
    void *PORTAL_NULLABLE userdata;
    portal_release_fn PORTAL_NULLABLE release;
} portal_transport;

/* ==== session ====================================================================================================== */

#define PORTAL_ALLOW_LOOPBACK 1u /* http and https to 127.0.0.1 and [::1], any port; the name "localhost" stays refused */

/* All that a session is given; there are no setters. A policy value is 0: its default, which stands in the comment; -1:
 * none, where the comment allows it. Source of the defaults: Portal's documentation of authentication and API keys (24
 * hours, 7 days).
 *
 * `role` names the process: "app", "widget"; at most 16 printable ASCII bytes. It matters with a host store that several
 * processes share. While one process asks its provider, the others wait for its token; if it is killed meanwhile, a new
 * process of the same role does not wait for it. Empty: the new process waits up to request_timeout_ms. The file store
 * needs no role where it can see that a process has died. */
typedef struct portal_options {
    uint32_t    struct_size;
    uint32_t    flags;                            /* PORTAL_ALLOW_LOOPBACK */
    portal_text name;                             /* 1 to 128 bytes of UTF-8; empty: "default" */
    portal_text client_id;                        /* whose session; empty: learnt from the first token that names one */
    portal_text directory;                        /* file store in it, wants `key`; empty: `store`, or memory only */
    portal_text portal_url;                       /* empty: https://api.portalhq.io; joins the allow-list */
    portal_text ca_file;                          /* PEM, for the library's transport; empty: the system's trust */
    const portal_text *PORTAL_NULLABLE allowed_hosts; /* "host" or "host:port", with its sub-domains; NULL: portalhq.io */
    size_t      allowed_host_count;
    const portal_text *PORTAL_NULLABLE spki_pins; /* base64 of SHA-256, for the library's transport; NULL: none */
    size_t      spki_pin_count;
    int64_t     idle_ms;                          /* 24 h; 5 min to 30 d */
    int64_t     absolute_ms;                      /* 7 d; idle to 90 d */
    int64_t     margin_ms;                        /* 60 s; 5 s to idle/10; or none */
    int64_t     soft_window_ms;                   /* 10 min; at most idle/2; or none */
    int64_t     renewal_lead_ms;                  /* 6 h, times a fixed half to one; at most absolute/4; or none */
    int64_t     request_timeout_ms;               /* 30 s for the provider; 1 s to 5 min */
    uint64_t    boot_tag;                         /* this boot as the host names it (BOOT_COUNT + 1); 0: the system's */
    portal_provider  provider;                    /* none: only a push brings tokens */
    portal_observer  observer;
    portal_log       log;
    portal_store     store;                       /* instead of `directory` */
    portal_key       key;                         /* with `directory` */
    portal_clock     clock;                       /* none: the system's */
    portal_transport transport;                   /* none: the library's, where it is built in */
    void *PORTAL_NULLABLE reserved;               /* NULL; leaves no gap at the end where pointers have 32 bits */
    portal_text role;                             /* which process of the app this is: see above; since ABI 2 */
} portal_options;

/** Opens a session and starts to load it. Two opens of one name behave as two processes on one store would.
 *
 *  Thread: any; no input or output, no wait: loading goes on behind it.
 *  Own:    *out is yours: give it back with portal_session_release. On failure *out is NULL. The options and their texts
 *          stay yours; each userdata is the session's until its `release` has run.
 *  Valid:  until portal_session_release.
 *  Errors: INVALID_ARGUMENT: name, client id, host or pin malformed; `directory` without `key`, or together with `store`.
 *          POLICY: a policy value out of its bounds. HOST_NOT_ALLOWED: portal_url is not https, nor loopback that is
 *          allowed. UNSUPPORTED: `directory` without PORTAL_FEATURE_FILE_STORE; ca_file or spki_pins without the library's
 *          own transport.
 *  Units:  the options' durations are milliseconds.
 *  Source: Portal, authentication: a token dies 24 hours after its last request, and is not refreshed beyond 7 days. */
PORTAL_API portal_code portal_session_open(const portal_options *options,
                                           portal_session *PORTAL_NULLABLE *PORTAL_NONNULL out,
                                           portal_error *PORTAL_NULLABLE error) PORTAL_NOEXCEPT;

/** Ends a session: its waiters get CLOSED, a running token request is withdrawn, the last slide is written. Idempotent.
 *
 *  Thread: any. Blocks up to wait_ms, on the real clock; inside a callback, or with 0, not at all.
 *  Own:    the handle stays yours. The options' userdata are released at the end of it.
 *  Valid:  the handle stays valid, and answers CLOSED, until portal_session_release. No later call gives the token.
 *  Errors: TIMEOUT: the session is closed, and still ending when this returns.
 *  Units:  wait_ms: milliseconds. */
PORTAL_API portal_code portal_session_close(portal_session *session, int64_t wait_ms,
                                            portal_error *PORTAL_NULLABLE error) PORTAL_NOEXCEPT;

/** Gives the handle back, closing first where that was not done.
 *
 *  Thread: any; the last call on the handle, with no other running on it. Does not wait.
 *  Own:    takes the handle; NULL is fine.
 *  Valid:  the handle no longer. Ids of its waiters and requests stay harmless.
 *  Errors: none
 *  Units:  none */
PORTAL_API void portal_session_release(portal_session *PORTAL_NULLABLE session) PORTAL_NOEXCEPT;

/* How an operation without a result ended. */
typedef struct portal_done {
    /* Tells it, exactly once. `error` is NULL with PORTAL_OK.
     *   Thread: callback thread. Valid: `error` until the return. May: anything. */
    void (*PORTAL_NULLABLE fn)(void *PORTAL_NULLABLE userdata, portal_code code, const portal_error *PORTAL_NULLABLE error);
    void *PORTAL_NULLABLE userdata;
    portal_release_fn PORTAL_NULLABLE release;
} portal_done;

/** Signs out. On return no call gives the token, and all that was started before is void: waiters get CLEARED, late answers
 *  are dropped. `done` comes when every copy of ours is wiped and the store overwritten.
 *
 *  Thread: any; does not wait.
 *  Own:    `done` is copied; its userdata is the session's until its `release` has run.
 *  Valid:  signed out until a push or a forced acquire; leases of before answer STALE for ever.
 *  Errors: CLOSED. To `done`: STORE_UNAVAILABLE or STORE_FAILED: memory is wiped, the store is not; the erase is tried
 *          again at each foreground and load. CLOSED: the session was closed before the store answered.
 *  Units:  none */
PORTAL_API portal_code portal_session_clear(portal_session *session, const portal_done *PORTAL_NULLABLE done,
                                            portal_error *PORTAL_NULLABLE error) PORTAL_NOEXCEPT;

/** Tells of the outside world. `done` comes when all that it caused (reload, save, due timers, their callbacks) is over.
 *
 *  Thread: any; does not wait.
 *  Own:    as portal_session_clear.
 *  Valid:  none
 *  Errors: INVALID_ARGUMENT: no such notice. CLOSED. To `done`: STORE_UNAVAILABLE or STORE_FAILED where the load or save
 *          that it caused ended so; CLOSED.
 *  Units:  none */
PORTAL_API portal_code portal_session_notify(portal_session *session, portal_notice notice,
                                             const portal_done *PORTAL_NULLABLE done,
                                             portal_error *PORTAL_NULLABLE error) PORTAL_NOEXCEPT;

/** Reads what the session has and does at this instant.
 *
 *  Thread: any; does not wait, and with the system's clock takes no lock.
 *  Own:    *out is yours; set it up with portal_init.
 *  Valid:  a copy: it does not change.
 *  Errors: CLOSED.
 *  Units:  _ms: milliseconds; _unix_ms: milliseconds since 1970; the counters count since open. */
PORTAL_API portal_code portal_session_status(const portal_session *session, portal_status *out,
                                             portal_error *PORTAL_NULLABLE error) PORTAL_NOEXCEPT;

/** Writes the status and the last 32 transitions as one JSON object, for support: no secret is in it.
 *
 *  Thread: any; does not wait.
 *  Own:    the buffer is yours; NULL asks for the length alone.
 *  Valid:  a copy: it does not change.
 *  Errors: BUFFER_TOO_SMALL: *length is what is needed, never over PORTAL_EXPLAIN_MAX. CLOSED.
 *  Units:  *length: bytes; times as in portal_status. */
PORTAL_API portal_code portal_session_explain(const portal_session *session, char *PORTAL_NULLABLE buffer, size_t *length,
                                              portal_error *PORTAL_NULLABLE error) PORTAL_NOEXCEPT;

/** Says whether the token may go to this place: for those who attach it themselves. Pass what your stack will dial, and
 *  send the request without the token where the answer is no.
 *
 *  Thread: any; pure: neither lock nor clock. Answers after close too.
 *  Own:    scheme and host are borrowed for the call.
 *  Valid:  for the session's life: the allow-list is fixed at open.
 *  Errors: HOST_NOT_ALLOWED: it may not.
 *  Units:  port: as in the URL; 0: the scheme's own.
 *  Source: Portal, API reference: its hosts are portalhq.io and below. */
PORTAL_API portal_code portal_session_allows(const portal_session *session, portal_text scheme, portal_text host,
                                             uint16_t port, portal_error *PORTAL_NULLABLE error) PORTAL_NOEXCEPT;

/* ==== lease ======================================================================================================== */

/** Takes the valid token, without waiting: one clock read and one copy. Near a deadline a renewal starts behind it.
 *
 *  Thread: any, at any rate; allocates nothing, and with the system's clock takes no lock.
 *  Own:    out and the buffer are yours; wipe the token after use. A NULL token takes the lease alone; then length may be
 *          NULL.
 *  Valid:  the lease for ever; the token as long as Portal takes it: report what it answers.
 *  Errors: NO_TOKEN: none to give now; portal_lease_acquire would wait or say why. BUFFER_TOO_SMALL: *length is what is
 *          needed. CLOSED.
 *  Units:  *length: bytes. */
PORTAL_API portal_code portal_lease_try(portal_session *session, portal_lease *out, char *PORTAL_NULLABLE token,
                                        size_t *PORTAL_NULLABLE length,
                                        portal_error *PORTAL_NULLABLE error) PORTAL_NOEXCEPT;

#define PORTAL_ACQUIRE_FORCE         1u /* a token made after this call; skips back-off (once in 10 s), no Retry-After */
#define PORTAL_ACQUIRE_WITHOUT_STORE 2u /* store unavailable: ask and go on in memory, instead of waiting for it */

/* How to wait for a token. NULL: all zero. */
typedef struct portal_acquire_options {
    uint32_t struct_size;
    uint32_t flags;      /* PORTAL_ACQUIRE_* */
    int64_t  timeout_ms; /* on the session's clock; 0: 35 s; at most 10 min */
    uint64_t newer_than; /* the generation that failed: only a newer one will do; 0: any that is valid */
} portal_acquire_options;

/* Who gets the token. */
typedef struct portal_acquired {
    /* Tells how the wait ended, exactly once: with PORTAL_OK a lease and a token, else both empty and an error.
     *   Thread: callback thread. Valid: all until the return: copy the token here. May: anything. */
    void (*PORTAL_NULLABLE fn)(void *PORTAL_NULLABLE userdata, portal_code code, const portal_lease *PORTAL_NULLABLE lease,
                               portal_text token, const portal_error *PORTAL_NULLABLE error);
    void *PORTAL_NULLABLE userdata;
    portal_release_fn PORTAL_NULLABLE release;
} portal_acquired;

/** Waits for a valid token, asking the provider once, however many wait. OK: fn runs exactly once. Else: never.
 *
 *  Thread: any; does not wait: fn does the telling.
 *  Own:    done's userdata is the session's until its `release` has run. *id is written before fn can run.
 *  Valid:  the id for ever: portal_cancel takes it.
 *  Errors: INVALID_ARGUMENT: fn is NULL, timeout_ms over 10 min. CLOSED.
 *          To fn: TIMEOUT: no token came in time. STORE_UNAVAILABLE: the store stayed locked until then. CANCELLED.
 *          CLEARED: signed out meanwhile. CLOSED. SIGN_IN_NEEDED: signed out, or the provider declined. NO_PROVIDER: only a
 *          push can help. PROVIDER_FAILED: it failed, or is left alone for retry_after_ms. REFUSED: Portal rejected token
 *          after token; wait for retry_after_ms. BAD_TOKEN, CLIENT_MISMATCH, TOKEN_TOO_OLD, REPEATED_TOKEN, UNSUPPORTED:
 *          the provider gave one that cannot be used.
 *  Units:  timeout_ms: milliseconds on the session's clock; the error's retry_after_ms likewise. */
PORTAL_API portal_code portal_lease_acquire(portal_session *session, const portal_acquire_options *PORTAL_NULLABLE options,
                                            portal_acquired done, uint64_t *PORTAL_NULLABLE id,
                                            portal_error *PORTAL_NULLABLE error) PORTAL_NOEXCEPT;

/** The same, blocking, into your buffer.
 *
 *  Thread: any but a callback's; blocks until a token, a failure or timeout_ms.
 *  Own:    out and the buffer are yours; wipe the token after use.
 *  Valid:  as portal_lease_try.
 *  Errors: IN_CALLBACK. BUFFER_TOO_SMALL: *length is what is needed; nothing is lost, call again. INVALID_ARGUMENT:
 *          timeout_ms over 10 min. CLOSED. TIMEOUT, STORE_UNAVAILABLE, CLEARED, SIGN_IN_NEEDED, NO_PROVIDER,
 *          PROVIDER_FAILED, REFUSED, BAD_TOKEN, CLIENT_MISMATCH, TOKEN_TOO_OLD, REPEATED_TOKEN, UNSUPPORTED: as the fn of
 *          portal_lease_acquire.
 *  Units:  timeout_ms: milliseconds on the session's clock; *length: bytes. */
PORTAL_API portal_code portal_lease_wait(portal_session *session, const portal_acquire_options *PORTAL_NULLABLE options,
                                         portal_lease *out, char *token, size_t *length,
                                         portal_error *PORTAL_NULLABLE error) PORTAL_NOEXCEPT;

/** Sets the lease's send instant to now: for a request that leaves later than its lease was taken, as those of a long-lived
 *  client object do. Never needed for safety: without it the session expects the end earlier than Portal does.
 *
 *  Thread: any; one clock read. One lease: one thread at a time.
 *  Own:    the lease stays yours.
 *  Valid:  until the next stamp.
 *  Errors: INVALID_ARGUMENT: another session's lease. CLOSED.
 *  Units:  sent_boot_ms, sent_unix_ms: milliseconds. */
PORTAL_API portal_code portal_lease_stamp(const portal_session *session, portal_lease *lease,
                                          portal_error *PORTAL_NULLABLE error) PORTAL_NOEXCEPT;

/** Reports what Portal answered to a request that carried the lease's token: 2xx slides the idle deadline to the send
 *  instant + 24 hours, 401 rejects the token, everything else changes nothing. Holds before the return: no later call gives
 *  a rejected token. Report what came from Portal itself: no answer of a cache, none after a redirect.
 *
 *  Thread: any; does not wait.
 *  Own:    the lease and the answer stay yours. `answer` adds details where the status alone does not tell; NULL: none.
 *  Valid:  a lease can be reported any number of times, and after a relaunch. Of an older generation: OK, and nothing
 *          happens.
 *  Errors: STALE: the lease is of before a clear. INVALID_ARGUMENT: another session's lease. CLOSED.
 *  Units:  http_status: as in the answer; 0: there was none, or it is hidden.
 *  Source: Portal, authentication: a successful request with the token sets its expiry to 24 hours later; 401 is a dead
 *          token. */
PORTAL_API portal_code portal_lease_report(portal_session *session, const portal_lease *lease, int32_t http_status,
                                           const portal_answer *PORTAL_NULLABLE answer,
                                           portal_error *PORTAL_NULLABLE error) PORTAL_NOEXCEPT;

/** Starts a renewal that is due, if any, so that the wait hides behind the app's first screen. Only observers hear its end.
 *
 *  Thread: any; does not wait.
 *  Own:    none
 *  Valid:  none
 *  Errors: CLOSED. Nothing due, no provider, signed out, in back-off: OK, and nothing happens.
 *  Units:  none */
PORTAL_API portal_code portal_session_prepare(portal_session *session, portal_error *PORTAL_NULLABLE error) PORTAL_NOEXCEPT;

/** Cancels an acquire or a send: its callback still runs once, with CANCELLED or with the real end if that was faster.
 *  Others who wait for the same token are not touched.
 *
 *  Thread: any; needs no session.
 *  Own:    none
 *  Valid:  safe for ever, with any number.
 *  Errors: STALE: it is over, or never was.
 *  Units:  none */
PORTAL_API portal_code portal_cancel(uint64_t id, portal_error *PORTAL_NULLABLE error) PORTAL_NOEXCEPT;

/* ==== renewal ======================================================================================================
 * What is known at the call is checked at the call; where only the store can tell (it is still loading), an event does. */

/** Gives a token unasked, after a login for example. Takes the place of any other, and signs in. An acquire or a
 *  wait after it is served by it; portal_lease_try says NO_TOKEN for the instant until the worker has taken it.
 *
 *  Thread: any; does not wait.
 *  Own:    the input stays yours: it is copied; wipe yours.
 *  Valid:  from the return on no call gives the token of before.
 *  Errors: BAD_TOKEN: empty, too long, not header-safe, a word such as null or undefined, a number of at most 3 digits,
 *          JSON without a session token. CLIENT_MISMATCH: of another client: clear first. TOKEN_TOO_OLD: its age leaves
 *          less than the margin. REPEATED_TOKEN: it is the one that is no longer good. STALE: expected_epoch is over.
 *          UNSUPPORTED: PORTAL_TOKEN_JSON without PORTAL_FEATURE_JSON. INVALID_ARGUMENT: client_id malformed. CLOSED.
 *  Units:  age_ms: milliseconds since Portal issued it.
 *  Source: Portal, Custodian API: create a client, new client session. The answers name no expiry: age_ms is the backend's
 *          word. */
PORTAL_API portal_code portal_session_push(portal_session *session, const portal_token_input *token,
                                           portal_error *PORTAL_NULLABLE error) PORTAL_NOEXCEPT;

/** Signs the present user out and the next one in, in one step: a clear, then a push. Where the two are separate calls, a
 *  caller between them is told to sign in, and one that comes too early gets CLIENT_MISMATCH. Since ABI 2.
 *
 *  Thread: any; does not wait.
 *  Own:    the token stays yours: it is copied; wipe yours. `done` is copied; its userdata is the session's until its
 *          `release` has run.
 *  Valid:  from the return on no call gives the old token, and all that was started before is void, as after
 *          portal_session_clear. `done` comes when the old token is wiped here and erased in the store.
 *  Errors: BAD_TOKEN: as portal_session_push. TOKEN_TOO_OLD: its age leaves less than the margin. STALE: expected_epoch is
 *          over: somebody has signed out, or switched, since the token was fetched. UNSUPPORTED: PORTAL_TOKEN_JSON without
 *          PORTAL_FEATURE_JSON. INVALID_ARGUMENT: client_id malformed. CLOSED. After any of them the present user is still
 *          signed in, and `done` does not come. To `done`: as portal_session_clear.
 *  Units:  age_ms: milliseconds since Portal issued it.
 *  Source: as portal_session_push. */
PORTAL_API portal_code portal_session_switch(portal_session *session, const portal_token_input *token,
                                             const portal_done *PORTAL_NULLABLE done,
                                             portal_error *PORTAL_NULLABLE error) PORTAL_NOEXCEPT;

/** Answers a token request with a token. One that cannot be used counts as a failure of the provider (rule 7): its waiters
 *  fail with the code that is said here.
 *
 *  Thread: any, inside `ask` too; needs no session.
 *  Own:    the input stays yours: it is copied; wipe yours.
 *  Valid:  the id until it is answered or withdrawn; later answers are harmless.
 *  Errors: STALE: answered before, withdrawn, or the session is gone. BAD_TOKEN, CLIENT_MISMATCH, TOKEN_TOO_OLD,
 *          REPEATED_TOKEN, UNSUPPORTED, INVALID_ARGUMENT: as portal_session_push.
 *  Units:  age_ms: milliseconds since Portal issued it.
 *  Source: as portal_session_push. */
PORTAL_API portal_code portal_request_fulfil(uint64_t request_id, const portal_token_input *token,
                                             portal_error *PORTAL_NULLABLE error) PORTAL_NOEXCEPT;

/** Answers a token request: the user must sign in again. Nobody is asked any more until a push, a forced acquire or a new
 *  process; a token that is still good is handed out until it ends.
 *
 *  Thread: any, inside `ask` too; needs no session.
 *  Own:    none
 *  Valid:  as portal_request_fulfil.
 *  Errors: STALE: answered before, withdrawn, or the session is gone.
 *  Units:  host_code: the host's own number for it, shown in explain and as the waiters' os_code; 0: none. */
PORTAL_API portal_code portal_request_decline(uint64_t request_id, int32_t host_code,
                                              portal_error *PORTAL_NULLABLE error) PORTAL_NOEXCEPT;

/** Answers a token request: none this time. Its waiters fail with PROVIDER_FAILED, and a back-off starts.
 *
 *  Thread: any, inside `ask` too; needs no session.
 *  Own:    the failure stays yours; NULL: all zero.
 *  Valid:  as portal_request_fulfil.
 *  Errors: STALE: answered before, withdrawn, or the session is gone.
 *  Units:  retry_after_ms: milliseconds. The back-off: 1 s doubling to 5 min, or Retry-After, which is cut to 1 h. */
PORTAL_API portal_code portal_request_fail(uint64_t request_id, const portal_failure *PORTAL_NULLABLE failure,
                                           portal_error *PORTAL_NULLABLE error) PORTAL_NOEXCEPT;

/** Answers a token request with what the app's own backend answered to the provider. One rule says whether that is a
 *  token, a refusal or a failure, so that all apps and platforms agree. Since ABI 2.
 *
 *      backend's answer                   the request is            its waiters get
 *      ---------------------------------  ------------------------  -------------------------------------------------
 *      2xx with a token                   fulfilled                 the token
 *      2xx: empty, 204, markup, no token  failed                    BAD_TOKEN
 *      401                                declined                  SIGN_IN_NEEDED: the user must sign in
 *      403                                failed                    PROVIDER_FAILED; firewalls and proxies send it too
 *      404 and other 4xx                  failed                    PROVIDER_FAILED
 *      3xx                                failed                    PROVIDER_FAILED, which names the redirect
 *      407                                failed, retryable         PROVIDER_FAILED, which names the proxy
 *      511                                failed, retryable         PROVIDER_FAILED, which names the captive portal
 *      408, 429, other 5xx                failed, retryable         PROVIDER_FAILED
 *      0, PORTAL_ERR_TIMEOUT              failed, retryable         PROVIDER_FAILED: no answer in time
 *      0, PORTAL_ANSWER_TLS               failed, retryable         PROVIDER_FAILED: no safe connection
 *      0, anything else                   failed, retryable         PROVIDER_FAILED: the backend cannot be reached
 *      1xx, 600 and above                 failed                    PROVIDER_FAILED
 *
 *  "Retryable": the session may ask again by itself, after its back-off or, where that is longer, after Retry-After.
 *  A token stands in Portal's JSON answer (PORTAL_FEATURE_JSON), in the body itself (PORTAL_ANSWER_BARE_TOKEN), or in
 *  token_or_body (PORTAL_ANSWER_PARSED: for builds without JSON, where the platform's parser has found token and client
 *  id). Blanks and a byte order mark around a body are skipped. The waiters' error carries http_status and os_code.
 *
 *  Thread: any, inside `ask` too; needs no session.
 *  Own:    the answer and its texts stay yours: they are copied; wipe the token.
 *  Valid:  as portal_request_fulfil.
 *  Errors: STALE: answered before, withdrawn, or the session is gone. BAD_TOKEN: a 2xx without a usable token, with a
 *          malformed client_id or with a negative age_ms. UNSUPPORTED: the body is JSON, which this build does not read.
 *          CLIENT_MISMATCH, TOKEN_TOO_OLD, REPEATED_TOKEN: as portal_session_push. After any of these the request is over,
 *          and its waiters fail with that code. INVALID_ARGUMENT: a negative http_status, or a header over 8 KiB: the
 *          request is still open. A refusal or a failure of the backend is OK here.
 *  Units:  http_status: as in the answer; age_ms: milliseconds. Retry-After is cut to 1 h.
 *  Source: RFC 9110 (status codes, Retry-After), RFC 6585 (429, 511). */
PORTAL_API portal_code portal_request_answer(uint64_t request_id, const portal_backend_answer *answer,
                                             portal_error *PORTAL_NULLABLE error) PORTAL_NOEXCEPT;

/* ==== host parts answer ============================================================================================ */

/** Answers `load` of the host's store.
 *
 *  Thread: any, inside `load` too; needs no session.
 *  Own:    the record stays yours: it is copied; wipe yours.
 *  Valid:  the id until it is answered; later answers are harmless.
 *  Errors: STALE: answered before, given up after 10 s, or the session is gone. INVALID_ARGUMENT: no such portal_found;
 *          FOUND without a record, or one over 8 KiB: that counts as FAILED (rule 7).
 *  Units:  revision: the number that came with the record's save; it counts only with FOUND. */
PORTAL_API portal_code portal_store_loaded(uint64_t id, portal_found found, uint64_t revision, portal_bytes record,
                                           portal_error *PORTAL_NULLABLE error) PORTAL_NOEXCEPT;

/** Answers `save` of the host's store.
 *
 *  Thread: any, inside `save` too; needs no session.
 *  Own:    none
 *  Valid:  as portal_store_loaded.
 *  Errors: STALE: answered before, given up after 10 s, or the session is gone. INVALID_ARGUMENT: no such portal_saved.
 *  Units:  os_code: the system's number for a failure, shown in explain; 0: none. */
PORTAL_API portal_code portal_store_saved(uint64_t id, portal_saved saved, int32_t os_code,
                                          portal_error *PORTAL_NULLABLE error) PORTAL_NOEXCEPT;

/** Answers `load` of the key. After ABSENT the store goes on as lost: where there is no key yet, make one and answer FOUND.
 *
 *  Thread: any, inside `load` too; needs no session.
 *  Own:    the key stays yours: it is copied; wipe yours.
 *  Valid:  as portal_store_loaded.
 *  Errors: STALE: answered before, given up after 10 s, or the session is gone. INVALID_ARGUMENT: no such portal_found;
 *          FOUND with other than 32 bytes: that counts as FAILED (rule 7).
 *  Units:  key: 32 bytes. */
PORTAL_API portal_code portal_key_loaded(uint64_t id, portal_found found, portal_bytes key,
                                         portal_error *PORTAL_NULLABLE error) PORTAL_NOEXCEPT;

/** Answers `send` of the host's transport.
 *
 *  Thread: any, inside `send` too; needs no session.
 *  Own:    the response and all in it stay yours: they are copied.
 *  Valid:  as portal_store_loaded.
 *  Errors: STALE: answered before, or the request is over. INVALID_ARGUMENT: neither a status nor a code; a body over
 *          4 MiB; over 256 headers, or 64 KiB of them; one that HTTP does not allow: each ends the request with NETWORK
 *          (rule 7).
 *  Units:  http_status: as in the answer; retry_after_ms: milliseconds, 0: the header says it. */
PORTAL_API portal_code portal_transport_answered(uint64_t id, const portal_http_response *response,
                                                 portal_error *PORTAL_NULLABLE error) PORTAL_NOEXCEPT;

/* ==== HTTP ========================================================================================================= */

/* Who gets the answer. */
typedef struct portal_sent {
    /* Tells how the request ended, exactly once: with PORTAL_OK a response of any status, else an error and no response.
     *   Thread: callback thread. Valid: all until the return. May: anything. */
    void (*PORTAL_NULLABLE fn)(void *PORTAL_NULLABLE userdata, portal_code code,
                               const portal_http_response *PORTAL_NULLABLE response,
                               const portal_error *PORTAL_NULLABLE error);
    void *PORTAL_NULLABLE userdata;
    portal_release_fn PORTAL_NULLABLE release;
} portal_sent;

/** Sends a request to Portal with the token, reports the answer by itself, and after a 401 gets a newer token and sends
 *  once more, if the method is idempotent or PORTAL_REQUEST_REPLAY allows it. OK: fn runs exactly once. Else: never.
 *
 *  Thread: any; does not wait: fn does the telling.
 *  Own:    the request stays yours: it is copied. done's userdata is the session's until its `release` has run. *id is
 *          written before fn can run.
 *  Valid:  the id for ever: portal_cancel takes it.
 *  Errors: INVALID_ARGUMENT: fn is NULL; method, URL or a header malformed; a header that is not yours to write: Host,
 *          Content-Length, Transfer-Encoding, Connection, TE, Upgrade, and beside the token Authorization; over 256
 *          headers, or 64 KiB of them; timeout_ms over 10 min. HOST_NOT_ALLOWED: the token may not go there. UNSUPPORTED:
 *          no transport. CLOSED. To fn: NETWORK: no answer came, or one over 4 MiB; TIMEOUT; CANCELLED; and all that
 *          portal_lease_acquire tells its fn. An answer of any status is OK: read its verdict.
 *  Units:  timeout_ms: milliseconds, the wait for a token included; 0: 30 s; at most 10 min.
 *  Source: Portal, Client API: the token goes as "Authorization: Bearer"; 401 is a dead token. */
PORTAL_API portal_code portal_send(portal_session *session, const portal_http_request *request, portal_sent done,
                                   uint64_t *PORTAL_NULLABLE id, portal_error *PORTAL_NULLABLE error) PORTAL_NOEXCEPT;

/** Says what an answer means for the token: of Portal's API or, by error id, exception or legacy code, of Portal's SDKs.
 *
 *  Thread: any; pure.
 *  Own:    the answer stays yours.
 *  Valid:  for ever: the same answer has the same verdict.
 *  Errors: none; what cannot be read is PORTAL_VERDICT_OTHER.
 *  Units:  http_status, legacy_code: as in the answer.
 *  Source: Portal, error codes, and the SDK guides: 401, AUTH_FAILED, INVALID_API_KEY, SESSION_EXPIRED, code 202,
 *          PortalHttpUnauthorizedException all mean "get a new token"; 403 does not. */
PORTAL_API portal_verdict portal_verdict_of(const portal_answer *answer) PORTAL_NOEXCEPT;

/* ==== library ====================================================================================================== */

/** Zeroes a struct of this header and sets its struct_size. Only for structs that have one.
 *
 *  Thread: any.
 *  Own:    the struct stays yours.
 *  Valid:  none
 *  Errors: none; a size under 4 does nothing.
 *  Units:  size: bytes: sizeof the struct. */
PORTAL_API void portal_init(void *structure, size_t size) PORTAL_NOEXCEPT;

/** Reads the system's clocks: for a host clock that only shifts them.
 *
 *  Thread: any, inside the clock callback too.
 *  Own:    *out is yours.
 *  Valid:  a copy: it does not change.
 *  Errors: none; what the system does not tell is 0.
 *  Units:  boot_ms, unix_ms: milliseconds. */
PORTAL_API void portal_clock_system(portal_reading *out) PORTAL_NOEXCEPT;

/** Overwrites memory in a way that no compiler removes.
 *
 *  Thread: any.
 *  Own:    the memory stays yours; NULL is fine.
 *  Valid:  none
 *  Errors: none
 *  Units:  size: bytes. */
PORTAL_API void portal_wipe(void *PORTAL_NULLABLE memory, size_t size) PORTAL_NOEXCEPT;

/** The version of the binary that runs: PORTAL_VERSION as it was built.
 *
 *  Thread: any.
 *  Own:    the library's; do not free it.
 *  Valid:  as long as the library is loaded.
 *  Errors: none
 *  Units:  none */
PORTAL_API const char *portal_version(void) PORTAL_NOEXCEPT;

/** PORTAL_ABI of the binary that runs. Refuse to go on if it is smaller than the one you were compiled with.
 *
 *  Thread: any.
 *  Own:    none
 *  Valid:  none
 *  Errors: none
 *  Units:  none */
PORTAL_API uint32_t portal_abi(void) PORTAL_NOEXCEPT;

#define PORTAL_FEATURE_HTTP       1u /* a transport of its own (libcurl) */
#define PORTAL_FEATURE_FILE_STORE 2u /* the encrypted file store (OpenSSL) */
#define PORTAL_FEATURE_JSON       4u /* JSON token inputs (simdjson) */

/** What this build of the library has inside: PORTAL_FEATURE_*.
 *
 *  Thread: any.
 *  Own:    none
 *  Valid:  none
 *  Errors: none
 *  Units:  none */
PORTAL_API uint32_t portal_features(void) PORTAL_NOEXCEPT;

/** The word for a value, in lower case: "near_idle", "sign_in_needed", "ok".
 *
 *  Thread: any.
 *  Own:    the library's; do not free it.
 *  Valid:  as long as the library is loaded.
 *  Errors: none; an unknown group or value is "?".
 *  Units:  none */
PORTAL_API const char *portal_name(portal_group group, int32_t value) PORTAL_NOEXCEPT;

/** Handles, waiters, requests and userdata of this process that are not released yet: 0 when all is closed. For tests of
 *  leaks.
 *
 *  Thread: any.
 *  Own:    none
 *  Valid:  for the instant.
 *  Errors: none
 *  Units:  a count. */
PORTAL_API uint64_t portal_live_objects(void) PORTAL_NOEXCEPT;

#ifdef __cplusplus
}
#endif
PORTAL_END
/* clang-format on */
#endif

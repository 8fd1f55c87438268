// One function of the read or report path, called a thousand times in steady state: instructions.cmake runs this under
// callgrind and counts what the library executes meanwhile. The clock is the host's: how many instructions a read of the
// system's clock takes depends on the processor.
//   instructions read_36 | read_4096 | report
#include <portal_session/portal_session.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <future>
#include <string>

namespace {

constexpr int calls = 1000;

// A millisecond later at each read, so that each report slides the deadline.
void read_clock(void*, portal_reading* out) {
    static std::atomic<std::int64_t> boot_ms{3'600'000};
    out->boot_ms = ++boot_ms;
    out->unix_ms = 1'700'000'000'000 + out->boot_ms;
    out->boot_tag = 7;
}

struct Rig {
    portal_session* session = nullptr;
    portal_lease lease;
    char token[PORTAL_TOKEN_MAX];
};

bool read(Rig& rig) {
    std::size_t length = sizeof rig.token;
    return portal_lease_try(rig.session, &rig.lease, rig.token, &length, nullptr) == PORTAL_OK;
}

// As for a request that leaves a millisecond after the last one.
bool report(Rig& rig) {
    ++rig.lease.sent_boot_ms;
    return portal_lease_report(rig.session, &rig.lease, 200, nullptr, nullptr) == PORTAL_OK;
}

bool open_with_token(Rig& rig, std::size_t token_bytes) {
    portal_options options;
    portal_init(&options, sizeof options);
    options.clock.read = read_clock;
    portal_token_input input;
    portal_init(&input, sizeof input);
    const std::string token(token_bytes, 'x');
    input.token = {token.data(), token.size()};
    portal_init(&rig.lease, sizeof rig.lease);
    std::size_t length = sizeof rig.token;
    return portal_session_open(&options, &rig.session, nullptr) == PORTAL_OK &&
           portal_session_push(rig.session, &input, nullptr) == PORTAL_OK &&
           portal_lease_wait(rig.session, nullptr, &rig.lease, rig.token, &length, nullptr) == PORTAL_OK &&
           length == token_bytes;
}

// Until the worker has done all that was caused so far: what it publishes during a read makes that read begin again.
bool settle(portal_session* session) {
    std::promise<portal_code> ended;
    const portal_done done = {[](void* userdata, portal_code code, const portal_error*) {
                                  static_cast<std::promise<portal_code>*>(userdata)->set_value(code);
                              },
                              &ended, nullptr};
    return portal_session_notify(session, PORTAL_NOTICE_BACKGROUND, &done, nullptr) == PORTAL_OK &&
           ended.get_future().get() == PORTAL_OK;
}

}  // namespace

// callgrind finds these by name, and collects while one of them runs.
#pragma GCC visibility push(default)
extern "C" {
[[gnu::noinline]] bool measured_reads(Rig& rig) {
    bool good = true;
    for (int i = 0; i < calls; ++i) good = read(rig) && good;
    return good;
}
[[gnu::noinline]] bool measured_reports(Rig& rig) {
    bool good = true;
    for (int i = 0; i < calls; ++i) good = report(rig) && good;
    return good;
}
}
#pragma GCC visibility pop

int main(int count, char** words) {
    const std::string what = count == 2 ? words[1] : "";
    if (what != "read_36" && what != "read_4096" && what != "report") return 2;
    Rig rig;
    bool good = open_with_token(rig, what == "read_4096" ? 4096 : 36);
    good = good && read(rig) && report(rig) && settle(rig.session);  // the first call of a function binds it
    good = good && (what == "report" ? measured_reports(rig) : measured_reads(rig));
    if (!good) std::fprintf(stderr, "instructions: a call of the library did not end with PORTAL_OK.\n");
    portal_session_close(rig.session, 10'000, nullptr);
    portal_session_release(rig.session);
    return good ? 0 : 1;
}

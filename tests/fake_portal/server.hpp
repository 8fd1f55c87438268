// The fake Portal: real TLS on a loopback port, the endpoints of api.hpp, and a control API for programs outside.
//
// Control API (no fault and no counter touches it; a refused request is answered with 400 and {"error": "..."}):
//
//   POST /_fake/advance  {"seconds": 86400}       moves the server's clock on -> {"now_unix_ms": n}
//   POST /_fake/faults   {"kind": "status", ...}  arms a fault -> {"armed": n}; the fields of a fault:
//        kind                 status | slow | hold | drop_before | drop_after, as FaultKind says (required)
//        times                how many answers go wrong (1)
//        scope                any | client | custodian | app: which requests it is meant for (any)
//        status               200..599, of kind status (503); with "location" a redirect
//        body                 text sent as it is, of kind status
//        location             the header of that name
//        retry_after_seconds  the header Retry-After; absent: no such header
//        retry_after_as_date  true: as an HTTP date by the server's clock
//        delay_ms             of kind slow, 30000 at most
//   POST /_fake/release                           lets held answers go -> {"released": n}
//   POST /_fake/clear                             forgets armed faults, lets held answers go -> {"armed": 0}
//   GET  /_fake/counters                          {"now_unix_ms", "mints", "requests", "slides", "rejected",
//        "custodian_requests", "app_requests", "armed", "held", "by_token": {"1": {"client_id", "mints", "requests",
//        "slides", "rejected", "issued_unix_ms", "expires_unix_ms", "revoked"}, ...}}
//        requests, slides and rejected are of the Client API; tokens are named by the order in which they were minted.
//
// The app's own backend, which holds the key:
//
//   POST /_app/token     {"client_id": "..."}     mints a token -> {"id", "clientSessionToken", "isAccountAbstracted"}
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "fake_portal/api.hpp"
#include "fake_portal/control.hpp"
#include "fake_portal/tls.hpp"

namespace fake_portal {

struct ServerOptions {
    RuleOptions rule;
    UnauthorizedBody unauthorized_body = UnauthorizedBody::empty_object;
    CertificateKind certificate = CertificateKind::good;
    TrafficOptions traffic;
    std::int64_t clock_skew_ms = 0;  // how far the server's clock is ahead of the real one
    bool manual_clock = false;       // moves by `advance` alone
    int port = 0;                    // 0: any
    std::string tls_directory;       // where the certificates go; empty: a temporary one, removed at the end
};

// All methods may be called on any thread.
class Server {
public:
    // Listens when it returns. Throws std::runtime_error where it can't.
    explicit Server(ServerOptions options = {});
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // An outage: connections are cut at once and new ones refused. Rule, faults, clock and port are kept for `start`.
    void stop();
    void start();

    [[nodiscard]] const std::string& url() const;
    [[nodiscard]] const std::string& ca_file() const;
    [[nodiscard]] const std::string& api_key() const;

    std::string make_client();  // one without a token yet; its id

    [[nodiscard]] std::int64_t now_ms() const;  // Unix time as the server has it
    void advance(std::int64_t duration_ms);

    void arm(Fault fault);
    void clear();                             // forgets armed faults, lets held answers go
    std::size_t release();                    // lets held answers go; how many there were
    bool wait_until_held(std::size_t count);  // false: it did not happen within 10 s

    [[nodiscard]] Snapshot counters() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace fake_portal

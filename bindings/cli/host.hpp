// A session over the C API, as the command line uses one: opened with everything, closed so that all is on disk.
#pragma once

#include <portal_session/portal_session.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/options.hpp"
#include "cli/provider_url.hpp"
#include "cli/secret_buffer.hpp"

namespace cli {

struct Leased {
    portal_lease lease;
    SecretBuffer token;
};

struct Request {
    std::string method;
    std::string path;
    std::string_view body;
    bool has_body = false;
    bool without_token = false;  // not to Portal: no token goes along
    std::int64_t timeout_ms = 0;  // 0: the library's
    std::vector<portal_header> headers{};  // borrowed
};

struct Response {
    int status = 0;
    portal_verdict verdict = PORTAL_VERDICT_OTHER;
    std::int64_t retry_after_ms = 0;
    std::string headers;  // "name: value" lines
    SecretBuffer body;    // it may hold a secret: wiped at the end
};

// Every operation waits until it is over, and throws a Failure.
class Session {
public:
    // Makes the store's folder and the key where there are none yet. `clock`: instead of the system's.
    explicit Session(const Options& options, const portal_clock* clock = nullptr,
                     const portal_observer* observer = nullptr);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    [[nodiscard]] portal_status status() const;
    [[nodiscard]] std::string explain() const;

    // `flags`: PORTAL_ACQUIRE_*. `newer_than`: the generation that failed; 0: any.
    [[nodiscard]] Leased acquire(std::uint32_t flags, std::uint64_t newer_than);
    // False: the lease is of before a logout, and nothing happened.
    [[nodiscard]] bool report(const portal_lease& lease, int http_status);
    void push(std::string_view token_or_json);
    void prepare();
    void clear();
    // Returns when all that the notice caused is over, whether or not the store could be reached.
    void notify(portal_notice notice);
    [[nodiscard]] Response send(const Request& request);
    // Near its 7 days the use of a token starts a renewal behind it. To end with it under way would waste the new token.
    void finish_renewal();

private:
    // As check, for what may have waited for a token. `before`: the status when it began.
    void check_token_wait(portal_code code, const portal_error& error, const portal_status& before) const;

    const std::int64_t clock_offset_ms_;
    const std::int64_t provider_timeout_ms_;  // 0: the library's limits
    std::unique_ptr<ProviderUrl> provider_url_;
    portal_session* session_ = nullptr;
};

}  // namespace cli

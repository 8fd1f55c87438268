// One HTTP exchange, as the core asks for it. libcurl's is the default; a host may bring its own.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/secret.hpp"

namespace portal {

inline constexpr std::size_t max_answer_bytes = 4 * 1024 * 1024;

// A server may say a token back, and an app may have secrets of its own in a header: values are wiped when they go.
struct HttpHeader {
    std::string name;
    std::string value;

    ~HttpHeader() { wipe(value.data(), value.size()); }
};

// What HTTP allows as a method or a header's name, and as a header's value.
[[nodiscard]] bool is_http_token(std::string_view text);
[[nodiscard]] bool is_header_value(std::string_view text);

// A request's own headers: well-formed, and none that the transport writes; with a bearer no Authorization either.
[[nodiscard]] Result<void> check_headers(const std::vector<HttpHeader>& headers, bool has_bearer);

struct HttpRequest {
    std::string method;               // "GET", ...
    std::string url;                  // rebuilt from its checked parts, never the caller's text
    std::vector<HttpHeader> headers;
    Secret bearer;                    // sent as "Authorization: Bearer ..."; empty: no such header
    Secret body;
    std::int64_t timeout_ms = 30'000;
    std::size_t max_body_bytes = max_answer_bytes;
    bool may_repeat = false;  // by the transport itself, where the connection broke before any answer
    // Asked at the last moment before the request leaves: anything but ok stops it, and is the answer's error. Any thread;
    // must not throw. Empty: nothing to ask.
    std::function<Code()> admit = {};
};

struct HttpResponse {
    int status = 0;
    std::vector<HttpHeader> headers;
    Secret body;                      // may hold a token
    std::int64_t retry_after_ms = 0;  // where the transport knows it; 0: the header says it

    // The first header of that name, in any case; empty where there is none.
    [[nodiscard]] std::string_view header(std::string_view name) const;
};

// Contract: no redirect is followed, no answer comes from a cache, no cookie is kept, and what may not be repeated is on
// the wire once: the server may have done its work though no answer came. `answer` is called exactly once, on any thread,
// never inside `send`. An answer with any status is a success; an Error says that there was none.
class Transport {
public:
    virtual ~Transport() = default;
    // `id` is the caller's name for this exchange, unique in the process.
    virtual void send(std::uint64_t id, HttpRequest request, std::function<void(Result<HttpResponse>)> answer) = 0;
    // The answer is no longer wanted: it still comes once, as CANCELLED or as it was. Unknown ids are ignored.
    virtual void cancel(std::uint64_t id) = 0;
    // Ends the connections that are kept for later: their ciphers may still hold the end of the last answer. Returns when
    // that is done, or is sure to be with the last exchange that is under way.
    virtual void drop_connections() {}
};

}  // namespace portal

// The endpoints of the fake, without HTTP, clock, thread or lock: a request and the time in, an outcome out.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "fake_portal/faults.hpp"
#include "fake_portal/rule.hpp"
#include "fake_portal/traffic.hpp"

namespace fake_portal {

// Portal's pages show three bodies for one 401.
enum class UnauthorizedBody : std::uint8_t { empty_object, error_object, bare_string };

struct Request {
    std::string method;
    std::string path;    // without the query
    std::string bearer;  // empty: no such header
    std::string body;
};

struct Answer {
    int status = 200;
    std::string body = "{}";
    std::vector<std::pair<std::string, std::string>> headers;
};

enum class Delivery : std::uint8_t { at_once, delayed, held, never };

struct Outcome {
    Answer answer;
    Delivery delivery = Delivery::at_once;
    std::int64_t delay_ms = 0;
};

// The rule's counters are of the client API alone.
struct ApiCounters {
    std::uint64_t custodian_requests = 0;
    std::uint64_t app_requests = 0;
};

class Api {
public:
    Api(RuleOptions rule, UnauthorizedBody unauthorized_body, TrafficOptions traffic = {});

    // `now_ms` is the server's clock as Unix time.
    Outcome handle(const Request& request, std::int64_t now_ms);

    [[nodiscard]] const std::string& api_key() const { return api_key_; }
    [[nodiscard]] const ApiCounters& counters() const { return counters_; }
    [[nodiscard]] Rule& rule() { return rule_; }
    [[nodiscard]] Faults& faults() { return faults_; }

private:
    void count(Scope scope, const Request& request);
    [[nodiscard]] Answer work(Scope scope, const Request& request, std::int64_t now_ms);
    [[nodiscard]] Answer client_api(const Request& request, std::int64_t now_ms);
    [[nodiscard]] Answer custodian_api(const Request& request, std::int64_t now_ms);
    [[nodiscard]] Answer app(const Request& request, std::int64_t now_ms);
    [[nodiscard]] Answer create_client(const Request& request, std::int64_t now_ms);
    [[nodiscard]] Answer new_session(const std::string& client_id, const Request& request, std::int64_t now_ms);
    [[nodiscard]] Answer list_clients() const;
    [[nodiscard]] Answer injected(const Fault& fault, std::int64_t now_ms) const;
    [[nodiscard]] Answer unauthorized() const;
    [[nodiscard]] Answer answer_to(Scope scope, const Request& request, std::int64_t now_ms);

    Rule rule_;
    Faults faults_;
    Traffic traffic_;
    UnauthorizedBody unauthorized_body_;
    std::string api_key_;
    ApiCounters counters_;
};

// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string http_date(std::int64_t unix_ms);

}  // namespace fake_portal

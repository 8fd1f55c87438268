// What the tests of libcurl's transport share: requests, and what became of them.
#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "fake_portal/server.hpp"
#include "http/curl_transport.hpp"
#include "support/catch.hpp"

namespace portal::test {

using Answer = Result<HttpResponse>;

inline std::uint64_t next_id() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
}

inline HttpRequest get(const std::string& url) {
    HttpRequest request;
    request.method = "GET";
    request.url = url;
    return request;
}

inline HttpRequest create_client(const fake_portal::Server& server) {
    HttpRequest request = get(server.url() + "/api/v3/custodians/me/clients");
    request.method = "POST";
    request.headers = {{"Content-Type", "application/json"}};
    request.bearer = Secret(server.api_key());
    request.body = Secret("{}");
    return request;
}

inline std::future<Answer> start(Transport& transport, HttpRequest request, std::uint64_t id = next_id()) {
    auto promise = std::make_shared<std::promise<Answer>>();
    auto future = promise->get_future();
    transport.send(id, std::move(request), [promise](Answer answer) { promise->set_value(std::move(answer)); });
    return future;
}

inline Answer send(Transport& transport, HttpRequest request) { return start(transport, std::move(request)).get(); }

inline std::unique_ptr<Transport> trusting(const std::string& ca_file) { return make_curl_transport({ca_file, {}}); }

inline void failed(const Answer& answer, Code code, const std::string& reason) {
    REQUIRE_FALSE(answer.has_value());
    INFO(answer.error().message);
    CHECK(answer.error().code == code);
    CHECK(answer.error().message.find(reason) != std::string::npos);
    CHECK(answer.error().message.size() < 256);
}

inline void failed_in_tls(const Answer& answer, const std::string& reason) {
    failed(answer, Code::network, reason);
    CHECK(answer.error().tls);
    CHECK_FALSE(answer.error().retryable);
    CHECK(answer.error().os_code != 0);
}

}  // namespace portal::test

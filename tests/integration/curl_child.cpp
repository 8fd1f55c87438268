// Sends one request over libcurl's transport, in an environment of its own: `curl_child URL CA_FILE [host-uses-curl]`. Prints
// the status, or why there was none.
#include <cstdio>
#include <future>

#include <curl/curl.h>

#include "http/curl_transport.hpp"

using namespace portal;

int main(int count, char** words) {
    if (count < 3) return 2;
    if (count == 4) ::curl_global_init(CURL_GLOBAL_DEFAULT);  // a host that has a use of its own for the shared libcurl
    const auto transport = make_curl_transport({words[2], {}});
    HttpRequest request;
    request.method = "GET";
    request.url = words[1];
    request.bearer = Secret("a-token-that-must-not-leave");
    request.timeout_ms = 20'000;
    std::promise<Result<HttpResponse>> promise;
    transport->send(1, std::move(request), [&](Result<HttpResponse> answer) { promise.set_value(std::move(answer)); });
    const auto answer = promise.get_future().get();
    if (answer) {
        std::printf("status %d\n", answer->status);
    } else {
        std::printf("%s%s%s\n", answer.error().tls ? "tls " : "", answer.error().retryable ? "retryable " : "",
                    answer.error().message.c_str());
    }
    return 0;
}

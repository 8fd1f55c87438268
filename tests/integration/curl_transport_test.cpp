// The transport over libcurl: what it sends, what it answers, and when it ends.
#include "http/curl_transport.hpp"

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/text.hpp"
#include "fake_portal/server.hpp"
#include "integration/curl_world.hpp"
#include "integration/hostile_server.hpp"
#include "integration/plain_server.hpp"
#include "integration/threads_named.hpp"
#include "support/catch.hpp"

using namespace portal;
using namespace portal::test;

namespace {

int curl_threads() { return threads_named("portal-curl"); }

// For a thread that ends by itself: its end is all that is waited for.
bool curl_threads_end() {
    for (int i = 0; i < 10'000'000 && curl_threads() != 0; ++i) std::this_thread::yield();
    return curl_threads() == 0;
}

}  // namespace

TEST_CASE("a request over TLS brings its answer, headers and body") {
    const fake_portal::Server server;
    const auto transport = trusting(server.ca_file());
    for (int i = 0; i < 2; ++i) {
        const Answer answer = send(*transport, create_client(server));
        REQUIRE(answer.has_value());
        CHECK(answer->status == 200);
        CHECK(answer->header("CONTENT-type").substr(0, 16) == "application/json");
        CHECK(answer->body.reveal().find("clientSessionToken") != std::string_view::npos);
    }
    CHECK(send(*transport, get(server.url() + "/api/v3/clients/me"))->status == 401);
    CHECK(server.counters().api.custodian_requests == 2);
}

TEST_CASE("a redirect is an answer, and is not followed") {
    fake_portal::Server server;
    const auto transport = trusting(server.ca_file());
    fake_portal::Fault fault;
    fault.status = 302;
    fault.location = server.url() + "/api/v3/clients/me";
    server.arm(fault);
    const Answer answer = send(*transport, create_client(server));
    REQUIRE(answer.has_value());
    CHECK(answer->status == 302);
    CHECK(answer->header("location") == fault.location);
    CHECK(server.counters().total.requests == 0);
}

TEST_CASE("an answer larger than agreed is cut off") {
    fake_portal::Server server;
    const auto transport = trusting(server.ca_file());
    const std::size_t size = send(*transport, create_client(server))->body.size();
    HttpRequest fits = create_client(server);
    fits.max_body_bytes = size;
    CHECK(send(*transport, std::move(fits)).has_value());
    HttpRequest too_large = create_client(server);
    too_large.max_body_bytes = size - 1;
    failed(send(*transport, std::move(too_large)), Code::network, "body is larger than");

    fake_portal::Fault fault;
    fault.status = 302;
    fault.location = std::string(70'000, 'a');
    server.arm(fault);
    failed(send(*transport, create_client(server)), Code::network, "headers are larger than 64 KiB");
    CHECK(send(*transport, create_client(server)).has_value());
}

TEST_CASE("a slow server, a lost one and an absent one are told apart, and each may be tried again") {
    fake_portal::Server server;
    const auto transport = trusting(server.ca_file());
    fake_portal::Fault fault;
    fault.kind = fake_portal::FaultKind::hold;
    server.arm(fault);
    HttpRequest impatient = create_client(server);
    impatient.timeout_ms = 50;
    const Answer timed_out = send(*transport, std::move(impatient));
    failed(timed_out, Code::timeout, "timed out");
    CHECK(timed_out.error().retryable);
    CHECK_FALSE(timed_out.error().tls);
    server.clear();  // the request may have been given up before the server had it, and the fault be there still

    fault.kind = fake_portal::FaultKind::drop_before;
    fault.times = 10;
    server.arm(fault);
    const Answer dropped = send(*transport, create_client(server));
    failed(dropped, Code::network, "connection closed");
    CHECK(dropped.error().retryable);

    server.stop();
    const Answer absent = send(*transport, create_client(server));
    failed(absent, Code::network, "could not be connected");
    CHECK(absent.error().retryable);
}

TEST_CASE("a cancelled request is answered at once, and the others go on") {
    fake_portal::Server server;
    const auto transport = trusting(server.ca_file());
    fake_portal::Fault fault;
    fault.kind = fake_portal::FaultKind::hold;
    fault.times = 2;
    server.arm(fault);
    const std::uint64_t id = next_id();
    auto cancelled = start(*transport, create_client(server), id);
    auto kept = start(*transport, create_client(server));
    REQUIRE(server.wait_until_held(2));
    trusting(server.ca_file())->cancel(id);  // another transport's ids are not its own
    transport->cancel(next_id());
    transport->cancel(id);
    transport->cancel(id);
    failed(cancelled.get(), Code::cancelled, "cancelled");
    CHECK(server.counters().held >= 1);  // the server has not let go of either
    server.release();
    CHECK(kept.get()->status == 200);
}

TEST_CASE("destroying the transport answers what is under way, and ends the thread with the last one") {
    fake_portal::Server server;
    CHECK(curl_threads() == 0);
    auto first = trusting(server.ca_file());
    auto second = trusting(server.ca_file());
    CHECK(curl_threads() == 0);  // none before the first request
    fake_portal::Fault fault;
    fault.kind = fake_portal::FaultKind::hold;
    fault.times = 2;
    server.arm(fault);
    auto of_first = start(*first, create_client(server));
    auto of_second = start(*second, create_client(server));
    REQUIRE(server.wait_until_held(2));
    CHECK(curl_threads() == 1);
    first.reset();
    REQUIRE(of_first.wait_for(std::chrono::seconds(0)) == std::future_status::ready);
    failed(of_first.get(), Code::cancelled, "cancelled");
    CHECK(of_second.wait_for(std::chrono::seconds(0)) == std::future_status::timeout);
    server.release();
    CHECK(of_second.get()->status == 200);
    CHECK(curl_threads() == 1);
    second.reset();
    CHECK(curl_threads() == 0);
}

TEST_CASE("an answer may destroy the transport, and the rest is still answered") {
    fake_portal::Server server;
    auto transport = std::make_shared<std::unique_ptr<Transport>>(trusting(server.ca_file()));
    fake_portal::Fault fault;
    fault.kind = fake_portal::FaultKind::hold;
    server.arm(fault);
    std::promise<Answer> held;
    (*transport)->send(next_id(), create_client(server), [&](Answer answer) { held.set_value(std::move(answer)); });
    REQUIRE(server.wait_until_held(1));
    std::promise<int> destroyed;
    (*transport)->send(next_id(), create_client(server), [&destroyed, transport](Answer answer) {
        transport->reset();
        destroyed.set_value(answer ? answer->status : 0);
    });
    CHECK(destroyed.get_future().get() == 200);
    failed(held.get_future().get(), Code::cancelled, "cancelled");
    CHECK(curl_threads_end());
}

TEST_CASE("connections that are kept for later end when they are to be dropped, and with any transport") {
    const HostileServer server([](HostilePeer& peer) { peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); });
    const auto transport = trusting(server.ca_file());
    transport->drop_connections();  // of which there are none, nor a thread
    CHECK(curl_threads() == 0);
    CHECK(send(*transport, get(server.url())).has_value());
    CHECK(send(*transport, get(server.url())).has_value());
    CHECK(server.connections() == 1);
    transport->drop_connections();
    CHECK(send(*transport, get(server.url())).has_value());
    CHECK(server.connections() == 2);
    trusting(server.ca_file()).reset();
    CHECK(send(*transport, get(server.url())).has_value());
    CHECK(server.connections() == 3);
}

TEST_CASE("to drop connections harms no request that is under way, and is done after it") {
    std::promise<void> let_go;
    std::promise<void> held;
    std::promise<bool> left;
    const HostileServer server([&](HostilePeer& peer) {
        const bool holds = starts_with(peer.request(), "GET /held ");
        if (holds) {
            held.set_value();
            let_go.get_future().wait();
        }
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        if (holds) left.set_value(peer.is_left_within(30'000));
    });
    const auto transport = trusting(server.ca_file());
    CHECK(send(*transport, get(server.url())).has_value());
    auto answer = start(*transport, get(server.url() + "/held"));
    held.get_future().wait();
    transport->drop_connections();
    CHECK(answer.wait_for(std::chrono::seconds(0)) == std::future_status::timeout);
    let_go.set_value();
    CHECK(answer.get().has_value());
    CHECK(left.get_future().get());
    CHECK(server.connections() == 1);
}

TEST_CASE("a hundred requests at once are each answered once, never inside send") {
    fake_portal::Server server;
    const auto transport = trusting(server.ca_file());
    constexpr int count = 100;
    std::atomic<int> good{0};
    std::atomic<int> answers{0};
    std::promise<void> all;
    const auto caller = std::this_thread::get_id();
    for (int i = 0; i < count; ++i)
        transport->send(next_id(), create_client(server), [&](Answer answer) {
            if (answer && answer->status == 200 && std::this_thread::get_id() != caller) ++good;
            if (++answers == count) all.set_value();
        });
    all.get_future().wait();
    CHECK(good == count);
    CHECK(server.counters().api.custodian_requests == count);
    CHECK(curl_threads() == 1);
}

TEST_CASE("the request says what it was given and nothing more") {
    PlainServer server(
        "HTTP/1.1 103 Early Hints\r\nLink: early\r\n\r\nHTTP/1.1 200 OK: fine\r\nContent-Length: 2\r\n"
        "X-Twice:  a b \r\nX-TWICE: second\r\nX-Empty:\r\n\r\nok");
    auto transport = trusting({});
    HttpRequest request = get("http://" + server.address() + "/a/b?c=d");
    request.method = "PATCH";
    request.headers = {{"X-One", "1"}, {"X-None", ""}};
    request.bearer = Secret("sesame");
    const Answer answer = send(*transport, std::move(request));
    REQUIRE(answer.has_value());
    CHECK(answer->status == 200);
    CHECK(answer->body.reveal() == "ok");
    CHECK(answer->headers.size() == 4);
    CHECK(answer->header("x-twice") == "a b");
    CHECK(answer->header("link").empty());
    transport.reset();
    CHECK(server.request() ==
          "PATCH /a/b?c=d HTTP/1.1\r\nHost: " + server.address() +
              "\r\nAccept: */*\r\nX-One: 1\r\nX-None:\r\nAuthorization: Bearer sesame\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("a large body is sent at once, without asking whether it may come") {
    PlainServer server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    auto transport = trusting({});
    HttpRequest request = get("http://" + server.address() + "/");
    request.method = "POST";
    request.body.resize(2 * 1024 * 1024);
    CHECK(send(*transport, std::move(request))->status == 200);
    transport.reset();
    CHECK(server.request().find("Expect") == std::string::npos);
    CHECK(server.request().find("Content-Length: 2097152\r\n") != std::string::npos);
}

TEST_CASE("what does not answer in HTTP/1.1 or newer is refused") {
    for (const char* text : {"garbage\r\n\r\n", "<html>HTTP/0.9</html>", "SSH-2.0-server\r\n"}) {
        PlainServer server(text);
        const Answer answer = send(*trusting({}), get("http://" + server.address() + "/"));
        failed(answer, Code::network, "not HTTP/1.1");
        CHECK_FALSE(answer.error().tls);
    }
    PlainServer silent("");
    failed(send(*trusting({}), get("http://" + silent.address() + "/")), Code::network, "connection closed");
    PlainServer cut("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    failed(send(*trusting({}), get("http://" + cut.address() + "/")), Code::network, "connection closed");
}

TEST_CASE("a request that could say more than it seems to is refused before anything is sent") {
    const auto transport = trusting({});
    const std::string url = "http://127.0.0.1:1/";
    for (const char* bad :
         {"http://api.portalhq.io/", "https://10.0.0.1/", "https://user@portalhq.io/", "ftp://127.0.0.1/"})
        failed(send(*transport, get(bad)), Code::host_not_allowed, ".");
    for (const char* bad : {"", "GET /x HTTP/1.1\r\nX:", "GE T", "GET\n"}) {
        HttpRequest request = get(url);
        request.method = bad;
        failed(send(*transport, std::move(request)), Code::invalid_argument, "method");
    }
    const std::vector<HttpHeader> headers = {{"", "x"},
                                             {"X Y", "x"},
                                             {"X:", "x"},
                                             {"X\r\nY", "x"},
                                             {"X", "a\r\nY: b"},
                                             {"X", "a\nb"},
                                             {"X", std::string("a\0b", 3)},
                                             {"Host", "evil.example"},
                                             {"content-LENGTH", "5"},
                                             {"Transfer-Encoding", "chunked"},
                                             {"Authorization", "Bearer other"}};
    for (const HttpHeader& header : headers) {
        HttpRequest request = get(url);
        request.headers = {header};
        request.bearer = Secret("sesame");
        failed(send(*transport, std::move(request)), Code::invalid_argument, "header");
    }
    HttpRequest request = get(url);
    request.bearer = Secret("ses\r\nX: ame");
    failed(send(*transport, std::move(request)), Code::bad_token, "HTTP header");
}

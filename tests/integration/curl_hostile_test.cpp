// Servers that answer too much, too little, too slowly or not in HTTP: each ends by its limit, with a text of its own, and
// costs no more memory than was agreed.
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

#include "integration/curl_world.hpp"
#include "integration/hostile_server.hpp"
#include "support/catch.hpp"

using namespace portal;
using namespace portal::test;

namespace {

constexpr std::size_t mebibyte = 1024 * 1024;
constexpr std::uint64_t five_gigabytes = 5'000'000'000;

std::size_t status_bytes(const std::string& field) {
    std::ifstream status("/proc/self/status");
    std::size_t kibibytes = 0;
    for (std::string word; status >> word;)
        if (word == field + ":") status >> kibibytes;
    return kibibytes * 1024;
}

// The most memory that the process had at once since this was made, beyond what it had then. The server's is in it too.
class PeakMemory {
public:
    PeakMemory() {
        std::ofstream("/proc/self/clear_refs") << 5;  // forgets the peak of before
        before_ = status_bytes("VmRSS");
    }
    [[nodiscard]] std::size_t growth() const {
        const std::size_t peak = status_bytes("VmHWM");
        return peak > before_ ? peak - before_ : 0;
    }

private:
    std::size_t before_ = 0;
};

// A sanitizer's allocator keeps what was freed, so that only a bound against gigabytes is left.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t allowed_growth = 512 * mebibyte;
#else
constexpr std::size_t allowed_growth = 4 * mebibyte;
#endif

std::string head(const std::string& headers) { return "HTTP/1.1 200 OK\r\n" + headers + "\r\n"; }

// `total` bytes in pieces, or until the client has had enough.
void flood(HostilePeer& peer, std::uint64_t total, const std::string& piece) {
    for (std::uint64_t sent = 0; sent < total && peer.send(piece); sent += piece.size()) {
    }
}

HttpRequest modest(const std::string& url) {
    HttpRequest request = get(url + "/");
    request.max_body_bytes = mebibyte;
    return request;
}

// The error that one request to such a server ends with, within bounded memory; the transport is of use afterwards.
Error ended(const HostileServer& server) {
    const auto transport = trusting(server.ca_file());
    const PeakMemory memory;
    const Answer answer = send(*transport, modest(server.url()));
#if defined(__linux__)
    CHECK(memory.growth() < allowed_growth);
#endif
    REQUIRE_FALSE(answer.has_value());
    INFO(answer.error().message);
    CHECK(answer.error().code == Code::network);
    CHECK(answer.error().message.size() < 256);
    CHECK_FALSE(answer.error().tls);
    const fake_portal::Server sound;
    CHECK(send(*trusting(sound.ca_file()), create_client(sound)).has_value());
    return answer.error();
}

bool says(const Error& error, const std::string& reason) {
    UNSCOPED_INFO(error.message);
    return error.message.find(reason) != std::string::npos;
}

// About `size` zeros as gzip, a hundredth and a half of them: one zero, then "258 times the same" over and over. Its end is
// missing; nobody comes that far.
std::string packed_zeros(std::size_t size) {
    std::string packed("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
    unsigned byte = 0;
    int filled = 0;
    const auto append = [&](std::string_view bits) {
        for (const char bit : bits) {
            byte |= static_cast<unsigned>(bit == '1') << filled;
            if (++filled < 8) continue;
            packed += static_cast<char>(byte);
            byte = 0;
            filled = 0;
        }
    };
    append("110");       // the last block, of fixed codes
    append("00110000");  // zero
    for (std::size_t done = 1; done < size; done += 258) append("1100010100000");
    return packed;
}

}  // namespace

TEST_CASE("an answer of 5 GB is not taken, whether it says so or not") {
    const std::string piece(64 * 1024, 'x');
    const HostileServer announced([&](HostilePeer& peer) {
        peer.send(head("Content-Length: " + std::to_string(five_gigabytes) + "\r\n"));
        flood(peer, five_gigabytes, piece);
    });
    CHECK(says(ended(announced), "body is larger than"));
    const HostileServer endless([&](HostilePeer& peer) {
        peer.send(head("Connection: close\r\n"));
        flood(peer, five_gigabytes, piece);
        peer.close();
    });
    CHECK(says(ended(endless), "body is larger than"));
    const HostileServer chunked([&](HostilePeer& peer) {
        peer.send(head("Transfer-Encoding: chunked\r\n"));
        flood(peer, five_gigabytes, "10000\r\n" + piece + "\r\n");
    });
    CHECK(says(ended(chunked), "body is larger than"));
    constexpr std::uint64_t on_the_way = 64 * mebibyte;  // what the system's buffers may hold beyond the limit, by far
    for (const HostileServer* server : {&announced, &endless, &chunked}) CHECK(server->bytes_sent() < on_the_way);
}

TEST_CASE("headers of 1 MB are not taken, be they one or many") {
    const HostileServer one([](HostilePeer& peer) {
        peer.send("HTTP/1.1 200 OK\r\nX-Long: ");
        flood(peer, mebibyte, std::string(64 * 1024, 'x'));
        peer.send("\r\nContent-Length: 0\r\n\r\n");
    });
    CHECK(says(ended(one), "headers are larger than 64 KiB"));
    const HostileServer many([](HostilePeer& peer) {
        peer.send("HTTP/1.1 200 OK\r\n");
        flood(peer, mebibyte, "X-Short: " + std::string(100, 'x') + "\r\n");
        peer.send("Content-Length: 0\r\n\r\n");
    });
    CHECK(says(ended(many), "headers are larger than 64 KiB"));
    const HostileServer interim([](HostilePeer& peer) {
        flood(peer, five_gigabytes, "HTTP/1.1 103 Early Hints\r\nLink: " + std::string(1000, 'x') + "\r\n\r\n");
    });
    CHECK(says(ended(interim), "headers are larger than 64 KiB"));
}

TEST_CASE("an answer that trickles ends by the request's limit, and is told from one that never began") {
    const auto trickle = [](HostilePeer& peer) {
        peer.send(head("Content-Length: 1000000\r\n"));
        while (!peer.is_left_within(5) && peer.send("x")) {
        }
    };
    const auto trickle_in_headers = [](HostilePeer& peer) {
        peer.send("HTTP/1.1 200 OK\r\nX-Slow: ");
        while (!peer.is_left_within(5) && peer.send("x")) {
        }
    };
    const auto silent = [](HostilePeer& peer) { peer.is_left_within(60'000); };
    const auto timed_out = [](const HostileServer::Answer& answer, const std::string& reason) {
        const HostileServer server(answer);
        const auto transport = trusting(server.ca_file());
        Answer ended;
        // On a slow machine the first limits may pass before the connection is made.
        for (std::int64_t timeout_ms = 200; server.requests() == 0 && timeout_ms < 60'000; timeout_ms *= 4) {
            HttpRequest request = modest(server.url());
            request.timeout_ms = timeout_ms;
            ended = send(*transport, std::move(request));
        }
        failed(ended, Code::timeout, reason);
        CHECK(ended.error().retryable);
    };
    timed_out(trickle, "The answer timed out");
    timed_out(trickle_in_headers, "The answer timed out");
    timed_out(silent, "The request timed out");
}

TEST_CASE("half an answer is no answer, however it was cut") {
    const HostileServer cut([](HostilePeer& peer) {
        peer.send(head("Content-Length: 100\r\n") + "half");
        peer.cut();
    });
    // libcurl counts what is missing, or takes TLS's word for it.
    const Error words = ended(cut);
    CHECK((says(words, "before the end that the answer announced") || says(words, "in the middle of the answer")));
    const HostileServer cut_in_headers([](HostilePeer& peer) {
        peer.send("HTTP/1.1 200 OK\r\nContent-Len");
        peer.cut();
    });
    CHECK(says(ended(cut_in_headers), "in the middle of the answer"));
    const HostileServer nothing([](HostilePeer& peer) { peer.cut(); });
    CHECK(says(ended(nothing), "before any answer came"));
    const HostileServer farewell([](HostilePeer& peer) { peer.close(); });
    CHECK(says(ended(farewell), "before any answer came"));
}

TEST_CASE("an answer shorter than its length is no answer; of a longer one the surplus is nobody's answer") {
    const HostileServer shorter([](HostilePeer& peer) {
        peer.send(head("Content-Length: 100\r\n") + "short");
        peer.close();
    });
    CHECK(says(ended(shorter), "before the end that the answer announced"));
    const HostileServer chunk_missing([](HostilePeer& peer) {
        peer.send(head("Transfer-Encoding: chunked\r\n") + "5\r\nshort\r\n");
        peer.close();
    });
    CHECK(says(ended(chunk_missing), "before the end that the answer announced"));
    for (const char* length : {"-5", "five", ""}) {
        const HostileServer malformed(
            [=](HostilePeer& peer) { peer.send(head("Content-Length: " + std::string(length) + "\r\n") + "12345"); });
        INFO(length);
        CHECK(says(ended(malformed), "headers contradict HTTP"));
    }

    const HostileServer longer([](HostilePeer& peer) {
        peer.send(head("Content-Length: 4\r\n") + "good" + head("Content-Length: 4\r\n") + "evil");
    });
    const auto transport = trusting(longer.ca_file());
    for (int i = 0; i < 3; ++i) {
        const Answer answer = send(*transport, modest(longer.url()));
        REQUIRE(answer.has_value());
        CHECK(answer->body.reveal() == "good");
    }
    CHECK(longer.requests() == 3);
    CHECK(longer.connections() == 3);
}

TEST_CASE("a packed bomb is never unpacked beyond the limit") {
    const std::string bomb = packed_zeros(256 * mebibyte);
    REQUIRE(bomb.size() < 4 * mebibyte);
    // Nobody asked for it: it is handed over as it came, and counts by the bytes on the wire.
    const HostileServer unasked([&](HostilePeer& peer) {
        peer.send(head("Content-Encoding: gzip\r\nContent-Length: " + std::to_string(bomb.size()) + "\r\n") + bomb);
    });
    CHECK(says(ended(unasked), "body is larger than"));
    const std::string small = packed_zeros(mebibyte);
    const HostileServer small_bomb([&](HostilePeer& peer) {
        peer.send(head("Content-Encoding: gzip\r\nContent-Length: " + std::to_string(small.size()) + "\r\n") + small);
    });
    const Answer as_it_came = send(*trusting(small_bomb.ca_file()), modest(small_bomb.url()));
    REQUIRE(as_it_came.has_value());
    CHECK((as_it_came->body.reveal() == small));
    // What libcurl unpacks without being asked ends at the limit too.
    const HostileServer in_transfer([&](HostilePeer& peer) {
        peer.send(head("Transfer-Encoding: gzip\r\nConnection: close\r\n") + bomb);
        peer.close();
    });
    const Error words = ended(in_transfer);  // libcurl from 8 on refuses to unpack it
    CHECK((says(words, "unpacks to more than") || says(words, "encoding is damaged")));
    const HostileServer damaged([&](HostilePeer& peer) {
        peer.send(head("Transfer-Encoding: gzip\r\nConnection: close\r\n") + "no gzip at all, and long enough to tell");
        peer.close();
    });
    CHECK(says(ended(damaged), "encoding is damaged"));
}

TEST_CASE("HTTP/0.9, and what is no HTTP at all, is no answer") {
    for (const char* text :
         {"<html>HTTP/0.9 has neither status nor headers</html>", "SSH-2.0-server\r\n", "\r\n\r\n\r\n"}) {
        const HostileServer server([=](HostilePeer& peer) {
            peer.send(text);
            peer.close();
        });
        CHECK(says(ended(server), "not HTTP/1.1"));
    }
}

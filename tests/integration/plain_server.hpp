// A server without TLS or manners: one answer, byte for byte, for one connection; what the client sent is kept.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <utility>

#include "support/catch.hpp"

class PlainServer {
public:
    explicit PlainServer(std::string answer) : answer_(std::move(answer)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        socklen_t size = sizeof address;
        REQUIRE(::bind(listener_, generic, size) == 0);
        REQUIRE(::listen(listener_, 1) == 0);
        REQUIRE(::getsockname(listener_, generic, &size) == 0);
        address_ = "127.0.0.1:" + std::to_string(::ntohs(address.sin_port));
        thread_ = std::thread([this] { serve(); });
    }
    ~PlainServer() {
        ::shutdown(listener_, SHUT_RDWR);
        join();
        ::close(listener_);
    }

    [[nodiscard]] const std::string& address() const { return address_; }
    // Waits until the client has closed its connection.
    std::string request() {
        join();
        return request_;
    }

private:
    static constexpr char tls_handshake = 0x16;

    void join() {
        if (thread_.joinable()) thread_.join();
    }

    void serve() {
        const int connection = ::accept(listener_, nullptr, nullptr);
        char part[4096];
        ssize_t got = 0;
        const auto complete = [this] {
            return request_.find("\r\n\r\n") != std::string::npos || request_[0] == tls_handshake;
        };
        while (!complete() && (got = ::recv(connection, part, sizeof part, 0)) > 0)
            request_.append(part, static_cast<std::size_t>(got));
        static_cast<void>(::send(connection, answer_.data(), answer_.size(), MSG_NOSIGNAL));
        ::shutdown(connection, SHUT_WR);
        while (::recv(connection, part, sizeof part, 0) > 0) {
        }
        ::close(connection);
    }

    std::string answer_;
    int listener_;
    std::string address_;
    std::string request_;
    std::thread thread_;
};

// libcurl's multi interface on one thread, shared by all curl transports of the process.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "http/curl_exchange.hpp"

namespace portal {

class CurlMulti;

// Any thread. Its thread starts with the first exchange and ends with the loop; the last transport takes the loop with it.
class CurlLoop {
public:
    // The process's loop, made where there is none.
    static std::shared_ptr<CurlLoop> shared();

    CurlLoop();
    ~CurlLoop();
    CurlLoop(const CurlLoop&) = delete;
    CurlLoop& operator=(const CurlLoop&) = delete;

    // Takes the exchange and sees to its one answer. Where the system has no thread left to give, that answer comes inside
    // this call, as there is nowhere else to run it.
    void send(std::unique_ptr<CurlExchange> exchange);
    void cancel(std::uint64_t owner, std::uint64_t id);
    // Cancels all of one owner, and returns when they are answered; on the loop's own thread it returns at once.
    void close(std::uint64_t owner);
    // Of all owners, since they share them. Returns when it is done; with exchanges under way, when it has been noted: then
    // it is done as soon as there are none. On the loop's own thread it is noted alone.
    void drop_connections();

private:
    bool start();

    std::mutex starting_;
    std::thread thread_;
    const std::shared_ptr<CurlMulti> multi_;  // the thread holds it too: it may outlive the loop by the answer it is in
};

}  // namespace portal

// One `send`: a token, a request, its answer, and perhaps the same once more.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "client/client.hpp"

namespace portal {

class Exchange : public std::enable_shared_from_this<Exchange> {
public:
    Exchange(std::shared_ptr<Client> client, std::shared_ptr<Transport> transport, ClientRequest request, Url url,
             std::function<void(ClientAnswer)> call);

    const std::uint64_t id;

    void start();
    // Ends it with that code, whatever is under way: its answer, should one come, is dropped.
    void end(Code code);

private:
    void acquire(std::uint64_t newer_than);
    void on_token(Acquired acquired);
    void transmit(HttpRequest request);
    void on_answer(Result<HttpResponse> answer);
    void answer(ClientAnswer result);
    void fail_with_error(Error error);
    [[nodiscard]] bool may_replay() const;
    [[nodiscard]] std::int64_t left_ms() const;

    const std::shared_ptr<Client> client_;
    const std::shared_ptr<Engine> engine_;
    const std::shared_ptr<Transport> transport_;
    ClientRequest request_;
    const Url url_;
    const std::int64_t deadline_boot_ms_;
    std::optional<Lease> lease_;  // the last one
    bool replayed_ = false;

    std::mutex mutex_;
    std::function<void(ClientAnswer)> call_;  // empty once it was answered
    std::uint64_t waiter_ = 0;                // what `end` must cancel
    std::uint64_t transmission_ = 0;
    Engine::Alarm limit_{};
    bool ending_ = false;  // nothing more is begun
};

}  // namespace portal

#include "client/exchange.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/ids.hpp"
#include "engine/messages.hpp"
#include "http/retry_after.hpp"

namespace portal {
namespace {

constexpr std::int64_t default_timeout_ms = 30 * second_ms;
// A good transport keeps the limit by itself, and says more of the cause. This holds for a host's that never answers.
constexpr std::int64_t transport_grace_ms = second_ms;

bool is_idempotent(std::string_view method) {
    constexpr std::array<std::string_view, 6> methods{"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"};
    return std::find(methods.begin(), methods.end(), method) != methods.end();
}

}  // namespace

Exchange::Exchange(std::shared_ptr<Client> client, std::shared_ptr<Transport> transport, ClientRequest request, Url url,
                   std::function<void(ClientAnswer)> call)
    : id(next_id()),
      client_(std::move(client)),
      engine_(client_->engine_),
      transport_(std::move(transport)),
      request_(std::move(request)),
      url_(std::move(url)),
      deadline_boot_ms_(engine_->now_boot_ms() + (request_.timeout_ms == 0 ? default_timeout_ms : request_.timeout_ms)),
      call_(std::move(call)) {}

void Exchange::start() {
    const Engine::Alarm limit = engine_->call_back_at(deadline_boot_ms_ + transport_grace_ms, [weak = weak_from_this()] {
        if (const auto exchange = weak.lock()) exchange->end(Code::timeout);
    });
    {
        const std::lock_guard lock(mutex_);
        limit_ = limit;
    }
    if (request_.without_token) {
        transmit({});
    } else {
        acquire(0);
    }
}

void Exchange::acquire(std::uint64_t newer_than) {
    AcquireOptions options;
    options.timeout_ms = left_ms();
    options.newer_than = newer_than;
    auto waiter =
        engine_->acquire(options, [self = shared_from_this()](Acquired acquired) { self->on_token(std::move(acquired)); });
    if (!waiter) return end(waiter.error().code);
    std::unique_lock lock(mutex_);
    waiter_ = *waiter;
    if (!ending_) return;
    lock.unlock();
    (void)Engine::cancel(*waiter);
}

void Exchange::on_token(Acquired acquired) {
    if (acquired.code != Code::ok) return fail_with_error(std::move(acquired.error));
    // Who asked is signed out, and the new token may be another user's.
    if (lease_ && engine_->check(*lease_) == Code::stale) return fail_with_error(Result<void>(fail_with(Code::cleared)).error());
    lease_ = engine_->stamped(acquired.lease);
    HttpRequest request;
    request.bearer = Secret(acquired.token->reveal());
    acquired.token.reset();
    request.admit = [engine = engine_, held = std::make_shared<Acquired>(std::move(acquired))] {
        return engine->admit(*held);
    };
    transmit(std::move(request));
}

void Exchange::transmit(HttpRequest request) {
    request.method = request_.method;
    request.url = url_.text();
    request.headers = request_.headers;
    request.body = Secret(request_.body.reveal());
    request.timeout_ms = left_ms();
    request.may_repeat = may_replay();
    const std::uint64_t transmission = next_id();
    {
        const std::lock_guard lock(mutex_);
        if (ending_) return;
        transmission_ = transmission;
    }
    transport_->send(transmission, std::move(request), [self = shared_from_this()](Result<HttpResponse> answer) {
        // Off the transport's thread: what follows may call the host.
        auto held = std::make_shared<Result<HttpResponse>>(std::move(answer));
        self->engine_->call_back([self, held] { self->on_answer(std::move(*held)); });
    });
    std::unique_lock lock(mutex_);
    if (!ending_) return;
    lock.unlock();
    transport_->cancel(transmission);  // `end` may have said so before the transport knew of it
}

void Exchange::on_answer(Result<HttpResponse> received) {
    // A report or a push came before the request left: it goes out with the next token.
    if (!received && received.error().code == Code::stale && left_ms() > 1) return acquire(0);
    if (!received) return fail_with_error(std::move(received.error()));
    ClientAnswer result;
    result.response = std::move(*received);
    const HttpResponse& response = result.response;
    result.verdict = verdict_of({response.status, {}, {}, 0});
    result.retry_after_ms = response.retry_after_ms != 0
                                ? response.retry_after_ms
                                : retry_after_ms(response.header("Retry-After"), response.header("Date"));
    if (!request_.without_token) {
        const bool accepted = result.verdict == Verdict::accepted;
        const bool rejected = result.verdict == Verdict::rejected;
        if (accepted) (void)engine_->accepted(*lease_);  // stale: a logout came between, and there is nothing to report to
        if (rejected && engine_->rejected(*lease_) == Code::ok && !replayed_ && may_replay() && left_ms() > 1) {
            replayed_ = true;
            return acquire(lease_->generation);
        }
    }
    answer(std::move(result));
}

bool Exchange::may_replay() const { return request_.may_replay || is_idempotent(request_.method); }

std::int64_t Exchange::left_ms() const { return std::max<std::int64_t>(deadline_boot_ms_ - engine_->now_boot_ms(), 1); }

void Exchange::fail_with_error(Error error) {
    ClientAnswer result;
    result.code = error.code;
    result.retry_after_ms = error.retry_after_ms;
    result.error = std::move(error);
    answer(std::move(result));
}

void Exchange::end(Code code) {
    std::uint64_t waiter = 0;
    std::uint64_t transmission = 0;
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
        waiter = waiter_;
        transmission = transmission_;
    }
    ClientAnswer result;
    result.code = code;
    result.error = Result<void>(fail_with(code)).error();
    // Behind whatever has been answered already; and never inside the call that ends it.
    engine_->call_back([self = shared_from_this(), result = std::make_shared<ClientAnswer>(std::move(result))] {
        self->answer(std::move(*result));
    });
    if (waiter != 0) (void)Engine::cancel(waiter);
    if (transmission != 0) transport_->cancel(transmission);
}

void Exchange::answer(ClientAnswer result) {
    std::function<void(ClientAnswer)> call;
    Engine::Alarm limit;
    {
        const std::lock_guard lock(mutex_);
        call.swap(call_);
        limit = limit_;
    }
    if (!call) return;
    engine_->call_off(limit);
    client_->forget(shared_from_this());
    call(std::move(result));
}

}  // namespace portal

#include "http/curl_transport.hpp"

#include <atomic>
#include <utility>

#include "http/curl_exchange.hpp"
#include "http/curl_loop.hpp"

namespace portal {
namespace {

std::uint64_t next_owner() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
}

class CurlTransport final : public Transport {
public:
    explicit CurlTransport(CurlOptions options)
        : options_(std::make_shared<const CurlOptions>(std::move(options))), loop_(CurlLoop::shared()) {}
    CurlTransport(const CurlTransport&) = delete;
    CurlTransport& operator=(const CurlTransport&) = delete;
    ~CurlTransport() override {
        loop_->close(owner_);
        loop_->drop_connections();
    }

    void send(std::uint64_t id, HttpRequest request, std::function<void(Result<HttpResponse>)> answer) override {
        loop_->send(std::make_unique<CurlExchange>(owner_, id, std::move(request), options_, std::move(answer)));
    }

    void cancel(std::uint64_t id) override { loop_->cancel(owner_, id); }
    void drop_connections() override { loop_->drop_connections(); }

private:
    const std::uint64_t owner_ =
        next_owner();  // a number: an address could be another transport's by the time it is looked up
    const std::shared_ptr<const CurlOptions> options_;
    const std::shared_ptr<CurlLoop> loop_;
};

}  // namespace

std::unique_ptr<Transport> make_curl_transport(CurlOptions options) {
    return std::make_unique<CurlTransport>(std::move(options));
}

}  // namespace portal

#include "http/curl_loop.hpp"

#include <algorithm>
#include <condition_variable>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include <curl/curl.h>
#include <openssl/crypto.h>

#include "base/fork.hpp"
#include "base/thread_group.hpp"
#include "http/curl_memory.hpp"

namespace portal {
namespace {

constexpr long max_connections_per_host = 8;
constexpr int idle_poll_ms = 3'600'000;  // whatever happens wakes the thread; this is only how often it looks up by itself

void initialise_curl() {
    static constinit PerProcess<std::once_flag> done;  // in a forked child once more, which libcurl only counts
    std::call_once(done.get(), [] {
        // The process may exit while the thread is inside a TLS call: then nothing may be torn down under it.
        ::OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
        initialise_wiping_curl();
    });
}

CURLM* new_multi() {
    CURLM* const multi = ::curl_multi_init();
    if (multi != nullptr) ::curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, max_connections_per_host);
    return multi;
}

tl::unexpected<Error> cancelled() {
    return fail(Code::cancelled, "The request was cancelled before its answer came: send it again if it is still wanted.");
}

}  // namespace

// What the loop and its thread share. Members below the mutex are under it; those of the thread are its alone.
class CurlMulti {
public:
    ~CurlMulti() { clean_up(); }

    void send(std::unique_ptr<CurlExchange> exchange) {
        const std::lock_guard lock(mutex_);
        ++unanswered_[exchange->owner()];
        arrived_.push_back(std::move(exchange));
        wake();
    }

    void cancel(std::uint64_t owner, std::uint64_t id) {
        const std::lock_guard lock(mutex_);
        if (unanswered_.count(owner) == 0) return;
        unwanted_.push_back({owner, id, false});
        wake();
    }

    void close(std::uint64_t owner) {
        std::unique_lock lock(mutex_);
        if (unanswered_.count(owner) == 0) return;
        unwanted_.push_back({owner, 0, true});
        wake();
        if (std::this_thread::get_id() == thread_) return;
        answered_.wait(lock, [&] { return unanswered_.count(owner) == 0; });
    }

    // Once the thread has started.
    void drop_connections() {
        std::unique_lock lock(mutex_);
        const std::uint64_t order = ++drops_ordered_;
        wake();
        if (std::this_thread::get_id() == thread_) return;
        answered_.wait(lock, [&] { return drops_noted_ >= order; });
    }

    void stop() {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        wake();
    }

    void run() {
        // A peer that goes away while we write must not end the host. CURLOPT_NOSIGNAL makes libcurl leave SIGPIPE alone,
        // and the thread group blocks it here.
        {
            const std::lock_guard lock(mutex_);
            thread_ = std::this_thread::get_id();
        }
        initialise_curl();  // takes milliseconds, and leaves an error state on its thread: never on a caller's
        while (take_orders()) {
            if (multi_ == nullptr) {
                wait_for_orders();
                continue;
            }
            int still_running = 0;
            ::curl_multi_perform(multi_, &still_running);
            answer_finished();
            if (is_drop_due_ && running_.empty()) continue;
            ::curl_multi_poll(multi_, nullptr, 0, idle_poll_ms, nullptr);
        }
        clean_up();  // here, where a peer that is gone raises no signal
        ::OPENSSL_thread_stop();  // at once, not in the thread's last instant, when the host may tear OpenSSL down already
    }

private:
    struct Unwanted {
        std::uint64_t owner;
        std::uint64_t id;
        bool all;
    };

    // Under the lock.
    void wake() {
        ordered_.notify_one();
        if (multi_ != nullptr) ::curl_multi_wakeup(multi_);
    }

    void wait_for_orders() {
        std::unique_lock lock(mutex_);
        ordered_.wait(lock, [this] {
            return stopping_ || !arrived_.empty() || !unwanted_.empty() || drops_noted_ != drops_ordered_;
        });
    }

    void clean_up() {
        const std::lock_guard lock(mutex_);
        if (multi_ != nullptr) ::curl_multi_cleanup(std::exchange(multi_, nullptr));
    }

    // False: it is time to end. Every exchange has been cancelled by then, since the loop outlives its transports.
    bool take_orders() {
        std::vector<std::unique_ptr<CurlExchange>> arrived;
        std::vector<Unwanted> unwanted;
        bool stopping = false;
        {
            const std::lock_guard lock(mutex_);
            if (multi_ == nullptr) multi_ = new_multi();  // at first, or because there was no memory for one
            arrived.swap(arrived_);
            unwanted.swap(unwanted_);
            stopping = stopping_;
            note_drops();
        }
        for (auto& exchange : arrived) begin(std::move(exchange));
        for (const Unwanted& order : unwanted)
            for (auto& exchange : take_matching(order)) answer(std::move(exchange), cancelled());
        return !(stopping && running_.empty());
    }

    // Under the lock that others wake the thread under, so that no wake is for the multi handle of before. libcurl has no
    // call for this but the end of that handle; it waits for no peer's goodbye.
    void note_drops() {
        is_drop_due_ = is_drop_due_ || drops_noted_ != drops_ordered_;
        if (is_drop_due_ && running_.empty()) {
            if (CURLM* const fresh = new_multi(); fresh != nullptr) ::curl_multi_cleanup(std::exchange(multi_, fresh));
            is_drop_due_ = false;
        }
        if (drops_noted_ == drops_ordered_) return;
        drops_noted_ = drops_ordered_;
        answered_.notify_all();
    }

    void begin(std::unique_ptr<CurlExchange> exchange) {
        if (multi_ == nullptr) {
            answer(std::move(exchange), fail(Code::out_of_memory, "There is no memory for HTTP: send the request again later."));
            return;
        }
        if (auto ready = exchange->prepare(); !ready) {
            answer(std::move(exchange), tl::unexpected(std::move(ready.error())));
            return;
        }
        if (const CURLMcode code = ::curl_multi_add_handle(multi_, exchange->handle()); code != CURLM_OK) {
            answer(std::move(exchange), fail(Code::internal, "libcurl takes no further request: send it again later."));
            return;
        }
        running_.push_back(std::move(exchange));
    }

    std::vector<std::unique_ptr<CurlExchange>> take_matching(const Unwanted& order) {
        const auto kept = std::partition(running_.begin(), running_.end(), [&](const auto& exchange) {
            return exchange->owner() != order.owner || !(order.all || exchange->id() == order.id);
        });
        std::vector<std::unique_ptr<CurlExchange>> taken(std::make_move_iterator(kept),
                                                         std::make_move_iterator(running_.end()));
        running_.erase(kept, running_.end());
        for (const auto& exchange : taken) ::curl_multi_remove_handle(multi_, exchange->handle());
        return taken;
    }

    void answer_finished() {
        int left = 0;
        while (const CURLMsg* message = ::curl_multi_info_read(multi_, &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            const CURLcode code = message->data.result;  // the message dies with its handle's removal
            const auto found = std::find_if(
                running_.begin(), running_.end(),
                [handle = message->easy_handle](const auto& exchange) { return exchange->handle() == handle; });
            if (found == running_.end()) continue;
            std::unique_ptr<CurlExchange> exchange = std::move(*found);
            running_.erase(found);
            ::curl_multi_remove_handle(multi_, exchange->handle());
            auto result = exchange->finish(code);
            answer(std::move(exchange), std::move(result));
        }
    }

    // The user's code runs last, when nothing of the exchange is left: it may destroy the transport.
    void answer(std::unique_ptr<CurlExchange> exchange, Result<HttpResponse> result) {
        const std::uint64_t owner = exchange->owner();
        auto callback = exchange->take_answer();
        exchange.reset();
        callback(std::move(result));
        callback = nullptr;
        const std::lock_guard lock(mutex_);
        if (const auto count = unanswered_.find(owner); --count->second == 0) unanswered_.erase(count);
        answered_.notify_all();
    }

    CURLM* multi_ = nullptr;  // made by the thread; null until then, and while there is no memory for it
    std::vector<std::unique_ptr<CurlExchange>> running_;  // the thread's
    bool is_drop_due_ = false;                            // the thread's

    std::mutex mutex_;
    std::condition_variable ordered_;  // while there is no multi handle to wake
    std::condition_variable answered_;
    std::vector<std::unique_ptr<CurlExchange>> arrived_;
    std::vector<Unwanted> unwanted_;
    std::unordered_map<std::uint64_t, std::size_t> unanswered_;  // by owner
    std::thread::id thread_;
    std::uint64_t drops_ordered_ = 0;
    std::uint64_t drops_noted_ = 0;
    bool stopping_ = false;
};

std::shared_ptr<CurlLoop> CurlLoop::shared() {
    struct Place {
        std::mutex mutex;
        std::weak_ptr<CurlLoop> loop;
    };
    static constinit PerProcess<Place> of_process;
    Place& place = of_process.get();
    const std::lock_guard lock(place.mutex);
    auto loop = place.loop.lock();
    if (loop == nullptr) place.loop = loop = std::make_shared<CurlLoop>();
    return loop;
}

CurlLoop::CurlLoop() : multi_(std::make_shared<CurlMulti>()) {}

CurlLoop::~CurlLoop() {
    if (!thread_.joinable()) return;
    multi_->stop();
    if (thread_.get_id() == std::this_thread::get_id()) {
        thread_.detach();  // it ends by itself, after the answer it is in: the group knows when
    } else {
        thread_.join();
    }
}

void CurlLoop::send(std::unique_ptr<CurlExchange> exchange) {
    if (start()) {
        multi_->send(std::move(exchange));
    } else {
        exchange->take_answer()(
            fail(Code::out_of_memory, "The system gave no thread for HTTP: end other work and send it again."));
    }
}

void CurlLoop::cancel(std::uint64_t owner, std::uint64_t id) { multi_->cancel(owner, id); }
void CurlLoop::close(std::uint64_t owner) { multi_->close(owner); }

void CurlLoop::drop_connections() {
    {
        const std::lock_guard lock(starting_);
        if (!thread_.joinable()) return;
    }
    multi_->drop_connections();
}

bool CurlLoop::start() {
    const std::lock_guard lock(starting_);
    if (thread_.joinable()) return true;
    try {
        thread_ = ThreadGroup::of_process().start_joinable("portal-curl", [multi = multi_] { multi->run(); });
    } catch (const std::system_error&) {
        return false;
    }
    return true;
}

}  // namespace portal

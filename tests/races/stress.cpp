#include "stress.hpp"

#include <utility>

namespace portal::test {
namespace {

constexpr std::int64_t most_waiting = 200;  // who begins faster than the worker answers would build up a backlog without end

template <typename Struct>
Struct made() {
    Struct result;
    portal_init(&result, sizeof result);
    return result;
}

portal_token_input input_of(const std::string& token) {
    auto input = made<portal_token_input>();
    input.token = {token.data(), token.size()};
    return input;
}

// Who waits: told once, then released once.
struct Waiter {
    std::shared_ptr<StressSession> session;
    StressSession::Since since;
    int calls = 0;

    static void acquired(void* userdata, portal_code code, const portal_lease* lease, portal_text token,
                         const portal_error*) {
        auto& waiter = *static_cast<Waiter*>(userdata);
        findings.check(++waiter.calls == 1, "a waiter was answered twice");
        ++waits.told;
        if (code == PORTAL_OK) waiter.session->check(waiter.since, *lease, {token.data, token.length});
    }
    static void cleared(void* userdata, portal_code, const portal_error*) {
        findings.check(++static_cast<Waiter*>(userdata)->calls == 1, "a clear was done twice");
        ++clears.told;
    }
    static void released(void* userdata, Promises& promises) {
        auto* const waiter = static_cast<Waiter*>(userdata);
        findings.check(waiter->calls == 1, "a callback was released without having come");
        ++promises.released;
        delete waiter;
    }
};

}  // namespace

// ---- tokens ----

std::string StressToken::text_of(std::uint64_t number, std::uint64_t epoch) {
    std::string text = "canary." + std::to_string(number) + "." + std::to_string(epoch) + ".";
    const std::size_t size = number % 50 == 0 ? 4096 : 40 + number % 60;
    for (std::uint64_t mixed = number; text.size() < size; mixed = mixed * 6364136223846793005U + 1442695040888963407U)
        text += static_cast<char>('a' + (mixed >> 40) % 26);
    return text;
}

std::string StressToken::next(std::uint64_t epoch) {
    static std::atomic<std::uint64_t> last{0};
    return text_of(++last, epoch);
}

std::uint64_t StressToken::number_of(std::string_view text) {
    if (text.substr(0, 7) != "canary.") return 0;
    const std::uint64_t number = std::strtoull(std::string(text.substr(7, 20)).c_str(), nullptr, 10);
    return text == text_of(number, epoch_of(text)) ? number : 0;
}

std::uint64_t StressToken::epoch_of(std::string_view text) {
    const std::size_t dot = text.find('.', 7);
    return dot == std::string_view::npos ? 0 : std::strtoull(std::string(text.substr(dot + 1, 20)).c_str(), nullptr, 10);
}

// ---- what must hold ----

void StressSession::raise(std::atomic<std::uint64_t>& cell, std::uint64_t value) {
    std::uint64_t seen = cell.load();
    while (seen < value && !cell.compare_exchange_weak(seen, value)) {
    }
}

void StressSession::check(const Since& since, const portal_lease& lease, std::string_view token) {
    const std::uint64_t number = StressToken::number_of(token);
    findings.check(number != 0, "a token was not whole");
    findings.check(lease.epoch > since.epoch || since.epoch == 0, "a token of before a logout came after it");
    findings.check(lease.generation > since.generation, "a token that was dead came back");
    const std::uint64_t wanted_epoch = StressToken::epoch_of(token);
    findings.check(wanted_epoch == 0 || wanted_epoch == lease.epoch, "a token was pushed into another epoch than its own");
    constexpr std::uint64_t low = 0xffffffffU;
    const std::uint64_t ours = lease.generation << 32 | (number & low);
    std::atomic<std::uint64_t>& cell = number_of_generation_[lease.generation % remembered];
    const std::uint64_t before = cell.load();
    raise(cell, ours);
    findings.check(before >> 32 != lease.generation || before == ours, "one generation had two tokens");
}

// ---- operations ----

void StressSession::read() {
    auto lease = made<portal_lease>();
    char token[PORTAL_TOKEN_MAX];
    std::size_t length = sizeof token;
    const Since began = since();
    if (portal_lease_try(session_, &lease, token, &length, nullptr) != PORTAL_OK) return wait();
    ++tokens_read;
    check(began, lease, {token, length});
}

void StressSession::report(bool is_rejected) {
    auto lease = made<portal_lease>();
    if (portal_lease_try(session_, &lease, nullptr, nullptr, nullptr) != PORTAL_OK) return;
    const portal_code code = portal_lease_report(session_, &lease, is_rejected ? 401 : 200, nullptr, nullptr);
    if (is_rejected && code == PORTAL_OK) raise(dead_, lease.generation);
}

void StressSession::push() {
    auto lease = made<portal_lease>();
    const bool had_token = portal_lease_try(session_, &lease, nullptr, nullptr, nullptr) == PORTAL_OK;
    const std::uint64_t wanted_epoch = epoch();
    const std::string token = StressToken::next(wanted_epoch);
    auto input = input_of(token);
    input.expected_epoch = wanted_epoch;
    if (portal_session_push(session_, &input, nullptr) == PORTAL_OK && had_token) raise(dead_, lease.generation);
}

void StressSession::clear() {
    const std::uint64_t old_epoch = epoch();
    auto* const waiter = new Waiter{shared_from_this(), {}};
    const portal_done done{Waiter::cleared, waiter, [](void* userdata) { Waiter::released(userdata, clears); }};
    if (portal_session_clear(session_, &done, nullptr) == PORTAL_OK) {
        ++clears.begun;
        raise(cleared_, old_epoch);
    }
}

void StressSession::acquire(std::uint64_t dice) {
    if (waits.begun.load() - waits.told.load() > most_waiting) return wait();
    auto options = made<portal_acquire_options>();
    if (dice % 4 == 0) options.flags = PORTAL_ACQUIRE_FORCE;
    auto* const waiter = new Waiter{shared_from_this(), since()};
    const portal_acquired done{Waiter::acquired, waiter, [](void* userdata) { Waiter::released(userdata, waits); }};
    std::uint64_t id = 0;
    if (portal_lease_acquire(session_, &options, done, &id, nullptr) != PORTAL_OK) return;
    ++waits.begun;
    if (dice % 3 == 0) (void)portal_cancel(id, nullptr);
}

void StressSession::wait() {
    auto lease = made<portal_lease>();
    char token[PORTAL_TOKEN_MAX];
    std::size_t length = sizeof token;
    const Since began = since();
    if (portal_lease_wait(session_, nullptr, &lease, token, &length, nullptr) != PORTAL_OK) return push();  // signs in
    check(began, lease, {token, length});
}

void StressSession::look(bool explains) {
    if (!explains) {
        (void)epoch();
        return;
    }
    std::string text(16 * 1024, '\0');
    std::size_t length = text.size();
    if (portal_session_explain(session_, text.data(), &length, nullptr) != PORTAL_OK) return;
    findings.check(text.find("canary") == std::string::npos, "explain shows a token");
}

std::uint64_t StressSession::epoch() const {
    auto status = made<portal_status>();
    return portal_session_status(session_, &status, nullptr) == PORTAL_OK ? status.epoch : 0;
}

// ---- the host ----

void Backend::take(std::uint64_t request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
    changed_.notify_one();
}

// From whatever thread comes by: as late as it may be.
void Backend::answer_one() {
    std::uint64_t request = 0;
    {
        const std::lock_guard lock(mutex_);
        if (requests_.empty()) return;
        request = requests_.back();
        requests_.pop_back();
    }
    answer(request);
}

void Backend::answer_all_until_over() {
    for (;;) {
        std::uint64_t request = 0;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return is_over_ || !requests_.empty(); });
            if (requests_.empty()) return;
            request = requests_.back();
            requests_.pop_back();
        }
        answer(request);
    }
}

void Backend::end() {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    changed_.notify_one();
}

void Backend::answer(std::uint64_t request) {
    const std::string token = StressToken::next(0);
    const auto input = input_of(token);
    (void)portal_request_fulfil(request, &input, nullptr);
}

void StressSession::ask(std::uint64_t request) {
    const std::uint64_t number = ++asks_;
    if (number % 16 == 3) return (void)portal_request_fail(request, nullptr, nullptr);
    if (number % 64 == 7) return (void)portal_request_decline(request, 1, nullptr);
    backend.take(request);
}

void StressSession::load(std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    (void)portal_store_loaded(id, record_.empty() ? PORTAL_ABSENT : PORTAL_FOUND, revision_, {record_.data(), record_.size()},
                              nullptr);
}

void StressSession::save(std::uint64_t id, std::uint64_t wanted, portal_bytes bytes) {
    const std::lock_guard lock(mutex_);
    const bool is_next = wanted == revision_ + 1;
    if (is_next) {
        record_.assign(static_cast<const char*>(bytes.data), bytes.length);
        revision_ = wanted;
    }
    (void)portal_store_saved(id, is_next ? PORTAL_SAVED : PORTAL_CONFLICT, 0, nullptr);
}

// ---- its life ----

std::shared_ptr<StressSession> StressSession::open(bool has_store) {
    using Held = std::shared_ptr<StressSession>;
    const Held self(new StressSession(has_store));
    auto options = made<portal_options>();
    static constexpr auto of = [](void* userdata) -> StressSession& { return **static_cast<Held*>(userdata); };
    const portal_release_fn release = [](void* userdata) { delete static_cast<Held*>(userdata); };
    options.provider = {[](void* userdata, const portal_token_request* request) { of(userdata).ask(request->id); },
                        [](void*, std::uint64_t) {}, new Held(self), release};
    if (has_store)
        options.store = {[](void* userdata, std::uint64_t id, portal_text) { of(userdata).load(id); },
                         [](void* userdata, std::uint64_t id, portal_text, std::uint64_t revision, portal_bytes record) {
                             of(userdata).save(id, revision, record);
                         },
                         new Held(self), release};
    findings.check(portal_session_open(&options, &self->session_, nullptr) == PORTAL_OK, "a session could not be opened");
    return self;
}

void StressSession::close(bool waits_for_end) {
    const portal_code code = portal_session_close(session_, waits_for_end ? 60'000 : 0, nullptr);
    findings.check(code == PORTAL_OK || (!waits_for_end && code == PORTAL_ERR_TIMEOUT), "a close did not end");
    auto lease = made<portal_lease>();
    findings.check(portal_lease_try(session_, &lease, nullptr, nullptr, nullptr) == PORTAL_ERR_CLOSED, "a read came after close");
    portal_session_release(session_);
}

}  // namespace portal::test

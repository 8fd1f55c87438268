// What the host supplies through portal_options, as the core's interfaces.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "clock/clock.hpp"
#include "engine/host.hpp"
#include "engine/runtime.hpp"
#include "http/transport.hpp"
#include "store/host_store.hpp"
#include "store/key_source.hpp"
#include "structs.hpp"

namespace portal::capi {

// All that the options bring with a userdata. It is made before anything is checked: whatever fails then, each release runs
// once, before the failure is told; and whatever a session has no use for is released with the rest.
struct HostOptions {
    explicit HostOptions(const portal_options& options);

    Held<portal_provider> provider;
    Held<portal_observer> observer;
    Held<portal_log> log;
    Held<portal_store> store;
    Held<portal_key> key;
    Held<portal_clock> clock;
    Held<portal_transport> transport;
};

// The host's clock until the session has ended; after that the system's, since the host's userdata is released then.
class HostClock final : public Clock {
public:
    explicit HostClock(const Held<portal_clock>& clock);
    [[nodiscard]] std::int64_t boot_ms() const override { return read().boot_ms; }
    [[nodiscard]] Reading read() const override;
    void retire();

private:
    mutable std::mutex mutex_;
    std::shared_ptr<Held<portal_clock>> clock_;
};

class StoreCalls final : public HostStoreCalls {
public:
    explicit StoreCalls(const Held<portal_store>& store) : store_(store) {}
    void load(std::uint64_t id, std::string_view name) override;
    void save(std::uint64_t id, std::string_view name, std::uint64_t revision, std::string_view record) override;

private:
    const Held<portal_store> store_;
};

// One call at a time: a newer one, or the session's end, gives up the one before as unavailable.
class HostKey final : public KeySource {
public:
    HostKey(const Held<portal_key>& key, std::string session_name, std::shared_ptr<Executor> executor);
    void load(std::function<void(KeyResult)> answer) override;
    [[nodiscard]] bool can_destroy() const override { return key_->destroy != nullptr; }
    [[nodiscard]] bool destroy(std::int64_t limit_ms) override;
    void retire();

    static Result<void> loaded(std::uint64_t id, KeyOutcome outcome, std::string_view key);
    static std::uint64_t open_calls();

private:
    const Held<portal_key> key_;
    const std::string name_;
    const std::shared_ptr<Executor> executor_;
    std::mutex mutex_;
    std::uint64_t last_load_ = 0;
    bool retired_ = false;
};

// Provider, observer and log. It holds the rest too, so that all of it is released together at the end of close.
class HostParts final : public Host {
public:
    // `clock` and `key` may be null.
    HostParts(std::shared_ptr<const HostOptions> options, std::shared_ptr<HostClock> clock, std::shared_ptr<HostKey> key);
    ~HostParts() override;

    [[nodiscard]] bool has_provider() const override { return options_->provider->ask != nullptr; }
    [[nodiscard]] bool has_observer() const override { return options_->observer->event != nullptr; }
    [[nodiscard]] LogLevel log_level() const override;
    void ask(const TokenRequest& request) override;
    void withdrawn(std::uint64_t request_id) override;
    void event(const SessionEvent& event) override;
    void log(LogLevel level, std::string_view line) override;

private:
    const std::shared_ptr<const HostOptions> options_;
    const std::shared_ptr<HostClock> clock_;
    const std::shared_ptr<HostKey> key_;
};

// Its calls come on the callback thread.
class HostTransport final : public Transport {
public:
    HostTransport(const Held<portal_transport>& transport, std::weak_ptr<Runtime> runtime);
    void send(std::uint64_t id, HttpRequest request, std::function<void(Result<HttpResponse>)> answer) override;
    void cancel(std::uint64_t id) override;

    static Result<void> answered(std::uint64_t id, Result<HttpResponse> answer);
    static std::uint64_t open_calls();

private:
    const Held<portal_transport> transport_;
    const std::weak_ptr<Runtime> runtime_;
};

}  // namespace portal::capi

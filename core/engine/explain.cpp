// explain: the whole state of a session as JSON, without a secret, so that "works on my device" ends.
#include <string>

#include "engine/engine.hpp"
#include "engine/messages.hpp"
#include "engine/names.hpp"

namespace portal {
namespace {

// JSON of words and numbers of ours: nothing needs escaping.
class JsonObject {
public:
    JsonObject& text(const char* key, const char* value) { return raw(key, std::string("\"") + value + "\""); }
    JsonObject& flag(const char* key, bool value) { return raw(key, value ? "true" : "false"); }
    template <typename Number>
    JsonObject& number(const char* key, Number value) {
        return raw(key, std::to_string(value));
    }
    JsonObject& raw(const char* key, const std::string& value) {
        text_ += text_.empty() ? "{" : ",";
        text_ += std::string("\"") + key + "\":" + value;
        return *this;
    }
    [[nodiscard]] std::string str() const { return text_.empty() ? "{}" : text_ + "}"; }

private:
    std::string text_;
};

std::string token_json(const StatusView& view) {
    const bool is_known = view.token.clock != ClockVerdict::untrusted;
    return JsonObject()
        .number("idle_left_ms", is_known ? view.token.idle_left_ms : 0)
        .number("absolute_left_ms", is_known ? view.token.absolute_left_ms : 0)
        .number("lead_ms", view.snapshot.lead_ms)
        .text("clock", name_of(view.token.clock))
        .flag("memory_only", view.snapshot.memory_only)
        .str();
}

std::string policy_json(const Policy& policy) {
    return JsonObject()
        .number("idle_ms", policy.idle_ms)
        .number("absolute_ms", policy.absolute_ms)
        .number("margin_ms", policy.margin_ms)
        .number("soft_window_ms", policy.soft_window_ms)
        .number("renewal_lead_ms", policy.renewal_lead_ms)
        .number("request_timeout_ms", policy.request_limit_ms)
        .str();
}

std::string counters_json(const Counters& counters) {
    return JsonObject()
        .number("mints_first", counters.mints_first)
        .number("mints_idle", counters.mints_idle)
        .number("mints_absolute", counters.mints_absolute)
        .number("mints_rejected", counters.mints_rejected)
        .number("mints_forced", counters.mints_forced)
        .number("pushes", counters.pushes)
        .number("rejections", counters.rejections)
        .number("waits", counters.waits)
        .number("longest_wait_ms", counters.longest_wait_ms)
        .number("degraded_saves", counters.degraded_saves)
        .str();
}

std::string event_json(const SessionEvent& event) {
    return JsonObject()
        .number("sequence", event.sequence)
        .number("at_unix_ms", event.at_unix_ms)
        .text("event", name_of(event.kind))
        .text("state", name_of(event.state))
        .text("reason", name_of(event.reason))
        .text("code", name_of(event.code))
        .number("generation", event.generation)
        .number("epoch", shown_epoch(event.epoch))
        .number("os_code", event.os_code)
        .str();
}

std::string fault_json(const StoreFault& fault) {
    return JsonObject().text("cause", name_of(fault.cause)).number("os_code", fault.os_code).str();
}

}  // namespace

Result<std::string> Engine::explain() const {
    const auto view = status();
    if (!view) return tl::unexpected<Error>(view.error());
    std::string history;
    {
        const std::lock_guard lock(mutex_);
        for (const SessionEvent& event : history_) history += (history.empty() ? "" : ",") + event_json(event);
    }
    JsonObject result;
    result.text("state", name_of(view->state)).text("reason", name_of(view->reason));
    if (view->snapshot.usable) result.raw("token", token_json(*view));
    return result.number("generation", view->snapshot.generation)
        .number("epoch", shown_epoch(view->snapshot.epoch))
        .text("renewal", name_of(view->snapshot.renewal))
        .number("retry_after_ms", view->snapshot.retry_at_boot_ms == 0
                                      ? 0
                                      : std::max<std::int64_t>(view->snapshot.retry_at_boot_ms - view->now.boot_ms, 0))
        .text("store", name_of(view->snapshot.store))
        .flag("store_is_watched", view->snapshot.store_is_watched)
        .raw("store_fault", fault_json(view->snapshot.store_fault))
        .raw("policy", policy_json(policy_))
        .raw("counters", counters_json(view->snapshot.counters))
        .raw("transitions", "[" + history + "]")
        .str();
}

}  // namespace portal

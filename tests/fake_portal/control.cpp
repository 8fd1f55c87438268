#include "fake_portal/control.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "fake_portal/json.hpp"

namespace fake_portal {
namespace {

constexpr double max_advance_seconds = 100.0 * 365 * 24 * 60 * 60;
constexpr double max_retry_after_seconds = 365.0 * 24 * 60 * 60;

constexpr std::array<std::pair<std::string_view, FaultKind>, 5> kinds{{{"status", FaultKind::status},
                                                                       {"slow", FaultKind::slow},
                                                                       {"hold", FaultKind::hold},
                                                                       {"drop_before", FaultKind::drop_before},
                                                                       {"drop_after", FaultKind::drop_after}}};
constexpr std::array<std::pair<std::string_view, Scope>, 4> scopes{
    {{"any", Scope::any}, {"client", Scope::client}, {"custodian", Scope::custodian}, {"app", Scope::app}}};
constexpr std::array<std::string_view, 9> fault_fields{
    "kind", "scope", "times", "status", "delay_ms", "retry_after_seconds", "location", "body", "retry_after_as_date"};

tl::unexpected<std::string> problem(std::string text) { return tl::unexpected<std::string>(std::move(text)); }

// Takes values out of the fields; the first that does not fit is the reader's error.
class Reader {
public:
    explicit Reader(const JsonFields& fields) : fields_(fields) {}

    template <typename Names, typename Value>
    void choice(std::string_view name, const Names& names, Value& value) {
        if (!fields_.contains(name)) return;
        const auto word = field<std::string>(fields_, name);
        const auto found =
            std::find_if(names.begin(), names.end(), [&word](const auto& entry) { return word == entry.first; });
        if (found == names.end()) return complain(name);
        value = found->second;
    }

    // A whole number between both.
    template <typename Value>
    void whole(std::string_view name, double least, double most, Value& value) {
        if (!fields_.contains(name)) return;
        const auto number = field<double>(fields_, name);
        if (!number || *number < least || *number > most || *number != std::floor(*number)) return complain(name);
        value = static_cast<std::int64_t>(*number);
    }

    template <typename Type, typename Value>
    void plain(std::string_view name, Value& value) {
        if (!fields_.contains(name)) return;
        auto found = field<Type>(fields_, name);
        if (!found) return complain(name);
        value = std::move(*found);
    }

    [[nodiscard]] const std::optional<std::string>& error() const { return error_; }

private:
    void complain(std::string_view name) {
        if (!error_) error_ = "\"" + std::string(name) + "\" has a value that does not fit.";
    }

    const JsonFields& fields_;
    std::optional<std::string> error_;
};

std::string token_json(const TokenCounters& token) {
    JsonObject json;
    json.text("client_id", token.client_id).count("mints", 1).count("requests", token.requests);
    json.count("slides", token.slides).count("rejected", token.rejected).number("issued_unix_ms", token.issued_ms);
    json.number("expires_unix_ms", token.expires_ms).flag("revoked", token.revoked);
    return json.str();
}

}  // namespace

std::string snapshot_json(const Snapshot& snapshot) {
    JsonObject tokens;
    for (const TokenCounters& token : snapshot.by_token) tokens.raw(std::to_string(token.ordinal), token_json(token));
    JsonObject json;
    json.number("now_unix_ms", snapshot.now_ms).count("mints", snapshot.total.mints);
    json.count("requests", snapshot.total.requests).count("slides", snapshot.total.slides);
    json.count("rejected", snapshot.total.rejected).count("custodian_requests", snapshot.api.custodian_requests);
    json.count("app_requests", snapshot.api.app_requests).count("armed", snapshot.armed).count("held", snapshot.held);
    json.raw("by_token", tokens.str());
    return json.str();
}

tl::expected<Fault, std::string> fault_from_json(std::string_view body) {
    const auto fields = parse_object(body);
    if (!fields) return problem("The body is not a JSON object.");
    for (const auto& entry : *fields) {
        const std::string& name = entry.first;
        if (std::find(fault_fields.begin(), fault_fields.end(), name) == fault_fields.end()) {
            return problem("\"" + name + "\" is no field of a fault.");
        }
    }
    if (!fields->contains("kind")) return problem("\"kind\" is missing.");
    Fault fault;
    Reader reader(*fields);
    reader.choice("kind", kinds, fault.kind);
    reader.choice("scope", scopes, fault.scope);
    std::int64_t times = fault.times;
    std::int64_t status = fault.status;
    reader.whole("times", 1, max_fault_times, times);
    reader.whole("status", 200, 599, status);
    fault.times = static_cast<int>(times);
    fault.status = static_cast<int>(status);
    reader.whole("delay_ms", 0, max_delay_ms, fault.delay_ms);
    reader.whole("retry_after_seconds", 0, max_retry_after_seconds, fault.retry_after_seconds);
    reader.plain<bool>("retry_after_as_date", fault.retry_after_as_date);
    reader.plain<std::string>("location", fault.location);
    reader.plain<std::string>("body", fault.body);
    if (reader.error()) return problem(*reader.error());
    return fault;
}

tl::expected<std::int64_t, std::string> advance_ms_from_json(std::string_view body) {
    const auto fields = parse_object(body);
    const auto seconds = fields ? field<double>(*fields, "seconds") : std::nullopt;
    if (!seconds || *seconds < 0 || *seconds > max_advance_seconds)
        return problem("\"seconds\" must be a number, 0 or more.");
    return std::llround(*seconds * 1000);
}

}  // namespace fake_portal

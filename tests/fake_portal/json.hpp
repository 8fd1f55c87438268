// As much JSON as a fake server needs: flat objects in, escaped text out.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace fake_portal {

using JsonFields = std::map<std::string, std::variant<bool, double, std::string>, std::less<>>;

// The fields of an object that are text, numbers or booleans; the others are left out. Empty text is an empty object.
// Nothing where it is no JSON object.
std::optional<JsonFields> parse_object(std::string_view text);

// Nothing where the field is absent or of another type.
template <typename T>
std::optional<T> field(const JsonFields& fields, std::string_view name) {
    const auto found = fields.find(name);
    if (found == fields.end() || !std::holds_alternative<T>(found->second)) return std::nullopt;
    return std::get<T>(found->second);
}

// With its quotes.
std::string quoted(std::string_view text);

class JsonObject {
public:
    JsonObject& text(std::string_view name, std::string_view value) { return raw(name, quoted(value)); }
    JsonObject& number(std::string_view name, std::int64_t value) { return raw(name, std::to_string(value)); }
    JsonObject& count(std::string_view name, std::uint64_t value) { return raw(name, std::to_string(value)); }
    JsonObject& flag(std::string_view name, bool value) { return raw(name, value ? "true" : "false"); }
    JsonObject& raw(std::string_view name, std::string_view json);  // `json` is a value already
    [[nodiscard]] std::string str() const { return "{" + fields_ + "}"; }

private:
    std::string fields_;
};

}  // namespace fake_portal

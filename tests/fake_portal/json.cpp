#include "fake_portal/json.hpp"

#include <cstdio>

#include <simdjson.h>

namespace fake_portal {

std::optional<JsonFields> parse_object(std::string_view text) {
    JsonFields fields;
    if (text.empty()) return fields;
    simdjson::dom::parser parser;
    simdjson::dom::object object;
    if (parser.parse(text.data(), text.size()).get(object) != simdjson::SUCCESS) return std::nullopt;
    for (const auto [name, value] : object) {
        std::string_view as_text;
        double as_number = 0;
        bool as_flag = false;
        if (value.get(as_text) == simdjson::SUCCESS) {
            fields[std::string(name)] = std::string(as_text);
        } else if (value.get(as_number) == simdjson::SUCCESS) {
            fields[std::string(name)] = as_number;
        } else if (value.get(as_flag) == simdjson::SUCCESS) {
            fields[std::string(name)] = as_flag;
        }
    }
    return fields;
}

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            char escape[7];
            std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
            out += escape;
        } else {
            out += c;
        }
    }
    return out + '"';
}

JsonObject& JsonObject::raw(std::string_view name, std::string_view json) {
    if (!fields_.empty()) fields_ += ',';
    fields_ += quoted(name);
    fields_ += ':';
    fields_ += json;
    return *this;
}

}  // namespace fake_portal

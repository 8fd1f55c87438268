#include "portal_api/token_answer.hpp"

#include <cstdint>
#include <utility>

#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

#include "base/text.hpp"

namespace portal {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::string_view token_key = "clientSessionToken";
constexpr std::string_view api_key_key = "clientApiKey";
constexpr std::string_view client_id_key = "id";

tl::unexpected<Error> no_json() {
    return fail(Code::bad_token,
                "The answer is not well-formed JSON: pass Portal's answer whole, or the token as plain text.");
}

// simdjson copies the last bytes that it reads to the stack, as many as this at most. Let them be blanks.
constexpr std::string_view blanks =
    "                                                                "
    "                                                                ";
static_assert(blanks.size() == 128);

// Reads strings without simdjson's own buffer, which is heap memory that nobody wipes.
class Reader {
public:
    explicit Reader(std::string_view json) : json_bytes_(json.size() + blanks.size()) {
        text_.reserve(json_bytes_ + simdjson::SIMDJSON_PADDING);
        text_.append(json);
        text_.append(blanks);
        text_.resize(json_bytes_ + simdjson::SIMDJSON_PADDING);
        scratch_.resize(json_bytes_ + simdjson::SIMDJSON_PADDING);
    }

    simdjson::error_code open(ondemand::document& document) {
        return parser_.iterate(text_.data(), json_bytes_, text_.size()).get(document);
    }

    // Valid until the next call.
    simdjson::error_code unescape(ondemand::raw_json_string raw, std::string_view& out) {
        auto* at = reinterpret_cast<std::uint8_t*>(scratch_.data());
        return parser_.unescape(raw, at).get(out);
    }

private:
    Secret text_;  // padded, as simdjson wants it
    std::size_t json_bytes_;
    Secret scratch_;
    ondemand::parser parser_;
};

struct Found {
    TokenAnswer answer;
    bool token = false;
    bool client_id = false;
    bool api_key = false;
};

// False: it is not well-formed JSON.
bool read_string(Reader& reader, ondemand::value value, std::string_view& out) {
    ondemand::raw_json_string raw;
    return value.get_raw_json_string().get(raw) == simdjson::SUCCESS && reader.unescape(raw, out) == simdjson::SUCCESS;
}

Result<void> check_is_string(ondemand::value value) {
    ondemand::json_type type{};
    if (value.type().get(type) != simdjson::SUCCESS) return no_json();
    if (type == ondemand::json_type::string) return {};
    if (type == ondemand::json_type::null)
        return fail(Code::bad_token,
                    "`clientSessionToken` is null in the JSON answer: look at what Portal answered to the backend.");
    return fail(Code::bad_token,
                "`clientSessionToken` is not a string in the JSON answer: pass Portal's answer unchanged.");
}

Result<void> take_token(Reader& reader, ondemand::value value, Found& found) {
    if (std::exchange(found.token, true))
        return fail(Code::bad_token, "The JSON answer has `clientSessionToken` twice: pass Portal's answer unchanged.");
    if (auto good = check_is_string(value); !good) return good;
    std::string_view text;
    if (!read_string(reader, value, text)) return no_json();
    if (auto good = check_token(text); !good) return good;
    found.answer.token = Secret(text);
    return {};
}

Result<void> take_client_id(Reader& reader, ondemand::value value, Found& found) {
    if (std::exchange(found.client_id, true))
        return fail(Code::bad_token, "The JSON answer has `id` twice: pass Portal's answer unchanged.");
    // Portal's is a string. Null says nothing, and anything else is an id of the backend's own.
    ondemand::json_type type{};
    if (value.type().get(type) != simdjson::SUCCESS) return no_json();
    if (type != ondemand::json_type::string) return {};
    std::string_view text;
    if (!read_string(reader, value, text)) return no_json();
    if (!check_client_id(text))
        return fail(Code::bad_token,
                    "`id` in the JSON answer is not 1 to 256 printable ASCII bytes: pass Portal's answer unchanged.");
    found.answer.client_id = std::string(text);
    return {};
}

Result<void> take_field(Reader& reader, ondemand::field field, Found& found) {
    std::string_view key;
    if (reader.unescape(field.key(), key) != simdjson::SUCCESS) return no_json();
    if (key == token_key) return take_token(reader, field.value(), found);
    if (key == client_id_key) return take_client_id(reader, field.value(), found);
    if (key == api_key_key) found.api_key = true;
    return {};
}

Result<void> take_fields(Reader& reader, ondemand::document& document, Found& found) {
    ondemand::object object;
    if (document.get_object().get(object) != simdjson::SUCCESS) return no_json();
    for (auto next : object) {
        ondemand::field field;
        if (std::move(next).get(field) != simdjson::SUCCESS) return no_json();
        if (auto taken = take_field(reader, field, found); !taken) return taken;
    }
    // What stands behind the object is only seen by asking where the reading ended.
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) return no_json();
    return {};
}

tl::unexpected<Error> no_token(std::string_view json, bool has_api_key) {
    if (has_api_key)
        return fail(Code::bad_token,
                    "The JSON answer has only `clientApiKey`, which never expires and must not be on a device: pass "
                    "`clientSessionToken` from Portal's answer to a new session.");
    if (json.find(token_key) != std::string_view::npos)
        return fail(Code::bad_token,
                    "`clientSessionToken` is not at the top level of the JSON answer: pass the object that holds it.");
    return fail(Code::bad_token, "The JSON answer has no `clientSessionToken`: pass Portal's answer to a new session.");
}

}  // namespace

Result<TokenAnswer> parse_token_answer(std::string_view json) {
    if (json.size() > max_token_answer_bytes)
        return fail(Code::bad_token, "The JSON answer has " + std::to_string(json.size()) +
                                         " bytes, more than 1 MiB: pass Portal's answer to a new session alone.");
    json = without_byte_order_mark(json);
    if (without_byte_order_mark(json) != json) return no_json();  // newer versions of simdjson would skip a second one
    Reader reader(json);
    ondemand::document document;
    if (reader.open(document) != simdjson::SUCCESS) return no_json();
    ondemand::json_type type{};
    if (document.type().get(type) != simdjson::SUCCESS) return no_json();
    if (type == ondemand::json_type::string)
        return fail(Code::bad_token,
                    "The answer is a JSON string: pass Portal's answer whole, or the token as plain text without quotes.");
    if (type != ondemand::json_type::object)
        return fail(Code::bad_token,
                    "The answer is not a JSON object: pass Portal's answer whole, or the token as plain text.");
    Found found;
    if (auto taken = take_fields(reader, document, found); !taken) return tl::unexpected(std::move(taken.error()));
    if (!found.token) return no_token(json, found.api_key);
    return std::move(found.answer);
}

}  // namespace portal

#include "base/text.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace portal {
namespace {

constexpr std::size_t max_role_length = 16;  // what a record has room for

bool all_printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// The length of the UTF-8 sequence that starts at `text`, 0 where it is none (overlong, surrogate, cut off).
std::size_t utf8_sequence(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) return 1;
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xc0) != 0x80) return 0;
    const unsigned char second = byte(1);
    if (first == 0xe0 && second < 0xa0) return 0;
    if (first == 0xed && second > 0x9f) return 0;
    if (first == 0xf0 && second < 0x90) return 0;
    if (first == 0xf4 && second > 0x8f) return 0;
    return length;
}

bool is_between(std::string_view text, char first, char last) {
    return text.size() > 1 && text.front() == first && text.back() == last;
}

tl::unexpected<Error> too_long(std::string_view token) {
    return fail(Code::bad_token, "The token has " + std::to_string(token.size()) +
                                     " bytes, more than 4096: pass only the text of `clientSessionToken`.");
}

// What languages print for a value that is missing: of JSON, Objective-C, Swift, JavaScript and Python.
bool is_missing_value(std::string_view text) {
    constexpr std::string_view words[] = {"null", "nil", "(null)", "<null>", "undefined", "none", "nan"};
    return std::any_of(std::begin(words), std::end(words),
                       [&](std::string_view word) { return equal_ignoring_case(text, word); });
}

bool is_short_number(std::string_view text) {
    return text.size() <= 3 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// What was passed in a token's place, as far as that is beyond doubt; null: nothing of the kind. Only whole texts count: a
// token is opaque, and may have any of these inside.
const char* mistake_in(std::string_view text) {
    if (is_missing_value(text))
        return "The token is a word that stands for a missing value, such as null or undefined: the backend gave none, so "
               "look at its answer.";
    if (equal_ignoring_case(text, "true") || equal_ignoring_case(text, "false"))
        return "The token is a truth value: pass the text of `clientSessionToken`.";
    if (equal_ignoring_case(text, "[object object]"))
        return "The token is an object that was turned into text: pass the text of its `clientSessionToken`.";
    if (is_short_number(text))
        return "The token is a number of at most 3 digits, as an HTTP status is: pass the text of `clientSessionToken`.";
    // A whole answer in its token's place would be sent, and stored, with all that is in it.
    if (is_between(text, '{', '}'))
        return "The token is JSON: set PORTAL_TOKEN_JSON, or pass the text of `clientSessionToken` alone.";
    if (is_between(text, '<', '>'))
        return "The token is markup, such as an error page: look at what answers there.";
    return nullptr;
}

// The first kind of byte that no header may have.
const char* unprintable_in(std::string_view text) {
    for (const char c : text) {
        if (c == ' ' || (c >= '\t' && c <= '\r')) return "a space or a line break";
        if (static_cast<unsigned char>(c) >= 0x80) return "a non-ASCII byte";
        if (c < ' ' || c == 0x7f) return "a control byte";
    }
    return "no fault";
}

}  // namespace

Result<void> check_token(std::string_view text) {
    if (text.empty()) return fail(Code::bad_token, "The token is empty: pass the text of `clientSessionToken`.");
    if (text.size() > max_provider_answer_bytes) return too_long(text);  // its length may be a mistake: it is not read
    if (const char* mistake = mistake_in(text); mistake != nullptr) return fail(Code::bad_token, mistake);
    if (text.size() > max_token_bytes) return too_long(text);
    if (all_printable(text)) return {};
    return fail(Code::bad_token, std::string("The token has ") + unprintable_in(text) +
                                     ", so it cannot stand in an HTTP header: pass the text of `clientSessionToken` alone, "
                                     "trimmed.");
}

Result<void> check_client_id(std::string_view text) {
    if (text.empty() || text.size() > max_client_id_bytes || !all_printable(text))
        return fail(Code::invalid_argument,
                    "The client id is not 1 to 256 printable ASCII bytes: pass Portal's `id` as it came.");
    return {};
}

Result<void> check_session_name(std::string_view text) {
    if (text.size() > max_name_bytes)
        return fail(Code::invalid_argument,
                    "The session name has " + std::to_string(text.size()) + " bytes: use at most 128.");
    if (!is_utf8(text)) return fail(Code::invalid_argument, "The session name is not valid UTF-8: encode it as UTF-8.");
    return {};
}

Result<void> check_role(std::string_view text) {
    if (text.size() > max_role_length || !all_printable(text))
        return fail(Code::invalid_argument,
                    "The role is not at most 16 printable ASCII bytes: name the process in a word, as \"app\".");
    return {};
}

std::string_view without_byte_order_mark(std::string_view text) {
    constexpr std::string_view mark = "\xef\xbb\xbf";
    return starts_with(text, mark) ? text.substr(mark.size()) : text;
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = utf8_sequence(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

std::string lower_case(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), lower);
    return result;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

bool starts_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

bool ends_with(std::string_view text, std::string_view suffix) {
    return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

}  // namespace portal

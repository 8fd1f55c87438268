// Each marked line tries to show, copy or compare a secret, and must not compile, for the reason that stands behind it
// (gcc's or clang's words). With CONTROL each type is one that can all this, and every line must compile: so the lines are
// refused for the secret's sake, not for a slip in them.
#include <cstdio>
#include <iostream>
#include <string>
#include <string_view>
#include <version>
#if defined(__cpp_lib_format)
#include <format>
#endif

#include "cli/secret_buffer.hpp"
#include "client/client.hpp"
#include "engine/engine.hpp"
#include "http/transport.hpp"
#include "portal_api/token_answer.hpp"
#include "session/record.hpp"

struct Open {
    operator std::string() const;
    operator std::string_view() const;
    friend std::ostream& operator<<(std::ostream& out, Open);
    friend std::string operator+(const std::string& text, Open);
    friend std::string to_string(Open);
    friend bool operator==(Open, Open);
};
#if defined(__cpp_lib_format)
template <>
struct std::formatter<Open> {
    constexpr auto parse(auto& context) { return context.begin(); }
    auto format(const Open&, auto& context) const { return context.out(); }
};
#endif

#if defined(CONTROL)
using Secret = Open;
using NewToken = Open;
using Acquired = Open;
using Record = Open;
using HttpHeader = Open;
using HttpRequest = Open;
using HttpResponse = Open;
using ClientRequest = Open;
using ClientAnswer = Open;
using TokenAnswer = Open;
using SecretBuffer = Open;
#else
using cli::SecretBuffer;
using portal::Acquired;
using portal::ClientAnswer;
using portal::ClientRequest;
using portal::HttpHeader;
using portal::HttpRequest;
using portal::HttpResponse;
using portal::NewToken;
using portal::Record;
using portal::Secret;
using portal::TokenAnswer;
#endif

template <typename T>
const T& some();

using std::to_string;

void attempts() {
    // clang-format off
    std::cout << some<Secret>();                         // refused: no match for 'operator<<'|invalid operands to binary
    std::cout << some<NewToken>();                       // refused: no match for 'operator<<'|invalid operands to binary
    std::cout << some<Acquired>();                       // refused: no match for 'operator<<'|invalid operands to binary
    std::cout << some<Record>();                         // refused: no match for 'operator<<'|invalid operands to binary
    std::cout << some<HttpHeader>();                     // refused: no match for 'operator<<'|invalid operands to binary
    std::cout << some<HttpRequest>();                    // refused: no match for 'operator<<'|invalid operands to binary
    std::cout << some<HttpResponse>();                   // refused: no match for 'operator<<'|invalid operands to binary
    std::cout << some<ClientRequest>();                  // refused: no match for 'operator<<'|invalid operands to binary
    std::cout << some<ClientAnswer>();                   // refused: no match for 'operator<<'|invalid operands to binary
    std::cout << some<TokenAnswer>();                    // refused: no match for 'operator<<'|invalid operands to binary
    std::cout << some<SecretBuffer>();                   // refused: no match for 'operator<<'|invalid operands to binary
    std::string text = some<Secret>();                   // refused: conversion from .* requested|no viable conversion
    std::string_view view = some<Secret>();              // refused: conversion from .* requested|no viable conversion
    text = std::string("token: ") + some<Secret>();      // refused: no match for 'operator.'|invalid operands to binary
    text = to_string(some<Secret>());                    // refused: no matching function for call to
    std::printf("%s", some<Secret>());                   // refused: cannot pass obj|deleted
    Secret copy = some<Secret>();                        // refused: use of deleted function|call to deleted constructor
    SecretBuffer second = some<SecretBuffer>();          // refused: use of deleted function|call to deleted constructor
    (void)(some<Secret>() == some<Secret>());            // refused: no match for 'operator=='|invalid operands to binary
#if defined(__cpp_lib_format)
    text = std::format("{}", some<Secret>());            // refused: formatt|consteval
#else
#pragma message("no std::format here")
#endif
    // clang-format on
}

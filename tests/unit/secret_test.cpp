// base/secret: what must not leak, does not.
#include "base/secret.hpp"

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#if defined(__linux__)
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sys/mman.h>
#endif

#include "support/catch.hpp"

namespace {

using namespace portal;

// A secret is neither copied nor turned into text by accident: this file does not compile otherwise.
static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
static_assert(!std::is_convertible_v<Secret, std::string> && !std::is_convertible_v<Secret, std::string_view>);
static_assert(!std::is_convertible_v<std::string_view, Secret> && !std::is_convertible_v<const char*, Secret>);
static_assert(std::is_nothrow_move_constructible_v<Secret> && std::is_nothrow_move_assignable_v<Secret>);

template <typename T, typename = void>
inline constexpr bool printable = false;
template <typename T>
inline constexpr bool printable<T, std::void_t<decltype(std::declval<std::ostream&>() << std::declval<const T&>())>> = true;
static_assert(!printable<Secret> && printable<std::string>);

bool all_zero(const char* memory, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
        if (memory[i] != 0) return false;
    return true;
}

TEST_CASE("A secret gives back the bytes it was made of, zeros among them") {
    const std::string_view bytes("a\0b", 3);
    const Secret secret(bytes);
    CHECK(secret.reveal() == bytes);
    CHECK(secret.size() == 3);
    CHECK_FALSE(secret.empty());
    CHECK(Secret().empty());
    CHECK(Secret("").reveal().empty());
}

TEST_CASE("Appending keeps what was there, over many pages") {
    Secret secret;
    std::string expected;
    for (int i = 0; i < 2000; ++i) {
        secret.append("0123456789");
        expected += "0123456789";
    }
    CHECK((secret.reveal() == expected));
}

TEST_CASE("A failed check of a test says nothing of a secret either") {
    CHECK(Catch::Detail::stringify(Secret("token")).find("token") == std::string::npos);
    CHECK(Catch::Detail::stringify(SharedSecret(std::make_shared<Secret>("token"))).find("token") == std::string::npos);
}

TEST_CASE("A secret that was moved from is empty and can be used again") {
    Secret first("token");
    Secret second(std::move(first));
    CHECK(second.reveal() == "token");
    CHECK(first.empty());  // NOLINT(bugprone-use-after-move)
    first.append("other");
    CHECK(first.reveal() == "other");
    second = std::move(first);
    CHECK(second.reveal() == "other");
}

TEST_CASE("Clearing wipes the bytes where they are") {
    Secret secret("token");
    const char* bytes = secret.data();
    secret.clear();
    CHECK(secret.empty());
    CHECK(all_zero(bytes, 5));
}

TEST_CASE("Shrinking wipes what is cut off, growing adds zeros") {
    Secret secret("0123456789");
    const char* bytes = secret.data();
    secret.resize(4);
    CHECK(secret.reveal() == "0123");
    CHECK(all_zero(bytes + 4, 6));
    secret.resize(8);
    CHECK(secret.reveal() == std::string_view("0123\0\0\0\0", 8));
}

TEST_CASE("equals compares length and every byte") {
    const Secret secret("token");
    CHECK(secret.equals("token"));
    CHECK_FALSE(secret.equals("tokem"));
    CHECK_FALSE(secret.equals("Token"));
    CHECK_FALSE(secret.equals("toke"));
    CHECK_FALSE(secret.equals("tokens"));
    CHECK_FALSE(secret.equals(""));
    CHECK(Secret().equals(""));
}

TEST_CASE("wipe overwrites each byte, and takes nothing for nothing") {
    char memory[] = "token";
    wipe(memory, sizeof memory);
    CHECK(all_zero(memory, sizeof memory));
    wipe(nullptr, 0);
}

#if defined(__linux__)
// The kernel's flags of the mapping that holds `address`.
std::string mapping_flags(const void* address) {
    std::ifstream smaps("/proc/self/smaps");
    bool inside = false;
    for (std::string line; std::getline(smaps, line);) {
        unsigned long first = 0;
        unsigned long last = 0;
        if (std::sscanf(line.c_str(), "%lx-%lx ", &first, &last) == 2) {
            const auto place = reinterpret_cast<unsigned long>(address);
            inside = first <= place && place < last;
        } else if (inside && line.rfind("VmFlags:", 0) == 0) {
            return line + " ";
        }
    }
    return "";
}

TEST_CASE("The pages of a secret are left out of core dumps") {
    const Secret secret("token");
    const std::string heap_byte(100'000, 'x');
    CHECK(mapping_flags(secret.reveal().data()).find(" dd ") != std::string::npos);
    CHECK(mapping_flags(heap_byte.data()).find(" dd ") == std::string::npos);
}

TEST_CASE("The pages of a secret are gone with it") {
    const void* page = nullptr;
    {
        Secret secret("token");
        page = secret.data();
        CHECK(::msync(const_cast<void*>(page), 1, MS_ASYNC) == 0);
    }
    errno = 0;
    CHECK(::msync(const_cast<void*>(page), 1, MS_ASYNC) == -1);
    CHECK(errno == ENOMEM);
}
#endif

}  // namespace

#include "support/allocations.hpp"

#include <cstddef>
#include <cstdlib>

// Defined in the program, these take the place of the C library's for every library in it; glibc allows that.
extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* memory, std::size_t bytes);
}

namespace {
thread_local std::uint64_t count = 0;
}

#pragma GCC visibility push(default)
extern "C" {
void* malloc(std::size_t bytes) {
    ++count;
    return __libc_malloc(bytes);
}
void* calloc(std::size_t members, std::size_t bytes) {
    ++count;
    return __libc_calloc(members, bytes);
}
void* realloc(void* memory, std::size_t bytes) {
    ++count;
    return __libc_realloc(memory, bytes);
}
}
#pragma GCC visibility pop

namespace portal::test {
std::uint64_t allocations() { return count; }
}  // namespace portal::test

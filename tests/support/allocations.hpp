// Counts what this thread takes from the heap, whichever library asks for it. Not with a sanitizer, which has a heap of its own.
#pragma once

#include <cstdint>

namespace portal::test {

std::uint64_t allocations();

}  // namespace portal::test

// std::expected where the C++ library has it (C++23), else tl::expected, under one name: so a build for Apple's systems or
// Android needs no third-party header. Only what both have may be used: `transform`, not `map`.
#pragma once

#include <version>

#if defined(__cpp_lib_expected) && __cpp_lib_expected >= 202211L
#include <expected>

namespace tl {
using std::expected;
using std::unexpected;
}  // namespace tl
#else
#include <tl/expected.hpp>
#endif

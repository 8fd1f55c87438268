// How long ago `main` began, printed: what a program that first_token_bench runs tells it.
#pragma once

#include <chrono>
#include <cstdio>

namespace bench {

using Instant = std::chrono::steady_clock::time_point;

inline Instant now() { return std::chrono::steady_clock::now(); }

inline void print_since(Instant began) {
    std::printf("%lld\n",
                static_cast<long long>(std::chrono::duration_cast<std::chrono::nanoseconds>(now() - began).count()));
}

}  // namespace bench

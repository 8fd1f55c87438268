// Catch2, whichever of its two layouts is installed: version 3 as a library, version 2 as one header.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

// Exists so that Catch2's header is compiled once: see tests/CMakeLists.txt.
#include "support/catch.hpp"

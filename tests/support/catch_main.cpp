// The main function of every test program, compiled once. Catch2 3 ignores the macro and brings its own.
#define CATCH_CONFIG_MAIN
#include "support/catch.hpp"

// What both providers of the command line say to the library.
#pragma once

#include <cstdint>
#include <string_view>

namespace cli {

// The token, or Portal's JSON, with white space around it.
void fulfil_request(std::uint64_t id, std::string_view answer);

// No token this time; the provider may be asked again.
void fail_request(std::uint64_t id, int host_code);

}  // namespace cli

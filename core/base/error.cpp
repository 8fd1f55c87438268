#include "base/error.hpp"

namespace portal {

tl::unexpected<Error> fail(Code code, std::string message) {
    Error error;
    error.code = code;
    error.message = std::move(message);
    return tl::unexpected<Error>(std::move(error));
}

tl::unexpected<Error> fail(Code code, const char* message) { return fail(code, std::string(message)); }

}  // namespace portal

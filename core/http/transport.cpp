#include "http/transport.hpp"

#include "base/text.hpp"

namespace portal {

std::string_view HttpResponse::header(std::string_view name) const {
    for (const HttpHeader& header : headers)
        if (equal_ignoring_case(header.name, name)) return header.value;
    return {};
}

}  // namespace portal

// Header lines as text: "Name: value", one a line.
#pragma once

#include <portal_session/portal_session.h>

#include <string_view>
#include <vector>

namespace cli {

// They borrow the text, and are marked as secret. Throws a usage Failure, which quotes nothing, for what is no header line.
[[nodiscard]] std::vector<portal_header> header_lines(std::string_view text, std::string_view where);

}  // namespace cli

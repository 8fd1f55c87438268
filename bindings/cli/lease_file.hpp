// The lease of the last `token`, kept beside the store so that `report` can use it. A lease holds no secret.
#pragma once

#include <portal_session/portal_session.h>

#include <optional>
#include <string>
#include <string_view>

namespace cli {

// A few lines of text: a title with the format's number, then "name value" each.
[[nodiscard]] std::string lease_to_text(const portal_lease& lease);

// Nothing for text that is not exactly such: other formats, other order, what is not a number, anything after the end.
[[nodiscard]] std::optional<portal_lease> lease_from_text(std::string_view text);

// One for each session of a store.
[[nodiscard]] std::string lease_path(const std::string& directory, std::string_view session_name);

// Nothing where there is no file, or one without a lease. Throws a store Failure where it is not a regular file.
[[nodiscard]] std::optional<portal_lease> load_lease(const std::string& path);

// Whole or not at all; false: errno says why. Removes what killed processes left beside it.
[[nodiscard]] bool save_lease(const std::string& path, const portal_lease& lease);

}  // namespace cli

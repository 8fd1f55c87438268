// The store's folder and its key, as a session gets them.
#pragma once

#include <portal_session/portal_session.h>

#include "cli/options.hpp"

namespace cli {

// Makes both where there are none yet. Where nothing can be written that is told, and the session goes on in memory; what
// is no folder or no key is a store Failure.
[[nodiscard]] portal_key open_store(const Options& options);

// A logout needs no key, and makes none: without it the record counts as lost, and what is lost is erased as well.
[[nodiscard]] portal_key open_store_for_logout(const Options& options);

}  // namespace cli

// What an errno means for a load and a save.
#pragma once

#include <cerrno>

#include "session/record_store.hpp"

namespace portal {

// Over in a moment, and nothing is wrong with what is stored.
inline bool is_passing(int os_code) {
    return os_code == EWOULDBLOCK || os_code == EMFILE || os_code == ENFILE || os_code == ENOMEM;
}

inline LoadResult load_refused(int os_code) {
    return {.outcome = is_passing(os_code) ? LoadOutcome::unavailable : LoadOutcome::fault,
            .fault = {StoreCause::system, os_code}};
}

inline SaveResult save_refused(int os_code) {
    return {is_passing(os_code) ? SaveOutcome::unavailable : SaveOutcome::fault, {StoreCause::system, os_code}};
}

}  // namespace portal

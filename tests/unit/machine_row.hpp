// One row of the machine's table: what an event does to a session that stands somewhere.
#pragma once

#include "support/machine_states.hpp"

namespace portal::test {

struct Row {
    At at;
    const char* event;    // its type's name
    const char* effects;  // in their order; empty: none
    const char* stands;   // what observers know of the session afterwards
};

}  // namespace portal::test

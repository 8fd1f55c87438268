// What the program `visitor` says by its exit code.
#pragma once

namespace portal::test {

// `visit`: a bit for each that holds.
enum Seen : int { token_served = 1, old_one = 2, memory_only = 4, clear_refused = 8 };
// `threads`
enum Opened : int { open_worked = 1, open_refused = 2 };

inline constexpr int visit_failed = 99;

}  // namespace portal::test

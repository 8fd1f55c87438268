// How our programs print: to the terminal's width, with a correction for a mistyped word. Never part of the library.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace portal::program {

inline constexpr std::size_t default_width = 80;

// The width of standard output where it is a terminal, else 80. At least 40 and at most 120: longer lines read badly.
[[nodiscard]] std::size_t terminal_width();

// Breaks each line that is wider at blanks. The rest of a line in two columns, as in a help text, goes to the second one,
// any other under its own beginning.
[[nodiscard]] std::string wrapped(std::string_view text, std::size_t width);

// The candidate closest to the mistyped word; empty if none is close.
[[nodiscard]] std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

// Opens what stands in for a closed standard input, output or error, so that no file gets its number. Writing to a closed
// output fails still. Call first in main.
void hold_standard_files();

// Whether all that was printed has reached its place. Call last: a full disk shows when the buffer is written.
[[nodiscard]] bool output_was_written();

}  // namespace portal::program

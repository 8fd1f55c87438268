// What --help looks like, and what it says beside the options themselves.
#pragma once

#include <memory>

#include <CLI/CLI.hpp>

namespace cli {

extern const char* const about;
extern const char* const epilogue;

// Commands before options, no word in capitals that helps nobody, and the variables named once, below.
[[nodiscard]] std::shared_ptr<CLI::Formatter> help_formatter();

}  // namespace cli

// What --help looks like, and what it says beside the options themselves.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

namespace cli {

extern const char* const about;
extern const char* const epilogue;

// Behind the options in a command's own help: its exit codes, and an example.
[[nodiscard]] std::string footer_of(std::string_view command);

// Commands before options, no word in capitals that helps nobody, and the variables named once, below.
[[nodiscard]] std::shared_ptr<CLI::Formatter> help_formatter();

}  // namespace cli

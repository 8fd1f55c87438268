// portal-session: the C API on the command line.
#include <algorithm>
#include <array>
#include <exception>

#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/failure.hpp"
#include "program/terminal_text.hpp"

namespace {

struct Command {
    const char* name;
    cli::ExitCode (*run)(const cli::Options& options);
};

constexpr std::array commands{
    Command{"token", cli::token}, Command{"report", cli::report}, Command{"request", cli::request},
    Command{"push", cli::push},   Command{"status", cli::status}, Command{"explain", cli::explain},
    Command{"renew", cli::renew}, Command{"logout", cli::logout}, Command{"watch", cli::watch},
    Command{"demo", cli::demo},   Command{"exec", cli::exec},     Command{"completion", cli::completion},
    Command{"doctor", cli::doctor},
};

cli::ExitCode run(const cli::Options& options) {
    const auto command =
        std::find_if(commands.begin(), commands.end(), [&](const Command& each) { return options.command == each.name; });
    if (command == commands.end()) return cli::ExitCode::usage;
    const cli::ExitCode exit_code = command->run(options);
    if (!portal::program::output_was_written()) throw cli::failure(cli::ExitCode::other, "Cannot write to standard output.");
    return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
    portal::program::hold_standard_files();
    const cli::Parsed parsed = cli::parse(argc, argv);
    if (!parsed.run) return parsed.exit_code;
    cli::end_commands_when_interrupted();
    try {
        return static_cast<int>(run(parsed.options));
    } catch (cli::Failure& failure) {
        failure.message = parsed.options.with_variables(failure.message);
        cli::print_failure(failure, parsed.options.json);
        return static_cast<int>(failure.exit_code);
    } catch (const std::exception&) {  // no memory, no thread
        cli::print_failure(cli::failure(cli::ExitCode::other, "The system has not enough memory or threads left."),
                           parsed.options.json);
        return static_cast<int>(cli::ExitCode::other);
    }
}

// exec: another program with a good token in its environment. What Portal answers to it stays unreported.
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "cli/commands.hpp"
#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/host.hpp"

namespace cli {
namespace {

constexpr int exit_not_runnable = 126;  // as a shell has it
constexpr int exit_not_found = 127;

void put_into_environment(const std::string& variable, const SecretBuffer& token) {
    if (variable.empty() || variable.find('=') != std::string::npos)
        throw failure(ExitCode::usage, "--env: it takes the name of a variable.");
    SecretBuffer text(token.reveal().size() + 1);
    text.append(token.reveal());
    text.append(std::string_view("\0", 1));
    if (::setenv(variable.c_str(), text.data(), 1) != 0) throw failure(ExitCode::other, "The environment has no room left.");
}

}  // namespace

ExitCode exec(const Options& options) {
    {
        Session session(options);
        const Leased leased = session.acquire(0, 0);
        put_into_environment(options.exec_variable, leased.token);
        session.finish_renewal();
    }  // all is stored, and no thread is left
    std::vector<char*> words;
    for (const std::string& word : options.program) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    ::execvp(words.front(), words.data());
    Failure told = failure(ExitCode::other, system_error("Cannot run", options.program.front(), errno) + ".");
    told.exit_code = static_cast<ExitCode>(errno == ENOENT ? exit_not_found : exit_not_runnable);
    throw told;
}

}  // namespace cli

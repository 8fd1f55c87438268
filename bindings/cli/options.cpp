#include "cli/options.hpp"

#include <portal_session/portal_session.h>

#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>

#include "cli/exit_codes.hpp"
#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/help.hpp"
#include "program/terminal_text.hpp"

namespace cli {
namespace {

constexpr std::int64_t most_timeout_s = 300;
constexpr std::int64_t most_request_timeout_s = 600;
constexpr std::int64_t most_clock_offset_s = std::int64_t{100} * 365 * 24 * 3600;

// http to this machine alone: any other place by http would be refused only when a token is needed.
bool is_loopback_http(const std::string& url) {
    for (const std::string_view start : {"http://127.0.0.1", "http://[::1]"}) {
        if (url.rfind(start, 0) != 0) continue;
        if (url.size() == start.size() || url[start.size()] == ':' || url[start.size()] == '/') return true;
    }
    return false;
}

std::function<std::string(const std::string&)> whole_number(std::int64_t least, std::int64_t most) {
    return [=](const std::string& text) -> std::string {
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        const bool is_whole = error == std::errc() && end == text.data() + text.size();
        if (is_whole && number >= least && number <= most) return {};
        return "it takes a whole number from " + std::to_string(least) + " to " + std::to_string(most);
    };
}

std::string with_help_hint(const std::string& text) {
    return text + (text.back() == '?' ? "" : ".") + " See `portal-session --help`.";
}

std::string default_store() {
    const char* state = std::getenv("XDG_STATE_HOME");
    if (state != nullptr && state[0] == '/') return std::string(state) + "/portal-session";
    const char* home = std::getenv("HOME");
    if (home != nullptr && home[0] == '/') return std::string(home) + "/.local/state/portal-session";
    return {};
}

void add_session_options(CLI::App& app, Options& options) {
    const auto add = [&](const char* name, auto& value, const char* type, const char* variable, const char* text) {
        return app.add_option(name, value, text)->type_name(type)->envname(variable)->group("Session");
    };
    add("--provider-command", options.provider_command, "CMD", "PORTAL_SESSION_PROVIDER_COMMAND",
        "prints a new token (see below)");
    add("--provider-url", options.provider_url, "URL", "PORTAL_SESSION_PROVIDER_URL",
        "your own backend: a POST to it answers with a new token");
    add("--provider-timeout", options.provider_timeout_s, "SECONDS", "PORTAL_SESSION_PROVIDER_TIMEOUT",
        "1 to 300: how long either may take; default: 30")
        ->check(whole_number(1, most_timeout_s));
    add("--provider-header-file", options.provider_header_file, "FILE", "PORTAL_SESSION_PROVIDER_HEADER_FILE",
        "headers for --provider-url, one \"Name: value\" a line; read at each ask");
    add("--provider-header-command", options.provider_header_command, "CMD", "PORTAL_SESSION_PROVIDER_HEADER_COMMAND",
        "prints such headers; run at each ask");
    add("--portal", options.portal_url, "URL", "PORTAL_SESSION_PORTAL", "default: https://api.portalhq.io");
    add("--store", options.store, "DIR", "PORTAL_SESSION_STORE",
        "default: portal-session in $XDG_STATE_HOME or ~/.local/state");
    add("--session", options.session, "NAME", "PORTAL_SESSION_SESSION", "one of many in a store; default: default");
    add("--client-id", options.client_id, "ID", "PORTAL_SESSION_CLIENT_ID", "refuse tokens of any other client");
    add("--key-file", options.key_file, "FILE", "PORTAL_SESSION_KEY_FILE",
        "32 bytes, made at first use; default: `key` in the store");
    add("--role", options.role, "NAME", "PORTAL_SESSION_ROLE",
        "of runs that never overlap: one does not wait for a token request that an earlier one left behind");
    add("--ca-file", options.ca_file, "FILE", "PORTAL_SESSION_CA_FILE", "PEM; default: the system's trust");
    add("--clock-offset", options.clock_offset_s, "SECONDS", "PORTAL_SESSION_CLOCK_OFFSET", "shift both clocks, for tests")
        ->check(whole_number(-most_clock_offset_s, most_clock_offset_s));
    app.add_flag("--allow-loopback", options.allow_loopback, "let the token go to 127.0.0.1 and [::1], for tests")
        ->envname("PORTAL_SESSION_ALLOW_LOOPBACK")
        ->group("Session");
}

void add_output_options(CLI::App& app, Options& options) {
    app.add_flag("--json", options.json, "print JSON; errors too, on standard error")
        ->envname("PORTAL_SESSION_JSON")
        ->group("Output");
    app.add_flag("--no-color", options.no_color, "no colours on a terminal either; NO_COLOR does the same")
        ->envname("PORTAL_SESSION_NO_COLOR")
        ->group("Output");
    app.add_flag("-v,--verbose", options.verbose, "say what happens, on standard error; status: all that is known")
        ->envname("PORTAL_SESSION_VERBOSE")
        ->group("Output");
}

void add_commands(CLI::App& app, Options& options) {
    const auto add = [&](const char* name, const char* text) {
        return app.add_subcommand(name, text)->group("Commands")->footer(footer_of(name));
    };

    CLI::App* token = add("token", "Print a token that is good now, asking the provider only where needed");
    token->add_flag("--header", options.header, "print the line \"Authorization: Bearer TOKEN\", for curl -H @FILE");
    token->add_flag("--rejected", options.rejected, "first report that Portal answered 401 to the last one");

    CLI::App* report = add("report", "Tell what Portal answered to a request with the last token");
    report->add_option("STATUS", options.status, "the answer's HTTP status: 2xx keeps the token alive, 401 ends it")
        ->required()
        ->check(whole_number(100, 599))
        ->type_name("STATUS");

    CLI::App* request = add("request", "Send a request to Portal and print the body of the answer");
    request->add_option("PATH", options.request, "the default method is GET, with --data POST")
        ->required()
        ->expected(1, 2)
        ->type_name("[METHOD] PATH");
    request->add_option("--data", options.data, "the body, as JSON; - reads standard input")->type_name("TEXT");
    request->add_option("-H", options.request_headers, "a header, \"Name: value\"; may be given again")
        ->expected(1)
        ->type_name("HEADER")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    request->add_option("-o,--output", options.output_file, "write the body to a file")->type_name("FILE");
    request->add_flag("-i,--include", options.include, "print the answer's status and headers too");
    request->add_option("--timeout", options.request_timeout_s, "1 to 600: the time for token and answer together")
        ->check(whole_number(1, most_request_timeout_s))
        ->type_name("SECONDS");

    CLI::App* exec = add("exec", "Run a program with a good token in its environment");
    exec->add_option("--env", options.exec_variable, "the variable's name; default: PORTAL_TOKEN")->type_name("NAME");
    exec->add_option("CMD", options.program, "the program and its arguments, behind --")
        ->required()
        ->expected(1, std::numeric_limits<int>::max())
        ->type_name("-- CMD [ARG...]");

    add("push", "Sign in: take a token, or Portal's JSON answer, from standard input");
    CLI::App* status = add("status", "Show the state, the time left, and what happens next (-v: everything)");
    status->add_flag("--check", options.check, "exit 0 only if a request would be sent with a good token");
    add("explain", "Print all that is known and the last 32 transitions, as JSON without a secret");
    CLI::App* watch = add("watch", "Print the session's events as they happen, until Ctrl-C");
    watch->add_option("--count", options.event_count, "end after so many events")
        ->check(whole_number(1, std::numeric_limits<int>::max()))
        ->type_name("N");
    add("renew", "Get a new token now, though the old one may be good");
    add("logout", "Forget the token, here and on disk");
    add("demo", "Play a fortnight of a user's token against fake-portal (--portal), and count");
    add("doctor", "Check store, key, clock, watch, TLS, Portal and provider, with advice");
    CLI::App* completion = add("completion", "Print a completion script for a shell");
    completion->add_option("SHELL", options.shell, "the shell")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}))
        ->type_name("bash|zsh|fish");
}

// The options whose values the environment set, each with its variable.
std::map<std::string, std::string> set_by_variables(const CLI::App& app, const std::vector<std::string>& words) {
    std::map<std::string, std::string> variables;
    for (const CLI::Option* option : app.get_options({})) {
        const std::string variable = option->get_envname();
        const bool is_typed = std::any_of(words.begin(), words.end(), [&](const std::string& word) {
            return word.substr(0, word.find('=')) == option->get_name();
        });
        if (!is_typed && !variable.empty() && std::getenv(variable.c_str()) != nullptr)
            variables[option->get_name()] = variable;
    }
    return variables;
}

std::vector<std::string> command_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::App* command : app.get_subcommands(nullptr)) names.push_back(command->get_name());
    return names;
}

// Those of the program, and of the command that was typed.
std::vector<std::string> option_names(const CLI::App& app) {
    std::vector<std::string> names;
    const auto add = [&](const CLI::App& of) {
        for (const CLI::Option* option : of.get_options())
            for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    };
    add(app);
    for (const CLI::App* command : app.get_subcommands()) add(*command);
    return names;
}

// What was meant, in the words of an error; empty: nobody can tell.
std::string corrected(const std::string& word, const std::vector<std::string>& words, const char* quote) {
    const std::string meant = portal::program::nearest(word, words);
    return meant.empty() ? "" : std::string(". Did you mean ") + quote + meant + quote + "?";
}

std::string no_command(const CLI::App& app, const std::string& name) {
    return "There is no command `" + name + "`" + corrected(name, command_names(app), "`");
}

// "help" and "help COMMAND" are what people type. The words as CLI11 takes them.
std::vector<std::string> with_help_as_option(const CLI::App& app, std::vector<std::string> words) {
    if (words.empty() || words.front() != "help") return words;
    words.erase(words.begin());
    if (words.empty()) return {"--help"};
    const std::vector<std::string> names = command_names(app);
    if (std::find(names.begin(), names.end(), words.front()) == names.end())
        throw failure(ExitCode::usage, with_help_hint(no_command(app, words.front())));
    return {words.front(), "--help"};
}

// Why these words are no call. Only what can be no secret is quoted: the name of a command or of an option.
std::string usage_error(const CLI::App& app, const CLI::ParseError& error) {
    static constexpr std::size_t longest_name = 32;
    const std::vector<std::string> unknown = app.remaining(true);
    const bool has_command = !app.get_subcommands().empty();
    const bool lacks_command = !has_command && error.get_name() == "RequiredError";
    if (unknown.empty()) return lacks_command ? "There is no command" : error.what();
    const std::string name = unknown.front().substr(0, unknown.front().find('='));
    if (name.front() == '-')
        return "There is no option " + name.substr(0, longest_name) + corrected(name, option_names(app), "");
    if (has_command) return "There is a word too many behind `" + app.get_subcommands().front()->get_name() + "`";
    return name.size() > longest_name ? "There is no such command" : no_command(app, name);
}

// An empty value is most often a script's variable that was never set. Its default would be another place than was meant.
void refuse_empty_values(CLI::App& app, const Options& options) {
    for (CLI::Option* option : app.get_options()) {
        const bool takes_value = option->get_items_expected_min() > 0;
        // CLI11 takes an empty variable for none; from 2.4 on also one whose value does not pass the option's check.
        const auto variable = options.variables.find(option->get_name());
        const bool is_given = option->count() != 0 || variable != options.variables.end();
        const bool is_empty = option->count() == 0 || option->results().back().empty();
        if (!takes_value || !is_given || !is_empty) continue;
        std::string value = option->count() == 0 ? std::getenv(variable->second.c_str()) : "";
        if (!value.empty())
            throw failure(ExitCode::usage, option->get_name() + ": " + (*option->get_validator(0))(value) +
                                               ". See `portal-session --help`.");
        throw failure(ExitCode::usage, option->get_name() + " is empty: it takes a value (" + option->get_type_name() +
                                           "), or is left out.");
    }
}

void check_provider(const Options& options) {
    if (!options.provider_command.empty() && !options.provider_url.empty())
        throw failure(ExitCode::usage, "Both --provider-command and --provider-url are given. Choose one.");
    const bool is_https = options.provider_url.rfind("https://", 0) == 0;
    const bool has_headers = !options.provider_header_file.empty() || !options.provider_header_command.empty();
    if (has_headers && options.provider_url.empty())
        throw failure(ExitCode::usage, "--provider-header-file and --provider-header-command go with --provider-url.");
    if (!options.provider_header_file.empty() && !options.provider_header_command.empty())
        throw failure(ExitCode::usage,
                      "Both --provider-header-file and --provider-header-command are given. Choose one.");
    if (!options.provider_url.empty() && !is_https && !(options.allow_loopback && is_loopback_http(options.provider_url)))
        throw failure(ExitCode::usage, "--provider-url is no https URL. Start it with https://.");
}

// Else it would be told with the first request, as a fault of TLS.
void check_ca_file(const Options& options) {
    if (options.ca_file.empty()) return;
    struct stat found{};
    const bool is_readable = ::access(options.ca_file.c_str(), R_OK) == 0 && ::stat(options.ca_file.c_str(), &found) == 0;
    if (!is_readable)
        throw failure(ExitCode::usage, system_error("--ca-file: cannot read", options.ca_file, errno) + ".");
    if (S_ISDIR(found.st_mode))
        throw failure(ExitCode::usage, "--ca-file: " + options.ca_file + " is a folder. Give a file.");
}

// What the words mean together.
void complete(CLI::App& app, Options& options) {
    refuse_empty_values(app, options);
    check_provider(options);
    check_ca_file(options);
    const CLI::App* command = app.get_subcommands().front();
    options.command = command->get_name();
    options.has_data = options.command == "request" && command->count("--data") > 0;
    if (options.store.empty()) options.store = default_store();
    if (options.store.empty())
        throw failure(ExitCode::usage, "There is no home folder to keep the store in. Give --store DIR.");
    if (options.key_file.empty()) options.key_file = options.store + "/key";
}

void set_up(CLI::App& app, Options& options) {
    app.formatter(help_formatter());
    app.fallthrough();
    app.require_subcommand(1);
    app.set_help_flag();  // set anew below: the order here is the order of the help
    add_session_options(app, options);
    add_output_options(app, options);
    app.set_help_flag("-h,--help", "print this; after a command: its own")->group("Output");
    app.set_version_flag("--version", std::string("portal-session ") + portal_version(), "print the version")
        ->group("Output");
    add_commands(app, options);
    app.footer(epilogue);
}

// Returns the exit code: text that did not reach its reader is an error.
int print_help(const std::string& text) {
    std::fputs(text.c_str(), stdout);
    if (portal::program::output_was_written()) return 0;
    print_failure(failure(ExitCode::other, "Cannot write to standard output."), false);
    return static_cast<int>(ExitCode::other);
}

// Told before the options are taken over: a bad one may stand before this one.
bool wants_json(const CLI::App& app) {
    const CLI::Option* option = app.get_option("--json");
    try {
        return option->count() != 0 && option->as<bool>();
    } catch (const CLI::Error&) {
        return false;
    }
}

}  // namespace

std::string Options::with_variables(std::string text) const {
    for (const auto& [option, variable] : variables) {
        const std::size_t at = text.find(option);
        if (at != std::string::npos) text.insert(at + option.size(), " (" + variable + ")");
    }
    return text;
}

Vocabulary vocabulary() {
    Options options;
    CLI::App app(about, "portal-session");
    set_up(app, options);
    const auto options_of = [](const CLI::App& of) {
        std::vector<Word> words;
        for (const CLI::Option* option : of.get_options()) {
            for (const std::string& name : option->get_lnames()) words.push_back({"--" + name, option->get_description()});
            for (const std::string& name : option->get_snames()) words.push_back({"-" + name, option->get_description()});
        }
        return words;
    };
    Vocabulary words;
    words.options = options_of(app);
    words.commands.push_back({"help", "Explain a command"});
    for (const CLI::App* command : app.get_subcommands(nullptr)) {
        words.commands.push_back({command->get_name(), command->get_description()});
        words.command_options[command->get_name()] = options_of(*command);
    }
    return words;
}

Parsed parse(int argc, char** argv) {
    Parsed parsed;
    Options& options = parsed.options;
    CLI::App app(about, "portal-session");
    set_up(app, options);

    options.variables = set_by_variables(app, {argv + std::min(argc, 1), argv + argc});
    const auto refuse = [&](Failure told) {
        told.message = options.with_variables(told.message);
        print_failure(told, wants_json(app));
        parsed.exit_code = static_cast<int>(told.exit_code);
    };
    try {
        std::vector<std::string> words = with_help_as_option(app, {argv + std::min(argc, 1), argv + argc});
        std::reverse(words.begin(), words.end());  // so takes them CLI11
        app.parse(std::move(words));
        complete(app, options);
        parsed.run = true;
    } catch (const CLI::CallForHelp&) {
        parsed.exit_code = print_help(portal::program::wrapped(app.help(), portal::program::terminal_width()));
    } catch (const CLI::CallForVersion& version) {
        parsed.exit_code = print_help(std::string(version.what()) + "\n");
    } catch (const CLI::ParseError& error) {
        refuse(failure(ExitCode::usage, with_help_hint(usage_error(app, error))));
    } catch (const Failure& told) {
        refuse(told);
    }
    return parsed;
}

}  // namespace cli

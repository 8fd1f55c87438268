#include "cli/options.hpp"

#include <portal_session/portal_session.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "cli/exit_codes.hpp"
#include "cli/failure.hpp"
#include "cli/help.hpp"

namespace cli {
namespace {

// http to this machine alone: any other place by http would be refused only when a token is needed.
bool is_loopback_http(const std::string& url) {
    for (const std::string_view start : {"http://127.0.0.1", "http://[::1]"}) {
        if (url.rfind(start, 0) != 0) continue;
        if (url.size() == start.size() || url[start.size()] == ':' || url[start.size()] == '/') return true;
    }
    return false;
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
    add("--portal", options.portal_url, "URL", "PORTAL_SESSION_PORTAL", "default: https://api.portalhq.io");
    add("--store", options.store, "DIR", "PORTAL_SESSION_STORE",
        "default: portal-session in $XDG_STATE_HOME or ~/.local/state");
    add("--session", options.session, "NAME", "PORTAL_SESSION_SESSION", "one of many in a store; default: default");
    add("--client-id", options.client_id, "ID", "PORTAL_SESSION_CLIENT_ID", "refuse tokens of any other client");
    add("--key-file", options.key_file, "FILE", "PORTAL_SESSION_KEY_FILE",
        "32 bytes, made at first use; default: `key` in the store");
    add("--ca-file", options.ca_file, "FILE", "PORTAL_SESSION_CA_FILE", "PEM; default: the system's trust");
    add("--clock-offset", options.clock_offset_s, "SECONDS", "PORTAL_SESSION_CLOCK_OFFSET", "shift both clocks, for tests");
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
    app.add_flag("-v,--verbose", options.verbose, "print the library's log on standard error")
        ->envname("PORTAL_SESSION_VERBOSE")
        ->group("Output");
}

void add_commands(CLI::App& app, Options& options) {
    const auto add = [&](const char* name, const char* text) { return app.add_subcommand(name, text)->group("Commands"); };

    CLI::App* token = add("token", "Print a token that is good now, asking the provider only where needed");
    token->add_flag("--header", options.header, "print the line \"Authorization: Bearer TOKEN\", for curl -H @FILE");
    token->add_flag("--rejected", options.rejected, "first report that Portal answered 401 to the last one");

    CLI::App* report = add("report", "Tell what Portal answered to a request with the last token");
    report->add_option("STATUS", options.status, "the answer's HTTP status: 2xx keeps the token alive, 401 ends it")
        ->required()
        ->check(CLI::Range(100, 599))
        ->type_name("STATUS");

    CLI::App* request = add("request", "Send a request to Portal and print the body of the answer");
    request->add_option("PATH", options.request, "the default method is GET, with --data POST")
        ->required()
        ->expected(1, 2)
        ->type_name("[METHOD] PATH");
    request->add_option("--data", options.data, "the body, as JSON; - reads standard input")->type_name("TEXT");
    request->add_flag("-i,--include", options.include, "print the answer's status and headers too");

    add("push", "Sign in: take a token, or Portal's JSON answer, from standard input");
    add("status", "Show the state, both deadlines, and why");
    add("explain", "Print all that is known and the last 32 transitions, as JSON without a secret");
    CLI::App* watch = add("watch", "Print the session's events as they happen, until Ctrl-C");
    watch->add_option("--count", options.event_count, "end after so many events")
        ->check(CLI::PositiveNumber)
        ->type_name("N");
    add("renew", "Get a new token now, though the old one may be good");
    add("logout", "Forget the token, here and on disk");
    add("demo", "Play a fortnight of a user's token against fake-portal (--portal), and count");
}

// Why these words are no call. Only what can be no secret is quoted: the name of a command or of an option.
std::string usage_error(const CLI::App& app, const CLI::ParseError& error) {
    static constexpr std::size_t longest_name = 32;
    const std::vector<std::string> unknown = app.remaining(true);
    const bool has_command = !app.get_subcommands().empty();
    if (unknown.empty()) return has_command ? error.what() : "There is no command";
    const std::string name = unknown.front().substr(0, unknown.front().find('='));
    if (name.front() == '-') return "There is no option " + name.substr(0, longest_name);
    if (has_command) return "There is a word too many behind `" + app.get_subcommands().front()->get_name() + "`";
    return name.size() > longest_name ? "There is no such command" : "There is no command `" + name + "`";
}

}  // namespace

Parsed parse(int argc, char** argv) {
    Parsed parsed;
    Options& options = parsed.options;
    CLI::App app(about, "portal-session");
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

    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& success) {
        parsed.exit_code = app.exit(success);
        return parsed;
    } catch (const CLI::ParseError& error) {
        print_failure(failure(ExitCode::usage, usage_error(app, error) + ". See `portal-session --help`."), options.json);
        parsed.exit_code = static_cast<int>(ExitCode::usage);
        return parsed;
    }

    CLI::App* command = app.get_subcommands().front();
    options.command = command->get_name();
    if (!options.provider_command.empty() && !options.provider_url.empty()) {
        print_failure(failure(ExitCode::usage, "Both --provider-command and --provider-url are given. Choose one."),
                      options.json);
        parsed.exit_code = static_cast<int>(ExitCode::usage);
        return parsed;
    }
    options.has_data = options.command == "request" && command->count("--data") > 0;
    if (!options.provider_url.empty() && options.provider_url.rfind("https://", 0) != 0 &&
        !(options.allow_loopback && is_loopback_http(options.provider_url))) {
        print_failure(failure(ExitCode::usage, "--provider-url is no https URL. Start it with https://."), options.json);
        parsed.exit_code = static_cast<int>(ExitCode::usage);
        return parsed;
    }
    if (options.store.empty()) options.store = default_store();
    if (options.store.empty()) {
        print_failure(failure(ExitCode::usage, "There is no home folder to keep the store in. Give --store DIR."),
                      options.json);
        parsed.exit_code = static_cast<int>(ExitCode::usage);
        return parsed;
    }
    if (options.key_file.empty()) options.key_file = options.store + "/key";
    parsed.run = true;
    return parsed;
}

}  // namespace cli

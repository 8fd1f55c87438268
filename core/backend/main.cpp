// portal-backend: Portal's two server calls as a command, for a backend's scripts and for trying things out.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "backend/custodian.hpp"
#include "http/allow_list.hpp"
#include "http/curl_transport.hpp"
#include "program/terminal_text.hpp"

namespace {

using namespace portal;

constexpr const char* key_variable = "PORTAL_API_KEY";

// 10 and 75 are what `portal-session --provider-command` understands.
enum ExitCode : int {
    exit_ok = 0,
    exit_other = 1,
    exit_usage = 2,
    exit_refused = 6,
    exit_host_not_allowed = 7,
    exit_no_such_client = 10,
    exit_try_later = 75
};

constexpr const char* description =
    "Makes Portal clients, and Client Session Tokens for them, with your Portal API key.\n"
    "It runs on your server and nowhere else: the key must never reach a device. The key is read from the environment "
    "variable PORTAL_API_KEY, from a file, or from a command, never from the command line.";

constexpr const char* footer =
    "Example:\n"
    "  # The key comes from where you keep secrets.\n"
    "  export PORTAL_API_KEY\n"
    "  # Keep the id of {\"id\":\"...\",\"clientSessionToken\":\"...\",...} with your user.\n"
    "  portal-backend create-client --json\n"
    "  # A token for that client, good for 24 hours of idleness.\n"
    "  portal-backend new-session CLIENT_ID\n"
    "\n"
    "Exit codes:\n"
    "  0   done\n"
    "  1   something else: the message says what\n"
    "  2   wrong usage\n"
    "  6   refused by Portal: check the API key\n"
    "  7   the key may not go to that host\n"
    "  10  new-session: Portal knows no such client\n"
    "  75  not available now: try again; the output is the seconds to wait, where Portal names them\n";

struct Arguments {
    std::string portal_url = "https://api.portalhq.io";
    std::string ca_file;
    std::string key_file;
    std::string key_command;
    bool allow_loopback = false;
    bool json = false;
    bool with_api_key = false;
    bool account_abstracted = false;
    bool create = false;
    std::string client_id;
};

bool wants_json = false;  // errors too

std::string json_text(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    return quoted + "\"";
}

// The same object as portal-session's: code, http_status, retry_after_ms, message.
int complain(int exit_code, const std::string& code, const Error& error) {
    if (wants_json) {
        std::fprintf(stderr, "{\"error\":{\"code\":%s,\"http_status\":%d,\"retry_after_ms\":%lld,\"message\":%s}}\n",
                     json_text(code).c_str(), error.http_status, static_cast<long long>(error.retry_after_ms),
                     json_text(error.message).c_str());
    } else {
        std::fprintf(stderr, "portal-backend: %s\n", error.message.c_str());
    }
    return exit_code;
}

int complain(int exit_code, const std::string& text) {
    Error error;
    error.message = text;
    return complain(exit_code, exit_code == exit_usage ? "usage" : "other", error);
}

// Past stdio, whose buffer nobody wipes.
bool write_line(std::string_view text) {
    for (const std::string_view line_end = "\n"; std::string_view part : {text, line_end}) {
        while (!part.empty()) {
            const ssize_t written = ::write(STDOUT_FILENO, part.data(), part.size());
            if (written < 0 && errno != EINTR) return false;
            if (written > 0) part.remove_prefix(static_cast<std::size_t>(written));
        }
    }
    return true;
}

// Prints the wait in seconds for whoever runs this as a provider.
int complain_of_wait(Error error) {
    if (error.retry_after_ms > 0) {
        const std::string seconds = std::to_string((error.retry_after_ms + 999) / 1000);
        error.message += " Portal asks to wait " + seconds + " s.";
        if (!write_line(seconds)) error.message += " The output can't be written.";
    } else {
        error.message += " Portal names no time to wait; 10 s is a good first try.";
    }
    return complain(exit_try_later, "provider_failed", error);
}

int complain(const Error& error) {
    switch (error.code) {
        case Code::host_not_allowed:
            return complain(exit_host_not_allowed, "host_not_allowed", error);
        case Code::refused:
            return complain(error.http_status == 404 ? exit_no_such_client : exit_refused, "refused", error);
        case Code::invalid_argument:
            return complain(exit_usage, "usage", error);
        default:
            return error.retryable ? complain_of_wait(error) : complain(exit_other, "other", error);
    }
}

// Takes the key out of the environment, so that no program started from here and no later look at this process finds it.
Secret take_key() {
    char* value = std::getenv(key_variable);
    if (value == nullptr) return {};
    Secret key{std::string_view(value)};
    wipe(value, std::strlen(value));
    ::unsetenv(key_variable);
    return key;
}

std::string_view trimmed(std::string_view text) {
    static constexpr std::string_view blanks = " \t\r\n";
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// All that the file gives, without the blanks around it; empty: nothing, or too much for a key.
Secret key_from(std::FILE* file) {
    char text[8192];
    const std::size_t size = std::fread(text, 1, sizeof text, file);
    Secret key;
    if (size < sizeof text) key = Secret(trimmed({text, size}));
    wipe(text, sizeof text);
    return key;
}

Secret key_of_file(const std::string& path) {
    std::FILE* file = std::fopen(path.c_str(), "re");
    if (file == nullptr) return {};
    std::setvbuf(file, nullptr, _IONBF, 0);
    Secret key = key_from(file);
    std::fclose(file);
    return key;
}

Secret key_of_command(const std::string& command) {
    std::FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) return {};
    std::setvbuf(pipe, nullptr, _IONBF, 0);
    Secret key = key_from(pipe);
    return ::pclose(pipe) == 0 ? std::move(key) : Secret();
}

// What a device may have of Portal's answer: `clientApiKey` never expires, so it stays here.
Secret without_api_key(const CustodianAnswer& answer) {
    const std::string_view json = answer.json.reveal();
    std::string text = "{\"id\":" + json_text(answer.token.client_id) + ",\"clientSessionToken\":";
    const std::size_t field = json.find("\"isAccountAbstracted\"");
    const std::size_t colon = field == std::string_view::npos ? field : json.find(':', field);
    const bool is_true = colon != std::string_view::npos && trimmed(json.substr(colon + 1)).substr(0, 4) == "true";
    const std::string end = field == std::string_view::npos ? "}" : is_true ? ",\"isAccountAbstracted\":true}"
                                                                            : ",\"isAccountAbstracted\":false}";
    std::string token = json_text(answer.token.token.reveal());
    Secret result;
    std::string whole = text + token + end;
    result = Secret(whole);
    wipe(token.data(), token.size());
    wipe(whole.data(), whole.size());
    return result;
}

Secret find_key(const Arguments& arguments) {
    Secret key = take_key();
    if (!arguments.key_file.empty()) return key_of_file(arguments.key_file);
    if (!arguments.key_command.empty()) return key_of_command(arguments.key_command);
    return key;
}

std::string no_key(const Arguments& arguments) {
    if (!arguments.key_file.empty()) return "--api-key-file: cannot read a key from " + arguments.key_file + ".";
    if (!arguments.key_command.empty()) return "--api-key-command: the command failed, or printed no key.";
    return "PORTAL_API_KEY is not set. Export the Portal API key from your dashboard under that name.";
}

int run(const Arguments& arguments) {
    if (!arguments.key_file.empty() && !arguments.key_command.empty())
        return complain(exit_usage, "Both --api-key-file and --api-key-command are given. Choose one.");
    Secret key = find_key(arguments);
    if (key.empty()) return complain(exit_usage, no_key(arguments));
    auto portal_url = parse_base_url(arguments.portal_url);
    if (!portal_url) return complain(portal_url.error());
    const auto allowed = AllowList::make({}, arguments.allow_loopback, *portal_url);
    if (!allowed) return complain(allowed.error());
    auto custodian = Custodian::make(make_curl_transport({arguments.ca_file, {}}), *portal_url, std::move(key));
    if (!custodian) return complain(custodian.error());
    const auto answer = arguments.create ? custodian->create_client(arguments.account_abstracted)
                                         : custodian->new_session(arguments.client_id);
    if (!answer) return complain(answer.error());
    const Secret filtered = arguments.json && !arguments.with_api_key ? without_api_key(*answer) : Secret();
    const std::string_view text = !arguments.json         ? answer->token.token.reveal()
                                  : arguments.with_api_key ? answer->json.reveal()
                                                           : filtered.reveal();
    if (!write_line(text)) return complain(exit_other, "The output can't be written. Check where it goes.");
    return exit_ok;
}

std::vector<std::string> command_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::App* command : app.get_subcommands(nullptr)) names.push_back(command->get_name());
    return names;
}

// An unknown word is quoted only as what it was probably meant to be: it may be the key, given where it must not be.
std::string usage_error(const CLI::App& app, const CLI::ParseError& error) {
    const std::vector<std::string> words = app.remaining(true);
    if (words.empty() && error.get_name() != "ExtrasError") return std::string(error.what()) + ".";
    const std::string text = "There is an argument too many, or an unknown one.";
    const bool lacks_command = !words.empty() && app.get_subcommands().empty();
    const std::string meant = lacks_command ? program::nearest(words.front(), command_names(app)) : "";
    return meant.empty() ? text : text + " Did you mean `" + meant + "`?";
}

int print(const std::string& text) {
    std::fputs(text.c_str(), stdout);
    return program::output_was_written() ? exit_ok
                                         : complain(exit_other, "The output can't be written. Check where it goes.");
}

void add_options(CLI::App& app, Arguments& arguments) {
    app.add_option("--portal", arguments.portal_url, "Portal's URL")
        ->envname("PORTAL_SESSION_PORTAL")
        ->capture_default_str();
    app.add_option("--ca-file", arguments.ca_file, "CA certificates (PEM) to trust instead of the system's")
        ->envname("PORTAL_SESSION_CA_FILE");
    app.add_option("--api-key-file", arguments.key_file, "A file that holds the Portal API key and nothing else");
    app.add_option("--api-key-command", arguments.key_command, "A command, run by sh -c, that prints the Portal API key");
    app.add_flag("--allow-loopback", arguments.allow_loopback, "Let the key go to this machine itself, for tests")
        ->envname("PORTAL_SESSION_ALLOW_LOOPBACK");
    app.add_flag("--json", arguments.json, "Print Portal's answer as JSON; errors too, on standard error");
}

// The words as CLI11 takes them: last first, and "help" as an option.
std::vector<std::string> words_of(int argc, char** argv) {
    std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
    if (!words.empty() && words.front() == "help") {
        words.erase(words.begin());
        words.emplace_back("--help");
    }
    std::reverse(words.begin(), words.end());
    return words;
}

}  // namespace

int main(int argc, char** argv) {
    program::hold_standard_files();
    Arguments arguments;
    CLI::App app(description, "portal-backend");
    app.footer(footer);
    app.require_subcommand(1);
    app.set_version_flag("--version", "portal-backend " PORTAL_PROGRAM_VERSION, "Print the version");
    add_options(app, arguments);
    auto* create = app.add_subcommand("create-client", "Make a client, and print its first token")->fallthrough();
    create->add_flag("--account-abstracted", arguments.account_abstracted, "Its wallets are smart contract accounts");
    create->add_flag("--with-api-key", arguments.with_api_key,
                     "Leave clientApiKey in the JSON: it never expires, and must never reach a device");
    auto* session = app.add_subcommand("new-session", "Print a new token for a client")->fallthrough();
    session->add_option("CLIENT_ID", arguments.client_id, "The `id` from create-client's answer")->required();
    try {
        app.parse(words_of(argc, argv));
    } catch (const CLI::CallForHelp&) {
        return print(program::wrapped(app.help(), program::terminal_width()));
    } catch (const CLI::CallForVersion& version) {
        return print(std::string(version.what()) + "\n");
    } catch (const CLI::ParseError& error) {
        wants_json = arguments.json;
        return complain(exit_usage, usage_error(app, error) + " See portal-backend --help.");
    }
    wants_json = arguments.json;
    arguments.create = create->parsed();
    return run(arguments);
}

// portal-backend: Portal's two server calls as a command, for a backend's scripts and for trying things out.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "backend/custodian.hpp"
#include "http/allow_list.hpp"
#include "http/curl_transport.hpp"

namespace {

using namespace portal;

constexpr const char* key_variable = "PORTAL_API_KEY";

enum ExitCode : int {
    exit_ok = 0,
    exit_other = 1,
    exit_usage = 2,
    exit_unavailable = 4,
    exit_refused = 6,
    exit_host_not_allowed = 7
};

constexpr const char* description =
    "Makes Portal clients, and Client Session Tokens for them, with your Portal API key.\n"
    "It runs on your server and nowhere else: the key must never reach a device.\n"
    "The key is read from the environment variable PORTAL_API_KEY alone.";

constexpr const char* footer =
    "Example:\n"
    "  export PORTAL_API_KEY       # set it from where you keep secrets, never on a command line\n"
    "  portal-backend create-client --json     # {\"id\":\"...\",\"clientSessionToken\":\"...\",...}: keep the id\n"
    "  portal-backend new-session CLIENT_ID    # a token for that client, good for 24 hours of idleness\n"
    "\n"
    "Exit codes: 0 done, 2 wrong usage, 4 not available now (try again), 6 refused by Portal, 7 host not allowed, 1 other.";

struct Arguments {
    std::string portal_url = "https://api.portalhq.io";
    std::string ca_file;
    bool allow_loopback = false;
    bool json = false;
    bool create = false;
    std::string client_id;
};

int complain(int exit_code, const std::string& text) {
    std::fprintf(stderr, "portal-backend: %s\n", text.c_str());
    return exit_code;
}

std::string waiting_time(std::int64_t wait_ms) { return std::to_string((wait_ms + 999) / 1000) + " s"; }

int complain(const Error& error) {
    if (error.code == Code::host_not_allowed) return complain(exit_host_not_allowed, error.message);
    if (error.code == Code::refused) return complain(exit_refused, error.message);
    if (error.code == Code::invalid_argument) return complain(exit_usage, error.message);
    if (!error.retryable) return complain(exit_other, error.message);
    const bool told = error.retry_after_ms > 0;
    return complain(exit_unavailable,
                    error.message + (told ? " Portal asks to wait " + waiting_time(error.retry_after_ms) + "."
                                          : " Portal names no time to wait; 10 s is a good first try."));
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

int run(const Arguments& arguments) {
    Secret key = take_key();
    if (key.empty())
        return complain(exit_usage,
                        "PORTAL_API_KEY is not set. Export the Portal API key from your dashboard under that name.");
    auto portal_url = parse_base_url(arguments.portal_url);
    if (!portal_url) return complain(portal_url.error());
    const auto allowed = AllowList::make({}, arguments.allow_loopback, *portal_url);
    if (!allowed) return complain(allowed.error());
    auto custodian = Custodian::make(make_curl_transport({arguments.ca_file, {}}), *portal_url, std::move(key));
    if (!custodian) return complain(custodian.error());
    const auto answer = arguments.create ? custodian->create_client() : custodian->new_session(arguments.client_id);
    if (!answer) return complain(answer.error());
    if (!write_line(arguments.json ? answer->json.reveal() : answer->token.token.reveal()))
        return complain(exit_other, "The output can't be written. Check where it goes.");
    return exit_ok;
}

}  // namespace

int main(int argc, char** argv) {
    Arguments arguments;
    CLI::App app(description, "portal-backend");
    app.footer(footer);
    app.require_subcommand(1);
    app.add_option("--portal", arguments.portal_url, "Portal's URL")
        ->envname("PORTAL_SESSION_PORTAL")
        ->capture_default_str();
    app.add_option("--ca-file", arguments.ca_file, "CA certificates (PEM) to trust instead of the system's")
        ->envname("PORTAL_SESSION_CA_FILE");
    app.add_flag("--allow-loopback", arguments.allow_loopback, "Let the key go to this machine itself, for tests")
        ->envname("PORTAL_SESSION_ALLOW_LOOPBACK");
    app.add_flag("--json", arguments.json, "Print Portal's whole answer; create-client's holds a key that never expires");
    auto* create = app.add_subcommand("create-client", "Make a client, and print its first token")->fallthrough();
    auto* session = app.add_subcommand("new-session", "Print a new token for a client")->fallthrough();
    session->add_option("CLIENT_ID", arguments.client_id, "The `id` from create-client's answer")->required();
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& help) {
        return app.exit(help);
    } catch (const CLI::ExtrasError&) {
        // Not quoted: it may be the key, given where it must not be.
        return complain(exit_usage, "There is an argument too many, or an unknown one. See portal-backend --help.");
    } catch (const CLI::ParseError& error) {
        return complain(exit_usage, std::string(error.what()) + ". See portal-backend --help.");
    }
    arguments.create = create->parsed();
    return run(arguments);
}

#include "cli/help.hpp"

#include <string>

namespace cli {
namespace {

class HelpFormatter final : public CLI::Formatter {
public:
    HelpFormatter() {
        column_width(31);
        label("OPTIONS", "OPTION...");
        label("SUBCOMMAND", "COMMAND");
    }

    std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
        const std::string text = make_description(app) + "\n" + make_usage(app, name) + make_subcommands(app, mode) +
                                 make_positionals(app) + make_groups(app, mode) + "\n" + make_footer(app);
        return CLI::detail::find_and_replace(text, "\n\n\n", "\n\n");
    }

    std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
        return is_positional ? option->get_type_name() : CLI::Formatter::make_option_name(option, is_positional);
    }

    std::string make_option_opts(const CLI::Option* option) const override {
        return option->nonpositional() && !option->get_type_name().empty() ? " " + option->get_type_name() : "";
    }

    std::string make_option_usage(const CLI::Option* option) const override { return option->get_type_name(); }
};

}  // namespace

const char* const about =
    R"(Keeps a Portal Client Session Token: encrypted on disk, tracked through its 24 hours and 7 days, and fetched anew only when Portal would no longer take the old one.)";

const char* const epilogue =
    R"(Options stand before or after the command. A variable can set each: --ca-file by PORTAL_SESSION_CA_FILE, and so on; a flag by 1. `portal-session help COMMAND` has examples.

Examples:
  # Where new tokens come from: your backend. Here straight from Portal's API,
  # which no device should do.
  export PORTAL_SESSION_PROVIDER_COMMAND='portal-backend new-session "$ID"'

  # A request with a good token, and its answer:
  portal-session request /api/v3/clients/me
  # The same with another program, which reports what Portal answered:
  status=$(curl -s -o answer.json -w '%{http_code}' \\
      -H @<(portal-session token --header) "$URL")
  portal-session report "$status"

The provider command:
  Run by `sh -c`, only when a token is needed. It prints the token, or Portal's JSON answer, and ends with 0. It ends with exit code 10 if the user must sign in again, with any other if there is no token this time. With exit code 75 it may print for how many seconds to leave it alone (`echo 120; exit 75`). After --provider-timeout it is killed.

The provider URL:
  Gets a POST of {"client_id": "..."}, or {} where no client is known yet. It answers 2xx with the token or Portal's JSON; 401 if the user must sign in again; 429 or 5xx, with Retry-After, if there is no token this time.

Exit codes:
  0  done
  1  something else: the message says what
  2  usage
  3  a sign-in is needed: `push` a token, or `renew`
  4  no token now: the provider failed, did not answer in time, gave a bad token, or is left alone for as long as the message says
  5  the store or its key file cannot be used
  6  refused: Portal rejects each new token; for `request`, any answer but 2xx (the body is printed all the same)
  7  the token may not go to that host
  8  no answer came from Portal: the network, TLS or a time limit; what was sent may have done its work)";

namespace {

struct Footer {
    const char* command;
    const char* exit_codes;
    const char* example;
};

constexpr const char* token_codes = "0 done, 3 sign in, 4 no token now, 5 store, 6 refused by Portal";

constexpr Footer footers[] = {
    {"token", token_codes, "curl -H @<(portal-session token --header) \"$URL\""},
    {"report", "0 done, 1 the token is older than a logout, 2 no token was handed out yet, 5 store",
     "portal-session report \"$status\""},
    {"request", "as `token`; 6 any answer but 2xx, 7 the token may not go there, 8 no answer",
     "portal-session request -o me.json /api/v3/clients/me"},
    {"exec", "that of the program; 126 it cannot be run, 127 it is not there; before it runs, as `token`",
     "portal-session exec --env CST -- ./sync-wallets --all"},
    {"push", "0 done, 1 no usable token, or another client's, 5 store", "portal-session push < answer.json"},
    {"status", "0 done; with --check 0 a good token, 3 sign in, 4 no good token, 5 the store cannot be read",
     "portal-session status --check || portal-session renew"},
    {"explain", "0 done, 5 store", "portal-session explain | jq .transitions"},
    {"watch", "0 done, 5 store", "portal-session watch --json --count 3"},
    {"renew", token_codes, "portal-session renew"},
    {"logout", "0 done, 5 the store may still hold the token", "portal-session logout"},
    {"demo", "0 as expected, 1 not", "bash toolchains/run.sh"},
    {"doctor", "0 all is well, 1 something is not", "portal-session doctor --json | jq '.checks[] | select(.good|not)'"},
    {"completion", "0 done, 2 no such shell", "source <(portal-session completion bash)"},
};

}  // namespace

std::string footer_of(std::string_view command) {
    for (const Footer& footer : footers)
        if (command == footer.command)
            return std::string("Exit codes: ") + footer.exit_codes + ".\n\nExample:\n  " + footer.example;
    return {};
}

std::shared_ptr<CLI::Formatter> help_formatter() { return std::make_shared<HelpFormatter>(); }

}  // namespace cli

#include "cli/help.hpp"

#include <string>

namespace cli {
namespace {

class HelpFormatter final : public CLI::Formatter {
public:
    HelpFormatter() {
        column_width(30);
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
    R"(Keeps a Portal Client Session Token: encrypted on disk, tracked through its 24 hours and 7 days, and fetched anew
only when Portal would no longer take the old one.)";

const char* const epilogue =
    R"(Options stand before or after the command. Each can be set by a variable too: --ca-file by PORTAL_SESSION_CA_FILE,
and so on; a flag by 1.

Examples:
  # where new tokens come from: your backend; here straight from Portal's API, which no device should do
  export PORTAL_SESSION_PROVIDER_COMMAND='portal-backend new-session "$CLIENT_ID"'

  portal-session request /api/v3/clients/me           # a request with a good token, and its answer
  curl -H @<(portal-session token --header) "$URL"    # the same from another program, and nobody sees the token;
  portal-session report 200                           #   then what Portal answered, since each answer counts
  portal-session status                               # what there is, and for how long

The provider command:
  Run by `sh -c`, only when a token is needed. It prints the token, or Portal's JSON answer. It ends with exit code 10
  if the user must sign in again, with any other but 0 if there is no token this time. With exit code 75 it may print
  for how many seconds to leave it alone (`echo 120; exit 75`). After --provider-timeout it is killed.

The provider URL:
  Gets a POST of {"client_id": "..."}, or {} where no client is known yet. It answers 2xx with the token or Portal's JSON;
  401 or 403 if the user must sign in again; 429 or 5xx, with Retry-After, if there is no token this time.

Exit codes:
  0  done
  1  something else: the message says what
  2  usage
  3  a sign-in is needed: `push` a token, or `renew`
  4  no token now: the provider failed, did not answer in time, or is left alone for as long as the message says
  5  the store or its key file cannot be used
  6  refused: Portal rejects each new token; for `request`, any answer but 2xx (the body is printed all the same)
  7  the token may not go to that host
  8  no answer came from Portal: the network, TLS or a time limit; what was sent may have done its work)";

std::shared_ptr<CLI::Formatter> help_formatter() { return std::make_shared<HelpFormatter>(); }

}  // namespace cli

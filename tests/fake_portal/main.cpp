// fake-portal: the fake as a program, for scripts and demos.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <exception>
#include <map>
#include <random>
#include <stdexcept>
#include <string>

#include <CLI/CLI.hpp>

#include "fake_portal/json.hpp"
#include "fake_portal/server.hpp"

namespace {

using namespace fake_portal;

constexpr const char* description =
    "A stand-in for Portal's API on a loopback port, over real TLS, for tests and demonstrations.\n"
    "Once it listens it prints one line of JSON (url, ca_file, api_key), and runs until SIGTERM or SIGINT.\n"
    "Everything it answers is made up, and its certificates are made at start: trust them nowhere else.";
constexpr const char* footer =
    "While it runs:\n"
    "  POST /_fake/advance  {\"seconds\": 86400}              moves its clock\n"
    "  POST /_fake/faults   {\"kind\": \"status\", \"status\": 429, \"times\": 2, \"retry_after_seconds\": 30}\n"
    "                       kinds: status, slow, hold, drop_before, drop_after; see server.hpp\n"
    "  POST /_fake/release, /_fake/clear\n"
    "  GET  /_fake/counters                               mints, requests, slides, rejected, in all and by token\n"
    "  POST /_app/token     {\"client_id\": \"...\"}            the app's own backend: mints a token\n"
    "Example: curl --cacert DIR/ca.pem -X POST -H 'Authorization: Bearer KEY' URL/api/v3/custodians/me/clients";

int signal_pipe[2] = {-1, -1};

extern "C" void on_signal(int /*number*/) {
    const char byte = 0;
    // Nothing can be done about a failure here, and a full pipe wakes its reader just as well.
    [[maybe_unused]] const ssize_t written = ::write(signal_pipe[1], &byte, 1);
}

bool catch_signals() {
    if (::pipe(signal_pipe) != 0) return false;
    struct sigaction action{};
    action.sa_handler = on_signal;
    return ::sigaction(SIGTERM, &action, nullptr) == 0 && ::sigaction(SIGINT, &action, nullptr) == 0;
}

// Returns at a signal, and with `exit_with_stdin` when whoever holds the other end of standard input is gone.
void wait_for_end(bool exit_with_stdin) {
    pollfd watched[] = {{signal_pipe[0], POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    const nfds_t count = exit_with_stdin ? 2 : 1;
    for (;;) {
        if (::poll(watched, count, -1) < 0) continue;  // interrupted: the signal's byte is in the pipe by now
        if (watched[0].revents != 0) return;
        char ignored[256];
        if (::read(STDIN_FILENO, ignored, sizeof ignored) <= 0) return;
    }
}

std::uint64_t random_seed() {
    std::random_device device;
    return (static_cast<std::uint64_t>(device()) << 32) | device();
}

struct Arguments {
    ServerOptions server;
    double clock_skew_s = 0;
    double idle_s = 24.0 * 60 * 60;
    double absolute_s = 7 * 24.0 * 60 * 60;
    bool exit_with_stdin = false;
};

// An option that takes one of a few words. (CLI11's own transformer shows an enum's bytes in the help.)
template <typename Enum>
void choice(CLI::App& app, const char* name, Enum& value, const std::map<std::string, Enum>& words, const char* help) {
    app.add_option_function<std::string>(
           name, [&value, words](const std::string& word) { value = words.at(word); }, help)
        ->check(CLI::IsMember(words));
}

void declare(CLI::App& app, Arguments& arguments) {
    ServerOptions& server = arguments.server;
    app.add_option("--port", server.port, "The port; 0 takes any")->check(CLI::Range(0, 65535));
    app.add_option("--tls-dir", server.tls_directory, "Where ca.pem and the server's certificate and key go")->required();
    choice<AbsoluteRule>(app, "--rule", server.rule.absolute_rule,
                         {{"A", AbsoluteRule::reading_a}, {"B", AbsoluteRule::reading_b}},
                         "At issue + 7 days: A dead (the default), B no slide any more, but the last one runs out");
    choice<SlideOn>(app, "--slide", server.rule.slide_on, {{"2xx", SlideOn::success}, {"any", SlideOn::any_answer}},
                    "Which answers slide: 2xx (the default), or any but 401");
    app.add_flag("--revoke-on-mint", server.rule.revoke_on_mint, "A new token ends the client's older one");
    choice<UnauthorizedBody>(app, "--unauthorized-body", server.unauthorized_body,
                             {{"empty", UnauthorizedBody::empty_object},
                              {"error", UnauthorizedBody::error_object},
                              {"string", UnauthorizedBody::bare_string}},
                             "The body of a 401: {} (the default), {\"error\": ...} or a bare string");
    choice<CertificateKind>(app, "--certificate", server.certificate,
                            {{"good", CertificateKind::good},
                             {"expired", CertificateKind::expired},
                             {"wrong-name", CertificateKind::wrong_name}},
                            "The server's certificate: good (the default), expired, or for a wrong name");
    app.add_option("--rate-limit", server.traffic.rate_limit_a_minute,
                   "Requests a minute with the API key, then 429 with Retry-After; Portal's limit is 200 (none)")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--latency", server.traffic.latency_ms, "Milliseconds before each answer (0)")
        ->check(CLI::Range(0, 60000));
    app.add_option("--jitter", server.traffic.jitter_ms, "Up to so many milliseconds more, at random (0)")
        ->check(CLI::Range(0, 60000));
    app.add_option("--clock-skew", arguments.clock_skew_s, "Seconds by which its clock is ahead (or behind, if negative)");
    app.add_flag("--manual-clock", server.manual_clock, "Its clock moves by /_fake/advance alone");
    app.add_option("--idle", arguments.idle_s, "Seconds from a slide to the end (86400)")->check(CLI::PositiveNumber);
    app.add_option("--absolute", arguments.absolute_s, "Seconds from the issue to the absolute deadline (604800)")
        ->check(CLI::PositiveNumber);
    app.add_option("--seed", server.rule.seed, "The same seed gives the same ids and tokens (random)");
    app.add_flag("--exit-with-stdin", arguments.exit_with_stdin,
                 "End when standard input closes, so as not to outlive a script");
}

std::int64_t to_ms(double seconds) { return static_cast<std::int64_t>(seconds * 1000); }

int run(Arguments& arguments) {
    arguments.server.clock_skew_ms = to_ms(arguments.clock_skew_s);
    arguments.server.rule.idle_ms = to_ms(arguments.idle_s);
    arguments.server.rule.absolute_ms = to_ms(arguments.absolute_s);
    if (!catch_signals()) throw std::runtime_error("fake Portal: signals can't be caught");
    Server server(arguments.server);
    const JsonObject ready =
        JsonObject().text("url", server.url()).text("ca_file", server.ca_file()).text("api_key", server.api_key());
    std::printf("%s\n", ready.str().c_str());
    std::fflush(stdout);
    wait_for_end(arguments.exit_with_stdin);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app(description, "fake-portal");
    app.footer(footer);
    Arguments arguments;
    arguments.server.rule.seed = random_seed();
    declare(app, arguments);
    app.set_version_flag("--version", "fake-portal " PORTAL_PROGRAM_VERSION, "Print the version");
    try {
        app.parse(argc, argv);
        return run(arguments);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;  // --help is one of them
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}

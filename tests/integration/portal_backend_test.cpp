// The program portal-backend, run as a program against the fake. PORTAL_BACKEND_PROGRAM is its path.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "fake_portal/server.hpp"
#include "support/catch.hpp"

namespace {

struct Run {
    int exit_code = -1;
    std::string output;  // standard output, then standard error where `arguments` merge them
};

Run run(const std::string& environment, const std::string& arguments) {
    const std::string command = environment + " '" PORTAL_BACKEND_PROGRAM "' " + arguments;
    std::FILE* pipe = ::popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    Run result;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) result.output += static_cast<char>(c);
    const int status = ::pclose(pipe);
    REQUIRE(WIFEXITED(status));
    result.exit_code = WEXITSTATUS(status);
    return result;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string environment_of(const fake_portal::Server& server, const std::string& key) {
    return "PORTAL_API_KEY='" + key + "' PORTAL_SESSION_PORTAL='" + server.url() + "' PORTAL_SESSION_CA_FILE='" +
           server.ca_file() + "' PORTAL_SESSION_ALLOW_LOOPBACK=1";
}

std::string options_of(const fake_portal::Server& server) {
    return " --portal '" + server.url() + "' --ca-file '" + server.ca_file() + "' --allow-loopback";
}

}  // namespace

TEST_CASE("portal-backend makes a client and a token, by variables or by options on either side of the command") {
    const fake_portal::Server server;
    const std::string environment = environment_of(server, server.api_key());
    const Run created = run(environment, "create-client --json");
    CHECK(created.exit_code == 0);
    const std::size_t id_at = created.output.find("\"id\":\"");
    REQUIRE(id_at != std::string::npos);
    const std::string id = created.output.substr(id_at + 6, created.output.find('"', id_at + 6) - id_at - 6);

    const Run token = run(environment, "new-session '" + id + "'");
    CHECK(token.exit_code == 0);
    CHECK(token.output.size() > 8);
    CHECK(token.output.find('\n') == token.output.size() - 1);
    CHECK_FALSE(contains(token.output, "{"));
    const std::string key_only = "PORTAL_API_KEY='" + server.api_key() + "'";
    CHECK(run(key_only, options_of(server) + " new-session '" + id + "'").exit_code == 0);
    CHECK(run(key_only, "new-session '" + id + "'" + options_of(server)).exit_code == 0);
    CHECK(run(key_only, "create-client" + options_of(server)).exit_code == 0);
    CHECK(server.counters().total.mints == 5);
}

TEST_CASE("portal-backend says why in its exit code and on standard error, and never the key") {
    fake_portal::Server server;
    const std::string good = environment_of(server, server.api_key());
    const auto failed = [](const Run& result, int exit_code, const std::string& reason) {
        INFO(result.output);
        CHECK(result.exit_code == exit_code);
        CHECK(contains(result.output, reason));
        CHECK(result.output.rfind("portal-backend: ", 0) == 0);
        CHECK_FALSE(contains(result.output, "sesame"));
    };
    failed(run(environment_of(server, "sesame"), "create-client 2>&1"), 6, "refuses the API key");
    failed(run(good, "new-session no-such-client 2>&1"), 6, "HTTP 4");
    failed(run(good, "2>&1"), 2, "--help");
    failed(run(good, "new-session 2>&1"), 2, "CLIENT_ID");
    failed(run(good, "create-client --key sesame 2>&1"), 2, "argument too many");
    failed(run(good, "new-session a sesame 2>&1"), 2, "argument too many");
    failed(run(good, "new-session 'a b' 2>&1"), 2, "client id");
    failed(run(good + " PORTAL_API_KEY=", "create-client 2>&1"), 2, "PORTAL_API_KEY is not set");
    failed(run(good + " PORTAL_SESSION_ALLOW_LOOPBACK=0", "create-client 2>&1"), 7, "allow loopback");
    failed(run(good, "create-client --portal http://gw.example 2>&1"), 7, "https");
    failed(run(good, "create-client --portal 'https://gw.example/?sesame' 2>&1"), 2, "query");
    failed(run(good, "create-client --ca-file /dev/null 2>&1"), 1, "CA");

    fake_portal::Fault fault;
    fault.status = 429;
    fault.retry_after_seconds = 12;
    server.arm(fault);
    failed(run(good, "create-client 2>&1"), 4, "wait 12 s");
    fault.status = 503;
    fault.retry_after_seconds = {};
    server.arm(fault);
    failed(run(good, "create-client 2>&1"), 4, "HTTP 503");
    fault.status = 200;
    fault.body = R"({"id":"c","clientApiKey":"sesame"})";
    server.arm(fault);
    failed(run(good, "create-client 2>&1"), 1, "never expires");
    server.stop();
    failed(run(good, "create-client 2>&1"), 4, "could not be connected");
    CHECK(run(good, "--help").exit_code == 0);
    CHECK(contains(run(good, "--help").output, "Example:"));
}

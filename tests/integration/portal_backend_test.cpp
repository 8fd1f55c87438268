// The program portal-backend, run as a program against the fake. PORTAL_BACKEND_PROGRAM is its path.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "fake_portal/server.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

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
    CHECK_FALSE(contains(created.output, "clientApiKey"));
    CHECK(contains(created.output, "\"isAccountAbstracted\":false}"));
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
    const Run told_to_wait = run(good, "new-session '" + server.make_client() + "' 2>/dev/null");
    CHECK(told_to_wait.exit_code == 75);
    CHECK(told_to_wait.output == "12\n");  // as portal-session reads it
    fake_portal::Fault gone;
    gone.status = 404;
    server.arm(gone);
    failed(run(good, "new-session gone 2>&1"), 10, "HTTP 404");  // portal-session: sign in again
    server.arm(fault);
    const Run json = run(good, "--json create-client 2>&1 >/dev/null");
    CHECK(contains(json.output, "{\"error\":{\"code\":\"provider_failed\",\"http_status\":429,\"retry_after_ms\":12000,"));
    fault.status = 503;
    fault.retry_after_seconds = {};
    server.arm(fault);
    failed(run(good, "create-client 2>&1"), 75, "HTTP 503");
    fault.status = 200;
    fault.body = R"({"id":"c","clientApiKey":"sesame"})";
    server.arm(fault);
    failed(run(good, "create-client 2>&1"), 1, "never expires");
    server.stop();
    failed(run(good, "create-client 2>&1"), 75, "could not be connected");
    CHECK(run(good, "--help").exit_code == 0);
    CHECK(contains(run(good, "--help").output, "Example:"));
}

TEST_CASE("portal-backend takes the key from a file or a command, and leaves clientApiKey out unless it is asked for") {
    const fake_portal::Server server;
    const portal::test::TempDir folder;
    const std::string file = folder.file("api-key");
    portal::test::write_bytes(file, server.api_key() + "\n");
    const std::string environment = environment_of(server, "wrong-key-000001");
    CHECK(run(environment, "--api-key-file '" + file + "' create-client").exit_code == 0);
    CHECK(run(environment, "--api-key-command \"cat '" + file + "'\" create-client").exit_code == 0);
    CHECK(run(environment, "--api-key-command false create-client 2>/dev/null").exit_code == 2);
    CHECK(run(environment, "--api-key-file '" + file + "x' create-client 2>/dev/null").exit_code == 2);
    const std::string good = environment_of(server, server.api_key());
    CHECK(contains(run(good, "create-client --json --account-abstracted").output, "\"isAccountAbstracted\":true}"));
    CHECK(contains(run(good, "create-client --json --with-api-key").output, "clientApiKey"));
}

TEST_CASE("portal-backend corrects a mistyped command, fits 80 columns, and names its version") {
    CHECK(contains(run("", "new-sesion x 2>&1").output, "Did you mean `new-session`?"));
    CHECK(contains(run("", "--version").output, "portal-backend "));
    CHECK(run("", "help").output == run("", "--help").output);
    const std::string help = run("", "help").output;
    for (std::size_t begin = 0, end = 0; begin < help.size(); begin = end + 1) {
        end = help.find('\n', begin);
        CHECK(end - begin <= 80);
    }
    CHECK(run("", "--help 2>/dev/null >/dev/full").exit_code == 1);
}

// The programs together, as toolchains/run.sh starts them: fake-portal, portal-backend and portal-session as processes.
#include <httplib.h>

#include <set>

#include "integration/cli_world.hpp"
#include "support/peer.hpp"

using namespace portal::test;

namespace {

// fake-portal, a client made by portal-backend, and portal-session's variables.
class Programs {
public:
    explicit Programs(const Words& fake_options) : fake_(command(fake_options)) {
        const std::string ready = fake_.hear();
        url_ = json_text_of(ready, "url");
        http_ = std::make_unique<httplib::SSLClient>("127.0.0.1", std::stoi(url_.substr(url_.rfind(':') + 1)));
        http_->set_ca_cert_path(json_text_of(ready, "ca_file").c_str());
        http_->enable_server_certificate_verification(true);
        variables_ = {"PORTAL_API_KEY=" + json_text_of(ready, "api_key"),         "PORTAL_SESSION_PORTAL=" + url_,
                      "PORTAL_SESSION_CA_FILE=" + json_text_of(ready, "ca_file"), "PORTAL_SESSION_ALLOW_LOOPBACK=1",
                      "PORTAL_SESSION_STORE=" + directory_.file("store"),         "TMPDIR=" + temporary_.path()};
        const Ran client = run_program({PORTAL_BACKEND_PROGRAM, "create-client", "--json"}, variables_);
        REQUIRE(client.exit_code == 0);
        variables_.push_back("PORTAL_SESSION_PROVIDER_COMMAND='" PORTAL_BACKEND_PROGRAM "' new-session " +
                             json_text_of(client.output, "id"));
    }

    std::unique_ptr<Running> started(Words words) {
        words.insert(words.begin(), PORTAL_SESSION_PROGRAM);
        return std::make_unique<Running>(std::move(words), variables_, std::string());
    }
    Ran run(Words words) { return started(std::move(words))->end(); }

    void advance(std::int64_t seconds) {
        const auto answer =
            http_->Post("/_fake/advance", "{\"seconds\": " + std::to_string(seconds) + "}", "application/json");
        REQUIRE(answer);
        REQUIRE(answer->status == 200);
    }
    int counted(const std::string& name) {
        const auto answer = http_->Get("/_fake/counters");
        REQUIRE(answer);
        return static_cast<int>(json_number_of(answer->body, name));
    }

    // What is left in the folder for temporary files.
    [[nodiscard]] std::set<std::string> left() const { return temporary_.names(); }

private:
    [[nodiscard]] Words command(const Words& options) const {
        Words words{FAKE_PORTAL_PROGRAM, "--port", "0", "--tls-dir", directory_.file("tls"), "--exit-with-stdin"};
        words.insert(words.end(), options.begin(), options.end());
        return words;
    }

    const TempDir directory_;
    const TempDir temporary_;
    Peer fake_;
    std::string url_;
    std::unique_ptr<httplib::SSLClient> http_;
    Words variables_;
};

}  // namespace

TEST_CASE("the demo plays its fortnight with the fewest tokens that the rule allows") {
    Programs programs({"--manual-clock"});
    const Ran ran = programs.run({"demo"});
    INFO(ran.output << ran.errors);
    CHECK(ran.exit_code == 0);
    CHECK(contains(ran.output, "5 of 5"));
    CHECK(contains(ran.output, "no failed request"));
    CHECK(longest_line(ran.output) <= 118);
    CHECK_FALSE(contains(ran.output, "\033"));  // not on a terminal
    CHECK(programs.counted("mints") == 1 + 5);  // the first came with the client
    CHECK(programs.left().empty());
}

TEST_CASE("the demo says so where Portal keeps a token for less time than its documentation says") {
    Programs programs({"--manual-clock", "--idle", "36000"});
    const Ran ran = programs.run({"demo"});
    INFO(ran.output);
    CHECK(ran.exit_code == 1);
    CHECK(contains(ran.output, "THEY DIFFER"));
}

TEST_CASE("the demo wants the fake Portal, says so, and leaves no file behind") {
    Programs programs({"--manual-clock"});
    const Ran ran = programs.run({"demo", "--portal", "https://127.0.0.1:1"});
    CHECK(ran.exit_code == 2);
    CHECK(contains(ran.errors, "run.sh"));
    CHECK(programs.run({"demo", "--portal", "no URL"}).exit_code == 2);  // its session does not even open
    CHECK(programs.left().empty());
}

TEST_CASE("two weeks of use by the command line cost a token a week and no 401") {
    const std::string rule = GENERATE("A", "B");
    Programs programs({"--rule", rule});
    std::int64_t offset_s = 0;
    constexpr std::int64_t step_s = 10 * 3600;
    for (; offset_s < 15 * 24 * 3600; offset_s += step_s) {
        const Ran ran = programs.run({"request", me, "--clock-offset", std::to_string(offset_s)});
        INFO(offset_s << ": " << ran.errors);
        REQUIRE(ran.exit_code == 0);
        programs.advance(step_s);
    }
    CHECK(programs.counted("mints") == 1 + 3);
    CHECK(programs.counted("rejected") == 0);
}

TEST_CASE("two commands at once at an expired token both end well") {
    Programs programs({});
    CHECK(programs.run({"token"}).exit_code == 0);
    programs.advance(25 * 3600);
    const Words words{"token", "--clock-offset", std::to_string(25 * 3600)};
    const auto one = programs.started(words);
    const auto two = programs.started(words);
    const Ran first = one->end();
    const Ran second = two->end();
    CHECK(first.exit_code == 0);
    CHECK(second.exit_code == 0);
    CHECK(programs.counted("mints") <= 1 + 1 + 2);
    CHECK(programs.run({"request", me, "--clock-offset", std::to_string(25 * 3600)}).exit_code == 0);
    CHECK(programs.counted("rejected") == 0);
}

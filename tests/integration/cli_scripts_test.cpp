// portal-session in scripts and on a terminal: what is an error, what fits the width, and what is meant by a slip.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>

#include "integration/cli_world.hpp"
#include "integration/hostile_server.hpp"

using namespace portal::test;

namespace {

// A terminal of 80 columns.
class Terminal {
public:
    Terminal() : master_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
        REQUIRE(::grantpt(master_) == 0);
        REQUIRE(::unlockpt(master_) == 0);
        slave_ = ::open(name().c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);  // so that nothing printed is lost
        winsize size{24, 80, 0, 0};
        REQUIRE(::ioctl(slave_, TIOCSWINSZ, &size) == 0);
    }
    ~Terminal() {
        ::close(slave_);
        ::close(master_);
    }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    [[nodiscard]] std::string name() const { return ::ptsname(master_); }
    // What was printed. A terminal ends its lines with "\r\n".
    std::string shown() {
        ::fcntl(master_, F_SETFL, O_NONBLOCK);
        std::string text;
        char part[4096];
        for (ssize_t size = 0; (size = ::read(master_, part, sizeof part)) > 0;) text.append(part, static_cast<std::size_t>(size));
        return text;
    }

private:
    int master_;
    int slave_ = -1;
};

// Runs the program with its output redirected as a shell does it.
Words redirected(const std::string& where) { return {"/bin/sh", "-c", "exec \"$0\" \"$@\" " + where}; }

}  // namespace

TEST_CASE("what a provider command leaves in the background neither delays its answer nor is killed") {
    CliWorld world;
    const std::string pipe = world.store.file("pipe");
    const std::string done = world.store.file("done");
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    world.provider = "(cat '" + pipe + "' >/dev/null; echo x >'" + done + "') 2>/dev/null & echo a-token-0000000001";
    CHECK(good(world.run({"token", "--provider-timeout", "8"})) == "a-token-0000000001\n");
    ::close(::open(pipe.c_str(), O_WRONLY));  // waits until `cat` reads: it is alive
    CHECK(nothing_is_left_running());
    CHECK(file_bytes(done) == "x\n");
}

TEST_CASE("output that cannot be written is an error, whatever the command") {
    CliWorld world;
    good(world.run({"token"}));
    for (const char* where : {">/dev/full", ">&-"}) {
        world.before_program = redirected(where);
        for (const Words& words : {Words{"status"}, {"status", "--json"}, {"status", "-v"}, {"explain"}, {"renew"},
                                   {"report", "200"}, {"watch", "--count", "1"}, {"token"}, {"--help"}, {"--version"},
                                   {"completion", "bash"}}) {
            CAPTURE(where, words.front());
            const Ran ran = world.run(words);
            CHECK(ran.exit_code == 1);
            CHECK(contains(ran.errors, "Cannot write to standard output"));
        }
    }
}

TEST_CASE("a closed output gives its number to no file of the store") {
    CliWorld world;
    good(world.run({"token"}));
    world.before_program = redirected("<&- >&- 2>&-");
    CHECK(world.run({"status", "--json"}).exit_code == 1);
    world.before_program.clear();
    CHECK(contains(good(world.run({"status"})), "fresh"));
}

TEST_CASE("the provider URL gets the headers of a file or a command, which no output shows") {
    CliWorld world;
    world.provider.clear();
    std::mutex mutex;
    std::string seen;
    const HostileServer backend([&](HostilePeer& peer) {
        const std::lock_guard lock(mutex);
        seen = peer.request();
        const std::string body = "a-token-of-a-login-1";
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    });
    const std::string file = world.store.file("headers");
    write_bytes(file, "Authorization: Bearer login-sesame\nX-Tenant: blue\n");
    world.more_variables["PORTAL_SESSION_CA_FILE"] = backend.ca_file();
    const auto token = [&](const std::string& session, const Words& more) {
        Words words{"token", "-v", "--session", session, "--provider-url", backend.url()};
        words.insert(words.end(), more.begin(), more.end());
        return world.run(words);
    };
    for (const Words& how : {Words{"--provider-header-file", file}, {"--provider-header-command", "cat '" + file + "'"}}) {
        const Ran ran = token(how.front(), how);
        CHECK(ran.output == "a-token-of-a-login-1\n");
        CHECK_FALSE(contains(ran.errors, "sesame"));
        const std::lock_guard lock(mutex);
        CHECK(contains(seen, "Authorization: Bearer login-sesame\r\n"));
        CHECK(contains(seen, "X-Tenant: blue\r\n"));
    }
    failed(token("none", {"--provider-header-file", file + "x"}), 4, "--provider-header-file: cannot read");
    failed(token("failing", {"--provider-header-command", "exit 3"}), 4, "The header command failed");
    write_bytes(file, "sesame\n");
    const Ran bad = token("bad", {"--provider-header-file", file});
    failed(bad, 4, "a line that is no header");
    CHECK_FALSE(contains(bad.errors, "sesame"));
    failed(world.run({"token", "--provider-header-file", file}), 2, "go with --provider-url");
}

TEST_CASE("status --check is 0 only where a request would be sent with a good token") {
    CliWorld world;
    CHECK(world.run({"status", "--check"}).exit_code == 4);
    good(world.run({"token"}));
    CHECK(world.run({"status", "--check"}).exit_code == 0);
    CHECK(contains(good(world.run({"report", "401"})), "rejected"));
    CHECK(world.run({"status", "--check"}).exit_code == 4);
    good(world.run({"token"}));
    world.pass(25);
    CHECK(world.run({"status", "--check", "--json"}).exit_code == 4);
    good(world.run({"logout"}));
    CHECK(world.run({"status", "--check"}).exit_code == 3);
    CHECK(world.run({"status"}).exit_code == 0);
}

TEST_CASE("an error is one JSON object with the status of what answered") {
    CliWorld world;
    const Ran missing = world.run({"request", "--json", "/api/v3/nothing"});
    CHECK(missing.exit_code == 6);
    CHECK(contains(missing.errors, "{\"error\":{\"code\":\"other\",\"http_status\":404,\"retry_after_ms\":0,\"message\":"));
    world.answer_with(500);
    CHECK(contains(world.run({"request", "--json", me}).errors, "\"code\":\"unavailable\",\"http_status\":500,"));
}

TEST_CASE("everything that people read fits a terminal of 80 columns") {
    CliWorld world;
    good(world.run({"token"}));
    for (const Words& words : {Words{"--help"}, {"help", "token"}, {"help", "request"}, {"help", "status"}, {"status"},
                               {"status", "-v"}, {"watch", "--count", "1"}}) {
        CAPTURE(words.front());
        const std::string text = world.run(words).output;
        CHECK_FALSE(text.empty());
        CHECK(longest_line(text) <= 80);
    }
    Terminal terminal;
    world.before_program = redirected(">'" + terminal.name() + "'");
    CHECK(world.run({"status", "-v", "--no-color"}).exit_code == 0);
    const std::string shown = terminal.shown();
    CHECK(contains(shown, "Absolute deadline"));
    CHECK(longest_line(shown) <= 80 + 1);  // with the '\r'
}

TEST_CASE("help, a version and a mistyped word are understood as people mean them") {
    CliWorld world;
    CHECK(good(world.run({"help"})) == good(world.run({"--help"})));
    CHECK(good(world.run({"help", "status"})) == good(world.run({"status", "--help"})));
    failed(world.run({"help", "statsu"}), 2, "no command `statsu`. Did you mean `status`?");
    failed(world.run({"tokne"}), 2, "Did you mean `token`?");
    failed(world.run({"token", "--heder"}), 2, "no option --heder. Did you mean --header?");
    for (const char* command : {"token", "report", "request", "exec", "push", "status", "explain", "watch", "renew", "logout",
                                "demo", "doctor", "completion"}) {
        CAPTURE(command);
        const std::string help = good(world.run({"help", command}));
        CHECK(contains(help, "Exit codes: "));
        CHECK(contains(help, "Example:\n  "));
    }
}

TEST_CASE("an error behind a body without a line end begins a new line on the terminal, and the body is as it came") {
    CliWorld world;
    fake_portal::Fault fault;
    fault.status = 404;
    fault.body = "no line end";
    fault.scope = fake_portal::Scope::client;
    world.server.arm(fault);
    Terminal terminal;
    world.before_program = redirected("2>'" + terminal.name() + "'");
    const Ran ran = world.run({"request", me});
    CHECK(ran.output == "no line end");
    CHECK(contains(terminal.shown(), "\r\nportal-session: Portal answered 404."));
}

TEST_CASE("exec runs a program with a good token in its environment, and ends as it does") {
    CliWorld world;
    const std::string token = good(world.run({"token"}));
    CHECK(good(world.run({"exec", "--", "/bin/sh", "-c", "echo $PORTAL_TOKEN"})) == token);
    CHECK(good(world.run({"exec", "--env", "CST", "--", "/bin/sh", "-c", "echo \"$CST\""})) == token);
    CHECK(world.run({"exec", "--", "/bin/sh", "-c", "exit 42"}).exit_code == 42);
    failed(world.run({"exec", "--", "/no/such/program"}), 127, "Cannot run /no/such/program: No such file");
    failed(world.run({"exec", "--", world.store.path()}), 126, "Cannot run");
    failed(world.run({"exec"}), 2, "CMD");
    good(world.run({"logout"}));
    failed(world.run({"exec", "--", "/bin/sh", "-c", "echo ran"}), 3, "Sign in");
}

TEST_CASE("request sends headers of one's own and writes the body to a file") {
    CliWorld world;
    const std::string file = world.store.file("me.json");
    CHECK(good(world.run({"request", "-H", "X-Portal-Trace-Id: 1", "-H", "Accept: */*", "-o", file, me})).empty());
    CHECK(json_text_of(file_bytes(file), "id") == world.client_id);
    failed(world.run({"request", "-o", "/no/such/folder", me}), 1, "-o: cannot write /no/such/folder");
    failed(world.run({"request", "-H", "sesame", me}), 2, "-H gives a line that is no header");
    failed(world.run({"request", "--timeout", "0", me}), 2, "--timeout: it takes a whole number from 1 to 600");
}

TEST_CASE("doctor names each part that does not work, with the way out, and asks for no token") {
    CliWorld world;
    const std::string well = good(world.run({"doctor"}));
    for (const char* part : {"Key       good", "Store     good", "Clock     good", "Watch     good", "Portal    good", "Provider  good"})
        CHECK(contains(well, part));
    CHECK(longest_line(well) <= 80 + world.store.path().size());  // a path is not broken
    const auto faulty = [&](const Words& more, const std::string& fault) {
        Words words{"doctor"};
        words.insert(words.end(), more.begin(), more.end());
        const Ran ran = world.run(words);
        INFO(ran.output << ran.errors);
        CHECK(ran.exit_code == 1);
        CHECK(contains(ran.output, fault));
    };
    faulty({"--portal", "https://127.0.0.1:1"}, "Portal    FAULT");
    good(world.run({"push"}, "a-token-000000001"));
    faulty({"--client-id", "other"}, "Store     FAULT  The stored session belongs to another");
    faulty({"--client-id", "other", "--json"}, "{\"name\":\"Store\",\"good\":false,");
    const std::string key = world.store.file("short");
    write_bytes(key, std::string(31, 'k'));
    faulty({"--key-file", key}, "Key       FAULT");
    world.answer_with(503);
    faulty({}, "Portal    FAULT  Portal answered 503");
    world.more_variables["PORTAL_SESSION_CA_FILE"] = world.store.file("key");  // no certificate
    faulty({}, "Portal    FAULT");
    CHECK(world.mints() == 0);
}

TEST_CASE("the completion of bash knows commands and a command's options") {
    CliWorld world;
    const std::string script = world.store.file("completion");
    write_bytes(script, good(world.run({"completion", "bash"})));
    const auto completed = [&](const std::string& words, const std::string& at) {
        return run_program({"/bin/bash", "-c", "source '" + script + "'; COMP_WORDS=(portal-session " + words + "); COMP_CWORD=" + at +
                                                   "; _portal_session; echo \"${COMPREPLY[*]}\""}).output;
    };
    CHECK(completed("sta", "1") == "status\n");
    CHECK(completed("status --che", "2") == "--check\n");
    CHECK(completed("token --rej", "2") == "--rejected\n");
    CHECK(contains(good(world.run({"completion", "fish"})), "complete -c portal-session"));
    CHECK(contains(good(world.run({"completion", "zsh"})), "#compdef portal-session"));
}

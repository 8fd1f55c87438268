#include "cli/provider_command.hpp"

#include <sys/wait.h>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>

#include <thread>

#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/provider_answer.hpp"
#include "cli/secret_buffer.hpp"
#include "cli/text.hpp"

extern char** environ;

namespace cli {
namespace {

using Deadline = std::chrono::steady_clock::time_point;

std::atomic<pid_t> running_group{0};
std::atomic<bool> is_starting{false};  // a group whose number is not known yet
std::atomic<int> held_signal{0};       // what came meanwhile

extern "C" void end_and_die(int signal_number) {
    held_signal = signal_number;
    if (is_starting.load()) return;
    const pid_t group = running_group.load();
    if (group > 0) ::kill(-group, SIGKILL);
    std::signal(signal_number, SIG_DFL);
    std::raise(signal_number);
}

// Starts the command as the leader of a new process group; 0: it could not be started.
pid_t start(const std::string& command, int output) {
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    // The library's threads may block signals, which a child would inherit.
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);

    std::string shell = "sh";
    std::string flag = "-c";
    std::string text = command;
    char* const arguments[] = {shell.data(), flag.data(), text.data(), nullptr};
    pid_t process = 0;
    if (::posix_spawn(&process, "/bin/sh", &files, &attributes, arguments, environ) != 0) process = 0;
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return process;
}

int left_ms(Deadline deadline) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    return left.count() > 0 ? static_cast<int>(left.count()) : 0;
}

// False: past the deadline, or withdrawn.
bool read_until_end(int output, int withdrawn, Deadline deadline, SecretBuffer& answer) {
    while (answer.room() > 0) {
        pollfd waiting[2] = {{output, POLLIN, 0}, {withdrawn, POLLIN, 0}};
        const int ready = ::poll(waiting, 2, left_ms(deadline));
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0 || waiting[1].revents != 0) return false;
        const ssize_t size = ::read(output, answer.end(), answer.room());
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) return size == 0;
        answer.set_size(answer.reveal().size() + static_cast<std::size_t>(size));
    }
    return true;
}

// False: past the deadline, or withdrawn. A command may close its output and go on. It is not reaped yet: until then its
// number is nobody else's.
bool wait_until_end(pid_t process, int withdrawn, Deadline deadline) {
    static constexpr int look_again_ms = 10;
    for (;;) {
        siginfo_t ended{};
        if (::waitid(P_PID, static_cast<id_t>(process), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
            ended.si_pid == process) {
            return true;
        }
        pollfd waiting = {withdrawn, POLLIN, 0};
        if (left_ms(deadline) == 0 || ::poll(&waiting, 1, look_again_ms) > 0) return false;
    }
}

// The exit code, as a shell counts it.
int reap(pid_t process) {
    int status = 0;
    while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct Outcome {
    int exit_code = -1;  // -1: it did not end by itself
    bool started = false;
};

Outcome run(const std::string& command, int withdrawn, Deadline deadline, SecretBuffer& answer) {
    Pipe output = open_pipe();
    if (!output.read_end.is_open()) return {};
    is_starting = true;
    const pid_t process = start(command, output.write_end.get());
    running_group = process;
    is_starting = false;
    if (const int number = held_signal.load(); number != 0) end_and_die(number);
    output.write_end.close();
    if (process == 0) return {};

    const bool ended = read_until_end(output.read_end.get(), withdrawn, deadline, answer) && answer.room() > 0 &&
                       wait_until_end(process, withdrawn, deadline);
    if (!ended) ::kill(-process, SIGKILL);
    running_group = 0;
    const int exit_code = reap(process);
    return {ended ? exit_code : -1, true};
}

// A command that ends with 0 has answered as a backend does with 200: with the token itself, or JSON.
portal_backend_answer success_with(std::string_view output) {
    portal_backend_answer answer;
    portal_init(&answer, sizeof answer);
    answer.flags = PORTAL_ANSWER_BARE_TOKEN;
    answer.http_status = 200;
    answer.token_or_body = {output.data(), output.size()};
    return answer;
}

class ProviderCommand {
public:
    explicit ProviderCommand(std::string command) : command_(std::move(command)) {}
    ~ProviderCommand() { stop(); }
    ProviderCommand(const ProviderCommand&) = delete;
    ProviderCommand& operator=(const ProviderCommand&) = delete;

    // One at a time: the request before this one is over, even where its command is still being killed.
    void ask(std::uint64_t id, std::int64_t timeout_ms) {
        stop();
        withdrawn_ = open_pipe();
        const Deadline deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
        worker_ = std::thread([this, id, deadline] { answer(id, deadline); });
    }

    void stop() {
        withdrawn_.write_end.close();  // the worker sees its end, and kills the command
        if (worker_.joinable()) worker_.join();
        withdrawn_.read_end.close();
    }

private:
    void answer(std::uint64_t id, Deadline deadline) {
        SecretBuffer text(max_answer_bytes + 1);
        const Outcome outcome = run(command_, withdrawn_.read_end.get(), deadline, text);
        if (!outcome.started) warn("The provider command could not be started.");
        const bool is_late = outcome.started && outcome.exit_code < 0 && text.room() != 0 && left_ms(deadline) == 0;
        if (is_late) warn("The provider command did not end in time and was killed.");
        if (text.room() == 0) warn("The provider command printed more than 1 MiB and was stopped.");
        if (outcome.exit_code == 0) {
            answer_request(id, success_with(text.reveal()));
        } else if (outcome.exit_code == decline_exit_code) {
            portal_request_decline(id, outcome.exit_code, nullptr);
        } else {
            const bool is_busy = outcome.exit_code == busy_exit_code;
            fail_request(id, std::max(outcome.exit_code, 0), is_busy ? trimmed(text.reveal()) : std::string_view());
        }
    }

    const std::string command_;
    Pipe withdrawn_;
    std::thread worker_;
};

}  // namespace

portal_provider provider_command(const std::string& command) {
    portal_provider provider{};
    provider.ask = [](void* userdata, const portal_token_request* request) {
        try {
            static_cast<ProviderCommand*>(userdata)->ask(request->id, request->timeout_ms);
        } catch (...) {  // no thread to be had: nothing may be thrown through the library
            fail_request(request->id, 0);
        }
    };
    provider.withdrawn = [](void* userdata, std::uint64_t) { static_cast<ProviderCommand*>(userdata)->stop(); };
    provider.userdata = new ProviderCommand(command);
    provider.release = [](void* userdata) { delete static_cast<ProviderCommand*>(userdata); };
    return provider;
}

void end_commands_when_interrupted() {
    for (const int signal_number : {SIGINT, SIGTERM, SIGHUP}) {
        // What was ignored from the start (nohup) stays so.
        if (std::signal(signal_number, end_and_die) == SIG_IGN) std::signal(signal_number, SIG_IGN);
    }
}

}  // namespace cli

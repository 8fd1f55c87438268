#include "cli/command.hpp"

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

#include "cli/files.hpp"
#include "cli/secret_buffer.hpp"

extern char** environ;

namespace cli {

int left_ms(Deadline deadline) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    return left.count() > 0 ? static_cast<int>(left.count()) : 0;
}

namespace {

std::atomic<pid_t> running_group{0};
std::atomic<bool> is_starting{false};  // a group whose number is not known yet
std::atomic<int> held_signal{0};       // what came meanwhile

extern "C" void end_and_die(int signal_number) {
    held_signal = signal_number;
    if (is_starting.load()) return;
    const pid_t group = running_group.load();
    if (group > 0) ::kill(-group, SIGKILL);
    std::signal(signal_number, SIG_DFL);
    ::kill(::getpid(), signal_number);  // not raise: this may be a thread that blocks it, as the library's do
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

// Whether it has ended. It is not reaped yet: until then its number is nobody else's.
bool has_ended(pid_t process) {
    siginfo_t ended{};
    return ::waitid(P_PID, static_cast<id_t>(process), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == process;
}

// Reads what is there. False: the output was closed, or the answer has no room left.
bool read_some(int output, SecretBuffer& answer) {
    while (answer.room() > 0) {
        const ssize_t size = ::read(output, answer.end(), answer.room());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
        if (size == 0) return false;
        answer.set_size(answer.reveal().size() + static_cast<std::size_t>(size));
    }
    return false;
}

// False: past the deadline, withdrawn, or too long an answer. The command's own end counts, not that of its output: what it
// left in the background may hold that open, and a command may close it and go on.
bool read_until_end(pid_t process, int output, int withdrawn, Deadline deadline, SecretBuffer& answer) {
    static constexpr int look_again_ms = 10;
    static constexpr int end_is_near_ms = 1;  // most commands end when they close their output
    bool is_open = true;
    while (answer.room() > 0) {
        const bool ended = has_ended(process);
        if (is_open) is_open = read_some(output, answer);
        if (answer.room() == 0) return false;
        if (ended) return true;
        pollfd waiting[2] = {{withdrawn, POLLIN, 0}, {output, POLLIN, 0}};
        const int left = left_ms(deadline);
        const int ready = ::poll(waiting, is_open ? 2 : 1, std::min(left, is_open ? look_again_ms : end_is_near_ms));
        if (ready > 0 && waiting[0].revents != 0) return false;
        if (left == 0) return false;
    }
    return false;
}

// The exit code, as a shell counts it.
int reap(pid_t process) {
    int status = 0;
    while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

CommandEnd run_command(const std::string& command, int withdrawn, Deadline deadline, SecretBuffer& answer) {
    Pipe output = open_pipe();
    if (!output.read_end.is_open()) return {};
    ::fcntl(output.read_end.get(), F_SETFL, O_NONBLOCK);
    is_starting = true;
    const pid_t process = start(command, output.write_end.get());
    running_group = process;
    is_starting = false;
    if (const int number = held_signal.load(); number != 0) end_and_die(number);
    output.write_end.close();
    if (process == 0) return {};

    const bool ended = read_until_end(process, output.read_end.get(), withdrawn, deadline, answer);
    if (!ended) ::kill(-process, SIGKILL);
    running_group = 0;
    const int exit_code = reap(process);
    return {ended ? exit_code : -1, true};
}

void end_commands_when_interrupted() {
    for (const int signal_number : {SIGINT, SIGTERM, SIGHUP}) {
        // What was ignored from the start (nohup) stays so.
        if (std::signal(signal_number, end_and_die) == SIG_IGN) std::signal(signal_number, SIG_IGN);
    }
}

}  // namespace cli

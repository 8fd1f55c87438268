// A program that runs beside the test and obeys it: one line in, one line out. It can be frozen, thawed and killed.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

extern char** environ;

namespace portal::test {

class Peer {
public:
    explicit Peer(std::vector<std::string> command) {
        ::signal(SIGPIPE, SIG_IGN);  // a dead peer shows as silence
        int to[2];
        int from[2];
        if (::pipe(to) != 0 || ::pipe(from) != 0) throw std::runtime_error("no pipe");
        for (const int end : {to[0], to[1], from[0], from[1]}) ::fcntl(end, F_SETFD, FD_CLOEXEC);
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
        ::posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
        std::vector<char*> arguments;
        for (std::string& word : command) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        const int failed = ::posix_spawn(&process_, arguments[0], &actions, nullptr, arguments.data(), environ);
        ::posix_spawn_file_actions_destroy(&actions);
        ::close(to[0]);
        ::close(from[1]);
        input_ = to[1];
        output_ = from[0];
        if (failed != 0) throw std::runtime_error("a peer can't be started: is its program built?");
    }
    ~Peer() {
        kill();
        ::close(input_);
        ::close(output_);
    }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    [[nodiscard]] pid_t id() const { return process_; }

    // What it answers, or says of itself; "silent" if that does not come.
    std::string ask(const std::string& line) {
        tell(line);
        return hear();
    }
    void tell(const std::string& line) {
        const std::string bytes = line + '\n';
        if (::write(input_, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) silent_ = true;
    }
    std::string hear() {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(50);
        for (;;) {
            if (const std::size_t end = heard_.find('\n'); end != std::string::npos) {
                std::string line = heard_.substr(0, end);
                heard_.erase(0, end + 1);
                return line;
            }
            const auto left =
                std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
            pollfd ready{output_, POLLIN, 0};
            if (silent_ || left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0) return "silent";
            char bytes[512];
            const ssize_t size = ::read(output_, bytes, sizeof bytes);
            if (size <= 0) return "silent";
            heard_.append(bytes, static_cast<std::size_t>(size));
        }
    }

    // As kill -9 does. Nothing of it runs when this returns.
    void kill() {
        if (process_ == 0) return;
        ::kill(process_, SIGKILL);
        ::waitpid(std::exchange(process_, 0), nullptr, 0);
    }
    // Nothing of it runs until `thaw`.
    void freeze() {
        ::kill(process_, SIGSTOP);
        (void)waits_frozen();
    }
    // It freezes itself. False: it has ended instead.
    [[nodiscard]] bool waits_frozen() {
        int status = 0;
        if (::waitpid(process_, &status, WUNTRACED) == process_ && WIFSTOPPED(status)) return true;
        process_ = 0;
        return false;
    }
    void thaw() { ::kill(process_, SIGCONT); }
    // Its exit code, or minus the number of the signal that ended it.
    int end() {
        int status = 0;
        ::waitpid(std::exchange(process_, 0), &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }

private:
    pid_t process_ = 0;
    int input_ = -1;
    int output_ = -1;
    bool silent_ = false;
    std::string heard_;
};

}  // namespace portal::test

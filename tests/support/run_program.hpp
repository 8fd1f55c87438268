// Runs a program as its user does: words, variables and standard input in; exit code, standard output and error out.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/prctl.h>
#endif

#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

extern char** environ;

namespace portal::test {

// What a program leaves behind becomes the test's child, and is seen.
#if defined(__linux__)
inline const bool is_reaper = ::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
#endif

struct Ran {
    int exit_code = 0;  // minus the number of the signal that ended it
    std::string output;
    std::string errors;
};

// A program that runs; in a process group of its own, so that a signal to it is none to the test.
class Running {
public:
    // `variables` are "NAME=value"; the test's own PORTAL_ variables are not handed on.
    Running(std::vector<std::string> words, const std::vector<std::string>& variables, std::string input)
        : input_(std::move(input)) {
        std::signal(SIGPIPE, SIG_IGN);  // a program need not read its input
        int in[2], out[2], err[2];
        for (int* ends : {in, out, err})
            if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
        for (const int end : {in[0], in[1], out[0], out[1], err[0], err[1]}) ::fcntl(end, F_SETFD, FD_CLOEXEC);
        posix_spawn_file_actions_t files;
        ::posix_spawn_file_actions_init(&files);
        ::posix_spawn_file_actions_adddup2(&files, in[0], STDIN_FILENO);
        ::posix_spawn_file_actions_adddup2(&files, out[1], STDOUT_FILENO);
        ::posix_spawn_file_actions_adddup2(&files, err[1], STDERR_FILENO);
        posix_spawnattr_t attributes;
        ::posix_spawnattr_init(&attributes);
        ::posix_spawnattr_setpgroup(&attributes, 0);
        sigset_t with_default;
        ::sigemptyset(&with_default);
        ::sigaddset(&with_default, SIGPIPE);
        ::posix_spawnattr_setsigdefault(&attributes, &with_default);
        ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
        std::vector<std::string> environment = variables;
        for (char** variable = environ; *variable != nullptr; ++variable)
            if (std::string_view(*variable).substr(0, 7) != "PORTAL_") environment.emplace_back(*variable);
        const int failed = ::posix_spawn(&process_, words.at(0).c_str(), &files, &attributes, pointers(words).data(),
                                         pointers(environment).data());
        ::posix_spawnattr_destroy(&attributes);
        ::posix_spawn_file_actions_destroy(&files);
        for (const int end : {in[0], out[1], err[1]}) ::close(end);
        to_ = in[1];
        from_[0] = out[0];
        from_[1] = err[0];
        if (failed != 0) throw std::runtime_error("cannot run " + words[0] + ": is it built?");
        ::fcntl(to_, F_SETFL, O_NONBLOCK);
    }
    ~Running() {
        if (process_ != 0) (void)end(std::chrono::seconds(0));
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

    void signal(int number) { ::kill(process_, number); }

    // Waits for its end. One that takes too long is killed, and its exit code is -SIGKILL.
    Ran end(std::chrono::seconds limit = std::chrono::seconds(60)) {
        const auto deadline = std::chrono::steady_clock::now() + limit;
        Ran ran;
        std::string* const texts[] = {&ran.output, &ran.errors};
        while (from_[0] >= 0 || from_[1] >= 0) {
            const auto left =
                std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
            pollfd ready[] = {{from_[0], POLLIN, 0}, {from_[1], POLLIN, 0}, {to_, POLLOUT, 0}};
            if (left.count() <= 0 || ::poll(ready, 3, static_cast<int>(left.count())) == 0) {
                ::kill(-process_, SIGKILL);
                break;
            }
            if (ready[2].revents != 0) give_input();
            for (int i : {0, 1}) {
                if (ready[i].revents == 0) continue;
                char part[4096];
                const ssize_t size = ::read(from_[i], part, sizeof part);
                if (size > 0) texts[i]->append(part, static_cast<std::size_t>(size));
                if (size == 0) close(from_[i]);
            }
        }
        for (int* end : {&from_[0], &from_[1], &to_}) close(*end);
        int status = 0;
        while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
        }
        process_ = 0;
        ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        return ran;
    }

private:
    static std::vector<char*> pointers(std::vector<std::string>& texts) {
        std::vector<char*> all;
        for (std::string& text : texts) all.push_back(text.data());
        all.push_back(nullptr);
        return all;
    }

    static void close(int& end) {
        if (end >= 0) ::close(end);
        end = -1;
    }

    void give_input() {
        const ssize_t size = ::write(to_, input_.data(), input_.size());
        if (size > 0) input_.erase(0, static_cast<std::size_t>(size));
        if (input_.empty() || (size < 0 && errno != EAGAIN && errno != EINTR)) close(to_);
    }

    pid_t process_ = 0;
    int to_ = -1;
    int from_[2] = {-1, -1};
    std::string input_;
};

inline Ran run_program(std::vector<std::string> words, const std::vector<std::string>& variables = {},
                       std::string input = {}) {
    return Running(std::move(words), variables, std::move(input)).end();
}

// Whether all that the programs started has ended too; waits a little for what was killed, and ends what is left then. Only
// Linux shows what a program leaves behind. To be asked while the test itself runs none.
inline bool nothing_is_left_running() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (::waitpid(-1, nullptr, WNOHANG) >= 0) {
        std::this_thread::yield();
        if (std::chrono::steady_clock::now() < deadline) continue;
        const std::string self = std::to_string(::getpid());
        std::ifstream left("/proc/self/task/" + self + "/children");
        for (pid_t process = 0; left >> process;) ::kill(process, SIGKILL);
        while (::waitpid(-1, nullptr, 0) > 0) {
        }
        return false;
    }
    return errno == ECHILD;
}

}  // namespace portal::test

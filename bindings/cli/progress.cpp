#include "cli/progress.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdio>

namespace cli {

Progress::Progress(std::string what) : what_(std::move(what)), thread_([this] { show(); }) {}

Progress::~Progress() {
    {
        const std::lock_guard lock(mutex_);
        is_over_ = true;
    }
    ended_.notify_one();
    thread_.join();
}

void Progress::show() {
    const bool is_terminal = ::isatty(STDERR_FILENO) == 1;
    std::unique_lock lock(mutex_);
    int seconds = 0;
    while (!ended_.wait_for(lock, std::chrono::seconds(1), [this] { return is_over_; })) {
        ++seconds;
        if (is_terminal) {
            std::fprintf(stderr, "\r\033[Kportal-session: %s ... %d s", what_.c_str(), seconds);
        } else if (seconds == 1) {
            std::fprintf(stderr, "portal-session: %s ...\n", what_.c_str());
        }
    }
    if (is_terminal && seconds > 0) std::fprintf(stderr, "\r\033[K");
}

}  // namespace cli

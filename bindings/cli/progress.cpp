#include "cli/progress.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace cli {

Progress::Progress(std::string what) : what_(std::move(what)), over_(open_pipe()), thread_([this] { show(); }) {}

Progress::~Progress() {
    over_.write_end.close();
    thread_.join();
}

void Progress::show() {
    const bool is_terminal = ::isatty(STDERR_FILENO) == 1;
    static constexpr int one_second_ms = 1000;
    pollfd over = {over_.read_end.get(), POLLIN, 0};
    int seconds = 0;
    if (!over_.read_end.is_open()) return;  // no descriptor left: then without a word
    for (;;) {
        const int ended = ::poll(&over, 1, one_second_ms);
        if (ended < 0 && errno == EINTR) continue;
        if (ended != 0) break;
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

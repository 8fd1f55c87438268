// A word on standard error for whatever takes longer than a second, so that nobody wonders whether it hangs.
#pragma once

#include <string>
#include <thread>

#include "cli/files.hpp"

namespace cli {

// From its making to its end: after a second one line, "portal-session: waiting for the provider ..."; on a terminal it
// counts the seconds and goes away at the end.
class Progress {
public:
    explicit Progress(std::string what);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

private:
    void show();

    const std::string what_;
    Pipe over_;  // poll's time limit is monotonic on every system; that of std::condition_variable is not
    std::thread thread_;
};

}  // namespace cli

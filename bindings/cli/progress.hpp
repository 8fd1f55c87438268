// A word on standard error for whatever takes longer than a second, so that nobody wonders whether it hangs.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

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
    std::mutex mutex_;
    std::condition_variable ended_;
    bool is_over_ = false;
    std::thread thread_;
};

}  // namespace cli

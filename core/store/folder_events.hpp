// What the operating system tells of folders, in a form that the folder watch can share: inotify, or kqueue.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/fork.hpp"

namespace portal {

struct FolderEvent {
    enum class Kind { changed, gone, all_changed };  // all: events of any folder may have been dropped
    Kind kind = Kind::changed;
    int folder = 0;    // as `add` numbered it
    std::string file;  // empty: not known
};

// `add` and `remove` may be called while another thread waits.
class FolderEvents {
public:
    static std::unique_ptr<FolderEvents> open();  // null: there is no such thing now
    ~FolderEvents();
    FolderEvents(const FolderEvents&) = delete;
    FolderEvents& operator=(const FolderEvents&) = delete;

    // Negative: it can't be watched. The same folder may get the same number; then it is removed once.
    int add(const std::string& folder);
    // Wakes the waiting thread, too.
    void remove(int folder);
    // Appends what happened, perhaps nothing. False: it does not work any more.
    [[nodiscard]] bool wait(std::vector<FolderEvent>& events);

private:
    explicit FolderEvents(int queue) : queue_(queue) {}

    const int queue_;
    const ClosedInChild in_child_{queue_};  // on Linux a forked child shares the queue
};

}  // namespace portal

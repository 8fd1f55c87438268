#include "store/folder_watch.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

#include "base/fork.hpp"
#include "base/ids.hpp"
#include "base/thread_group.hpp"
#include "store/folder_events.hpp"

namespace portal {
namespace {

using Changed = std::shared_ptr<const FolderWatch::Changed>;

// All that is watched, and the thread that waits for it.
class Watcher {
public:
    static Watcher& of_process() {
        static constinit PerProcess<Watcher> watcher;
        return watcher.get();
    }

    std::uint64_t add(const std::string& folder, FolderWatch::Changed changed) {
        const std::lock_guard lock(mutex_);
        const bool is_first = events_ == nullptr;
        std::shared_ptr<FolderEvents> events = is_first ? FolderEvents::open() : events_;
        const int number = events == nullptr ? -1 : events->add(folder);
        if (number < 0 || (is_first && !start(events))) return 0;
        events_ = std::move(events);
        const std::uint64_t id = next_id();  // no watch of a forked child has the id of one of its parent's
        watched_.emplace(id, Watched{number, std::make_shared<FolderWatch::Changed>(std::move(changed))});
        return id;
    }

    void remove(std::uint64_t id) {
        const std::lock_guard lock(mutex_);
        const auto found = watched_.find(id);
        if (found == watched_.end()) return;
        const int folder = found->second.folder;
        watched_.erase(found);
        const bool is_last = std::none_of(watched_.begin(), watched_.end(),
                                          [=](const auto& other) { return other.second.folder == folder; });
        if (is_last) events_->remove(folder);
    }

    bool knows(std::uint64_t id) {
        const std::lock_guard lock(mutex_);
        return watched_.contains(id);
    }

private:
    struct Watched {
        int folder;
        Changed changed;
    };

    bool start(const std::shared_ptr<FolderEvents>& events) {
        try {
            ThreadGroup::of_process().start("portal-watch", [this, events] { run(*events); });
            return true;
        } catch (const std::system_error&) {
            return false;
        }
    }

    void run(FolderEvents& events) {
        std::vector<FolderEvent> happened;
        for (bool works = true; works;) {
            happened.clear();
            works = events.wait(happened);
            std::vector<std::pair<Changed, std::string>> calls;
            const bool goes_on = note(happened, works, calls);
            for (const auto& [changed, file] : calls) (*changed)(file);
            if (!goes_on) return;
        }
    }

    // What to call outside the lock. False: nothing is watched any more, and the next watch gets a thread of its own.
    bool note(const std::vector<FolderEvent>& happened, bool works, std::vector<std::pair<Changed, std::string>>& calls) {
        const std::lock_guard lock(mutex_);
        if (!works) watched_.clear();
        for (const FolderEvent& event : happened) {
            const bool of_all = event.kind == FolderEvent::Kind::all_changed;
            for (const auto& [id, watched] : watched_)
                if (of_all || watched.folder == event.folder) calls.emplace_back(watched.changed, event.file);
            if (event.kind != FolderEvent::Kind::gone) continue;
            if (std::erase_if(watched_, [&](const auto& one) { return one.second.folder == event.folder; }) != 0)
                events_->remove(event.folder);
        }
        if (watched_.empty()) events_.reset();
        return events_ != nullptr;
    }

    std::mutex mutex_;
    std::shared_ptr<FolderEvents> events_;  // while the thread runs
    std::map<std::uint64_t, Watched> watched_;
};

}  // namespace

std::unique_ptr<FolderWatch> FolderWatch::begin(const std::string& folder, Changed changed) {
    const std::uint64_t id = Watcher::of_process().add(folder, std::move(changed));
    return id == 0 ? nullptr : std::unique_ptr<FolderWatch>(new FolderWatch(id));
}

FolderWatch::~FolderWatch() { Watcher::of_process().remove(id_); }

bool FolderWatch::is_over() const { return !Watcher::of_process().knows(id_); }

}  // namespace portal

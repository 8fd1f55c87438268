// Linux and Android: inotify, whose watches are of folders (inodes), so that two of one folder are one.
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "store/folder_events.hpp"

namespace portal {
namespace {

constexpr std::uint32_t watched = IN_MOVED_TO | IN_CREATE | IN_MOVE_SELF | IN_ONLYDIR;

FolderEvent event_of(const inotify_event& head, const char* name) {
    FolderEvent event;
    event.folder = head.wd;
    if ((head.mask & IN_Q_OVERFLOW) != 0) event.kind = FolderEvent::Kind::all_changed;
    if ((head.mask & (IN_IGNORED | IN_MOVE_SELF)) != 0) event.kind = FolderEvent::Kind::gone;
    if (head.len != 0) event.file = name;
    return event;
}

}  // namespace

std::unique_ptr<FolderEvents> FolderEvents::open() {
    const int queue = ::inotify_init1(IN_CLOEXEC);
    return queue == -1 ? nullptr : std::unique_ptr<FolderEvents>(new FolderEvents(queue));
}

FolderEvents::~FolderEvents() { ::close(queue_); }

int FolderEvents::add(const std::string& folder) { return ::inotify_add_watch(queue_, folder.c_str(), watched); }

void FolderEvents::remove(int folder) { ::inotify_rm_watch(queue_, folder); }  // comes back as IN_IGNORED: that wakes

bool FolderEvents::wait(std::vector<FolderEvent>& events) {
    char bytes[4096];  // more than one event of the longest name
    const ssize_t size = ::read(queue_, bytes, sizeof bytes);
    for (ssize_t at = 0; at + static_cast<ssize_t>(sizeof(inotify_event)) <= size;) {
        inotify_event head;
        std::memcpy(&head, bytes + at, sizeof head);
        events.push_back(event_of(head, bytes + at + sizeof head));
        at += static_cast<ssize_t>(sizeof head + head.len);
    }
    return size > 0 || errno == EINTR;
}

}  // namespace portal

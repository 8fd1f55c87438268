// Apple: a kqueue over an open descriptor of each folder. It tells that entries came, went or moved, not which.
#include <fcntl.h>
#include <sys/event.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "store/folder_events.hpp"

namespace portal {
namespace {

constexpr unsigned watched = NOTE_WRITE | NOTE_DELETE | NOTE_RENAME | NOTE_REVOKE;
constexpr unsigned gone = NOTE_DELETE | NOTE_RENAME | NOTE_REVOKE;
constexpr uintptr_t wake_ident = 0;  // of a filter of its own: no folder's

bool change(int queue, uintptr_t ident, int16_t filter, uint16_t flags, uint32_t notes) {
    struct kevent event;
    EV_SET(&event, ident, filter, flags, notes, 0, nullptr);
    return ::kevent(queue, &event, 1, nullptr, 0, nullptr) == 0;
}

}  // namespace

std::unique_ptr<FolderEvents> FolderEvents::open() {
    const int queue = ::kqueue();
    if (queue == -1) return nullptr;
    ::fcntl(queue, F_SETFD, FD_CLOEXEC);
    std::unique_ptr<FolderEvents> events(new FolderEvents(queue));
    return change(queue, wake_ident, EVFILT_USER, EV_ADD | EV_CLEAR, 0) ? std::move(events) : nullptr;
}

FolderEvents::~FolderEvents() { ::close(queue_); }

int FolderEvents::add(const std::string& folder) {
    const int descriptor = ::open(folder.c_str(), O_EVTONLY | O_CLOEXEC | O_DIRECTORY);
    if (descriptor == -1) return -1;
    if (change(queue_, static_cast<uintptr_t>(descriptor), EVFILT_VNODE, EV_ADD | EV_CLEAR, watched)) return descriptor;
    ::close(descriptor);
    return -1;
}

void FolderEvents::remove(int folder) {
    ::close(folder);  // takes its events along
    change(queue_, wake_ident, EVFILT_USER, 0, NOTE_TRIGGER);
}

bool FolderEvents::wait(std::vector<FolderEvent>& events) {
    struct kevent happened[16];
    const int count = ::kevent(queue_, nullptr, 0, happened, 16, nullptr);
    for (int i = 0; i < count; ++i) {
        if (happened[i].filter != EVFILT_VNODE) continue;
        const auto kind = (happened[i].fflags & gone) != 0 ? FolderEvent::Kind::gone : FolderEvent::Kind::changed;
        events.push_back({kind, static_cast<int>(happened[i].ident), {}});
    }
    return count >= 0 || errno == EINTR;
}

}  // namespace portal

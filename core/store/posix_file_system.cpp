#include "store/posix_file_system.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <memory>

namespace portal {
namespace {

template <typename Call>
auto uninterrupted(Call call) {
    auto result = call();
    while (result == -1 && errno == EINTR) result = call();
    return result;
}

Io<void> done_or_errno(int result) {
    if (result == -1) return io_error(errno);
    return {};
}

FileInfo info_of(const struct stat& status) {
#if defined(__APPLE__)
    const timespec& modified = status.st_mtimespec;
#else
    const timespec& modified = status.st_mtim;
#endif
    FileInfo info;
    info.size = static_cast<std::uint64_t>(status.st_size);
    info.inode = static_cast<std::uint64_t>(status.st_ino);
    info.modified_ns = static_cast<std::int64_t>(modified.tv_sec) * 1'000'000'000 + modified.tv_nsec;
    info.regular = S_ISREG(status.st_mode);
    info.ours = status.st_uid == ::geteuid();
    info.roots = status.st_uid == 0;
    const bool is_sticky = S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0;
    info.open_to_all = (status.st_mode & S_IWOTH) != 0 && !is_sticky;
    return info;
}

int open_flags(OpenFor purpose) {
    constexpr int always = O_CLOEXEC | O_NONBLOCK;  // a pipe in a file's place must not hold us up
    switch (purpose) {
        case OpenFor::reading:
            return always | O_NOFOLLOW | O_RDONLY;
        case OpenFor::creating:
            return always | O_NOFOLLOW | O_WRONLY | O_CREAT | O_EXCL;
        case OpenFor::overwriting:
            return always | O_NOFOLLOW | O_WRONLY | O_CREAT | O_TRUNC;
        case OpenFor::locking:
            return always | O_NOFOLLOW | O_RDWR | O_CREAT;
        case OpenFor::directory:
            return always | O_RDONLY | O_DIRECTORY;
    }
    return always | O_RDONLY;
}

}  // namespace

Io<int> PosixFileSystem::open(const std::string& path, OpenFor purpose) {
    const int file = uninterrupted([&] { return ::open(path.c_str(), open_flags(purpose), S_IRUSR | S_IWUSR); });
    if (file == -1) return io_error(errno);
    return file;
}

// Never repeated: after EINTR the descriptor is gone, and its number may already be another's.
void PosixFileSystem::close(int file) {
    locked_.erase(file);
    ::close(file);
}

Io<FileInfo> PosixFileSystem::info(int file) {
    struct stat status{};
    if (::fstat(file, &status) == -1) return io_error(errno);
    return info_of(status);
}

Io<FileInfo> PosixFileSystem::look(const std::string& path) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) == -1) return io_error(errno);
    return info_of(status);
}

Io<std::size_t> PosixFileSystem::read(int file, char* to, std::size_t size) {
    std::size_t total = 0;
    while (total < size) {
        const ssize_t count = uninterrupted([&] { return ::read(file, to + total, size - total); });
        if (count == -1) return io_error(errno);
        if (count == 0) break;
        total += static_cast<std::size_t>(count);
    }
    return total;
}

Io<void> PosixFileSystem::write(int file, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = uninterrupted([&] { return ::write(file, bytes.data(), bytes.size()); });
        if (count == -1) return io_error(errno);
        if (count == 0) return io_error(EIO);
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}

Io<void> PosixFileSystem::sync(int file) {
#if defined(__APPLE__)
    // fsync stops at the drive's cache here; where the file system knows nothing better, it has to do.
    if (::fcntl(file, F_FULLFSYNC) != -1) return {};
#endif
    if (uninterrupted([&] { return ::fsync(file); }) != -1) return {};
    // Some file systems cannot sync a directory: they order its changes by themselves, or nothing can be done.
    struct stat status{};
    const int os_code = errno;
    if (os_code == EINVAL && ::fstat(file, &status) == 0 && S_ISDIR(status.st_mode)) return {};
    return io_error(os_code);
}

Io<void> PosixFileSystem::rename(const std::string& from, const std::string& to) {
    return done_or_errno(::rename(from.c_str(), to.c_str()));
}

Io<void> PosixFileSystem::remove(const std::string& path) {
    if (::unlink(path.c_str()) != -1) return {};
    const int os_code = errno;
    const bool may_be_directory = os_code == EISDIR || os_code == EPERM;  // Linux, and POSIX
    if (may_be_directory && ::rmdir(path.c_str()) != -1) return {};
    return io_error(may_be_directory && errno != ENOTDIR ? errno : os_code);
}

Io<void> PosixFileSystem::make_directory(const std::string& path) { return done_or_errno(::mkdir(path.c_str(), S_IRWXU)); }

Io<Listing> PosixFileSystem::list(int directory, std::string_view prefix, std::size_t most) {
    // A descriptor of its own: reading moves its place.
    const int own = uninterrupted([&] { return ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (own == -1) return io_error(errno);
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(own), ::closedir);
    if (entries == nullptr) {
        const int os_code = errno;
        ::close(own);
        return io_error(os_code);
    }
    Listing listing;
    for (;;) {
        errno = 0;
        const dirent* const entry = ::readdir(entries.get());
        if (entry == nullptr && errno != 0) return io_error(errno);
        if (entry == nullptr) return listing;
        const std::string_view name = entry->d_name;
        if (name.substr(0, prefix.size()) != prefix) continue;
        listing.is_cut = listing.names.size() == most;
        if (listing.is_cut) return listing;
        listing.names.emplace_back(name);
    }
}

Io<void> PosixFileSystem::try_lock(int file) {
    locked_.try_emplace(file, file);
    return done_or_errno(uninterrupted([&] { return ::flock(file, LOCK_EX | LOCK_NB); }));
}

Io<void> PosixFileSystem::try_lock_shared(int file) {
    locked_.try_emplace(file, file);
    return done_or_errno(uninterrupted([&] { return ::flock(file, LOCK_SH | LOCK_NB); }));
}

void PosixFileSystem::unlock(int file) { ::flock(file, LOCK_UN); }

void PosixFileSystem::sleep(std::int64_t duration_ms) {
    timespec left{};
    left.tv_sec = static_cast<std::time_t>(duration_ms / 1000);
    left.tv_nsec = static_cast<long>(duration_ms % 1000 * 1'000'000);
    while (::nanosleep(&left, &left) == -1 && errno == EINTR) {
    }
}

}  // namespace portal

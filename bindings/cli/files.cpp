#include "cli/files.hpp"

#include <sys/file.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "cli/failure.hpp"

namespace cli {
namespace {

constexpr const char* new_file_infix = ".new.";

bool is_same_file(int descriptor, const std::string& name) {
    struct stat opened{};
    struct stat named{};
    return ::fstat(descriptor, &opened) == 0 && ::lstat(name.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
           opened.st_dev == named.st_dev;
}

}  // namespace

void File::close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
}

Pipe open_pipe() {
    int ends[2] = {-1, -1};
    if (::pipe(ends) != 0) return {};
    for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
    return {File(ends[0]), File(ends[1])};
}

void make_private_directory(const std::string& path) {
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
        const std::string part = path.substr(0, end);
        if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST)
            throw_not_made("Cannot make the store's folder", part, errno, "--store");
        if (end == std::string::npos) break;
    }
    struct stat found{};
    if (::stat(path.c_str(), &found) != 0 || !S_ISDIR(found.st_mode)) {
        throw failure(ExitCode::store, path + " is not a folder. Choose another with --store.");
    }
}

bool read_all(int descriptor, SecretBuffer& into) {
    while (into.room() > 0) {
        const ssize_t size = ::read(descriptor, into.end(), into.room());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return false;
        if (size == 0) break;
        into.set_size(into.reveal().size() + static_cast<std::size_t>(size));
    }
    return true;
}

bool write_all(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t size = ::write(descriptor, bytes.data(), bytes.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
}

File open_to_read(const std::string& path) { return File(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)); }

bool is_regular(const File& file) {
    struct stat found{};
    return ::fstat(file.get(), &found) == 0 && S_ISREG(found.st_mode);
}

// A sweep that comes between the creation and the lock removes the file: then it is made again.
NewFile::NewFile(const std::string& path, std::string_view bytes) : path_(path) {
    static constexpr int most_tries = 8;
    for (int tries = 0; tries < most_tries && name_.empty(); ++tries) {
        std::string name = path + new_file_infix + "XXXXXX";
        file_ = File(::mkstemp(name.data()));  // mode 0600
        if (!file_.is_open()) return;
        ::fcntl(file_.get(), F_SETFD, FD_CLOEXEC);
        const bool sweep_has_it = ::flock(file_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
        if (!sweep_has_it && is_same_file(file_.get(), name)) name_ = name;
    }
    if (name_.empty()) {
        errno = EAGAIN;
        return;
    }
    if (write_all(file_.get(), bytes) && ::fsync(file_.get()) == 0) return;
    const int error_number = errno;
    ::unlink(name_.c_str());
    name_.clear();
    errno = error_number;
}

NewFile::~NewFile() {
    if (!name_.empty()) ::unlink(name_.c_str());
}

bool NewFile::replace_target() {
    if (std::rename(name_.c_str(), path_.c_str()) != 0) return false;
    name_.clear();
    return true;
}

bool NewFile::link_as_target() const { return ::link(name_.c_str(), path_.c_str()) == 0; }

void sweep_leftovers(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const std::string start = path.substr(slash == std::string::npos ? 0 : slash + 1) + new_file_infix;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        if (entry.path().filename().string().rfind(start, 0) != 0) continue;
        const std::string name = entry.path().string();
        const File file(::open(name.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
        const bool is_left = file.is_open() && is_regular(file) && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0;
        if (is_left && is_same_file(file.get(), name)) ::unlink(name.c_str());
    }
}

std::string system_error(const std::string& what, const std::string& path, int error_number) {
    return what + " " + path + ": " + std::generic_category().message(error_number);
}

void throw_not_made(const std::string& what, const std::string& path, int error_number, const char* option) {
    const std::string text = system_error(what, path, error_number) + ".";
    for (const int refusal : {EACCES, EPERM, EROFS, ENOSPC, EDQUOT, EFBIG})
        if (error_number == refusal) throw Unwritable{failure(ExitCode::store, text)};
    throw failure(ExitCode::store, text + " Choose another with " + option + ".");
}

}  // namespace cli

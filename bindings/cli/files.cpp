#include "cli/files.hpp"

#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>

#include <system_error>

#include "cli/failure.hpp"

namespace cli {

void File::close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
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

std::string write_beside(const std::string& path, std::string_view bytes) {
    const std::string name = path + ".new." + std::to_string(::getpid());
    ::unlink(name.c_str());  // of a process that died and had our number
    const File file(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file.is_open()) return {};
    if (write_all(file.get(), bytes) && ::fsync(file.get()) == 0) return name;
    const int error_number = errno;
    ::unlink(name.c_str());
    errno = error_number;
    return {};
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

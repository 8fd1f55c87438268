#include "cli/key_file.hpp"

#include <sys/stat.h>

#include <unistd.h>
#include <cerrno>

#if defined(__APPLE__)
#include <sys/random.h>
#endif

#include "cli/failure.hpp"
#include "cli/files.hpp"

namespace cli {
namespace {

// Whole or not at all: linking fails where another process was faster, and then its key is the one.
void make_key(const std::string& path) {
    SecretBuffer key(key_bytes);
    if (::getentropy(key.data(), key_bytes) != 0) {
        throw failure(ExitCode::store, "The system gives no random bytes for a key.");
    }
    key.set_size(key_bytes);
    const NewFile file(path, key.reveal());
    if (!file.is_made() || (!file.link_as_target() && errno != EEXIST))
        throw_not_made("Cannot write the key file", path, errno, "--key-file");
}

// Whatever it is: no advice to change or delete it.
Failure bad_key(const std::string& text) {
    return failure(ExitCode::store, text + ". Choose another with --key-file.");
}

Failure unreadable(const std::string& path, int error_number) {
    return bad_key(system_error("Cannot read the key file", path, error_number));
}

Failure wrong_size(const std::string& path, off_t size) {
    return bad_key("The key file " + path + " has " + std::to_string(size) + " bytes; ours have 32 bytes");
}

}  // namespace

// Whoever owns the file can read it and put another key in its place.
Failure of_another_owner(const std::string& path, uid_t owner) {
    return failure(ExitCode::store, "The key file " + path + " belongs to another user (uid " + std::to_string(owner) +
                                        "), who can read and replace the key. Run as that user, or choose another with "
                                        "--key-file.");
}

std::optional<SecretBuffer> read_key(const std::string& path) {
    const File file = open_to_read(path);
    if (!file.is_open() && errno == ENOENT) return std::nullopt;
    struct stat found{};
    if (!file.is_open() || ::fstat(file.get(), &found) != 0) throw unreadable(path, errno);
    if (!S_ISREG(found.st_mode)) throw bad_key("The key file " + path + " is not a file");
    if (found.st_uid != ::geteuid()) throw of_another_owner(path, found.st_uid);
    if (found.st_size != static_cast<off_t>(key_bytes)) throw wrong_size(path, found.st_size);
    if ((found.st_mode & 077) != 0) {
        throw failure(ExitCode::store, "The key file " + path +
                                           " is open to other users. If none of them had it: chmod 600 " + path +
                                           "; else delete it and sign in anew.");
    }
    SecretBuffer key(key_bytes + 1);
    if (!read_all(file.get(), key)) throw unreadable(path, errno);
    if (key.reveal().size() != key_bytes) throw wrong_size(path, static_cast<off_t>(key.reveal().size()));
    return key;
}

SecretBuffer load_key(const std::string& path) {
    sweep_leftovers(path);
    if (std::optional<SecretBuffer> key = read_key(path)) return std::move(*key);
    make_key(path);
    if (std::optional<SecretBuffer> key = read_key(path)) return std::move(*key);
    throw unreadable(path, ENOENT);  // a link to nothing
}

}  // namespace cli

#include "cli/store.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/key_file.hpp"

namespace cli {
namespace {

struct Key {
    portal_found found = PORTAL_FOUND;
    SecretBuffer bytes{0};
};

// The key stays with the session, and is wiped at the end of close.
portal_key key_of(Key key) {
    portal_key host_key{};
    host_key.load = [](void* userdata, std::uint64_t id, portal_text) {
        const auto& [found, bytes] = *static_cast<const Key*>(userdata);
        portal_key_loaded(id, found, {bytes.reveal().data(), bytes.reveal().size()}, nullptr);
    };
    // No `destroy`: all sessions of a store share this key, and a logout is of one.
    host_key.userdata = new Key(std::move(key));
    host_key.release = [](void* userdata) { delete static_cast<Key*>(userdata); };
    return host_key;
}

// Its records were sealed with some key: one that is made now would fit none of them.
bool holds_records(const std::string& store) {
    constexpr std::size_t name_length = 64;  // a SHA-256 in hex
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(store, error))
        if (const std::string name = entry.path().filename().string();
            name.size() == name_length && name.find_first_not_of("0123456789abcdef") == std::string::npos)
            return true;
    return false;
}

// The library keeps nothing in a folder that others can change: this says why and what to do.
void check_folder(const std::string& store) {
    struct stat found{};
    if (::stat(store.c_str(), &found) != 0) return;
    const bool is_open = (found.st_mode & S_IWOTH) != 0 && (found.st_mode & S_ISVTX) == 0;
    if (found.st_uid != ::geteuid() && found.st_uid != 0)
        throw failure(ExitCode::store, "The store's folder " + store + " belongs to another user (uid " +
                                           std::to_string(found.st_uid) +
                                           "). Run as that user, or choose another with --store.");
    if (is_open)
        throw failure(ExitCode::store, "Every user can write to the store's folder " + store + ". Run: chmod 700 " + store);
}

// The store's own key may have been deleted to begin anew; a key file that was named, and is not there, is a slip.
void check_named_key(const Options& options) {
    const bool is_named = options.key_file != options.store + "/key";
    if (!is_named || ::access(options.key_file.c_str(), F_OK) == 0 || !holds_records(options.store)) return;
    throw failure(ExitCode::store, "The key file " + options.key_file + " is not there, and " + options.store +
                                       " has records that another key has sealed. Name that one with --key-file, or "
                                       "begin anew in another --store.");
}

}  // namespace

portal_key open_store(const Options& options) {
    try {
        make_private_directory(options.store);
        check_folder(options.store);
        check_named_key(options);
        return key_of({PORTAL_FOUND, load_key(options.key_file)});
    } catch (const Unwritable& told) {
        warn(told.message + " Until that works, nothing is stored: a token is kept in memory only.");
        return key_of({PORTAL_FAILED});
    }
}

portal_key open_store_for_logout(const Options& options) {
    make_private_directory(options.store);
    check_folder(options.store);
    try {
        if (auto bytes = read_key(options.key_file)) return key_of({PORTAL_FOUND, std::move(*bytes)});
    } catch (const Failure& told) {
        warn(told.message + " The logout goes on without it.");
    }
    return key_of({PORTAL_ABSENT});
}

}  // namespace cli

// The system calls that the file store needs, as a seam: a test counts them, fails one, or dies before one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/expected.hpp"

namespace portal {

// An errno says what went wrong.
template <typename T>
using Io = tl::expected<T, int>;

inline tl::unexpected<int> io_error(int os_code) { return tl::unexpected<int>(os_code); }

// None follows a symbolic link that is the file itself (ELOOP), none is inherited by a child process.
enum class OpenFor : std::uint8_t {
    reading,      // never waits, whatever lies there
    creating,     // a new file, mode 0600; EEXIST where there is one
    overwriting,  // created with mode 0600, or cut to nothing
    locking,      // created with mode 0600, or left as it is
    directory,    // to list it and to sync it
};

struct FileInfo {
    std::uint64_t size = 0;
    std::uint64_t inode = 0;
    std::int64_t modified_ns = 0;
    bool regular = false;
    bool ours = false;          // owned by the user that this process runs as
    bool roots = false;         // owned by root
    bool open_to_all = false;   // every user may write it; of a directory: and may replace others' files in it
};

struct Listing {
    std::vector<std::string> names;
    bool is_cut = false;  // there are more
};

// Each method is about one system call; interrupted ones are repeated within.
class FileSystem {
public:
    virtual ~FileSystem() = default;

    virtual Io<int> open(const std::string& path, OpenFor purpose) = 0;
    virtual void close(int file) = 0;
    virtual Io<FileInfo> info(int file) = 0;
    virtual Io<FileInfo> look(const std::string& path) = 0;                  // of a symbolic link: of the link itself
    virtual Io<std::size_t> read(int file, char* to, std::size_t size) = 0;  // all of `size`, or up to the end
    virtual Io<void> write(int file, std::string_view bytes) = 0;            // all of it
    virtual Io<void> sync(int file) = 0;                                     // down to the medium
    virtual Io<void> rename(const std::string& from, const std::string& to) = 0;
    virtual Io<void> remove(const std::string& path) = 0;          // a file of any kind, or an empty directory
    virtual Io<void> make_directory(const std::string& path) = 0;  // mode 0700
    // What begins with `prefix` in an open directory, `most` names of it.
    virtual Io<Listing> list(int directory, std::string_view prefix, std::size_t most) = 0;

    // A flock, without waiting: EWOULDBLOCK where another open file holds it, in this process or another.
    virtual Io<void> try_lock(int file) = 0;         // exclusive
    virtual Io<void> try_lock_shared(int file) = 0;  // beside others that are shared
    // Closing alone would not do: a child forked meanwhile shares the open file until it executes something.
    virtual void unlock(int file) = 0;

    // The pause between two tries of a lock.
    virtual void sleep(std::int64_t duration_ms) = 0;
};

}  // namespace portal

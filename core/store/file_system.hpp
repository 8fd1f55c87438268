// The system calls that the file store needs, as a seam: a test counts them, fails one, or dies before one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

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
    directory,    // to sync it
};

struct FileInfo {
    std::uint64_t size = 0;
    bool regular = false;
    bool ours = false;  // owned by the user that this process runs as
};

// Each method is about one system call; interrupted ones are repeated within.
class FileSystem {
public:
    virtual ~FileSystem() = default;

    virtual Io<int> open(const std::string& path, OpenFor purpose) = 0;
    virtual void close(int file) = 0;
    virtual Io<FileInfo> info(int file) = 0;
    virtual Io<std::size_t> read(int file, char* to, std::size_t size) = 0;  // all of `size`, or up to the end
    virtual Io<void> write(int file, std::string_view bytes) = 0;            // all of it
    virtual Io<void> sync(int file) = 0;                                     // down to the medium
    virtual Io<void> rename(const std::string& from, const std::string& to) = 0;
    virtual Io<void> remove(const std::string& path) = 0;
    virtual Io<void> make_directory(const std::string& path) = 0;  // mode 0700

    // An exclusive flock, without waiting: EWOULDBLOCK where another open file holds it, in this process or another.
    virtual Io<void> try_lock(int file) = 0;
    // Closing alone would not do: a child forked meanwhile shares the open file until it executes something.
    virtual void unlock(int file) = 0;

    // The pause between two tries of a lock.
    virtual void sleep(std::int64_t duration_ms) = 0;
};

}  // namespace portal

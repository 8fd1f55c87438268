// The file system of Linux, Android and Apple. Used by one thread at a time.
#pragma once

#include <map>

#include "base/fork.hpp"
#include "store/file_system.hpp"

namespace portal {

class PosixFileSystem final : public FileSystem {
public:
    Io<int> open(const std::string& path, OpenFor purpose) override;
    void close(int file) override;
    Io<FileInfo> info(int file) override;
    Io<FileInfo> look(const std::string& path) override;
    Io<std::size_t> read(int file, char* to, std::size_t size) override;
    Io<void> write(int file, std::string_view bytes) override;
    Io<void> sync(int file) override;
    Io<void> rename(const std::string& from, const std::string& to) override;
    Io<void> remove(const std::string& path) override;
    Io<void> make_directory(const std::string& path) override;
    Io<Listing> list(int directory, std::string_view prefix, std::size_t most) override;
    Io<void> try_lock(int file) override;
    Io<void> try_lock_shared(int file) override;
    void unlock(int file) override;
    void sleep(std::int64_t duration_ms) override;

private:
    std::map<int, ClosedInChild> locked_;  // what may hold a lock, until it is closed
};

}  // namespace portal

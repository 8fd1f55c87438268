// The few file operations that the key and the lease need.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "cli/secret_buffer.hpp"

namespace cli {

// A file descriptor that closes itself.
class File {
public:
    File() = default;
    explicit File(int descriptor) : descriptor_(descriptor) {}
    File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    File& operator=(File&& other) noexcept {
        close();
        descriptor_ = std::exchange(other.descriptor_, -1);
        return *this;
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() { close(); }

    [[nodiscard]] int get() const { return descriptor_; }
    [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }
    void close();

private:
    int descriptor_ = -1;
};

struct Pipe {
    File read_end;
    File write_end;
};

// Closed ends where the system has none left.
[[nodiscard]] Pipe open_pipe();

// Makes the folder and those above it, for this user alone. Throws a store Failure, an Unwritable where it is that.
void make_private_directory(const std::string& path);

// Reads until the end or until the buffer is full; false: errno says why.
[[nodiscard]] bool read_all(int descriptor, SecretBuffer& into);

// Writes all of it; false: errno says why.
[[nodiscard]] bool write_all(int descriptor, std::string_view bytes);

// Opens a file for reading. A pipe or a device is opened too, and does not block: check with is_regular.
[[nodiscard]] File open_to_read(const std::string& path);
[[nodiscard]] bool is_regular(const File& file);

// A complete new file beside `path`, not yet in its place. Its lock shows other processes that it is in use.
class NewFile {
public:
    // Mode 0600, with these bytes on the disk. is_made() is false on failure, and errno says why.
    NewFile(const std::string& path, std::string_view bytes);
    ~NewFile();  // removes it, unless it was moved into its place
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;

    [[nodiscard]] bool is_made() const { return !name_.empty(); }
    // Both return false on failure, and errno says why.
    [[nodiscard]] bool replace_target();       // rename: takes the place of what is there
    [[nodiscard]] bool link_as_target() const;  // link: EEXIST where something is there

private:
    const std::string path_;
    std::string name_;
    File file_;
};

// Removes what killed processes left beside `path` in mid-write.
void sweep_leftovers(const std::string& path);

// "cannot read X: No such file or directory"
[[nodiscard]] std::string system_error(const std::string& what, const std::string& path, int error_number);

// What could not be made, and why, as a store Failure; an Unwritable where it is that. `option`: what chooses another.
[[noreturn]] void throw_not_made(const std::string& what, const std::string& path, int error_number, const char* option);

}  // namespace cli

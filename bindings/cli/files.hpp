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

// Makes the folder and those above it, for this user alone. Throws a store Failure, an Unwritable where it is that.
void make_private_directory(const std::string& path);

// Reads until the end or until the buffer is full; false: errno says why.
[[nodiscard]] bool read_all(int descriptor, SecretBuffer& into);

// Writes all of it; false: errno says why.
[[nodiscard]] bool write_all(int descriptor, std::string_view bytes);

// A new file beside `path`, of mode 0600, with these bytes on the disk. Returns its name; empty: errno says why.
[[nodiscard]] std::string write_beside(const std::string& path, std::string_view bytes);

// "cannot read X: No such file or directory"
[[nodiscard]] std::string system_error(const std::string& what, const std::string& path, int error_number);

// What could not be made, and why, as a store Failure; an Unwritable where it is that. `option`: what chooses another.
[[noreturn]] void throw_not_made(const std::string& what, const std::string& path, int error_number, const char* option);

}  // namespace cli

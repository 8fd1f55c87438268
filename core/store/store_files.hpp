// One record's files: opened, read, written, listed and locked, with the rules of trust that hold for all of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "store/file_system.hpp"

namespace portal {

inline constexpr std::int64_t lock_limit_ms = 500;
inline constexpr std::int64_t lock_pause_ms = 10;

class OpenFile {
public:
    OpenFile(FileSystem& files, int number) : files_(&files), number_(number) {}
    OpenFile(OpenFile&& other) noexcept : files_(other.files_), number_(std::exchange(other.number_, -1)) {}
    OpenFile& operator=(OpenFile&&) = delete;
    ~OpenFile() {
        if (number_ != -1) files_->close(number_);
    }
    [[nodiscard]] int number() const { return number_; }

private:
    FileSystem* files_;
    int number_;
};

class FileLock {
public:
    FileLock(std::shared_ptr<FileSystem> files, OpenFile file) : files_(std::move(files)), file_(std::move(file)) {}
    FileLock(FileLock&&) noexcept = default;
    FileLock& operator=(FileLock&&) = delete;
    ~FileLock() {
        if (file_.number() != -1) files_->unlock(file_.number());
    }

private:
    std::shared_ptr<FileSystem> files_;
    OpenFile file_;
};

// What lies in a file's place.
struct FileBytes {
    enum class Node : std::uint8_t { absent, file, other };
    Node node = Node::absent;
    std::string bytes;  // of a file: its beginning
    FileInfo info;
};

// `suffix` names one of the record's files; empty: the record itself.
//
// A file of another user's is refused with EPERM, and so is a folder that another user owns (but root), or that every user
// may write and that is not sticky: whoever else can write there could sign the user in or out. A folder that a group may
// write is trusted, since Android's own folders are so.
class StoreFiles {
public:
    StoreFiles(std::shared_ptr<FileSystem> files, std::string directory, std::string name)
        : files_(std::move(files)), directory_(std::move(directory)), name_(std::move(name)) {}

    [[nodiscard]] const std::string& name() const { return name_; }

    // Absent where the folder is missing, too. A directory, a pipe, a link, a socket: other.
    Io<FileBytes> read(std::string_view suffix, std::size_t limit);
    Io<FileInfo> look() { return files_->look(path("")); }
    // Synced. Where the folder is missing, it is made.
    Io<void> write(std::string_view suffix, OpenFor purpose, std::string_view bytes);
    Io<void> rename(std::string_view from, std::string_view to) { return files_->rename(path(from), path(to)); }
    Io<void> remove(std::string_view suffix);  // fine where there is none; a folder that holds something is moved aside

    enum class Missing : std::uint8_t { refuse, make };
    Io<OpenFile> open_folder(Missing missing);
    Io<FileInfo> info(const OpenFile& folder) { return files_->info(folder.number()); }
    Io<void> sync(const OpenFile& folder) { return files_->sync(folder.number()); }
    // The suffixes of what begins with the record's name.
    Io<Listing> list(const OpenFile& folder, std::size_t most);

    Io<FileLock> lock();
    // Tries a few times: a look at it by another process holds it for a moment.
    Io<FileLock> lock_claim();
    // Whether nobody holds the claim's lock. False where that can't be told.
    bool is_claim_free();

private:
    [[nodiscard]] std::string path(std::string_view suffix) const { return directory_ + "/" + name_ + std::string(suffix); }
    Io<OpenFile> open(const std::string& path, OpenFor purpose);
    Io<OpenFile> open_lock(std::string_view suffix);
    Io<void> remove_what_is_no_lock(std::string_view suffix);
    Io<FileLock> lock(std::string_view suffix, std::int64_t limit_ms);
    Io<void> make_directories(const std::string& path);

    const std::shared_ptr<FileSystem> files_;
    const std::string directory_;
    const std::string name_;
};

}  // namespace portal

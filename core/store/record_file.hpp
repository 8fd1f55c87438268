// One session's record in a folder: the blocking core of the file store, and what survives a crash at any of its calls.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "session/record_store.hpp"
#include "store/cipher.hpp"
#include "store/file_system.hpp"

namespace portal {

inline constexpr std::int64_t lock_limit_ms = 500;
inline constexpr std::int64_t lock_pause_ms = 10;
inline constexpr std::int64_t marker_limit_ms = 200;  // for its writer to write its number

// What to do with a record that the given key does not open.
enum class OtherKey : std::uint8_t {
    keep,       // say so and leave it: a newer key may open it
    set_aside,  // the key is the right one, or there is none any more: the record is lost
};

// The files, all named after the SHA-256 of the session's name:
//   HASH         the record; replaced by a rename, so a reader needs no lock and never sees half of one
//   HASH.lock    held (flock) while anything is changed; never renamed or deleted, else two could hold "it"
//   HASH.tmp     the next record while it is written
//   HASH.erase   the epoch of a clear that has begun: the record, if of an earlier epoch, is to be taken as erased
//   HASH.lost.1  the last record that could not be read, HASH.lost.2 the one before
//
// Used by one thread at a time. The constructor does nothing; the directory is made at the first save.
class RecordFile {
public:
    // `erased` runs each time a tombstone is in place, before the clear counts as done: if the process dies in between, the
    // next load runs it again. Here the key is destroyed.
    RecordFile(std::string directory, std::string session_name, std::shared_ptr<FileSystem> files,
               std::shared_ptr<Cipher> cipher, std::function<void()> erased);

    // An empty key opens tombstones only.
    [[nodiscard]] LoadResult load(std::string_view key, OtherKey other_key);

    // Writes revision record.revision + 1. A tombstone needs no key. Its marker is written before anything that can fail,
    // so the clear outlives the process even if the save is refused.
    [[nodiscard]] SaveResult save(Record record, std::string_view key);

    // Whether another process has saved since the last load or save here. False where that can't be told.
    [[nodiscard]] bool has_news();
    [[nodiscard]] const std::string& directory() const { return directory_; }
    [[nodiscard]] std::string name();  // of the record's file; empty: the cipher fails

private:
    class OpenFile;
    class Lock;

    bool name_files();
    Io<OpenFile> open(const std::string& path, OpenFor purpose);
    Io<std::string> read_file(const std::string& path, std::size_t limit);
    Io<void> write_file(const std::string& path, OpenFor purpose, std::string_view bytes);
    Io<void> remove_if_there(const std::string& path);
    Io<void> make_directories(const std::string& path);
    Io<void> sync_directory(const std::string& path);
    Io<Lock> lock();

    LoadResult read_record(std::string_view key);
    LoadResult set_aside(std::string_view key);
    LoadResult lost_earlier();
    Io<std::optional<std::uint64_t>> stored_revision();
    Io<void> replace_record(std::string_view sealed);

    void mark_erase(std::uint64_t epoch);
    Io<std::uint64_t> marked_epoch();
    Io<void> finish_erase(TokenState stored);

    std::string directory_;
    std::string session_name_;
    std::shared_ptr<FileSystem> files_;
    std::shared_ptr<Cipher> cipher_;
    std::function<void()> erased_;
    std::string name_hash_;  // these are set at the first use
    std::string record_path_;
    std::optional<std::uint64_t> seen_revision_;  // what the last load or save here has found or left
};

}  // namespace portal

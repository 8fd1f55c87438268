// One session's record in a folder: the blocking core of the file store, and what survives a crash at any of its calls.
// README.md in this folder states the protocol step by step.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "session/record_store.hpp"
#include "store/cipher.hpp"
#include "store/folder_names.hpp"
#include "store/sealed_record.hpp"
#include "store/store_files.hpp"

namespace portal {

struct KeyAtHand {
    std::string_view bytes;  // empty: none
    bool is_known = true;    // false: whether there is a key can't be told now (locked)
};

// Used by one thread at a time. The constructor does nothing; the directory is made at the first save.
class RecordFile {
public:
    // `destroy_key` runs under the lock, once the record no longer holds a token. It returns when the key is destroyed, or
    // false where that is not confirmed; a host that cannot destroy keys counts as done. It may invalidate KeyAtHand.
    RecordFile(std::string directory, std::string session_name, std::shared_ptr<FileSystem> files,
               std::shared_ptr<Cipher> cipher, std::function<bool()> destroy_key);

    // An empty key opens tombstones only; another record is then lost by other_key. Writes nothing.
    [[nodiscard]] LoadResult load(std::string_view key);
    // Whether that load saw a tombstone, or any sign of a clear: then the key that it was called with may be a destroyed one.
    [[nodiscard]] bool has_seen_clear() const { return has_seen_clear_; }

    // A tombstone needs no key; with one, its marker carries the proof that lets others destroy the key if this process dies.
    [[nodiscard]] SaveResult save(const SaveRequest& request, const KeyAtHand& key);

    // Whether another process has saved, or begun a clear, since the last load or save here. False where that can't be told.
    [[nodiscard]] bool has_news();
    // The same by a few system calls. It may miss a file that was made or replaced within one tick of the clock.
    [[nodiscard]] bool looks_changed();

    [[nodiscard]] bool is_folder_there();
    [[nodiscard]] const std::string& directory() const { return directory_; }
    [[nodiscard]] std::string name();  // of the record's file; empty: the cipher fails

private:
    struct Stored {
        FileBytes file;
        RecordVersion version;
    };
    struct ToReplace {
        OpenFile folder;
        FileLock lock;
        Stored stored;
        FolderNames names;
        LoadResult opened;
    };

    bool name_files();
    Io<Stored> read_stored(std::size_t limit);
    Io<FolderNames> read_names(const OpenFile& folder);
    LoadResult open(const Stored& stored, const FolderNames& names, std::string_view key) const;
    LoadResult judge(const Stored& stored, const FolderNames& names, std::string_view key);
    void saw(const Stored& stored, const FolderNames& names);
    void saw(const FolderNames& names);
    bool has_new_marker(const OpenFile& folder);

    // Under the lock, what a save with these versions and this key has before it; else its answer.
    tl::expected<ToReplace, SaveResult> begin_save(const SaveRequest& request, std::string_view key);
    SaveResult save_live(const SaveRequest& request, const KeyAtHand& key);
    enum class Unreadable : std::uint8_t { quarantine, drop };
    Io<void> replace(const ToReplace& target, std::string_view sealed, Unreadable unreadable);
    Io<void> displace(const ToReplace& target, Unreadable unreadable);
    void sweep_after_live_save(const ToReplace& target, std::uint64_t epoch);
    bool hold_claim(const SaveRequest& request);
    void release_claim_unless(std::uint64_t owner);

    // record_clear.cpp
    SaveResult save_tombstone(const SaveRequest& request, const KeyAtHand& key);
    SaveResult finish_found_clear(const ToReplace& target, const KeyAtHand& key);
    std::string proof_of_clear(std::string_view key, std::uint64_t lineage, std::uint64_t epoch) const;
    void mark_clear(std::uint64_t epoch, const std::string& proof);
    enum class Proof : std::uint8_t { none, valid, unknown };
    Proof proof_in_markers(const ToReplace& target, const KeyAtHand& key, std::uint64_t lineage);
    Io<void> remove_record(const ToReplace& target);
    Io<void> remove_record_as(const ToReplace& target, const RecordVersion& tombstone);
    SaveResult finish_clear(const ToReplace& target, std::uint64_t epoch, Proof proof);
    Io<void> sweep_after_clear(const ToReplace& target, std::uint64_t epoch);

    const std::string directory_;
    const std::string session_name_;
    const std::shared_ptr<FileSystem> file_system_;
    const std::shared_ptr<Cipher> cipher_;
    const std::function<bool()> destroy_key_;
    std::optional<StoreFiles> files_;  // set at the first use, which computes the name's hash
    std::optional<RecordVersion> seen_version_;
    std::optional<FileInfo> seen_file_;  // of the version seen; nothing: no file, or none that was seen
    std::set<std::string> seen_markers_;   // their suffixes
    std::optional<FileInfo> seen_folder_;  // before its names were last compared with those
    std::optional<RecordVersion> removed_as_;  // the tombstone that the absence of a record stands for, since its save here
    bool has_seen_clear_ = false;
    bool owes_destroy_ = false;  // the app's own clear asked for it, and it is not confirmed
    std::optional<FileLock> claim_lock_;
    std::uint64_t claim_owner_ = 0;  // whose lock that is
};

}  // namespace portal

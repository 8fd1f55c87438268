#include "store/record_file.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "store/little_endian.hpp"
#include "store/store_answers.hpp"

namespace portal {
namespace {

constexpr int most_load_tries = 8;
constexpr std::size_t old_marker_bytes = 8;

#if defined(__APPLE__)
// iOS ends a suspended app that holds a lock in a shared container: there the claim's role and its limit decide.
constexpr bool claims_have_locks = false;
#else
constexpr bool claims_have_locks = true;
#endif

}  // namespace

RecordFile::RecordFile(std::string directory, std::string session_name, std::shared_ptr<FileSystem> files,
                       std::shared_ptr<Cipher> cipher, std::function<bool()> destroy_key)
    : directory_(std::move(directory)),
      session_name_(session_name.empty() ? "default" : std::move(session_name)),
      file_system_(std::move(files)),
      cipher_(std::move(cipher)),
      destroy_key_(std::move(destroy_key)) {}

bool RecordFile::name_files() {
    if (files_) return true;
    const Result<std::string> hash = cipher_->sha256_hex(session_name_);
    if (hash) files_.emplace(file_system_, directory_, *hash);
    return hash.has_value();
}

std::string RecordFile::name() { return name_files() ? files_->name() : std::string(); }

// ---- Load ------------------------------------------------------------------------------------------------------------

// The names count beside the very record that lay there before and after they were read: a clear and a login in between
// would else void the new record by the old marker, or keep the old record without it.
LoadResult RecordFile::load(std::string_view key) {
    if (!name_files()) return {.fault = {StoreCause::cipher}};
    for (int tries = 0; tries < most_load_tries; ++tries) {
        const Io<Stored> stored = read_stored(max_sealed_bytes + 1);
        if (!stored) return load_refused(stored.error());
        const Io<OpenFile> folder = files_->open_folder(StoreFiles::Missing::refuse);
        if (!folder && folder.error() != ENOENT) return load_refused(folder.error());
        const Io<FolderNames> names = folder ? read_names(*folder) : FolderNames();
        if (!names) return load_refused(names.error());
        const Io<Stored> again = read_stored(record_header_bytes);
        if (!again) return load_refused(again.error());
        if (again->version == stored->version) return judge(*stored, *names, key);
    }
    return load_refused(EWOULDBLOCK);
}

LoadResult RecordFile::judge(const Stored& stored, const FolderNames& names, std::string_view key) {
    LoadResult result = open(stored, names, key);
    removed_as_.reset();
    saw(stored, names);
    has_seen_clear_ = names.has_marker();
    if (result.fault.cause == StoreCause::cipher) return result;
    result.logout = logout_of(result, names);
    if (result.outcome == LoadOutcome::fault) return result;
    const bool is_found = result.outcome == LoadOutcome::found;
    const bool is_login = (is_found && result.record.state != TokenState::signed_out) ||
                          result.fault.cause == StoreCause::other_key;
    if (is_login && !result.logout.is_due) owes_destroy_ = false;  // the clear is over, and the key is that login's
    if (result.logout.is_due || (is_found && result.record.state == TokenState::signed_out)) has_seen_clear_ = true;
    const std::uint64_t owner = result.record.claim.owner;
    if (is_found || result.outcome == LoadOutcome::absent) release_claim_unless(owner);
    if (claims_have_locks && owner != 0 && !claim_lock_) result.claim_owner_is_dead = files_->is_claim_free();
    return result;
}

// What lies in the record's place, under its version, whatever it is.
LoadResult RecordFile::open(const Stored& stored, const FolderNames& names, std::string_view key) const {
    LoadResult result = lost(StoreCause::damaged, RecordKind::record);
    if (stored.file.node == FileBytes::Node::file) {
        result = open_record(*cipher_, key, files_->name(), stored.file.bytes);
    } else if (stored.file.node == FileBytes::Node::absent) {
        // A process that died between the quarantine and its save: counters must go on where it would have started.
        result.outcome = names.has_quarantine ? LoadOutcome::lost : LoadOutcome::absent;
        result.fault.cause = names.has_quarantine ? StoreCause::earlier : StoreCause::none;
    }
    result.version = result.record.version = stored.version;
    return result;
}

Io<RecordFile::Stored> RecordFile::read_stored(std::size_t limit) {
    Io<FileBytes> file = files_->read("", limit);
    if (!file) return io_error(file.error());
    Stored stored{std::move(*file), {}};
    if (stored.file.node != FileBytes::Node::absent)
        stored.version = version_of(stored.file.bytes, stored.file.info.size);
    return stored;
}

// A marker of version 0.1.0 has its epoch inside, others in their names.
Io<FolderNames> RecordFile::read_names(const OpenFile& folder) {
    const Io<Listing> listing = files_->list(folder, most_names);
    if (!listing) return io_error(listing.error());
    FolderNames names = portal::read_names(listing->names, listing->is_cut);
    for (LogoutFile& marker : names.markers) {
        if (marker.suffix != ".erase") continue;
        const Io<FileBytes> file = files_->read(marker.suffix, old_marker_bytes + 1);
        if (!file && file.error() != EPERM) return io_error(file.error());
        ByteReader in(file ? std::string_view(file->bytes) : std::string_view());
        const auto epoch = in.number<std::uint64_t>();
        if (in.complete() && epoch <= most_in_tombstone) marker.epoch = epoch;
    }
    return names;
}

// ---- News ------------------------------------------------------------------------------------------------------------

void RecordFile::saw(const Stored& stored, const FolderNames& names) {
    seen_version_ = stored.version;
    seen_file_.reset();
    if (stored.file.node == FileBytes::Node::file) seen_file_ = stored.file.info;
    saw(names);
}

void RecordFile::saw(const FolderNames& names) {
    seen_markers_.clear();
    for (const LogoutFile& marker : names.markers) seen_markers_.insert(marker.suffix);
}

bool RecordFile::has_new_marker(const OpenFile& folder) {
    const Io<Listing> listing = files_->list(folder, most_names);
    if (!listing) return false;
    return std::any_of(listing->names.begin(), listing->names.end(),
                       [&](const std::string& name) { return is_marker(name) && !seen_markers_.contains(name); });
}

bool RecordFile::has_news() {
    if (!name_files() || !seen_version_) return false;
    const Io<Stored> stored = read_stored(record_header_bytes);
    if (!stored) return false;
    if (stored->version != *seen_version_) return true;
    const Io<OpenFile> folder = files_->open_folder(StoreFiles::Missing::refuse);
    return folder && has_new_marker(*folder);
}

bool RecordFile::looks_changed() {
    const auto is_same = [](const FileInfo& a, const FileInfo& b) {
        return a.inode == b.inode && a.size == b.size && a.modified_ns == b.modified_ns;
    };
    if (!name_files() || !seen_version_) return false;
    const Io<FileInfo> now = files_->look();
    if (!now && now.error() != ENOENT) return false;
    if (now.has_value() != seen_file_.has_value() || (now && !is_same(*now, *seen_file_))) return true;
    const Io<OpenFile> folder = files_->open_folder(StoreFiles::Missing::refuse);
    if (!folder) return false;
    const Io<FileInfo> folder_now = files_->info(*folder);
    if (!folder_now || (seen_folder_ && is_same(*folder_now, *seen_folder_))) return false;
    if (has_new_marker(*folder)) return true;
    seen_folder_ = *folder_now;
    return false;
}

bool RecordFile::is_folder_there() {
    return name_files() && files_->open_folder(StoreFiles::Missing::refuse).has_value();
}

// ---- Save ------------------------------------------------------------------------------------------------------------

SaveResult RecordFile::save(const SaveRequest& request, const KeyAtHand& key) {
    if (!name_files()) return {.fault = {StoreCause::cipher}};
    return request.record.state == TokenState::signed_out ? save_tombstone(request, key) : save_live(request, key);
}

tl::expected<RecordFile::ToReplace, SaveResult> RecordFile::begin_save(const SaveRequest& request, std::string_view key) {
    const auto refused = [](int os_code) { return tl::unexpected<SaveResult>(save_refused(os_code)); };
    Io<OpenFile> folder = files_->open_folder(StoreFiles::Missing::make);
    if (!folder) return refused(folder.error());
    Io<FileLock> lock = files_->lock();
    if (!lock) return refused(lock.error());
    Io<Stored> stored = read_stored(max_sealed_bytes + 1);
    if (!stored) return refused(stored.error());
    Io<FolderNames> names = read_names(*folder);
    if (!names) return refused(names.error());
    LoadResult opened = open(*stored, *names, key);
    opened.logout = logout_of(opened, *names);
    if (opened.fault.cause == StoreCause::cipher) return tl::unexpected<SaveResult>({.fault = opened.fault});
    const bool is_tombstone = request.record.state == TokenState::signed_out;
    if (opened.fault.cause == StoreCause::newer_format && !is_tombstone)
        return tl::unexpected<SaveResult>({.fault = opened.fault});
    const bool is_removed_one = stored->version == RecordVersion() && removed_as_ == request.replaces;
    if (stored->version != request.replaces && !is_removed_one) return tl::unexpected<SaveResult>({SaveOutcome::conflict});
    return ToReplace{std::move(*folder), std::move(*lock), std::move(*stored), std::move(*names), std::move(opened)};
}

SaveResult RecordFile::save_live(const SaveRequest& request, const KeyAtHand& key) {
    Record record = request.record;
    record.name = session_name_;
    const Result<std::string> sealed = seal_record(*cipher_, key.bytes, files_->name(), record);
    if (!sealed) return {.fault = {StoreCause::cipher}};
    auto target = begin_save(request, key.bytes);
    if (!target) return target.error();
    if (target->opened.logout.is_unfinished) return finish_found_clear(*target, key);
    if (target->opened.logout.epoch > record.epoch) return {SaveOutcome::conflict};
    const bool is_new_claim = hold_claim(request);
    if (const Io<void> replaced = replace(*target, *sealed, Unreadable::quarantine); !replaced) {
        if (is_new_claim) release_claim_unless(0);
        return save_refused(replaced.error());
    }
    owes_destroy_ = false;
    sweep_after_live_save(*target, record.epoch);
    if (!request.claims) release_claim_unless(0);
    return {SaveOutcome::saved};
}

// The old record stays until the new one is whole on the medium.
Io<void> RecordFile::replace(const ToReplace& target, std::string_view sealed, Unreadable unreadable) {
    if (Io<void> removed = files_->remove(".tmp"); !removed) return removed;  // of a process that died
    Io<void> replaced = files_->write(".tmp", OpenFor::creating, sealed);
    if (replaced) replaced = displace(target, unreadable);
    if (replaced) replaced = files_->rename(".tmp", "");
    if (!replaced) {
        (void)files_->remove(".tmp");
        return replaced;
    }
    removed_as_.reset();
    seen_version_ = version_of(sealed, sealed.size());
    if (const Io<FileInfo> info = files_->look()) seen_file_ = *info;
    saw(target.names);
    return files_->sync(target.folder);
}

// What is not a file goes. A file that does not open may be wanted: a wrong key, a bug of ours.
Io<void> RecordFile::displace(const ToReplace& target, Unreadable unreadable) {
    if (target.stored.file.node == FileBytes::Node::other) return files_->remove("");
    const bool is_file = target.stored.file.node == FileBytes::Node::file;
    if (!is_file || target.opened.outcome != LoadOutcome::lost || unreadable == Unreadable::drop) return {};
    (void)files_->rename(".lost.1", ".lost.2");  // refused: then the newest alone is kept
    if (const Io<void> kept = files_->rename("", ".lost.1"); kept) return kept;
    if (Io<void> removed = files_->remove(".lost.1"); !removed) return removed;  // a folder, it seems
    return files_->rename("", ".lost.1");
}

// A live record of that epoch is in place: what is left of logouts up to it is stale, and so is what the replaced record had
// outlived. Refused: it stays stale.
void RecordFile::sweep_after_live_save(const ToReplace& target, std::uint64_t epoch) {
    const bool had_outlived = target.opened.fault.cause == StoreCause::other_key;
    for (const LogoutFile& marker : target.names.markers)
        if (marker.epoch <= epoch) (void)files_->remove(marker.suffix);
    for (const LogoutFile& witness : target.names.witnesses)
        if (witness.epoch <= epoch || had_outlived) (void)files_->remove(witness.suffix);
}

// ---- The claim's lock --------------------------------------------------------------------------------------------------

// Held from before the claim is stored. Where it can't be had (a frozen process holds it, whose claim has lapsed), the claim
// lives by its limit alone. A child that is forked shares the open file: a claim that is past its limit is dead all the same.
bool RecordFile::hold_claim(const SaveRequest& request) {
    if (!claims_have_locks || !request.claims) return false;
    if (claim_lock_) {
        claim_owner_ = request.record.claim.owner;
        return false;
    }
    Io<FileLock> lock = files_->lock_claim();
    if (!lock) return false;
    claim_lock_.emplace(std::move(*lock));
    claim_owner_ = request.record.claim.owner;
    return true;
}

void RecordFile::release_claim_unless(std::uint64_t owner) {
    if (owner == claim_owner_ && owner != 0) return;
    claim_lock_.reset();
    claim_owner_ = 0;
}

}  // namespace portal

#include "store/record_file.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "store/little_endian.hpp"
#include "store/sealed_record.hpp"

namespace portal {
namespace {

// Over in a moment, and nothing is wrong with what is stored.
bool passing(int os_code) { return os_code == EWOULDBLOCK || os_code == EMFILE || os_code == ENFILE || os_code == ENOMEM; }

LoadResult load_refused(int os_code) {
    return {.outcome = passing(os_code) ? LoadOutcome::unavailable : LoadOutcome::fault,
            .fault = {StoreCause::system, os_code}};
}

SaveResult save_refused(int os_code) {
    return {passing(os_code) ? SaveOutcome::unavailable : SaveOutcome::fault, {StoreCause::system, os_code}};
}

std::string parent_of(const std::string& path) {
    const std::size_t last = path.find_last_not_of('/');
    const std::size_t slash = last == std::string::npos ? last : path.rfind('/', last);
    if (slash == std::string::npos) return last == std::string::npos ? "/" : ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

class RecordFile::OpenFile {
public:
    OpenFile(FileSystem& files, int number) : files_(&files), number_(number) {}
    OpenFile(OpenFile&& other) noexcept : files_(other.files_), number_(std::exchange(other.number_, -1)) {}
    ~OpenFile() {
        if (number_ != -1) files_->close(number_);
    }
    [[nodiscard]] int number() const { return number_; }

private:
    FileSystem* files_;
    int number_;
};

class RecordFile::Lock {
public:
    Lock(FileSystem& files, OpenFile file) : files_(&files), file_(std::move(file)) {}
    Lock(Lock&&) noexcept = default;
    ~Lock() {
        if (file_.number() != -1) files_->unlock(file_.number());
    }

private:
    FileSystem* files_;
    OpenFile file_;
};

RecordFile::RecordFile(std::string directory, std::string session_name, std::shared_ptr<FileSystem> files,
                       std::shared_ptr<Cipher> cipher, std::function<void()> erased)
    : directory_(std::move(directory)),
      session_name_(session_name.empty() ? "default" : std::move(session_name)),
      files_(std::move(files)),
      cipher_(std::move(cipher)),
      erased_(std::move(erased)) {}

LoadResult RecordFile::load(std::string_view key, OtherKey other_key) {
    if (!name_files()) return {.fault = {StoreCause::cipher}};
    LoadResult result = read_record(key);
    const bool may_open_later = result.fault.cause == StoreCause::other_key && other_key == OtherKey::keep;
    if (result.outcome == LoadOutcome::lost && !may_open_later) result = set_aside(key);
    if (result.outcome == LoadOutcome::absent && !seen_revision_) result = lost_earlier();
    if (result.outcome == LoadOutcome::unavailable || result.outcome == LoadOutcome::fault) return result;

    // After the record: had it been read the other way round, a clear in between would be missed.
    const Io<std::uint64_t> marked = marked_epoch();
    if (!marked) return load_refused(marked.error());
    const bool erased = result.outcome == LoadOutcome::found && result.record.epoch >= *marked;
    if (*marked != 0 && erased) finish_erase(result.record.state);  // refused: the marker stays, the next load tries again
    result.erase_pending = *marked != 0 && !erased;
    if (result.outcome == LoadOutcome::found)
        seen_revision_ = result.record.revision;
    else if (!may_open_later)
        seen_revision_ = 0;
    return result;
}

SaveResult RecordFile::save(Record record, std::string_view key) {
    if (!name_files()) return {.fault = {StoreCause::cipher}};
    const bool tombstone = record.state == TokenState::signed_out;
    if (tombstone) mark_erase(record.epoch);
    const std::uint64_t expected = record.revision++;
    const Result<std::string> sealed = seal_record(*cipher_, key, name_hash_, record);
    if (!sealed) return {.fault = {StoreCause::cipher}};

    const Io<Lock> lock_held = lock();
    if (!lock_held) return save_refused(lock_held.error());
    const Io<std::optional<std::uint64_t>> stored = stored_revision();
    if (!stored) return save_refused(stored.error());
    const Io<std::uint64_t> marked = marked_epoch();
    if (!marked) return save_refused(marked.error());
    if (*stored != expected || (!tombstone && *marked > record.epoch)) return {SaveOutcome::conflict};
    if (const Io<void> replaced = replace_record(*sealed); !replaced) return save_refused(replaced.error());
    seen_revision_ = record.revision;
    if (!tombstone) return {SaveOutcome::saved};
    if (const Io<void> finished = finish_erase(record.state); !finished) return save_refused(finished.error());
    return {SaveOutcome::saved};
}

// ---- News ------------------------------------------------------------------------------------------------------------

bool RecordFile::has_news() {
    if (!name_files()) return false;
    const Io<std::optional<std::uint64_t>> stored = stored_revision();
    return stored && seen_revision_ && *stored != seen_revision_;
}

std::string RecordFile::name() { return name_files() ? name_hash_ : std::string(); }

// ---- The record ------------------------------------------------------------------------------------------------------

LoadResult RecordFile::read_record(std::string_view key) {
    const Io<std::string> sealed = read_file(record_path_, max_sealed_bytes + 1);
    if (sealed) return open_record(*cipher_, key, name_hash_, *sealed);
    if (sealed.error() != ENOENT) return load_refused(sealed.error());
    LoadResult result;
    result.outcome = LoadOutcome::absent;
    return result;
}

LoadResult RecordFile::set_aside(std::string_view key) {
    const Io<Lock> lock_held = lock();
    if (!lock_held) return load_refused(lock_held.error());
    // Another process may have put a good record in its place.
    LoadResult result = read_record(key);
    if (result.outcome != LoadOutcome::lost) return result;
    const std::string newer = record_path_ + ".lost.1";
    files_->rename(newer, record_path_ + ".lost.2");  // refused: then the newest alone is kept
    Io<void> moved = files_->rename(record_path_, newer);
    if (moved) moved = sync_directory(directory_);
    return moved ? result : load_refused(moved.error());
}

// Who set it aside may have ended without a save: whoever comes next must start where it would have, not at the first
// generation, which leases of before may name.
LoadResult RecordFile::lost_earlier() {
    const Io<OpenFile> lost = open(record_path_ + ".lost.1", OpenFor::reading);
    if (!lost && lost.error() != ENOENT) return load_refused(lost.error());
    LoadResult result;
    result.outcome = lost ? LoadOutcome::lost : LoadOutcome::absent;
    result.fault.cause = lost ? StoreCause::earlier : StoreCause::none;
    return result;
}

// 0: no record. Nothing: a header that cannot be read; that is a conflict too, and the load that follows tells the loss.
Io<std::optional<std::uint64_t>> RecordFile::stored_revision() {
    const Io<std::string> header = read_file(record_path_, sealed_header_bytes);
    if (header) return sealed_revision(*header);
    if (header.error() == ENOENT) return std::optional<std::uint64_t>(0);
    return io_error(header.error());
}

Io<void> RecordFile::replace_record(std::string_view sealed) {
    const std::string temporary = record_path_ + ".tmp";
    if (Io<void> removed = remove_if_there(temporary); !removed) return removed;  // of a process that died
    Io<void> replaced = write_file(temporary, OpenFor::creating, sealed);
    if (replaced) replaced = files_->rename(temporary, record_path_);
    if (!replaced) {
        files_->remove(temporary);
        return replaced;
    }
    return sync_directory(directory_);
}

// ---- The pending erase -----------------------------------------------------------------------------------------------

// Without the lock, which a frozen process may hold. Refused (a full disk): the tombstone itself is tried all the same.
void RecordFile::mark_erase(std::uint64_t epoch) {
    const Io<std::uint64_t> marked = marked_epoch();
    if (marked && *marked >= epoch) return;
    std::string bytes;
    append_number<std::uint64_t>(bytes, epoch);
    if (write_file(record_path_ + ".erase", OpenFor::overwriting, bytes)) sync_directory(directory_);
}

// 0: no marker. One without its number is just being written; if it stays so, since its writer died or the disk was full,
// it stands for every epoch.
Io<std::uint64_t> RecordFile::marked_epoch() {
    for (std::int64_t waited_ms = 0;; waited_ms += lock_pause_ms) {
        const Io<std::string> bytes = read_file(record_path_ + ".erase", sizeof(std::uint64_t));
        if (!bytes && bytes.error() == ENOENT) return 0;
        if (!bytes) return io_error(bytes.error());
        ByteReader in(*bytes);
        const auto epoch = in.number<std::uint64_t>();
        if (in.complete() && epoch != 0) return epoch;
        if (waited_ms >= marker_limit_ms) return std::numeric_limits<std::uint64_t>::max();
        files_->sleep(lock_pause_ms);
    }
}

// The record is of the clear's epoch or a later one; what is left is the other files. The marker goes last.
Io<void> RecordFile::finish_erase(TokenState stored) {
    if (stored == TokenState::signed_out) erased_();
    for (const char* suffix : {".lost.1", ".lost.2"})
        if (Io<void> removed = remove_if_there(record_path_ + suffix); !removed) return removed;
    if (Io<void> synced = sync_directory(directory_); !synced) return synced;
    return remove_if_there(record_path_ + ".erase");
}

// ---- Files -----------------------------------------------------------------------------------------------------------

bool RecordFile::name_files() {
    if (!record_path_.empty()) return true;
    const Result<std::string> hash = cipher_->sha256_hex(session_name_);
    if (!hash) return false;
    name_hash_ = *hash;
    record_path_ = directory_ + "/" + name_hash_;
    return true;
}

// Where the folder is missing, a file that is to be created gets one.
Io<RecordFile::OpenFile> RecordFile::open(const std::string& path, OpenFor purpose) {
    Io<int> file = files_->open(path, purpose);
    const bool creates = purpose == OpenFor::overwriting || purpose == OpenFor::locking;
    if (!file && file.error() == ENOENT && creates) {
        if (const Io<void> made = make_directories(directory_); !made) return io_error(made.error());
        file = files_->open(path, purpose);
    }
    if (!file) return io_error(file.error());
    return OpenFile(*files_, *file);
}

Io<std::string> RecordFile::read_file(const std::string& path, std::size_t limit) {
    const Io<OpenFile> file = open(path, OpenFor::reading);
    if (!file) return io_error(file.error());
    const Io<FileInfo> info = files_->info(file->number());
    if (!info) return io_error(info.error());
    if (!info->regular) return io_error(EINVAL);
    if (!info->ours) return io_error(EPERM);
    std::string bytes(std::min<std::uint64_t>(info->size, limit), '\0');
    const Io<std::size_t> count = files_->read(file->number(), bytes.data(), bytes.size());
    if (!count) return io_error(count.error());
    bytes.resize(*count);
    return bytes;
}

Io<void> RecordFile::write_file(const std::string& path, OpenFor purpose, std::string_view bytes) {
    const Io<OpenFile> file = open(path, purpose);
    if (!file) return io_error(file.error());
    const Io<void> written = files_->write(file->number(), bytes);
    if (!written) return written;
    return files_->sync(file->number());
}

Io<void> RecordFile::remove_if_there(const std::string& path) {
    Io<void> removed = files_->remove(path);
    if (!removed && removed.error() == ENOENT) return {};
    return removed;
}

Io<void> RecordFile::make_directories(const std::string& path) {
    const std::string parent = parent_of(path);
    Io<void> made = files_->make_directory(path);
    if (!made && made.error() == ENOENT && parent != path) {
        if (Io<void> above = make_directories(parent); !above) return above;
        made = files_->make_directory(path);
    }
    if (!made) return made.error() == EEXIST ? Io<void>() : made;
    return sync_directory(parent);
}

Io<void> RecordFile::sync_directory(const std::string& path) {
    const Io<OpenFile> directory = open(path, OpenFor::directory);
    if (!directory) return io_error(directory.error());
    return files_->sync(directory->number());
}

auto RecordFile::lock() -> Io<Lock> {
    Io<OpenFile> file = open(record_path_ + ".lock", OpenFor::locking);
    if (!file) return io_error(file.error());
    for (std::int64_t waited_ms = 0;; waited_ms += lock_pause_ms) {
        const Io<void> locked = files_->try_lock(file->number());
        if (locked) return Lock(*files_, std::move(*file));
        if (locked.error() != EWOULDBLOCK || waited_ms >= lock_limit_ms) return io_error(locked.error());
        files_->sleep(lock_pause_ms);
    }
}

}  // namespace portal

#include "store/store_files.hpp"

#include <algorithm>
#include <cerrno>

#include "base/random.hpp"

namespace portal {
namespace {

constexpr std::int64_t claim_lock_limit_ms = 50;

std::string parent_of(const std::string& path) {
    const std::size_t last = path.find_last_not_of('/');
    const std::size_t slash = last == std::string::npos ? last : path.rfind('/', last);
    if (slash == std::string::npos) return last == std::string::npos ? "/" : ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

// Where the folder is missing, a file that is to be created gets one.
Io<OpenFile> StoreFiles::open(const std::string& path, OpenFor purpose) {
    Io<int> file = files_->open(path, purpose);
    const bool creates = purpose != OpenFor::reading && purpose != OpenFor::directory;
    if (!file && file.error() == ENOENT && creates) {
        if (const Io<void> made = make_directories(directory_); !made) return io_error(made.error());
        file = files_->open(path, purpose);
    }
    if (!file) return io_error(file.error());
    return OpenFile(*files_, *file);
}

Io<FileBytes> StoreFiles::read(std::string_view suffix, std::size_t limit) {
    FileBytes found;
    const Io<OpenFile> file = open(path(suffix), OpenFor::reading);
    if (!file && file.error() == ENOENT) return found;
    found.node = FileBytes::Node::other;
    if (!file && (file.error() == ELOOP || file.error() == ENXIO)) return found;  // a link, a socket
    if (!file) return io_error(file.error());
    const Io<FileInfo> info = files_->info(file->number());
    if (!info) return io_error(info.error());
    if (!info->regular) return found;
    if (!info->ours) return io_error(EPERM);
    found.node = FileBytes::Node::file;
    found.info = *info;
    found.bytes.resize(std::min<std::uint64_t>(info->size, limit));
    const Io<std::size_t> count = files_->read(file->number(), found.bytes.data(), found.bytes.size());
    if (!count) return io_error(count.error());
    found.bytes.resize(*count);
    return found;
}

Io<void> StoreFiles::write(std::string_view suffix, OpenFor purpose, std::string_view bytes) {
    const Io<OpenFile> file = open(path(suffix), purpose);
    if (!file) return io_error(file.error());
    const Io<void> written = files_->write(file->number(), bytes);
    if (!written) return written;
    return files_->sync(file->number());
}

// What is in a folder is not ours to delete: it goes out of the way as it is, under a name that is not the record's.
Io<void> StoreFiles::remove(std::string_view suffix) {
    Io<void> removed = files_->remove(path(suffix));
    if (removed || removed.error() == ENOENT) return {};
    if (removed.error() != ENOTEMPTY && removed.error() != EEXIST) return removed;
    return files_->rename(path(suffix), directory_ + "/set-aside." + std::to_string(entropy()));
}

Io<OpenFile> StoreFiles::open_folder(Missing missing) {
    Io<OpenFile> folder = open(directory_, OpenFor::directory);
    if (!folder && folder.error() == ENOENT && missing == Missing::make) {
        if (const Io<void> made = make_directories(directory_); !made) return io_error(made.error());
        return open_folder(Missing::refuse);
    }
    if (!folder) return folder;
    const Io<FileInfo> info = files_->info(folder->number());
    if (!info) return io_error(info.error());
    if (info->open_to_all || !(info->ours || info->roots)) return io_error(EPERM);
    return folder;
}

Io<Listing> StoreFiles::list(const OpenFile& folder, std::size_t most) {
    Io<Listing> listing = files_->list(folder.number(), name_, most);
    if (listing)
        for (std::string& name : listing->names) name.erase(0, name_.size());
    return listing;
}

Io<void> StoreFiles::make_directories(const std::string& path) {
    const std::string parent = parent_of(path);
    Io<void> made = files_->make_directory(path);
    if (!made && made.error() == ENOENT && parent != path) {
        if (Io<void> above = make_directories(parent); !above) return above;
        made = files_->make_directory(path);
    }
    if (!made) return made.error() == EEXIST ? Io<void>() : made;
    const Io<OpenFile> folder = open(parent, OpenFor::directory);
    if (!folder) return io_error(folder.error());
    return files_->sync(folder->number());
}

// ---- locks ----

// Under the folder's own lock, so that of two processes that do it neither takes away the lock that the other has made.
Io<void> StoreFiles::remove_what_is_no_lock(std::string_view suffix) {
    Io<OpenFile> folder = open_folder(Missing::refuse);
    if (!folder) return io_error(folder.error());
    if (const Io<void> locked = files_->try_lock(folder->number()); !locked) return locked;
    const FileLock alone(files_, std::move(*folder));
    const Io<FileInfo> there = files_->look(path(suffix));
    if (!there && there.error() != ENOENT) return io_error(there.error());
    return there && !there->regular ? remove(suffix) : Io<void>();
}

Io<OpenFile> StoreFiles::open_lock(std::string_view suffix) {
    for (bool is_first = true;; is_first = false) {
        Io<OpenFile> file = open(path(suffix), OpenFor::locking);
        const bool is_other = !file && (file.error() == ELOOP || file.error() == EISDIR || file.error() == ENXIO);
        if (!file && !(is_other && is_first)) return file;
        const Io<FileInfo> info = file ? files_->info(file->number()) : FileInfo();
        if (!info) return io_error(info.error());
        if (info->regular) return file;
        if (!is_first) return io_error(EINVAL);
        if (const Io<void> removed = remove_what_is_no_lock(suffix); !removed) return io_error(removed.error());
    }
}

Io<FileLock> StoreFiles::lock(std::string_view suffix, std::int64_t limit_ms) {
    Io<OpenFile> file = open_lock(suffix);
    if (!file) return io_error(file.error());
    for (std::int64_t waited_ms = 0;; waited_ms += lock_pause_ms) {
        const Io<void> locked = files_->try_lock(file->number());
        if (locked) return FileLock(files_, std::move(*file));
        if (locked.error() != EWOULDBLOCK || waited_ms >= limit_ms) return io_error(locked.error());
        files_->sleep(lock_pause_ms);
    }
}

Io<FileLock> StoreFiles::lock() { return lock(".lock", lock_limit_ms); }
Io<FileLock> StoreFiles::lock_claim() { return lock(".claim", claim_lock_limit_ms); }

bool StoreFiles::is_claim_free() {
    Io<OpenFile> file = open(path(".claim"), OpenFor::reading);
    if (!file) return false;
    const Io<FileInfo> info = files_->info(file->number());
    if (!info || !info->regular || !info->ours || !files_->try_lock_shared(file->number())) return false;
    const FileLock probe(files_, std::move(*file));
    return true;
}

}  // namespace portal

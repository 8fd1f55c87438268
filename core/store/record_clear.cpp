// A clear in the file store: its marker, its tombstone, the key's end, and the witness that outlives them.
#include <cerrno>
#include <string>
#include <vector>

#include "store/little_endian.hpp"
#include "store/record_file.hpp"
#include "store/store_answers.hpp"

namespace portal {
namespace {

constexpr std::size_t proof_bytes = sizeof(std::uint64_t) + sizeof(Mac);
constexpr int most_sweeps = 10'000;  // of most_names files each

}  // namespace

// ---- the marker ----

// What a marker holds where whoever wrote it had the key: lineage 8 | HMAC(key, "erase", name's hash, lineage, epoch).
std::string RecordFile::proof_of_clear(std::string_view key, std::uint64_t lineage, std::uint64_t epoch) const {
    std::string text = "erase" + files_->name();
    append_number<std::uint64_t>(text, lineage);
    append_number<std::uint64_t>(text, epoch);
    const Result<Mac> mac = cipher_->mac(key, text);
    if (!mac) return {};
    std::string proof;
    append_number<std::uint64_t>(proof, lineage);
    return proof + std::string(mac->data(), mac->size());
}

// Without the lock, which a frozen process may hold. Refused (a full disk): the tombstone itself is tried all the same.
void RecordFile::mark_clear(std::uint64_t epoch, const std::string& proof) {
    const std::string suffix = marker_suffix(epoch);
    const Io<void> written = files_->write(suffix, proof.empty() ? OpenFor::creating : OpenFor::overwriting, proof);
    if (!written) return;
    seen_markers_.insert(suffix);
    if (const Io<OpenFile> folder = files_->open_folder(StoreFiles::Missing::refuse)) (void)files_->sync(*folder);
}

// Unknown: a marker may hold a proof that can't be checked without the key, which is locked away now.
RecordFile::Proof RecordFile::proof_in_markers(const ToReplace& target, const KeyAtHand& key, std::uint64_t lineage) {
    Proof found = Proof::none;
    for (const LogoutFile& marker : target.names.markers) {
        if (marker.epoch == 0 || marker.suffix == ".erase") continue;
        const Io<FileBytes> file = files_->read(marker.suffix, proof_bytes + 1);
        if (!file || file->bytes.size() != proof_bytes) continue;
        if (!key.is_known) found = Proof::unknown;
        if (key.bytes.empty()) continue;
        for (const std::uint64_t of : {target.stored.version.lineage, lineage})
            if (file->bytes == proof_of_clear(key.bytes, of, marker.epoch)) return Proof::valid;
    }
    return found;
}

// ---- the tombstone ----

SaveResult RecordFile::save_tombstone(const SaveRequest& request, const KeyAtHand& key) {
    const Record& tombstone = request.record;
    const std::string own_proof = proof_of_clear(key.bytes, tombstone.version.lineage, tombstone.epoch);
    if (!request.finishes_clear) {
        if (const Io<OpenFile> folder = files_->open_folder(StoreFiles::Missing::make); !folder)
            return save_refused(folder.error());
        mark_clear(tombstone.epoch, own_proof);
    }
    // Of an epoch that is yet to be read: the marker holds for whatever is stored, until a tombstone of a known epoch comes.
    if (tombstone.epoch == 0) return {SaveOutcome::conflict};
    auto target = begin_save(request, key.bytes);
    if (!target) return target.error();
    if (target->opened.logout.epoch > tombstone.epoch) return {SaveOutcome::conflict};  // by a later clear
    const Proof proof =
        request.finishes_clear ? proof_in_markers(*target, key, tombstone.version.lineage) : Proof::valid;
    // What a tombstone may not hold (a number that nobody would believe), the absence of a record says.
    const Result<std::string> sealed = seal_record(*cipher_, {}, files_->name(), tombstone);
    if (!sealed && sealed.error().code == Code::internal) return {.fault = {StoreCause::cipher}};
    const Io<void> replaced =
        sealed ? replace(*target, *sealed, Unreadable::drop) : remove_record_as(*target, tombstone.version);
    if (!replaced) {
        if (sealed && seen_version_ != tombstone.version) (void)remove_record(*target);
        return save_refused(replaced.error());
    }
    SaveResult finished = finish_clear(*target, tombstone.epoch, proof);
    finished.has_tombstone = sealed.has_value();
    // What is left to do outlives this process in the marker alone. Refused before, it has room now that the record is short.
    if (finished.outcome != SaveOutcome::saved && !request.finishes_clear) mark_clear(tombstone.epoch, own_proof);
    return finished;
}

Io<void> RecordFile::remove_record(const ToReplace& target) {
    if (Io<void> removed = files_->remove(""); !removed) return removed;
    seen_version_ = RecordVersion();
    seen_file_.reset();
    saw(target.names);
    return files_->sync(target.folder);
}

Io<void> RecordFile::remove_record_as(const ToReplace& target, const RecordVersion& tombstone) {
    Io<void> removed = remove_record(target);
    if (removed) removed_as_ = tombstone;
    return removed;
}

// ---- the end of a clear ----

// A save of a live record came upon a clear that is not finished. It finishes one whose tombstone is in place; either way
// the session has to load again, and to fetch its key anew.
SaveResult RecordFile::finish_found_clear(const ToReplace& target, const KeyAtHand& key) {
    const bool is_tombstone = target.opened.outcome == LoadOutcome::found &&
                              target.opened.record.state == TokenState::signed_out;
    if (!is_tombstone || target.opened.logout.epoch != 0) return {SaveOutcome::conflict};
    const Proof proof = proof_in_markers(target, key, target.stored.version.lineage);
    const SaveResult finished = finish_clear(target, target.opened.record.epoch, proof);
    return finished.outcome == SaveOutcome::saved ? SaveResult{SaveOutcome::conflict} : finished;
}

SaveResult RecordFile::finish_clear(const ToReplace& target, std::uint64_t epoch, Proof proof) {
    if (proof == Proof::valid) owes_destroy_ = true;
    if (owes_destroy_ && destroy_key_()) {
        owes_destroy_ = false;
        proof = Proof::none;
    }
    if (owes_destroy_ || proof == Proof::unknown) return {SaveOutcome::unavailable, {StoreCause::key}};
    release_claim_unless(0);
    if (const Io<void> swept = sweep_after_clear(target, epoch); !swept) return save_refused(swept.error());
    return {SaveOutcome::saved};
}

// First what may hold a token. Then the witness takes over from the marker: one of them stands at any time.
Io<void> RecordFile::sweep_after_clear(const ToReplace& target, std::uint64_t epoch) {
    const std::string marker = marker_suffix(epoch);
    (void)files_->write(marker, OpenFor::creating, {});  // there is one, or the disk is full: then do without
    for (int sweeps = 0; sweeps < most_sweeps; ++sweeps) {
        const Io<FolderNames> names = read_names(target.folder);
        if (!names) return io_error(names.error());
        std::vector<std::string> stale = names->others;
        for (const auto* files : {&names->markers, &names->witnesses})
            for (const LogoutFile& file : *files)
                if (file.suffix != marker) stale.push_back(file.suffix);
        for (const std::string& suffix : stale)
            if (Io<void> removed = files_->remove(suffix); !removed) return removed;
        if (!names->is_cut) break;
    }
    if (Io<void> synced = files_->sync(target.folder); !synced) return synced;
    const Io<void> witnessed = files_->rename(marker, witness_suffix(epoch));
    if (!witnessed && witnessed.error() != ENOENT) return witnessed;
    return files_->sync(target.folder);
}

}  // namespace portal

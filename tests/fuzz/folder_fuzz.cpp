// Whatever lies in the folder: a session loads it, a push is found by the next process, and a logout leaves no token.
#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "store/aes_gcm_cipher.hpp"
#include "store/sealed_record.hpp"
#include "support/catch.hpp"
#include "support/folder_maker.hpp"
#include "support/memory_file_system.hpp"
#include "support/plain_session.hpp"

namespace {

using namespace portal;
using namespace portal::test;

constexpr int folders = 100'000;
const std::string directory = "/store";
struct Counts {
    int magic = 0;
    int seal = 0;
    int decoder = 0;
    int proven = 0;
    int newer = 0;
};

void count(const Cipher& cipher, const std::string& hash, const MadeFolder& folder, Counts& counts) {
    counts.proven += folder.is_proven ? 1 : 0;
    const std::string bytes = folder.record();
    const auto header = read_header(bytes);
    if (!header) return;
    ++counts.magic;
    const bool is_tombstone = header->kind == RecordKind::tombstone;
    if (bytes.size() < sealed_clear_bytes) return;
    if (cipher.open(is_tombstone ? public_key : host_key, bytes.substr(0, sealed_clear_bytes) + hash,
                    bytes.substr(sealed_clear_bytes)))
        ++counts.seal;
    if (open_record(cipher, host_key, hash, bytes).outcome == LoadOutcome::found) ++counts.decoder;
}

std::shared_ptr<MemoryFileSystem> disk_with(const MadeFolder& folder, const std::string& hash) {
    using Kind = MemoryFileSystem::Kind;
    auto disk = std::make_shared<MemoryFileSystem>(directory);
    for (const auto& [suffix, file] : folder.files)
        disk->put(directory + "/" + hash + suffix, file.bytes,
                  std::array{Kind::file, Kind::directory, Kind::pipe, Kind::link}[static_cast<std::size_t>(file.kind)]);
    return disk;
}

// What was wrong; empty: nothing.
std::string try_folder(const MadeFolder& folder, const std::string& hash, const std::shared_ptr<AesGcmCipher>& cipher,
                       Counts& counts) {
    const auto files = disk_with(folder, hash);
    const auto keychain = std::make_shared<Keychain>();
    const auto open = [&] { return PlainSession(directory, files, cipher, keychain); };
    const auto before = files->files();
    const LoadResult loaded = open().load();
    if (files->files() != before) return "a load changed a file";
    if (loaded.outcome == LoadOutcome::unavailable) return "a load was refused";

    const SaveResult pushed = open().push(new_token);
    const bool is_newer = pushed.fault.cause == StoreCause::newer_format;
    counts.newer += is_newer ? 1 : 0;
    if (pushed.outcome != SaveOutcome::saved && !is_newer) return "a push is not saved";
    if (keychain->destroyed > (folder.is_proven ? 1 : 0)) return "a key was destroyed without a proof";
    PlainSession next = open();
    next.load();
    if (!is_newer && next.token() != new_token) return "the next process does not find the token";
    if (is_newer && folder.record() != files->files().at(directory + "/" + hash)) return "a newer record was touched";

    const int destroyed = keychain->destroyed;
    PlainSession leaving = open();
    if (leaving.log_out().outcome != SaveOutcome::saved) return "a logout is not saved";
    if (keychain->destroyed == destroyed) return "a logout destroyed no key";
    PlainSession last = open();
    last.load();
    if (!last.token().empty()) return "a token is found after the logout";
    if (!last.is_signed_out()) return "the next process does not know that it is signed out";
    if (last.load().logout.is_unfinished) return "the logout is unfinished";
    for (const auto& [path, bytes] : files->files())
        if (holds_a_token(bytes, *cipher, hash, keychain->key)) return "a file holds a token after the logout";
    if (files->files().size() > 4) return "the logout left more files than record, lock, claim and witness";
    if (files->open_files() != 0) return "a file was left open";
    return {};
}

TEST_CASE("100,000 folders: each heals, keeps what is pushed, and holds no token after a logout") {
    const auto cipher = std::make_shared<AesGcmCipher>();
    FolderMaker maker(3);
    Counts counts;
    std::map<std::string, std::pair<int, int>> flaws;  // how often, and the first folder's number
    for (int i = 0; i < folders; ++i) {
        const MadeFolder& folder = maker.next();
        count(*cipher, maker.hash(), folder, counts);
        const std::string flaw = try_folder(folder, maker.hash(), cipher, counts);
        if (flaw.empty()) continue;
        auto& [times, first] = flaws.try_emplace(flaw, 0, i).first->second;
        ++times;
    }
    for (const auto& [flaw, seen] : flaws)
        FAIL_CHECK(flaw << ": " << seen.first << " folders, the first is number " << seen.second);
    WARN(folders << " folders: " << counts.magic << " passed the magic, " << counts.seal << " the seal, " << counts.decoder
                 << " the decoder and reached the merge; " << counts.proven << " with a proven marker, " << counts.newer
                 << " of a newer format");
    CHECK(counts.decoder >= 10'000);
    CHECK(counts.seal > counts.decoder);
    CHECK(counts.magic > counts.seal);
}

}  // namespace

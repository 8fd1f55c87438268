// Whatever lies in the folder: a session loads it, a push is found by the next process, and a logout leaves no token. The
// folders are made as an attacker with write access makes them, as a crash leaves them, and as a version with a bug would.
#include <array>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "store/aes_gcm_cipher.hpp"
#include "store/little_endian.hpp"
#include "store/sealed_record.hpp"
#include "support/catch.hpp"
#include "support/memory_file_system.hpp"
#include "support/mutation.hpp"
#include "support/plain_session.hpp"

namespace {

using namespace portal;
using namespace portal::test;

constexpr int folders = 100'000;
const std::string directory = "/store";
const std::string public_key = "portal-session tombstone, no key";
const std::string host_key(key_bytes, 'k');
const std::string stranger_key(key_bytes, 's');
const std::string old_token = "canary-old-token";
const std::string new_token = "canary-new-token";

struct Counts {
    int magic = 0;
    int seal = 0;
    int decoder = 0;
    int proven = 0;  // with a marker that carries a valid proof
    int newer = 0;
};

class Maker {
public:
    explicit Maker(std::uint64_t seed) : random_(seed), hash_(*cipher_.sha256_hex("default")), path_(directory + "/" + hash_) {}

    std::shared_ptr<MemoryFileSystem> next() {
        is_proven = false;
        files_ = std::make_shared<MemoryFileSystem>(directory);
        record_.clear();
        if (below(12) != 0) place_record();
        for (const char* suffix : {".lock", ".claim"})
            if (one_in(2)) files_->put(path_ + suffix, one_in(4) ? any_bytes(20) : "");
        for (const char* suffix : {".tmp", ".lost.1", ".lost.2"})
            if (one_in(4)) files_->put(path_ + suffix, one_in(2) ? whole() : any_bytes(300));
        while (one_in(2)) place_name();
        if (one_in(500))
            for (int i = 0; i < 200; ++i) files_->put(path_ + ".erase." + std::to_string(number()), "");
        return files_;
    }
    [[nodiscard]] const std::string& record() const { return record_; }
    [[nodiscard]] const std::string& hash() const { return hash_; }
    [[nodiscard]] const std::string& path() const { return path_; }
    bool is_proven = false;

private:
    std::uint64_t below(std::uint64_t end) { return random_() % end; }
    bool one_in(std::uint64_t chances) { return below(chances) == 0; }
    // Small, believable, at a bound, or anything; of each size as many.
    std::uint64_t number() {
        static constexpr std::array<std::uint64_t, 7> bounds{most_in_tombstone, counters_end, revisions_end, std::uint64_t{1} << 53,
                                                             std::uint64_t{1} << 63, 0, wall_seconds};
        switch (below(4)) {
            case 0: return below(8);
            case 1: return bounds[below(bounds.size())] + below(3) - 1;
            case 2: return random_() >> below(64);
            default: return wall_seconds + below(1000);
        }
    }
    std::int64_t instant() { return static_cast<std::int64_t>(number()); }
    std::string any_bytes(std::size_t most) {
        std::string bytes(below(most + 1), '\0');
        for (char& byte : bytes) byte = static_cast<char>(random_());
        return bytes;
    }

    Record live() {
        Record record = sample_record(std::max<std::uint64_t>(number(), 1), old_token);
        record.version.lineage = random_() | 1;
        record.epoch = number();
        record.generation = number();
        record.slid.boot_ms = instant();
        record.backoff.not_before_boot_ms = instant();
        record.claim.started_boot_ms = instant();
        record.claim.limit_boot_ms = static_cast<std::int64_t>(static_cast<std::uint64_t>(record.claim.started_boot_ms) + below(400'000));
        record.rejections.debt_ms = one_in(2) ? static_cast<std::int64_t>(below(1'800'000)) : instant();
        return record;
    }
    // The body that no encoder makes: a sound one, with numbers and bytes put in its place. Then it is sealed as any.
    std::string sealed_anyhow(const std::string& key, RecordKind kind) {
        RecordHeader header{record_format, kind, {random_() | 1, std::max<std::uint64_t>(number(), 1)}};
        std::string body;
        if (kind == RecordKind::tombstone) {
            append_number<std::uint64_t>(body, number());
            append_number<std::uint64_t>(body, number());
            if (one_in(20)) body += any_bytes(8);
        } else {
            body = encode_body(sample_record(7, old_token))->reveal();
            for (std::uint64_t changes = below(4); changes > 0; --changes) {
                std::string bytes;
                append_number<std::uint64_t>(bytes, number());
                body.replace(below(body.size()), 8, bytes);
            }
        }
        const std::string clear = encode_header(header) + *key_check(cipher_, key);
        return clear + *cipher_.seal(key, clear + hash_, body);
    }
    std::string sealed(const std::string& key, const Record& record) {
        const auto bytes = seal_record(cipher_, key, hash_, record);
        return bytes ? *bytes : sealed_anyhow(key, RecordKind::record);
    }
    std::string whole() { return one_in(2) ? sealed(host_key, sample_record(7, old_token)) : sealed("", sample_tombstone(7)); }
    std::string old_sealed() {
        std::string plain("\1\0", 2);
        for (const std::uint64_t value : {number(), number(), number(), number()}) append_number<std::uint64_t>(plain, value);
        plain = (plain + static_cast<char>(one_in(4) ? 1 : 3)).append(164 - 35, '\0');
        const std::string clear = std::string("portalps\1\0\1\0", 12) + *key_check(cipher_, public_key) + std::string(8, '\7');
        return clear + *cipher_.seal(public_key, clear + hash_, plain);
    }

    void place_record() {
        switch (below(12)) {
            case 0: case 1: record_ = sealed(host_key, live()); break;
            case 2: record_ = sealed_anyhow(host_key, RecordKind::record); break;
            case 3: case 4: record_ = sealed_anyhow(public_key, RecordKind::tombstone); break;
            case 5: record_ = sealed_anyhow(one_in(2) ? public_key : host_key, one_in(2) ? RecordKind::record : RecordKind::tombstone); break;
            case 6: record_ = whole(); break;
            case 7: record_ = one_in(2) ? any_bytes(400) : "portal\2" + any_bytes(400); break;
            case 8: record_ = whole().substr(0, below(300)); break;
            case 9: {
                record_ = whole();
                for (std::uint64_t flips = 1 + below(3); flips > 0; --flips) {
                    char& byte = record_[below(one_in(2) ? 40 : record_.size())];
                    byte = static_cast<char>(byte ^ (1 << below(8)));
                }
                break;
            }
            case 10: record_ = sealed(stranger_key, sample_record(7, old_token)); break;
            default: record_ = old_sealed(); break;
        }
        if (one_in(50))
            files_->put(path_, "", std::array{MemoryFileSystem::Kind::pipe, MemoryFileSystem::Kind::link,
                                              MemoryFileSystem::Kind::directory}[below(3)]);
        else
            files_->put(path_, record_);
    }
    void place_name() {
        static const std::array<std::string, 8> names{".erase.", ".out.", ".erase", ".erase.x", ".out.x", ".erase.007", ".what", "."};
        std::string suffix = names[below(names.size())];
        const std::uint64_t epoch = one_in(2) ? 3 + below(3) : number();
        if (suffix == ".erase." || suffix == ".out.") suffix += std::to_string(epoch);
        files_->put(path_ + suffix, marker_bytes(epoch, suffix));
    }
    std::string marker_bytes(std::uint64_t epoch, const std::string& suffix) {
        std::string lineage;
        append_number<std::uint64_t>(lineage, one_in(2) || record_.size() < 16 ? sample_lineage : ByteReader(record_.substr(8, 8)).number<std::uint64_t>());
        std::string signed_text = "erase" + hash_ + lineage;
        append_number<std::uint64_t>(signed_text, epoch);
        switch (below(4)) {
            case 0: return {};
            case 1: return any_bytes(41);
            case 2: {
                std::string bytes;
                append_number<std::uint64_t>(bytes, epoch);
                return bytes;
            }
            default: {
                const Mac mac = *cipher_.mac(host_key, signed_text);
                if (suffix.rfind(".erase.", 0) == 0) is_proven = true;
                return lineage + std::string(mac.data(), mac.size());
            }
        }
    }

    std::mt19937_64 random_;
    const AesGcmCipher cipher_;
    const std::string hash_;
    const std::string path_;
    std::shared_ptr<MemoryFileSystem> files_;
    std::string record_;
};

void count(const Cipher& cipher, const Maker& maker, Counts& counts) {
    const std::string& bytes = maker.record();
    const auto header = read_header(bytes);
    if (!header) return;
    ++counts.magic;
    const bool is_tombstone = header->kind == RecordKind::tombstone;
    if (bytes.size() < sealed_clear_bytes) return;
    if (cipher.open(is_tombstone ? public_key : host_key, bytes.substr(0, sealed_clear_bytes) + maker.hash(),
                    bytes.substr(sealed_clear_bytes)))
        ++counts.seal;
    if (open_record(cipher, host_key, maker.hash(), bytes).outcome == LoadOutcome::found) ++counts.decoder;
}

// Under any key that there was.
bool holds_a_token(const MemoryFileSystem& files, const Cipher& cipher, const Maker& maker, const Keychain& keychain) {
    for (const auto& [path, bytes] : files.files()) {
        if (bytes.find("canary") != std::string::npos) return true;
        for (const std::string& key : {host_key, stranger_key, keychain.key})
            if (open_record(cipher, key, maker.hash(), bytes).record.token) return true;
    }
    return false;
}

// What was wrong; empty: nothing.
std::string try_folder(const std::shared_ptr<MemoryFileSystem>& files, const std::shared_ptr<AesGcmCipher>& cipher,
                       const Maker& maker, Counts& counts) {
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
    if (keychain->destroyed > (maker.is_proven ? 1 : 0)) return "a key was destroyed without a proof";
    PlainSession next = open();
    next.load();
    if (!is_newer && next.token() != new_token) return "the next process does not find the token";
    if (is_newer && before.at(maker.path()) != files->files().at(maker.path())) return "a newer record was touched";

    const int destroyed = keychain->destroyed;
    PlainSession leaving = open();
    if (leaving.log_out().outcome != SaveOutcome::saved) return "a logout is not saved";
    if (keychain->destroyed == destroyed) return "a logout destroyed no key";
    PlainSession last = open();
    last.load();
    if (!last.token().empty()) return "a token is found after the logout";
    if (!last.is_signed_out()) return "the next process does not know that it is signed out";
    if (last.load().logout.is_unfinished) return "the logout is unfinished";
    if (holds_a_token(*files, *cipher, maker, *keychain)) return "a file holds a token after the logout";
    if (files->files().size() > 4) return "the logout left more files than record, lock, claim and witness";
    if (files->open_files() != 0) return "a file was left open";
    return {};
}

TEST_CASE("100,000 folders: each heals, keeps what is pushed, and holds no token after a logout") {
    const auto cipher = std::make_shared<AesGcmCipher>();
    Maker maker(3);
    Counts counts;
    std::map<std::string, std::pair<int, int>> flaws;  // how often, and the first folder's number
    for (int i = 0; i < folders; ++i) {
        const auto files = maker.next();
        count(*cipher, maker, counts);
        counts.proven += maker.is_proven ? 1 : 0;
        const std::string flaw = try_folder(files, cipher, maker, counts);
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

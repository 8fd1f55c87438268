// Store folders as an attacker with write access makes them, as a crash leaves them, and as a version with a bug would: the
// same ones in every run.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <random>
#include <string>

#include "store/aes_gcm_cipher.hpp"
#include "store/little_endian.hpp"
#include "store/sealed_record.hpp"
#include "support/plain_session.hpp"
#include "support/record_samples.hpp"

namespace portal::test {

inline const std::string public_key = "portal-session tombstone, no key";
inline const std::string host_key(key_bytes, 'k');
inline const std::string stranger_key(key_bytes, 's');
inline const std::string old_token = "canary-old-token";
inline const std::string new_token = "canary-new-token";

struct MadeFile {
    enum class Kind { file, directory, pipe, link };
    std::string bytes;
    Kind kind = Kind::file;
};

struct MadeFolder {
    std::map<std::string, MadeFile> files;  // by what follows the record's name
    bool is_proven = false;                 // a marker carries a valid proof

    [[nodiscard]] std::string record() const {
        const auto found = files.find("");
        return found == files.end() ? std::string() : found->second.bytes;
    }
};

class FolderMaker {
public:
    explicit FolderMaker(std::uint64_t seed) : random_(seed), hash_(*cipher_.sha256_hex("default")) {}

    const MadeFolder& next() {
        folder_ = {};
        record_.clear();
        if (below(12) != 0) place_record();
        for (const char* suffix : {".lock", ".claim"})
            if (one_in(2)) put(suffix, one_in(4) ? any_bytes(20) : "", any_kind());
        for (const char* suffix : {".tmp", ".lost.1", ".lost.2"})
            if (one_in(4)) put(suffix, one_in(2) ? whole() : any_bytes(300), any_kind());
        while (one_in(2)) place_name();
        if (one_in(500))
            for (int i = 0; i < 200; ++i) put(".erase." + std::to_string(number()), "");
        return folder_;
    }
    [[nodiscard]] const std::string& hash() const { return hash_; }

private:
    void put(const std::string& suffix, const std::string& bytes, MadeFile::Kind kind = MadeFile::Kind::file) {
        folder_.files[suffix] = {bytes, kind};
    }
    MadeFile::Kind any_kind() {
        using Kind = MadeFile::Kind;
        return one_in(20) ? std::array{Kind::pipe, Kind::link, Kind::directory}[below(3)] : Kind::file;
    }
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
        const MadeFile::Kind kind = any_kind();
        put("", kind == MadeFile::Kind::file ? record_ : "", kind);
    }
    void place_name() {
        static const std::array<std::string, 8> names{".erase.", ".out.", ".erase", ".erase.x", ".out.x", ".erase.007", ".what", "."};
        std::string suffix = names[below(names.size())];
        const std::uint64_t epoch = one_in(2) ? 3 + below(3) : number();
        if (suffix == ".erase." || suffix == ".out.") suffix += std::to_string(epoch);
        const MadeFile::Kind kind = any_kind();
        put(suffix, kind == MadeFile::Kind::file ? marker_bytes(epoch, suffix) : "", kind);
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
                if (suffix.rfind(".erase.", 0) == 0) folder_.is_proven = true;
                return lineage + std::string(mac.data(), mac.size());
            }
        }
    }

    std::mt19937_64 random_;
    const AesGcmCipher cipher_;
    const std::string hash_;
    MadeFolder folder_;
    std::string record_;  // what is sealed, or nearly
};

// Whether the bytes of a file show a token, or open to one under any key that there was.
inline bool holds_a_token(const std::string& bytes, const Cipher& cipher, const std::string& hash, const std::string& newest_key) {
    if (bytes.find("canary") != std::string::npos) return true;
    for (const std::string& key : {host_key, stranger_key, newest_key})
        if (open_record(cipher, key, hash, bytes).record.token) return true;
    return false;
}

}  // namespace portal::test

#include "store/sealed_record.hpp"

#include <optional>
#include <utility>

#include "store/old_format.hpp"

namespace portal {
namespace {

constexpr std::string_view tombstone_key = "portal-session tombstone, no key";
static_assert(tombstone_key.size() == key_bytes);

constexpr RecordKind kind_of(bool is_tombstone) { return is_tombstone ? RecordKind::tombstone : RecordKind::record; }

// Both formats: what is in clear is authenticated, with the name's hash behind it.
Result<Secret> open_after(const Cipher& cipher, std::string_view key, std::string_view name_hash, std::string_view sealed,
                          std::size_t clear_bytes) {
    const std::string authenticated = std::string(sealed.substr(0, clear_bytes)) + std::string(name_hash);
    return cipher.open(key, authenticated, sealed.size() < clear_bytes ? std::string_view() : sealed.substr(clear_bytes));
}

// A key's check value is computed only here: a record that opens has the right key. The tombstones' own value under a header
// that says otherwise is a tombstone whose header is damaged.
LoadResult why_not_opened(const Cipher& cipher, std::string_view key, const std::optional<RecordHeader>& header,
                          std::string_view sealed) {
    if (sealed.size() < sealed_clear_bytes) return lost(StoreCause::damaged, header ? header->kind : RecordKind::record);
    const std::string_view stored = sealed.substr(record_header_bytes, key_check_bytes);
    const Result<std::string> of_tombstones = key_check(cipher, tombstone_key);
    const Result<std::string> ours = key.empty() ? Result<std::string>(std::string()) : key_check(cipher, key);
    if (!of_tombstones || !ours) return {.fault = {StoreCause::cipher}};
    const bool is_tombstone = (header && header->kind == RecordKind::tombstone) || stored == *of_tombstones;
    const bool is_whole = header && sealed.size() > sealed_clear_bytes + seal_overhead_bytes && sealed.size() <= max_sealed_bytes;
    if (!is_tombstone && is_whole && stored != *ours) return lost(StoreCause::other_key, RecordKind::record);
    return lost(StoreCause::damaged, kind_of(is_tombstone));
}

LoadResult open_current(const Cipher& cipher, std::string_view key, std::string_view name_hash, const RecordHeader& header,
                        std::string_view sealed) {
    const std::string_view used_key = header.kind == RecordKind::tombstone ? tombstone_key : key;
    if (used_key.empty() || sealed.size() > max_sealed_bytes) return why_not_opened(cipher, key, header, sealed);
    const Result<Secret> body = open_after(cipher, used_key, name_hash, sealed, sealed_clear_bytes);
    if (!body && body.error().code != Code::store_failed) return {.fault = {StoreCause::cipher}};
    if (!body) return why_not_opened(cipher, key, header, sealed);
    Result<Record> record = decode_body(header, body->reveal());
    if (!record) return lost(StoreCause::damaged, header.kind);
    return {LoadOutcome::found, std::move(*record)};
}

// But a tombstone of ours whose format byte is damaged stays a logout.
LoadResult read_newer(const Cipher& cipher, std::string_view sealed) {
    const Result<std::string> of_tombstones = key_check(cipher, tombstone_key);
    if (!of_tombstones) return {.fault = {StoreCause::cipher}};
    if (sealed.substr(record_header_bytes, key_check_bytes) == *of_tombstones)
        return lost(StoreCause::damaged, RecordKind::tombstone);
    return {.fault = {StoreCause::newer_format}};
}

LoadResult open_old(const Cipher& cipher, std::string_view name_hash, std::string_view sealed) {
    if (!is_old_sealed_tombstone(sealed)) return lost(StoreCause::old_format, RecordKind::record);
    if (sealed.size() > max_sealed_bytes) return lost(StoreCause::damaged, RecordKind::tombstone);
    const Result<Secret> clear = open_after(cipher, tombstone_key, name_hash, sealed, old_sealed_header_bytes);
    if (!clear && clear.error().code != Code::store_failed) return {.fault = {StoreCause::cipher}};
    LoadResult result = clear ? read_old_clear(clear->reveal()) : lost(StoreCause::damaged, RecordKind::tombstone);
    result.logout.is_due = result.outcome == LoadOutcome::lost;
    return result;
}

}  // namespace

Result<std::string> key_check(const Cipher& cipher, std::string_view key) {
    const Result<Mac> mac = cipher.mac(key, "portal-session kcv 1");
    if (!mac) return tl::unexpected(mac.error());
    return std::string(mac->data(), key_check_bytes);
}

Result<std::string> seal_record(const Cipher& cipher, std::string_view key, std::string_view name_hash,
                                const Record& record) {
    const RecordHeader header = header_of(record);
    const std::string_view used_key = header.kind == RecordKind::tombstone ? tombstone_key : key;
    const Result<Secret> body = encode_body(record);
    if (!body) return tl::unexpected(body.error());
    const Result<std::string> check = key_check(cipher, used_key);
    if (!check) return tl::unexpected(check.error());
    const std::string clear = encode_header(header) + *check;
    Result<std::string> sealed = cipher.seal(used_key, clear + std::string(name_hash), body->reveal());
    if (!sealed) return sealed;
    return clear + *sealed;
}

LoadResult open_record(const Cipher& cipher, std::string_view key, std::string_view name_hash, std::string_view sealed) {
    LoadResult result;
    const std::optional<RecordHeader> header = read_header(sealed);
    if (header && header->format > record_format)
        result = read_newer(cipher, sealed);
    else if (header)
        result = open_current(cipher, key, name_hash, *header, sealed);
    else if (is_old_sealed(sealed))
        result = open_old(cipher, name_hash, sealed);
    else
        result = why_not_opened(cipher, key, header, sealed);
    result.version = result.record.version = version_of(sealed, sealed.size());
    return result;
}

}  // namespace portal

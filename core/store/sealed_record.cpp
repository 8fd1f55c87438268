#include "store/sealed_record.hpp"

#include <utility>

#include "store/little_endian.hpp"

namespace portal {
namespace {

constexpr std::string_view magic = "portalps";
constexpr std::uint16_t sealed_format = 1;
constexpr std::string_view tombstone_key = "portal-session tombstone, no key";
static_assert(tombstone_key.size() == key_bytes);

enum class SealedWith : std::uint16_t { host_key = 0, public_key = 1 };

struct Header {
    std::uint16_t format = 0;
    SealedWith sealed_with = SealedWith::host_key;
    std::string_view key_check;
    std::uint64_t revision = 0;
};

std::string_view view(const KeyCheck& check) { return {check.data(), check.size()}; }

// Nothing where the bytes do not begin as every format of ours does.
std::optional<Header> read_header(std::string_view bytes) {
    ByteReader in(bytes.substr(0, sealed_header_bytes));
    if (in.text(magic.size()) != magic) return std::nullopt;
    Header header;
    header.format = in.number<std::uint16_t>();
    header.sealed_with = static_cast<SealedWith>(in.number<std::uint16_t>());
    header.key_check = in.text(KeyCheck().size());
    header.revision = in.number<std::uint64_t>();
    if (!in.complete()) return std::nullopt;
    return header;
}

LoadResult lost(StoreCause cause) { return {.outcome = LoadOutcome::lost, .fault = {cause}}; }

// The key's check value is asked only here: a record that opens has the right key.
LoadResult why_not_opened(const Cipher& cipher, std::string_view key, const Header& header, bool is_tombstone) {
    const Result<KeyCheck> check = cipher.key_check(key);
    if (!check) return {.fault = {StoreCause::cipher}};
    return lost(is_tombstone || view(*check) == header.key_check ? StoreCause::damaged : StoreCause::other_key);
}

}  // namespace

Result<std::string> seal_record(const Cipher& cipher, std::string_view key, std::string_view name_hash,
                                const Record& record) {
    const bool tombstone = record.state == TokenState::signed_out;
    const std::string_view used_key = tombstone ? tombstone_key : key;
    const Result<Secret> plain = encode_record(record);
    if (!plain) return tl::unexpected(plain.error());
    const Result<KeyCheck> check = cipher.key_check(used_key);
    if (!check) return tl::unexpected(check.error());

    std::string header(magic);
    append_number<std::uint16_t>(header, sealed_format);
    append_number<std::uint16_t>(header,
                                 static_cast<std::uint16_t>(tombstone ? SealedWith::public_key : SealedWith::host_key));
    header.append(view(*check));
    append_number<std::uint64_t>(header, record.revision);

    Result<std::string> sealed = cipher.seal(used_key, header + std::string(name_hash), plain->reveal());
    if (!sealed) return sealed;
    return header + *sealed;
}

LoadResult open_record(const Cipher& cipher, std::string_view key, std::string_view name_hash, std::string_view sealed) {
    const std::optional<Header> header = read_header(sealed);
    if (!header || sealed.size() > max_sealed_bytes) return lost(StoreCause::damaged);
    if (header->format != sealed_format) return lost(StoreCause::other_format);
    const bool tombstone = header->sealed_with == SealedWith::public_key;
    if (!tombstone && header->sealed_with != SealedWith::host_key) return lost(StoreCause::damaged);
    const std::string_view used_key = tombstone ? tombstone_key : key;
    if (used_key.empty()) return lost(StoreCause::other_key);

    const std::string authenticated = std::string(sealed.substr(0, sealed_header_bytes)) + std::string(name_hash);
    const Result<Secret> plain = cipher.open(used_key, authenticated, sealed.substr(sealed_header_bytes));
    if (!plain && plain.error().code == Code::internal) return {.fault = {StoreCause::cipher}};
    if (!plain) return why_not_opened(cipher, used_key, *header, tombstone);
    Result<Record> record = decode_record(plain->reveal());
    if (!record || (record->state == TokenState::signed_out) != tombstone) return lost(StoreCause::damaged);

    LoadResult result;
    result.outcome = LoadOutcome::found;
    result.record = std::move(*record);
    return result;
}

std::optional<std::uint64_t> sealed_revision(std::string_view header) {
    const std::optional<Header> read = read_header(header);
    if (!read || read->format != sealed_format) return std::nullopt;
    return read->revision;
}

}  // namespace portal

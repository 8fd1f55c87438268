#include "store/old_format.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "store/little_endian.hpp"
#include "store/record_codec.hpp"

namespace portal {
namespace {

constexpr std::string_view old_magic = "portalps";
constexpr std::uint16_t old_format = 1;
constexpr std::size_t old_tombstone_bytes = 164;  // it names no client and holds no token
constexpr std::uint8_t old_signed_out = 3;

}  // namespace

bool is_old_sealed(std::string_view bytes) {
    ByteReader in(bytes);
    return in.text(old_magic.size()) == old_magic && in.number<std::uint16_t>() == old_format;
}

bool is_old_sealed_tombstone(std::string_view bytes) {
    ByteReader in(bytes);
    in.text(old_magic.size() + sizeof old_format);
    return is_old_sealed(bytes) && in.number<std::uint16_t>() == 1;
}

LoadResult read_old_clear(std::string_view bytes) {
    ByteReader in(bytes);
    if (bytes.size() < old_tombstone_bytes || in.number<std::uint16_t>() != old_format)
        return lost(StoreCause::damaged, RecordKind::record);
    in.text(2 * sizeof(std::uint64_t));  // revision, seed
    Record record;
    record.epoch = in.number<std::uint64_t>();
    record.generation = in.number<std::uint64_t>();
    record.state = TokenState::signed_out;
    if (in.number<std::uint8_t>() != old_signed_out) return lost(StoreCause::old_format, RecordKind::record);
    const bool is_believed = record.epoch != 0 && std::max(record.epoch, record.generation) <= most_in_tombstone;
    if (!is_believed || bytes.size() != old_tombstone_bytes) return lost(StoreCause::damaged, RecordKind::tombstone);
    return {LoadOutcome::found, std::move(record)};
}

}  // namespace portal

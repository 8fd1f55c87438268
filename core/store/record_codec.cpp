#include "store/record_codec.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base/text.hpp"
#include "store/little_endian.hpp"

namespace portal {
namespace {

constexpr std::uint16_t record_format = 1;

tl::unexpected<Error> refused(const char* flaw) {
    return fail(Code::store_failed,
                std::string("The record is refused: ") + flaw + ". It counts as lost; a new one is made.");
}

constexpr bool countable(std::uint64_t counter) { return counter < (1ULL << 63); }

constexpr bool reachable(std::int64_t ms) { return ms > -(1LL << 53) && ms < (1LL << 53); }

constexpr bool reachable(const Anchor& anchor) { return reachable(anchor.boot_ms) && reachable(anchor.unix_ms); }

bool times_reachable(const Record& record) {
    return reachable(record.issued) && reachable(record.slid) && reachable(record.claim.started_boot_ms) &&
           reachable(record.claim.limit_boot_ms) && reachable(record.backoff.not_before_boot_ms) &&
           reachable(record.rejections.debt_ms) && reachable(record.rejections.boot_ms);
}

// What makes this a record that no session writes; null where nothing does.
const char* flaw_of(const Record& record, std::string_view token, std::string_view client_id) {
    if (record.revision == 0) return "its revision is 0";
    if (!countable(record.revision) || !countable(record.epoch) || !countable(record.generation))
        return "a counter is out of range";
    if (record.state > TokenState::signed_out) return "its state is unknown";
    const bool holds_token = record.state == TokenState::live || record.state == TokenState::rejected;
    if (holds_token != !token.empty()) return "its token does not fit its state";
    if (holds_token && !check_token(token)) return "its token is malformed";
    if (!client_id.empty() && !check_client_id(client_id)) return "its client id is malformed";
    if (record.state == TokenState::signed_out && !client_id.empty()) return "a tombstone names a client";
    if (!times_reachable(record)) return "a time is out of range";
    return nullptr;
}

void append(Secret& out, const Anchor& anchor) {
    append_number<std::uint64_t>(out, anchor.boot_tag);
    append_number<std::int64_t>(out, anchor.boot_ms);
    append_number<std::int64_t>(out, anchor.unix_ms);
}

Anchor read_anchor(ByteReader& in) {
    Anchor anchor;
    anchor.boot_tag = in.number<std::uint64_t>();
    anchor.boot_ms = in.number<std::int64_t>();
    anchor.unix_ms = in.number<std::int64_t>();
    return anchor;
}

void append(Secret& out, const Claim& claim) {
    append_number<std::uint64_t>(out, claim.owner);
    append_number<std::uint64_t>(out, claim.boot_tag);
    append_number<std::int64_t>(out, claim.started_boot_ms);
    append_number<std::int64_t>(out, claim.limit_boot_ms);
}

Claim read_claim(ByteReader& in) {
    Claim claim;
    claim.owner = in.number<std::uint64_t>();
    claim.boot_tag = in.number<std::uint64_t>();
    claim.started_boot_ms = in.number<std::int64_t>();
    claim.limit_boot_ms = in.number<std::int64_t>();
    return claim;
}

}  // namespace

Result<Secret> encode_record(const Record& record) {
    const std::string_view token = record.token ? record.token->reveal() : std::string_view();
    if (const char* flaw = flaw_of(record, token, record.client_id)) return refused(flaw);
    Secret out;
    append_number<std::uint16_t>(out, record_format);
    append_number<std::uint64_t>(out, record.revision);
    append_number<std::uint64_t>(out, record.install_seed);
    append_number<std::uint64_t>(out, record.epoch);
    append_number<std::uint64_t>(out, record.generation);
    append_number<std::uint8_t>(out, static_cast<std::uint8_t>(record.state));
    append(out, record.issued);
    append(out, record.slid);
    append(out, record.claim);
    append_number<std::uint32_t>(out, record.backoff.failures_in_a_row);
    append_number<std::uint8_t>(out, record.backoff.asked_by_server ? 1 : 0);
    append_number<std::uint64_t>(out, record.backoff.boot_tag);
    append_number<std::int64_t>(out, record.backoff.not_before_boot_ms);
    append_number<std::int64_t>(out, record.rejections.debt_ms);
    append_number<std::uint64_t>(out, record.rejections.boot_tag);
    append_number<std::int64_t>(out, record.rejections.boot_ms);
    append_number<std::uint16_t>(out, static_cast<std::uint16_t>(token.size()));
    append_number<std::uint16_t>(out, static_cast<std::uint16_t>(record.client_id.size()));
    out.append(token);
    out.append(record.client_id);
    return out;
}

Result<Record> decode_record(std::string_view bytes) {
    if (bytes.size() > max_record_bytes) return refused("it is larger than 8 KiB");
    ByteReader in(bytes);
    if (in.number<std::uint16_t>() != record_format) return refused("another version wrote it");
    Record record;
    record.revision = in.number<std::uint64_t>();
    record.install_seed = in.number<std::uint64_t>();
    record.epoch = in.number<std::uint64_t>();
    record.generation = in.number<std::uint64_t>();
    record.state = static_cast<TokenState>(in.number<std::uint8_t>());
    record.issued = read_anchor(in);
    record.slid = read_anchor(in);
    record.claim = read_claim(in);
    record.backoff.failures_in_a_row = in.number<std::uint32_t>();
    const auto asked_by_server = in.number<std::uint8_t>();
    record.backoff.asked_by_server = asked_by_server == 1;
    record.backoff.boot_tag = in.number<std::uint64_t>();
    record.backoff.not_before_boot_ms = in.number<std::int64_t>();
    record.rejections.debt_ms = in.number<std::int64_t>();
    record.rejections.boot_tag = in.number<std::uint64_t>();
    record.rejections.boot_ms = in.number<std::int64_t>();
    const auto token_bytes = in.number<std::uint16_t>();
    const auto client_id_bytes = in.number<std::uint16_t>();
    const std::string_view token = in.text(token_bytes);
    const std::string_view client_id = in.text(client_id_bytes);

    if (!in.complete()) return refused("its length does not fit its fields");
    if (asked_by_server > 1) return refused("a flag is neither 0 nor 1");
    if (const char* flaw = flaw_of(record, token, client_id)) return refused(flaw);
    if (!token.empty()) record.token = std::make_shared<const Secret>(token);
    record.client_id = client_id;
    return record;
}

}  // namespace portal

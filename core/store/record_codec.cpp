#include "store/record_codec.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base/text.hpp"
#include "store/little_endian.hpp"
#include "store/old_format.hpp"

namespace portal {
namespace {

constexpr std::string_view magic = "portal";

tl::unexpected<Error> refused(const char* flaw) {
    return fail(Code::store_failed,
                std::string("The record is refused: ") + flaw + ". It counts as lost; a new one is made.");
}

constexpr bool is_counter(std::uint64_t number) { return number < counters_end; }
constexpr bool is_reachable(std::int64_t ms) { return ms > -(1LL << 53) && ms < (1LL << 53); }
constexpr bool is_reachable(const Anchor& anchor) { return is_reachable(anchor.boot_ms) && is_reachable(anchor.unix_ms); }

bool is_printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

const char* flaw_of(const RecordVersion& version) {
    if (version.lineage == 0) return "its lineage is 0";
    if (version.revision == 0 || version.revision >= revisions_end) return "its revision is out of range";
    return nullptr;
}

const char* flaw_of(const Claim& claim) {
    const bool has_instants = is_reachable(claim.started_boot_ms) && is_reachable(claim.limit_boot_ms);
    if (!has_instants || claim.started_boot_ms > claim.limit_boot_ms ||
        claim.limit_boot_ms - claim.started_boot_ms > most_claim_ms)
        return "its claim is longer than a token request";
    if (claim.role.size() > max_role_bytes || !is_printable(claim.role)) return "its claim's role is malformed";
    return nullptr;
}

// What makes this a record that no session writes; null where nothing does.
const char* flaw_of_body(const Record& record) {
    if (record.epoch == 0) return "its epoch is 0";
    if (!is_counter(record.epoch) || !is_counter(record.generation)) return "a counter is out of range";
    if (record.state >= TokenState::signed_out) return "its state is unknown";
    const std::string_view token = record.token ? record.token->reveal() : std::string_view();
    const bool holds_token = record.state != TokenState::none;
    if (holds_token != !token.empty()) return "its token does not fit its state";
    if (holds_token && !check_token(token)) return "its token is malformed";
    if (!record.client_id.empty() && !check_client_id(record.client_id)) return "its client id is malformed";
    if (record.origin.size() > max_origin_bytes || !is_printable(record.origin)) return "its origin is malformed";
    if (record.name.empty() || !check_session_name(record.name)) return "its session's name is malformed";
    if (!is_reachable(record.issued) || !is_reachable(record.slid) || !is_reachable(record.backoff.not_before_boot_ms) ||
        !is_reachable(record.rejections.boot_ms))
        return "a time is out of range";
    if (record.rejections.debt_ms < 0 || record.rejections.debt_ms > most_debt_ms) return "its debt is out of range";
    return flaw_of(record.claim);
}

const char* flaw_of_tombstone(const Record& record) {
    if (record.epoch == 0) return "its epoch is 0";
    if (std::max({record.version.revision, record.epoch, record.generation}) > most_in_tombstone)
        return "a tombstone's number is out of range";
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

Result<Record> decode_tombstone(const RecordHeader& header, std::string_view body) {
    ByteReader in(body);
    Record record;
    record.version = header.version;
    record.state = TokenState::signed_out;
    record.epoch = in.number<std::uint64_t>();
    record.generation = in.number<std::uint64_t>();
    if (!in.complete()) return refused("its length does not fit its fields");
    if (const char* flaw = flaw_of_tombstone(record)) return refused(flaw);
    return record;
}

}  // namespace

std::optional<RecordHeader> read_header(std::string_view bytes) {
    ByteReader in(bytes.substr(0, record_header_bytes));
    const bool is_ours = in.text(magic.size()) == magic && !is_old_sealed(bytes);
    RecordHeader header;
    header.format = in.number<std::uint8_t>();
    header.kind = static_cast<RecordKind>(in.number<std::uint8_t>());
    header.version.lineage = in.number<std::uint64_t>();
    header.version.revision = in.number<std::uint64_t>();
    const bool is_known_kind = header.kind <= RecordKind::tombstone || header.format > record_format;
    if (!is_ours || !in.complete() || header.format < record_format || !is_known_kind || flaw_of(header.version) != nullptr)
        return std::nullopt;
    return header;
}

RecordHeader header_of(const Record& record) {
    const bool is_tombstone = record.state == TokenState::signed_out;
    return {record_format, is_tombstone ? RecordKind::tombstone : RecordKind::record, record.version};
}

std::string encode_header(const RecordHeader& header) {
    std::string out(magic);
    append_number<std::uint8_t>(out, header.format);
    append_number<std::uint8_t>(out, static_cast<std::uint8_t>(header.kind));
    append_number<std::uint64_t>(out, header.version.lineage);
    append_number<std::uint64_t>(out, header.version.revision);
    return out;
}

RecordVersion version_of(std::string_view begin, std::uint64_t size) {
    if (const auto header = read_header(begin)) return header->version;
    std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a: it tells accidents apart, not attacks
    const auto mix = [&](std::uint64_t byte) { hash = (hash ^ byte) * 0x100000001b3ULL; };
    for (const char byte : begin.substr(0, record_header_bytes)) mix(static_cast<unsigned char>(byte));
    for (int shift = 0; shift < 64; shift += 8) mix(size >> shift & 0xff);
    return {std::max<std::uint64_t>(hash, 1), 0};
}

Result<Secret> encode_body(const Record& record) {
    if (const char* flaw = flaw_of(record.version)) return refused(flaw);
    Secret out;
    if (record.state == TokenState::signed_out) {
        if (const char* flaw = flaw_of_tombstone(record)) return refused(flaw);
        append_number<std::uint64_t>(out, record.epoch);
        append_number<std::uint64_t>(out, record.generation);
        return out;
    }
    if (const char* flaw = flaw_of_body(record)) return refused(flaw);
    const std::string_view token = record.token ? record.token->reveal() : std::string_view();
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
    const std::string_view texts[] = {token, record.client_id, record.origin, record.name, record.claim.role};
    for (const std::string_view text : texts) append_number<std::uint16_t>(out, static_cast<std::uint16_t>(text.size()));
    for (const std::string_view text : texts) out.append(text);
    return out;
}

Result<Record> decode_body(const RecordHeader& header, std::string_view body) {
    if (body.size() > max_record_bytes) return refused("it is larger than 8 KiB");
    if (header.kind == RecordKind::tombstone) return decode_tombstone(header, body);
    ByteReader in(body);
    Record record;
    record.version = header.version;
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
    std::uint16_t sizes[5];
    for (std::uint16_t& size : sizes) size = in.number<std::uint16_t>();
    const std::string_view token = in.text(sizes[0]);
    const std::string_view client_id = in.text(sizes[1]);
    const std::string_view origin = in.text(sizes[2]);
    const std::string_view name = in.text(sizes[3]);
    const std::string_view role = in.text(sizes[4]);

    if (!in.complete()) return refused("its length does not fit its fields");
    if (asked_by_server > 1) return refused("a flag is neither 0 nor 1");
    if (!token.empty()) record.token = std::make_shared<const Secret>(token);
    record.client_id = client_id;
    record.origin = origin;
    record.name = name;
    record.claim.role = role;
    if (const char* flaw = flaw_of_body(record)) return refused(flaw);
    return record;
}

Result<Secret> encode_record(const Record& record) {
    const Result<Secret> body = encode_body(record);
    if (!body) return tl::unexpected(body.error());
    Secret out(encode_header(header_of(record)));
    out.append(body->reveal());
    return out;
}

LoadResult decode_record(std::string_view bytes, std::string_view session_name) {
    LoadResult result;
    const auto header = read_header(bytes);
    if (header && header->format > record_format) {
        result.fault = {StoreCause::newer_format};
    } else if (header) {
        Result<Record> record = decode_body(*header, bytes.substr(record_header_bytes));
        const bool is_this_sessions = record && (record->state == TokenState::signed_out || record->name == session_name);
        result = is_this_sessions ? LoadResult{LoadOutcome::found, std::move(*record)} : lost(StoreCause::damaged, header->kind);
    } else {
        result = read_old_clear(bytes);
    }
    result.version = result.record.version = version_of(bytes, bytes.size());
    return result;
}

LoadResult lost(StoreCause cause, RecordKind kind) {
    return {.outcome = LoadOutcome::lost, .fault = {cause}, .logout = {.is_due = kind == RecordKind::tombstone}};
}

}  // namespace portal

#include "store/record_codec.hpp"

#include <rapidcheck.h>

#include <functional>

#include "base/text.hpp"
#include "support/catch.hpp"
#include "support/record_samples.hpp"

using namespace portal;
using namespace portal::test;

namespace {

std::string bytes_of(const Record& record) {
    const auto encoded = encode_record(record);
    REQUIRE(encoded);
    return std::string(encoded->reveal());
}

bool survives(const Record& record) {
    const auto encoded = encode_record(record);
    if (!encoded) return false;
    const auto decoded = decode_record(encoded->reveal());
    return decoded && same(record, *decoded);
}

std::string printable(std::size_t size) { return *rc::gen::container<std::string>(size, rc::gen::inRange<char>('!', '~')); }

std::int64_t instant() { return *rc::gen::inRange<std::int64_t>(-(1LL << 53) + 1, 1LL << 53); }
std::uint64_t counter(std::uint64_t least) { return *rc::gen::inRange<std::uint64_t>(least, 1ULL << 63); }

Anchor any_anchor() { return {*rc::gen::arbitrary<std::uint64_t>(), instant(), instant()}; }

Record any_record() {
    Record record;
    record.revision = counter(1);
    record.install_seed = *rc::gen::arbitrary<std::uint64_t>();
    record.epoch = counter(0);
    record.generation = counter(0);
    record.state = static_cast<TokenState>(*rc::gen::inRange(0, 4));
    if (record.state == TokenState::live || record.state == TokenState::rejected)
        record.token = secret_of("t" + printable(*rc::gen::inRange<std::size_t>(0, max_token_bytes)));  // no markup
    if (record.state != TokenState::signed_out) record.client_id = printable(*rc::gen::inRange<std::size_t>(0, 257));
    record.issued = any_anchor();
    record.slid = any_anchor();
    record.claim = {counter(0), counter(0), instant(), instant()};
    record.backoff = {*rc::gen::arbitrary<std::uint32_t>(), *rc::gen::arbitrary<bool>(), counter(0), instant()};
    record.rejections = {instant(), counter(0), instant()};
    return record;
}

}  // namespace

TEST_CASE("A record comes back from its bytes with every field", "[store][codec]") {
    CHECK(survives(sample_record()));
    CHECK(survives(sample_tombstone()));
    CHECK(rc::check("any record", [] { RC_ASSERT(survives(any_record())); }));
}

TEST_CASE("The largest record fits the limit", "[store][codec]") {
    Record record = sample_record(7, std::string(max_token_bytes, 't'));
    record.client_id = std::string(max_client_id_bytes, 'c');
    CHECK(bytes_of(record).size() <= max_record_bytes);
    CHECK(survives(record));
}

TEST_CASE("The bytes are those of format 1, whatever machine writes them", "[store][codec]") {
    const std::string bytes = bytes_of(sample_record(0x0102030405060708ULL));
    CHECK(bytes.substr(0, 2) == std::string("\x01\x00", 2));
    CHECK(bytes.substr(2, 8) == "\x08\x07\x06\x05\x04\x03\x02\x01");
    CHECK(bytes.substr(10, 8) == "\x88\x77\x66\x55\x44\x33\x22\x11");
    CHECK(bytes.size() == 164 + std::string("sample-token-0123456789client-42").size());
}

TEST_CASE("A record cut at any length, or with a byte too many, is refused", "[store][codec]") {
    for (const Record& record : {sample_record(), sample_tombstone()}) {
        const std::string bytes = bytes_of(record);
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            INFO("cut at " << size);
            // A heap block of exactly that size, so that a sanitizer sees a read past it.
            const std::vector<char> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
            CHECK_FALSE(decode_record({cut.data(), cut.size()}));
        }
        CHECK_FALSE(decode_record(bytes + '\0'));
        CHECK_FALSE(decode_record(bytes + std::string(max_record_bytes, 'x')));
    }
}

TEST_CASE("What decodes after any flip of a bit is a record that could have been written", "[store][codec]") {
    const std::string bytes = bytes_of(sample_record());
    for (std::size_t i = 0; i < bytes.size() * 8; ++i) {
        std::string flipped = bytes;
        flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
        const auto decoded = decode_record(flipped);
        if (decoded) CHECK(bytes_of(*decoded) == flipped);
    }
}

TEST_CASE("Random bytes never decode to an impossible record", "[store][codec]") {
    CHECK(rc::check("any bytes", [](const std::string& bytes) {
        const auto decoded = decode_record(std::string("\x01\x00", 2) + bytes);
        if (decoded) RC_ASSERT(encode_record(*decoded).has_value());
    }));
}

TEST_CASE("A record that no session writes is refused in both directions", "[store][codec]") {
    struct Row {
        const char* name;
        std::function<void(Record&)> spoil;
    };
    const Row rows[] = {
        {"revision 0", [](Record& r) { r.revision = 0; }},
        {"revision without a successor", [](Record& r) { r.revision = 1ULL << 63; }},
        {"epoch without a successor", [](Record& r) { r.epoch = ~0ULL; }},
        {"generation without a successor", [](Record& r) { r.generation = 1ULL << 63; }},
        {"unknown state", [](Record& r) { r.token = nullptr, r.state = static_cast<TokenState>(4); }},
        {"live without a token", [](Record& r) { r.token = nullptr; }},
        {"rejected without a token", [](Record& r) { r.token = nullptr, r.state = TokenState::rejected; }},
        {"none with a token", [](Record& r) { r.state = TokenState::none; }},
        {"signed out with a token", [](Record& r) { r.state = TokenState::signed_out, r.client_id.clear(); }},
        {"signed out with a client", [](Record& r) { r.state = TokenState::signed_out, r.token = nullptr; }},
        {"token with a line break", [](Record& r) { r.token = secret_of("to\nken"); }},
        {"token too long", [](Record& r) { r.token = secret_of(std::string(4097, 't')); }},
        {"client id with a space", [](Record& r) { r.client_id = "client 42"; }},
        {"client id too long", [](Record& r) { r.client_id = std::string(257, 'c'); }},
        {"issue at the end of time", [](Record& r) { r.issued.boot_ms = INT64_MAX; }},
        {"slide before all time", [](Record& r) { r.slid.unix_ms = INT64_MIN; }},
        {"claim's start", [](Record& r) { r.claim.started_boot_ms = 1LL << 53; }},
        {"claim's limit", [](Record& r) { r.claim.limit_boot_ms = 1LL << 53; }},
        {"back-off", [](Record& r) { r.backoff.not_before_boot_ms = 1LL << 53; }},
        {"rejections' debt", [](Record& r) { r.rejections.debt_ms = 1LL << 53; }},
        {"rejections' instant", [](Record& r) { r.rejections.boot_ms = -(1LL << 53); }},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        Record record = sample_record();
        row.spoil(record);
        CHECK_FALSE(encode_record(record));
    }
}

TEST_CASE("Impossible bytes are refused one by one", "[store][codec]") {
    const std::string good = bytes_of(sample_record());
    const auto with = [&](std::size_t at, const std::string& bytes) {
        std::string spoilt = good;
        spoilt.replace(at, bytes.size(), bytes);
        return decode_record(spoilt).has_value();
    };
    CHECK(with(34, "\x01"));  // the state it has: live
    CHECK(with(34, "\x02"));
    CHECK_FALSE(with(34, std::string(1, '\0')));
    CHECK_FALSE(with(34, "\x03"));
    CHECK_FALSE(with(34, "\x04"));
    CHECK_FALSE(with(34, "\xff"));
    CHECK_FALSE(with(0, std::string("\x00\x00", 2)));
    CHECK_FALSE(with(0, std::string("\x02\x00", 2)));
    CHECK_FALSE(with(0, std::string("\x01\x01", 2)));
    CHECK_FALSE(with(2, std::string(8, '\0')));
    CHECK_FALSE(with(2, std::string(8, '\xff')));
    CHECK(with(119, std::string(1, '\0')));  // asked_by_server
    CHECK_FALSE(with(119, "\x02"));
    CHECK_FALSE(with(160, "\xff\xff"));  // the token's length
    CHECK_FALSE(with(162, "\xff\xff"));  // the client id's
    CHECK_FALSE(with(164, " "));
    CHECK_FALSE(with(164, "\x7f"));
    CHECK_FALSE(with(good.size() - 1, "\n"));
}

TEST_CASE("The error of a refused record holds nothing of its token", "[store][codec]") {
    std::string bytes = bytes_of(sample_record(7, "canary-canary-canary"));
    bytes.back() = '\n';
    const auto decoded = decode_record(bytes);
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().code == Code::store_failed);
    CHECK(decoded.error().message.find("canary") == std::string::npos);
}

#include "store/record_codec.hpp"

#include <rapidcheck.h>

#include <functional>
#include <string_view>
#include <vector>

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

// As a host store gives it back.
LoadResult read(std::string_view bytes) { return decode_record(bytes, "default"); }
bool decodes(std::string_view bytes) { return read(bytes).outcome == LoadOutcome::found; }

bool survives(const Record& record) {
    const auto encoded = encode_record(record);
    if (!encoded) return false;
    const LoadResult decoded = decode_record(encoded->reveal(), record.name);
    return decoded.outcome == LoadOutcome::found && decoded.version == record.version && same(record, decoded.record);
}

std::string printable(std::size_t size) { return *rc::gen::container<std::string>(size, rc::gen::inRange<char>('!', '~')); }

std::int64_t instant() { return *rc::gen::inRange<std::int64_t>(-(1LL << 53) + 1, 1LL << 53); }
std::uint64_t counter(std::uint64_t least) { return *rc::gen::inRange<std::uint64_t>(least, counters_end); }

Anchor any_anchor() { return {*rc::gen::arbitrary<std::uint64_t>(), instant(), instant()}; }

Record any_record() {
    Record record;
    record.version = {counter(1), counter(1)};
    record.install_seed = *rc::gen::arbitrary<std::uint64_t>();
    record.epoch = counter(1);
    record.generation = counter(0);
    record.state = static_cast<TokenState>(*rc::gen::inRange(0, 3));
    if (record.state != TokenState::none)
        record.token = secret_of("t" + printable(*rc::gen::inRange<std::size_t>(0, max_token_bytes)));  // no markup
    record.client_id = printable(*rc::gen::inRange<std::size_t>(0, max_client_id_bytes + 1));
    record.origin = printable(*rc::gen::inRange<std::size_t>(0, max_origin_bytes + 1));
    record.name = printable(*rc::gen::inRange<std::size_t>(1, max_name_bytes + 1));
    record.issued = any_anchor();
    record.slid = any_anchor();
    const std::int64_t start = *rc::gen::inRange<std::int64_t>(-(1LL << 53) + 1, (1LL << 53) - most_claim_ms);
    record.claim = {counter(0), counter(0), start, start + *rc::gen::inRange<std::int64_t>(0, most_claim_ms + 1),
                    printable(*rc::gen::inRange<std::size_t>(0, max_role_bytes + 1))};
    record.backoff = {*rc::gen::arbitrary<std::uint32_t>(), *rc::gen::arbitrary<bool>(), counter(0), instant()};
    record.rejections = {*rc::gen::inRange<std::int64_t>(0, most_debt_ms + 1), counter(0), instant()};
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
    record.origin = std::string(max_origin_bytes, 'o');
    record.name = std::string(max_name_bytes, 'n');
    record.claim.role = std::string(max_role_bytes, 'r');
    CHECK(bytes_of(record).size() <= max_record_bytes);
    CHECK(survives(record));
}

TEST_CASE("The bytes are those of format 2, whatever machine writes them", "[store][codec]") {
    Record record = sample_record(0x0102030405060708ULL);
    const std::string bytes = bytes_of(record);
    CHECK(bytes.substr(0, 8) == std::string("portal\x02\x00", 8));
    CHECK(bytes.substr(8, 8) == "\x01\xff\xee\xdd\xcc\xbb\xaa\x99");  // lineage
    CHECK(bytes.substr(16, 8) == "\x08\x07\x06\x05\x04\x03\x02\x01");
    CHECK(bytes.substr(24, 8) == "\x88\x77\x66\x55\x44\x33\x22\x11");
    const std::string texts = "sample-token-0123456789client-42https://api.portalhq.io:443defaultwidget";
    CHECK(bytes.size() == 184 + texts.size());
    CHECK(bytes.substr(184) == texts);
}

TEST_CASE("A tombstone is format, lineage, revision, epoch and generation, whatever its record holds", "[store][codec]") {
    Record tombstone = sample_record(7);
    tombstone.state = TokenState::signed_out;
    const std::string bytes = bytes_of(tombstone);
    CHECK(bytes == std::string("portal\x02\x01\x01\xff\xee\xdd\xcc\xbb\xaa\x99\x07\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x0c\0\0\0\0\0\0\0", 40));
    CHECK(same(read(bytes).record, sample_tombstone(7, 3)));
}

TEST_CASE("What a save replaces is named by the header, or by a fingerprint of the first bytes and the size",
          "[store][codec]") {
    CHECK(version_of(bytes_of(sample_record(7)), 300) == RecordVersion{sample_lineage, 7});
    CHECK(version_of("damaged", 7).lineage != 0);
    CHECK(version_of("damaged", 7).revision == 0);
    CHECK(version_of("damaged", 7) != version_of("damaged", 8));
    CHECK(version_of("damaged", 7) != version_of("Damaged", 7));
    CHECK(version_of("", 0).lineage != 0);
    for (const auto& spoil : std::vector<std::function<void(std::string&)>>{
             [](std::string& bytes) { bytes.replace(8, 8, 8, '\0'); },    // lineage 0
             [](std::string& bytes) { bytes.replace(16, 8, 8, '\0'); },   // revision 0
             [](std::string& bytes) { bytes[23] = 0x40; },                // revision 2^62
             [](std::string& bytes) { bytes[7] = 2; },                    // kind
             [](std::string& bytes) { bytes[6] = 1; },                    // an older format
             [](std::string& bytes) { bytes.resize(23); }}) {
        std::string bytes = bytes_of(sample_record(7));
        spoil(bytes);
        CHECK(version_of(bytes, bytes.size()).revision == 0);
        CHECK(read(bytes).version == version_of(bytes, bytes.size()));
    }
}

TEST_CASE("A newer format's record is a fault, with its version", "[store][codec]") {
    std::string bytes = bytes_of(sample_record(7)) + "what nobody knows yet";
    bytes[6] = 3;
    bytes[7] = 9;
    const LoadResult result = read(bytes);
    CHECK(result.outcome == LoadOutcome::fault);
    CHECK(result.fault.cause == StoreCause::newer_format);
    CHECK(result.version == RecordVersion{sample_lineage, 7});
}

TEST_CASE("A record of another session is damaged, a tombstone is anybody's", "[store][codec]") {
    CHECK(decode_record(bytes_of(sample_record()), "other").fault.cause == StoreCause::damaged);
    CHECK(decode_record(bytes_of(sample_tombstone()), "other").outcome == LoadOutcome::found);
}

TEST_CASE("A tombstone that is damaged, or whose numbers nobody believes, is still a logout", "[store][codec]") {
    const std::string good = bytes_of(sample_tombstone());
    const auto check = [](const std::string& bytes) {
        const LoadResult result = read(bytes);
        CHECK(result.outcome == LoadOutcome::lost);
        CHECK(result.logout == Logout{true, 0, false});
    };
    check(good.substr(0, 39));
    check(good + "x");
    for (const std::size_t number : {16, 24, 32}) {
        std::string absurd = good;
        absurd[number + 5] = 1;  // 2^40 and something
        absurd[number] = 1;
        check(absurd);
        absurd.replace(number, 6, std::string("\0\0\0\0\0\x01", 6));  // 2^40
        CHECK(decodes(absurd));
    }
    check(good.substr(0, 24) + std::string(16, '\0'));  // epoch 0
    CHECK_FALSE(read(bytes_of(sample_record()) + "x").logout.is_due);
}

namespace {

// As version 0.1.0 wrote it.
std::string old_bytes(std::uint64_t epoch, char state) {
    std::string bytes("\x01\0", 2);
    for (const std::uint64_t number : {std::uint64_t{7}, std::uint64_t{0x1122}, epoch, std::uint64_t{12}})
        for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(number >> shift);
    return (bytes + state).append(164 - 35, '\0');
}

}  // namespace

TEST_CASE("A tombstone of version 0.1.0 is honoured, and nothing else of it", "[store][codec]") {
    const LoadResult tombstone = read(old_bytes(5, 3));
    REQUIRE(tombstone.outcome == LoadOutcome::found);
    CHECK(tombstone.record.state == TokenState::signed_out);
    CHECK(tombstone.record.epoch == 5);
    CHECK(tombstone.record.generation == 12);
    CHECK(tombstone.version.revision == 0);
    CHECK(tombstone.version.lineage != 0);
    CHECK(read(old_bytes(5, 1)).fault.cause == StoreCause::old_format);
    CHECK_FALSE(read(old_bytes(5, 1)).logout.is_due);
    for (const std::string& bytes : {old_bytes(0, 3), old_bytes(most_in_tombstone + 1, 3), old_bytes(5, 3) + "x"}) {
        CHECK(read(bytes).outcome == LoadOutcome::lost);
        CHECK(read(bytes).logout == Logout{true, 0, false});
    }
}

TEST_CASE("A record cut at any length, or with a byte too many, is refused", "[store][codec]") {
    for (const Record& record : {sample_record(), sample_tombstone()}) {
        const std::string bytes = bytes_of(record);
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            INFO("cut at " << size);
            // A heap block of exactly that size, so that a sanitizer sees a read past it.
            const std::vector<char> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
            CHECK_FALSE(decodes({cut.data(), cut.size()}));
        }
        CHECK_FALSE(decodes(bytes + '\0'));
        CHECK_FALSE(decodes(bytes + std::string(max_record_bytes, 'x')));
    }
}

TEST_CASE("What decodes after any flip of a bit is a record that could have been written", "[store][codec]") {
    const std::string bytes = bytes_of(sample_record());
    for (std::size_t i = 0; i < bytes.size() * 8; ++i) {
        std::string flipped = bytes;
        flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
        const LoadResult decoded = read(flipped);
        if (decoded.outcome == LoadOutcome::found) CHECK(bytes_of(decoded.record) == flipped);
    }
}

TEST_CASE("Random bytes never decode to an impossible record", "[store][codec]") {
    CHECK(rc::check("any bytes", [](const std::string& bytes) {
        for (const auto& whole : {sample_record(), sample_tombstone()}) {
            const LoadResult decoded = read(bytes_of(whole).substr(0, record_header_bytes) + bytes);
            if (decoded.outcome == LoadOutcome::found) RC_ASSERT(encode_record(decoded.record).has_value());
        }
    }));
}

TEST_CASE("A record that no session writes is refused in both directions", "[store][codec]") {
    struct Row {
        const char* name;
        std::function<void(Record&)> spoil;
    };
    const Row rows[] = {
        {"lineage 0", [](Record& r) { r.version.lineage = 0; }},
        {"revision 0", [](Record& r) { r.version.revision = 0; }},
        {"revision out of range", [](Record& r) { r.version.revision = 1ULL << 62; }},
        {"epoch 0", [](Record& r) { r.epoch = 0; }},
        {"epoch out of range", [](Record& r) { r.epoch = 1ULL << 52; }},
        {"generation out of range", [](Record& r) { r.generation = 1ULL << 52; }},
        {"unknown state", [](Record& r) { r.token = nullptr, r.state = static_cast<TokenState>(4); }},
        {"live without a token", [](Record& r) { r.token = nullptr; }},
        {"rejected without a token", [](Record& r) { r.token = nullptr, r.state = TokenState::rejected; }},
        {"none with a token", [](Record& r) { r.state = TokenState::none; }},
        {"token with a line break", [](Record& r) { r.token = secret_of("to\nken"); }},
        {"token too long", [](Record& r) { r.token = secret_of(std::string(4097, 't')); }},
        {"client id with a space", [](Record& r) { r.client_id = "client 42"; }},
        {"client id too long", [](Record& r) { r.client_id = std::string(257, 'c'); }},
        {"no session", [](Record& r) { r.name.clear(); }},
        {"session's name too long", [](Record& r) { r.name = std::string(129, 'n'); }},
        {"origin too long", [](Record& r) { r.origin = std::string(301, 'o'); }},
        {"origin with a space", [](Record& r) { r.origin = "https://a b"; }},
        {"role too long", [](Record& r) { r.claim.role = std::string(17, 'r'); }},
        {"role with a control", [](Record& r) { r.claim.role = "app\n"; }},
        {"issue at the end of time", [](Record& r) { r.issued.boot_ms = INT64_MAX; }},
        {"slide before all time", [](Record& r) { r.slid.unix_ms = INT64_MIN; }},
        {"claim from beyond time", [](Record& r) { r.claim.started_boot_ms = r.claim.limit_boot_ms = 1LL << 53; }},
        {"claim of 142,000 years", [](Record& r) { r.claim.limit_boot_ms = (1LL << 53) - 1; }},
        {"claim longer than a request", [](Record& r) { r.claim.limit_boot_ms = r.claim.started_boot_ms + 310'001; }},
        {"claim that ends before it starts", [](Record& r) { r.claim.limit_boot_ms = r.claim.started_boot_ms - 1; }},
        {"back-off", [](Record& r) { r.backoff.not_before_boot_ms = 1LL << 53; }},
        {"more debt than its bucket holds", [](Record& r) { r.rejections.debt_ms = 1'800'001; }},
        {"debt below nothing", [](Record& r) { r.rejections.debt_ms = -1; }},
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
        return decodes(spoilt);
    };
    CHECK(with(48, "\x01"));  // the state it has: live
    CHECK(with(48, "\x02"));
    CHECK_FALSE(with(48, std::string(1, '\0')));
    CHECK_FALSE(with(48, "\x03"));
    CHECK_FALSE(with(48, "\x04"));
    CHECK_FALSE(with(48, "\xff"));
    CHECK(with(133, std::string(1, '\0')));  // asked_by_server
    CHECK_FALSE(with(133, "\x02"));
    for (const std::size_t length : {174, 176, 178, 180, 182}) CHECK_FALSE(with(length, "\xff\xff"));
    CHECK_FALSE(with(184, " "));
    CHECK_FALSE(with(184, "\x7f"));
    CHECK_FALSE(with(good.size() - 1, "\n"));
}

TEST_CASE("The error of a refused record holds nothing of its token", "[store][codec]") {
    const Result<Secret> refused = encode_record(sample_record(7, "canary-canary\n"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::store_failed);
    CHECK(refused.error().message.find("canary") == std::string::npos);
}

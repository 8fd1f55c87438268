// Whatever bytes lie in the record's place: nothing but a record that was written is ever taken for one.
#include "store/aes_gcm_cipher.hpp"
#include "store/sealed_record.hpp"
#include "support/catch.hpp"
#include "support/mutation.hpp"
#include "support/record_samples.hpp"

namespace {

using namespace portal;
using namespace portal::test;

std::string bytes_of(const Record& record) { return std::string(encode_record(record)->reveal()); }

// Zero, the largest of each width, a length near the limits.
const std::vector<std::string> numbers = {
    std::string(1, '\0'),       std::string(2, '\xff'),     std::string(4, '\xff'),
    std::string(8, '\xff'),     std::string(8, '\0'),       std::string("\x00\x10", 2),
    std::string("\x01\x10", 2), std::string("\x01\x00", 2), std::string(256, 'c')};

const std::string_view old_format("\x01\x00", 2);

TEST_CASE("100,000 damaged records: each is refused, or one that a session could have written") {
    Record largest = sample_record(7, std::string(4096, 't'));
    largest.client_id = std::string(256, 'c');
    Mutation mutation(1, {bytes_of(sample_record()), bytes_of(sample_tombstone()), bytes_of(largest)}, numbers);
    int decoded_ones = 0;
    int wrong = 0;
    for (int i = 0; i < fuzz_inputs; ++i) {
        const Exact input(mutation.next());
        const LoadResult decoded = decode_record(input.view(), "default");
        if (decoded.version.lineage == 0) ++wrong;
        if (decoded.outcome != LoadOutcome::found || input.view().substr(0, 2) == old_format) continue;
        ++decoded_ones;
        const auto encoded = encode_record(decoded.record);
        if (!encoded || encoded->reveal() != input.view()) ++wrong;
    }
    CHECK(wrong == 0);
    CHECK(decoded_ones > fuzz_inputs / 100);  // the unchanged ones alone are a seventh
    CHECK(decoded_ones < fuzz_inputs);
}

TEST_CASE("100,000 damaged sealed records: each is lost, unless not a bit of it was changed") {
    const AesGcmCipher cipher;
    const std::string key(32, 'k');
    const std::string hash(64, 'a');
    const std::string live = *seal_record(cipher, key, hash, sample_record());
    const std::string tombstone = *seal_record(cipher, key, hash, sample_tombstone());
    Mutation mutation(2, {live, tombstone}, numbers);
    int found = 0;
    int wrong = 0;
    for (int i = 0; i < fuzz_inputs; ++i) {
        const Exact input(mutation.next());
        const bool is_whole = input.view() == live || input.view() == tombstone;
        const LoadResult result = open_record(cipher, key, hash, input.view());
        if (result.outcome == LoadOutcome::found) ++found;
        const bool is_newer = result.fault.cause == StoreCause::newer_format;  // it says so, in the clear
        if (is_newer && input.view().substr(0, 6) != "portal") ++wrong;
        if (!is_newer && result.outcome != (is_whole ? LoadOutcome::found : LoadOutcome::lost)) ++wrong;
    }
    CHECK(wrong == 0);
    CHECK(found > fuzz_inputs / 100);
    CHECK(found < fuzz_inputs);
}

}  // namespace

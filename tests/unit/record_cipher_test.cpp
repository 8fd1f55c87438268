// A record file whose crypto library does not work: told from a folder that does not, and no record is lost by it.
#include "support/catch.hpp"
#include "support/record_folder.hpp"

using namespace portal;
using namespace portal::test;

namespace {

enum class Call { seal, open, key_check, hash };

// As OpenSSL without its default provider, for one of its calls.
class BrokenCipher final : public Cipher {
public:
    explicit BrokenCipher(Call broken) : broken_(broken) {}

    [[nodiscard]] Result<std::string> seal(std::string_view key, std::string_view authenticated,
                                           std::string_view plain) const override {
        if (broken_ == Call::seal) return fail(Code::internal, "");
        return whole_.seal(key, authenticated, plain);
    }
    [[nodiscard]] Result<Secret> open(std::string_view key, std::string_view authenticated,
                                      std::string_view sealed) const override {
        if (broken_ == Call::open) return fail(Code::internal, "");
        return whole_.open(key, authenticated, sealed);
    }
    [[nodiscard]] Result<KeyCheck> key_check(std::string_view key) const override {
        if (broken_ == Call::key_check) return fail(Code::internal, "");
        return whole_.key_check(key);
    }
    [[nodiscard]] Result<std::string> sha256_hex(std::string_view text) const override {
        if (broken_ == Call::hash) return fail(Code::internal, "");
        return whole_.sha256_hex(text);
    }

private:
    const Call broken_;
    const AesGcmCipher whole_;
};

struct Fixture : RecordFolder {
    RecordFile with_broken(Call call) {
        return {directory, "default", files, std::make_shared<BrokenCipher>(call), [] {}};
    }
};

const StoreFault by_cipher{StoreCause::cipher, 0};

}  // namespace

TEST_CASE_METHOD(Fixture, "A load that the crypto library fails says so, and sets nothing aside", "[store][file]") {
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    const Call call = GENERATE(Call::hash, Call::open, Call::key_check);
    CAPTURE(static_cast<int>(call));
    // The key's check value is asked of a record that does not open.
    const std::string& with = call == Call::key_check ? other_key : key;
    const LoadResult result = with_broken(call).load(with, OtherKey::set_aside);
    CHECK(result.outcome == LoadOutcome::fault);
    CHECK(result.fault == by_cipher);
    CHECK(same(load().record, sample_record(1, token)));
}

TEST_CASE_METHOD(Fixture, "A save that the crypto library fails says so, and leaves the record", "[store][file]") {
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    const Call call = GENERATE(Call::hash, Call::key_check, Call::seal);
    CAPTURE(static_cast<int>(call));
    const SaveResult result = with_broken(call).save(sample_record(1, "newer"), key);
    CHECK(result.outcome == SaveOutcome::fault);
    CHECK(result.fault == by_cipher);
    CHECK(same(load().record, sample_record(1, token)));
}

// A record file whose crypto library does not work: told from a folder that does not, and no record is lost by it.
#include "support/catch.hpp"
#include "support/record_folder.hpp"

using namespace portal;
using namespace portal::test;

namespace {

enum class Call { seal, open, mac, hash };

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
    [[nodiscard]] Result<Mac> mac(std::string_view key, std::string_view text) const override {
        if (broken_ == Call::mac) return fail(Code::internal, "");
        return whole_.mac(key, text);
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
        return {directory, "default", files, std::make_shared<BrokenCipher>(call), [] { return true; }};
    }
};

const StoreFault by_cipher{StoreCause::cipher, 0};

}  // namespace

TEST_CASE_METHOD(Fixture, "A load that the crypto library fails says so, and leaves the record", "[store][file]") {
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    const Call call = GENERATE(Call::hash, Call::open, Call::mac);
    CAPTURE(static_cast<int>(call));
    // The key's check value, a MAC, is compared where a record does not open.
    const std::string& with = call == Call::mac ? other_key : key;
    const LoadResult result = with_broken(call).load(with);
    CHECK(result.outcome == LoadOutcome::fault);
    CHECK(result.fault == by_cipher);
    CHECK(same(load().record, sample_record(1, token)));
}

TEST_CASE_METHOD(Fixture, "A save that the crypto library fails says so, and leaves the record", "[store][file]") {
    REQUIRE(save(first_record()) == SaveOutcome::saved);
    const Call call = GENERATE(Call::hash, Call::mac, Call::seal);
    CAPTURE(static_cast<int>(call));
    const SaveResult result = with_broken(call).save(next(sample_record(1, "newer")), {key});
    CHECK(result.outcome == SaveOutcome::fault);
    CHECK(result.fault == by_cipher);
    CHECK(same(load().record, sample_record(1, token)));
}

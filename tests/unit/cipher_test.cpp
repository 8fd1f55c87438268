#include <cstdlib>
#include <set>

#include "store/aes_gcm_cipher.hpp"
#include "support/catch.hpp"

using namespace portal;

namespace {

const std::string key(32, 'k');
const std::string other_key(32, 'o');

std::string from_hex(const std::string& hex) {
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2)
        bytes += static_cast<char>(std::strtoul(hex.substr(i, 2).c_str(), nullptr, 16));
    return bytes;
}

}  // namespace

TEST_CASE("AES-256-GCM agrees with its authors' test case 16", "[store][cipher]") {
    const std::string sealed = from_hex(
        "cafebabefacedbaddecaf888"
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838"
        "c5f61e6393ba7a0abcc9f662"
        "76fc6ece0f4e1768cddf8853bb2d551b");
    const auto plain = AesGcmCipher().open(from_hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"),
                                           from_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"), sealed);
    REQUIRE(plain);
    CHECK(
        plain->equals(from_hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                               "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39")));
}

TEST_CASE("What is sealed opens with the same key and authenticated text, and with no other", "[store][cipher]") {
    const AesGcmCipher cipher;
    for (const std::string& plain : {std::string(), std::string("x"), std::string(8192, 'p')}) {
        const auto sealed = cipher.seal(key, "outside", plain);
        REQUIRE(sealed);
        CHECK(sealed->size() == plain.size() + seal_overhead_bytes);
        const auto opened = cipher.open(key, "outside", *sealed);
        REQUIRE(opened);
        CHECK(opened->equals(plain));
        CHECK(cipher.open(other_key, "outside", *sealed).error().code == Code::store_failed);
        CHECK(cipher.open(key, "outsidf", *sealed).error().code == Code::store_failed);
        CHECK(cipher.open(key, "", *sealed).error().code == Code::store_failed);
    }
}

TEST_CASE("A sealed text with any bit flipped, or cut anywhere, does not open", "[store][cipher]") {
    const AesGcmCipher cipher;
    const std::string sealed = *cipher.seal(key, "outside", "a plain text");
    for (std::size_t i = 0; i < sealed.size() * 8; ++i) {
        std::string flipped = sealed;
        flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
        CHECK_FALSE(cipher.open(key, "outside", flipped));
    }
    for (std::size_t size = 0; size < sealed.size(); ++size)
        CHECK_FALSE(cipher.open(key, "outside", sealed.substr(0, size)));
}

TEST_CASE("Each sealing has a nonce of its own and shows nothing of the text", "[store][cipher]") {
    const AesGcmCipher cipher;
    std::set<std::string> nonces;
    for (int i = 0; i < 1000; ++i) {
        const std::string sealed = *cipher.seal(key, "outside", "canary-canary");
        CHECK(sealed.find("canary") == std::string::npos);
        nonces.insert(sealed.substr(0, seal_nonce_bytes));
    }
    CHECK(nonces.size() == 1000);
}

TEST_CASE("A key of any size but 32 bytes is refused", "[store][cipher]") {
    const AesGcmCipher cipher;
    for (const std::size_t size : {0, 16, 31, 33, 64}) {
        const std::string wrong(size, 'k');
        CHECK(cipher.seal(wrong, "", "text").error().code == Code::invalid_argument);
        CHECK(cipher.open(wrong, "", std::string(64, 'x')).error().code == Code::invalid_argument);
        CHECK(cipher.mac(wrong, "text").error().code == Code::invalid_argument);
    }
}

TEST_CASE("A MAC is HMAC-SHA-256", "[store][cipher]") {
    // printf 'portal-session kcv 1' | openssl dgst -sha256 -mac HMAC -macopt key:kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk
    const auto mac = AesGcmCipher().mac(key, "portal-session kcv 1");
    REQUIRE(mac);
    CHECK(std::string(mac->data(), 8) == from_hex("bfb96b6df71e9990"));
    CHECK(*AesGcmCipher().mac(other_key, "portal-session kcv 1") != *mac);
    CHECK(*AesGcmCipher().mac(key, "") != *mac);
}

TEST_CASE("A name's hash is its SHA-256 in hex", "[store][cipher]") {
    CHECK(AesGcmCipher().sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(AesGcmCipher().sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

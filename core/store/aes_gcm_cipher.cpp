#include "store/aes_gcm_cipher.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <memory>

#include "store/openssl_provider.hpp"

namespace portal {
namespace {

using openssl::Aes256Gcm;

// Fetched once, since that costs more than a seal; never freed, as openssl::library() is not. Only a save, and a record that
// does not open, need it.
EVP_MAC* hmac() {
    static EVP_MAC* const fetched = EVP_MAC_fetch(openssl::library(), "HMAC", nullptr);
    return fetched;
}

struct MacContextFree {
    void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using MacContext = std::unique_ptr<EVP_MAC_CTX, MacContextFree>;

unsigned char* bytes(char* text) { return reinterpret_cast<unsigned char*>(text); }
const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

tl::unexpected<Error> library_failure(const char* what) {
    return fail(Code::internal, std::string("OpenSSL failed at ") + what +
                                    ": check that the build of OpenSSL has its default provider and a random source.");
}

// Nothing that is stored comes near this.
constexpr std::size_t max_text_bytes = 1 << 20;

Result<void> check_sizes(std::string_view key, std::string_view authenticated, std::string_view text) {
    if (key.size() != key_bytes)
        return fail(Code::invalid_argument, "The key has " + std::to_string(key.size()) + " bytes: give exactly 32.");
    if (authenticated.size() > max_text_bytes || text.size() > max_text_bytes)
        return fail(Code::invalid_argument, "More than 1 MiB can't be sealed at once.");
    return {};
}

}  // namespace

Result<std::string> AesGcmCipher::seal(std::string_view key, std::string_view authenticated, std::string_view plain) const {
    if (auto checked = check_sizes(key, authenticated, plain); !checked) return tl::unexpected(checked.error());
    std::string sealed(seal_nonce_bytes + plain.size() + seal_tag_bytes, '\0');
    char* const nonce = sealed.data();
    char* const ciphertext = nonce + seal_nonce_bytes;
    Aes256Gcm gcm;
    if (RAND_bytes_ex(openssl::library(), bytes(nonce), seal_nonce_bytes, 0) != 1 ||
        !gcm.begin(Aes256Gcm::Direction::seal, key, {nonce, seal_nonce_bytes}) || !gcm.authenticate(authenticated) ||
        !gcm.transform(plain, ciphertext) || !gcm.finish() || !gcm.get_tag(ciphertext + plain.size(), seal_tag_bytes))
        return library_failure("sealing");
    return sealed;
}

Result<Secret> AesGcmCipher::open(std::string_view key, std::string_view authenticated, std::string_view sealed) const {
    if (auto checked = check_sizes(key, authenticated, sealed); !checked) return tl::unexpected(checked.error());
    if (sealed.size() < seal_overhead_bytes)
        return fail(Code::store_failed, "The sealed text is shorter than its nonce and tag: it was cut.");
    const std::string_view nonce = sealed.substr(0, seal_nonce_bytes);
    const std::string_view ciphertext = sealed.substr(seal_nonce_bytes, sealed.size() - seal_overhead_bytes);
    Secret plain;
    plain.resize(ciphertext.size());
    Aes256Gcm gcm;
    if (!gcm.begin(Aes256Gcm::Direction::open, key, nonce) || !gcm.authenticate(authenticated) ||
        !gcm.transform(ciphertext, plain.data()) || !gcm.set_tag(sealed.substr(sealed.size() - seal_tag_bytes)))
        return library_failure("opening");
    if (!gcm.finish())
        return fail(Code::store_failed, "The sealed text does not fit its key and its tag: it is damaged or not ours.");
    return plain;
}

Result<KeyCheck> AesGcmCipher::key_check(std::string_view key) const {
    if (auto checked = check_sizes(key, {}, {}); !checked) return tl::unexpected(checked.error());
    constexpr std::string_view purpose = "portal-session kcv 1";
    char digest_name[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name, 0),
                                 OSSL_PARAM_construct_end()};
    std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
    std::size_t mac_bytes = 0;
    const MacContext context(hmac() != nullptr ? EVP_MAC_CTX_new(hmac()) : nullptr);
    if (!context || EVP_MAC_init(context.get(), bytes(key), key.size(), params) != 1 ||
        EVP_MAC_update(context.get(), bytes(purpose), purpose.size()) != 1 ||
        EVP_MAC_final(context.get(), mac.data(), &mac_bytes, mac.size()) != 1)
        return library_failure("the key's check value");
    KeyCheck check{};
    std::transform(mac.begin(), mac.begin() + check.size(), check.begin(),
                   [](unsigned char c) { return static_cast<char>(c); });
    wipe(mac.data(), mac.size());
    return check;
}

Result<std::string> AesGcmCipher::sha256_hex(std::string_view text) const {
    openssl::Sha256 digest{};
    if (!openssl::sha256(text, digest)) return library_failure("SHA-256");
    std::string hex;
    for (const unsigned char byte : digest) {
        hex += "0123456789abcdef"[byte >> 4];
        hex += "0123456789abcdef"[byte & 0xf];
    }
    return hex;
}

}  // namespace portal

#include "store/aes_gcm_cipher.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <memory>

namespace portal {
namespace {

// Each is fetched once, when it is first needed, since a fetch costs more than a seal; and never freed: threads may still
// seal while the process exits. For the same reason OpenSSL is told not to clean up at exit. A library context of our own
// is what OpenSSL advises libraries to have: the host's configuration and ours don't touch, and ours need not be read.
OSSL_LIB_CTX* library() {
    static OSSL_LIB_CTX* const own = [] {
        OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
        return OSSL_LIB_CTX_new();
    }();
    return own;
}

const EVP_CIPHER* aes_256_gcm() {
    static const EVP_CIPHER* const fetched = EVP_CIPHER_fetch(library(), "AES-256-GCM", nullptr);
    return fetched;
}

const EVP_MD* sha256() {
    static const EVP_MD* const fetched = EVP_MD_fetch(library(), "SHA256", nullptr);
    return fetched;
}

EVP_MAC* hmac() {
    static EVP_MAC* const fetched = EVP_MAC_fetch(library(), "HMAC", nullptr);
    return fetched;
}

struct CipherContextFree {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, CipherContextFree>;

struct MacContextFree {
    void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using MacContext = std::unique_ptr<EVP_MAC_CTX, MacContextFree>;

unsigned char* bytes(char* text) { return reinterpret_cast<unsigned char*>(text); }
const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
int length(std::string_view text) { return static_cast<int>(text.size()); }

tl::unexpected<Error> library_failure(const char* what) {
    return fail(Code::internal, std::string("OpenSSL failed at ") + what +
                                    ": check that the build of OpenSSL has its default provider and a random source.");
}

// Lengths reach OpenSSL as int; nothing that is stored comes near this.
constexpr std::size_t max_text_bytes = 1 << 20;

Result<void> check_sizes(std::string_view key, std::string_view authenticated, std::string_view text) {
    if (key.size() != key_bytes)
        return fail(Code::invalid_argument, "The key has " + std::to_string(key.size()) + " bytes: give exactly 32.");
    if (authenticated.size() > max_text_bytes || text.size() > max_text_bytes)
        return fail(Code::invalid_argument, "More than 1 MiB can't be sealed at once.");
    return {};
}

}  // namespace

void AesGcmCipher::prepare() const { (void)aes_256_gcm(); }

Result<std::string> AesGcmCipher::seal(std::string_view key, std::string_view authenticated, std::string_view plain) const {
    if (auto checked = check_sizes(key, authenticated, plain); !checked) return tl::unexpected(checked.error());
    std::string sealed(seal_nonce_bytes + plain.size() + seal_tag_bytes, '\0');
    unsigned char* const nonce = bytes(sealed.data());
    unsigned char* const ciphertext = nonce + seal_nonce_bytes;
    unsigned char* const tag = ciphertext + plain.size();
    const CipherContext context(EVP_CIPHER_CTX_new());
    int written = 0;
    if (!context || RAND_bytes_ex(library(), nonce, seal_nonce_bytes, 0) != 1 ||
        EVP_EncryptInit_ex2(context.get(), aes_256_gcm(), bytes(key), nonce, nullptr) != 1 ||
        EVP_EncryptUpdate(context.get(), nullptr, &written, bytes(authenticated), length(authenticated)) != 1 ||
        EVP_EncryptUpdate(context.get(), ciphertext, &written, bytes(plain), length(plain)) != 1 ||
        EVP_EncryptFinal_ex(context.get(), tag, &written) != 1 ||
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(seal_tag_bytes), tag) != 1)
        return library_failure("sealing");
    return sealed;
}

Result<Secret> AesGcmCipher::open(std::string_view key, std::string_view authenticated, std::string_view sealed) const {
    if (auto checked = check_sizes(key, authenticated, sealed); !checked) return tl::unexpected(checked.error());
    if (sealed.size() < seal_overhead_bytes)
        return fail(Code::store_failed, "The sealed text is shorter than its nonce and tag: it was cut.");
    const std::string_view nonce = sealed.substr(0, seal_nonce_bytes);
    const std::string_view ciphertext = sealed.substr(seal_nonce_bytes, sealed.size() - seal_overhead_bytes);
    std::array<unsigned char, seal_tag_bytes> tag{};
    std::copy_n(bytes(sealed) + sealed.size() - seal_tag_bytes, seal_tag_bytes, tag.begin());
    Secret plain;
    plain.resize(
        std::max<std::size_t>(ciphertext.size(), 1));  // OpenSSL takes a null output for "this is authenticated text"
    const CipherContext context(EVP_CIPHER_CTX_new());
    int written = 0;
    if (!context || EVP_DecryptInit_ex2(context.get(), aes_256_gcm(), bytes(key), bytes(nonce), nullptr) != 1 ||
        EVP_DecryptUpdate(context.get(), nullptr, &written, bytes(authenticated), length(authenticated)) != 1 ||
        EVP_DecryptUpdate(context.get(), bytes(plain.data()), &written, bytes(ciphertext), length(ciphertext)) != 1 ||
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag.size()), tag.data()) != 1)
        return library_failure("opening");
    unsigned char none_left[EVP_MAX_BLOCK_LENGTH];
    if (EVP_DecryptFinal_ex(context.get(), none_left, &written) != 1)
        return fail(Code::store_failed, "The sealed text does not fit its key and its tag: it is damaged or not ours.");
    plain.resize(ciphertext.size());
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
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned digest_bytes = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &digest_bytes, sha256(), nullptr) != 1)
        return library_failure("SHA-256");
    std::string hex;
    for (unsigned i = 0; i < digest_bytes; ++i) {
        hex += "0123456789abcdef"[digest[i] >> 4];
        hex += "0123456789abcdef"[digest[i] & 0xf];
    }
    return hex;
}

}  // namespace portal

#include "store/aes_gcm_cipher.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <cstdlib>
#include <memory>
#include <mutex>

#include "base/fork.hpp"

namespace portal {
namespace {

// A library context of our own is what OpenSSL advises libraries to have: the host's configuration does not reach ours, and
// ours does not reach the host's. Its objects are fetched once, and it is never freed: threads may work while the process
// exits.
struct Library {
    OSSL_LIB_CTX* const context = OSSL_LIB_CTX_new();
    EVP_CIPHER* const aes_gcm = EVP_CIPHER_fetch(context, "AES-256-GCM", nullptr);
    EVP_MD* const sha256 = EVP_MD_fetch(context, "SHA2-256", nullptr);
    EVP_MAC* const hmac = EVP_MAC_fetch(context, "HMAC", nullptr);

    [[nodiscard]] bool is_whole() const { return context && aes_gcm && sha256 && hmac; }
};

// The way to OpenSSL. At exit it frees what all library contexts share (its error states, its list of threads), and a thread
// that is inside it then crashes. So each use holds the door's lock, and an exit handler of ours, which runs before OpenSSL's
// since it is registered after it, shuts the door behind the last one. A forked child has a door and a library of its own: a
// thread of its parent may have been inside.
class Door {
public:
    static Door& of_process() {
        static constinit PerProcess<Door> door;
        return door.get();
    }

    std::mutex mutex;
    bool is_shut = false;

    // Under the lock.
    const Library& library() {
        if (library_ != nullptr) return *library_;
        OPENSSL_init_crypto(0, nullptr);  // registers OpenSSL's exit handler
        library_ = new Library;
        std::atexit([] {
            Door& door = of_process();
            const std::lock_guard lock(door.mutex);
            door.is_shut = true;
        });
        return *library_;
    }

private:
    const Library* library_ = nullptr;
};

// One use of OpenSSL by one thread. False where it can't be used: it lacks an algorithm, or the process exits. What OpenSSL
// keeps for a thread goes with it, since the thread may end while OpenSSL is taken down.
class Use {
public:
    Use() = default;
    ~Use() {
        if (library_ != nullptr) OPENSSL_thread_stop();
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

    [[nodiscard]] const Library& library() const { return *library_; }
    explicit operator bool() const { return library_ != nullptr && library_->is_whole(); }

private:
    Door& door_ = Door::of_process();
    const std::lock_guard<std::mutex> lock_{door_.mutex};
    const Library* const library_ = door_.is_shut ? nullptr : &door_.library();
};

struct Free {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
    void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
template <typename Context>
using Held = std::unique_ptr<Context, Free>;

unsigned char* bytes(char* text) { return reinterpret_cast<unsigned char*>(text); }
const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
int length(std::string_view text) { return static_cast<int>(text.size()); }

tl::unexpected<Error> library_failure(const char* what) {
    return fail(Code::internal, std::string("OpenSSL failed at ") + what +
                                    ": check that the build of OpenSSL has its default provider and a random source.");
}

// Nothing that is stored is nearly as long.
constexpr std::size_t max_text_bytes = 1 << 20;

Result<void> check_sizes(std::string_view key, std::string_view authenticated, std::string_view text) {
    if (key.size() != key_bytes)
        return fail(Code::invalid_argument, "The key has " + std::to_string(key.size()) + " bytes: give exactly 32.");
    if (authenticated.size() > max_text_bytes || text.size() > max_text_bytes)
        return fail(Code::invalid_argument, "More than 1 MiB can't be sealed at once.");
    return {};
}

enum class Direction : int { open = 0, seal = 1 };  // as EVP numbers them

// Up to the last step, which makes the tag or compares it.
bool transform(EVP_CIPHER_CTX* gcm, const Library& library, Direction direction, std::string_view key,
               std::string_view nonce, std::string_view authenticated, std::string_view in, char* out) {
    int written = 0;
    if (gcm == nullptr || EVP_CipherInit_ex2(gcm, library.aes_gcm, bytes(key), bytes(nonce), static_cast<int>(direction),
                                             nullptr) != 1)
        return false;
    // A null output is how a cipher learns that this is authenticated text.
    if (!authenticated.empty() && EVP_CipherUpdate(gcm, nullptr, &written, bytes(authenticated), length(authenticated)) != 1)
        return false;
    return in.empty() ||
           (EVP_CipherUpdate(gcm, bytes(out), &written, bytes(in), length(in)) == 1 && written == length(in));
}

bool finish(EVP_CIPHER_CTX* gcm) {
    unsigned char none_left[EVP_MAX_BLOCK_LENGTH];
    int written = 0;
    return EVP_CipherFinal_ex(gcm, none_left, &written) == 1;
}

}  // namespace

Result<std::string> AesGcmCipher::seal(std::string_view key, std::string_view authenticated, std::string_view plain) const {
    if (auto checked = check_sizes(key, authenticated, plain); !checked) return tl::unexpected(checked.error());
    std::string sealed(seal_nonce_bytes + plain.size() + seal_tag_bytes, '\0');
    char* const nonce = sealed.data();
    char* const ciphertext = nonce + seal_nonce_bytes;
    char* const tag = ciphertext + plain.size();
    const Use openssl;
    if (!openssl) return library_failure("sealing");
    const Held<EVP_CIPHER_CTX> gcm(EVP_CIPHER_CTX_new());
    if (RAND_bytes_ex(openssl.library().context, bytes(nonce), seal_nonce_bytes, 0) != 1 ||
        !transform(gcm.get(), openssl.library(), Direction::seal, key, {nonce, seal_nonce_bytes}, authenticated, plain,
                   ciphertext) ||
        !finish(gcm.get()) || EVP_CIPHER_CTX_ctrl(gcm.get(), EVP_CTRL_AEAD_GET_TAG, seal_tag_bytes, tag) != 1)
        return library_failure("sealing");
    return sealed;
}

Result<Secret> AesGcmCipher::open(std::string_view key, std::string_view authenticated, std::string_view sealed) const {
    if (auto checked = check_sizes(key, authenticated, sealed); !checked) return tl::unexpected(checked.error());
    if (sealed.size() < seal_overhead_bytes)
        return fail(Code::store_failed, "The sealed text is shorter than its nonce and tag: it was cut.");
    const std::string_view nonce = sealed.substr(0, seal_nonce_bytes);
    const std::string_view ciphertext = sealed.substr(seal_nonce_bytes, sealed.size() - seal_overhead_bytes);
    std::string tag(sealed.substr(sealed.size() - seal_tag_bytes));
    Secret plain;
    plain.resize(ciphertext.size());
    const Use openssl;
    if (!openssl) return library_failure("opening");
    const Held<EVP_CIPHER_CTX> gcm(EVP_CIPHER_CTX_new());
    if (!transform(gcm.get(), openssl.library(), Direction::open, key, nonce, authenticated, ciphertext, plain.data()) ||
        EVP_CIPHER_CTX_ctrl(gcm.get(), EVP_CTRL_AEAD_SET_TAG, seal_tag_bytes, tag.data()) != 1)
        return library_failure("opening");
    if (!finish(gcm.get()))
        return fail(Code::store_failed, "The sealed text does not fit its key and its tag: it is damaged or not ours.");
    return plain;
}

Result<Mac> AesGcmCipher::mac(std::string_view key, std::string_view text) const {
    if (auto checked = check_sizes(key, {}, text); !checked) return tl::unexpected(checked.error());
    char digest_name[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name, 0),
                                 OSSL_PARAM_construct_end()};
    Mac mac{};
    std::size_t written = 0;
    const Use openssl;
    if (!openssl) return library_failure("HMAC");
    const Held<EVP_MAC_CTX> context(EVP_MAC_CTX_new(openssl.library().hmac));
    if (!context || EVP_MAC_init(context.get(), bytes(key), key.size(), params) != 1 ||
        EVP_MAC_update(context.get(), bytes(text), text.size()) != 1 ||
        EVP_MAC_final(context.get(), bytes(mac.data()), &written, mac.size()) != 1 || written != mac.size())
        return library_failure("HMAC");
    return mac;
}

Result<std::string> AesGcmCipher::sha256_hex(std::string_view text) const {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned written = 0;
    const Use openssl;
    if (!openssl || EVP_Digest(text.data(), text.size(), digest, &written, openssl.library().sha256, nullptr) != 1)
        return library_failure("SHA-256");
    std::string hex;
    for (unsigned i = 0; i < written; ++i) {
        hex += "0123456789abcdef"[digest[i] >> 4];
        hex += "0123456789abcdef"[digest[i] & 0xf];
    }
    return hex;
}

}  // namespace portal

#include "store/openssl_provider.hpp"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/provider.h>

namespace portal::openssl {
namespace {

unsigned char* bytes(char* text) { return reinterpret_cast<unsigned char*>(text); }
const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

OSSL_PROVIDER* provider() {
    static OSSL_PROVIDER* const loaded = OSSL_PROVIDER_load(library(), "default");
    return loaded;
}

void* provider_context() { return OSSL_PROVIDER_get0_provider_ctx(provider()); }

// An algorithm's functions; null where the provider has none of that name. Its names stand in one text, with colons between.
const OSSL_DISPATCH* find(int operation, std::string_view name) {
    int no_store = 0;
    if (provider() == nullptr) return nullptr;
    const OSSL_ALGORITHM* algorithm = OSSL_PROVIDER_query_operation(provider(), operation, &no_store);
    for (; algorithm != nullptr && algorithm->algorithm_names != nullptr; ++algorithm) {
        const std::string_view names = algorithm->algorithm_names;
        if (names.substr(0, names.find(':')) == name) return algorithm->implementation;
    }
    return nullptr;
}

// What OpenSSL keeps for a thread is given back here, before the thread counts as gone, and not in its very last instant, when
// the host may tear OpenSSL down already.
struct ThreadPart {
    ~ThreadPart() { OPENSSL_thread_stop(); }
};

// A function by its number. The casts are OpenSSL's own way: core_dispatch.h has one such accessor for each.
template <typename Function>
void take(const OSSL_DISPATCH& entry, int id, Function* (*cast)(const OSSL_DISPATCH*), Function*& function) {
    if (entry.function_id == id) function = cast(&entry);
}

struct GcmFunctions {
    OSSL_FUNC_cipher_newctx_fn* new_context = nullptr;
    OSSL_FUNC_cipher_freectx_fn* free_context = nullptr;
    OSSL_FUNC_cipher_encrypt_init_fn* begin_seal = nullptr;
    OSSL_FUNC_cipher_decrypt_init_fn* begin_open = nullptr;
    OSSL_FUNC_cipher_update_fn* update = nullptr;
    OSSL_FUNC_cipher_final_fn* finish = nullptr;
    OSSL_FUNC_cipher_get_ctx_params_fn* get = nullptr;
    OSSL_FUNC_cipher_set_ctx_params_fn* set = nullptr;

    GcmFunctions() {
        const OSSL_DISPATCH* entry = find(OSSL_OP_CIPHER, "AES-256-GCM");
        for (; entry != nullptr && entry->function_id != 0; ++entry) {
            take(*entry, OSSL_FUNC_CIPHER_NEWCTX, OSSL_FUNC_cipher_newctx, new_context);
            take(*entry, OSSL_FUNC_CIPHER_FREECTX, OSSL_FUNC_cipher_freectx, free_context);
            take(*entry, OSSL_FUNC_CIPHER_ENCRYPT_INIT, OSSL_FUNC_cipher_encrypt_init, begin_seal);
            take(*entry, OSSL_FUNC_CIPHER_DECRYPT_INIT, OSSL_FUNC_cipher_decrypt_init, begin_open);
            take(*entry, OSSL_FUNC_CIPHER_UPDATE, OSSL_FUNC_cipher_update, update);
            take(*entry, OSSL_FUNC_CIPHER_FINAL, OSSL_FUNC_cipher_final, finish);
            take(*entry, OSSL_FUNC_CIPHER_GET_CTX_PARAMS, OSSL_FUNC_cipher_get_ctx_params, get);
            take(*entry, OSSL_FUNC_CIPHER_SET_CTX_PARAMS, OSSL_FUNC_cipher_set_ctx_params, set);
        }
    }
    [[nodiscard]] bool is_whole() const {
        return new_context && free_context && begin_seal && begin_open && update && finish && get && set;
    }
};

struct DigestFunctions {
    OSSL_FUNC_digest_newctx_fn* new_context = nullptr;
    OSSL_FUNC_digest_freectx_fn* free_context = nullptr;
    OSSL_FUNC_digest_init_fn* begin = nullptr;
    OSSL_FUNC_digest_update_fn* update = nullptr;
    OSSL_FUNC_digest_final_fn* finish = nullptr;

    DigestFunctions() {
        const OSSL_DISPATCH* entry = find(OSSL_OP_DIGEST, "SHA2-256");
        for (; entry != nullptr && entry->function_id != 0; ++entry) {
            take(*entry, OSSL_FUNC_DIGEST_NEWCTX, OSSL_FUNC_digest_newctx, new_context);
            take(*entry, OSSL_FUNC_DIGEST_FREECTX, OSSL_FUNC_digest_freectx, free_context);
            take(*entry, OSSL_FUNC_DIGEST_INIT, OSSL_FUNC_digest_init, begin);
            take(*entry, OSSL_FUNC_DIGEST_UPDATE, OSSL_FUNC_digest_update, update);
            take(*entry, OSSL_FUNC_DIGEST_FINAL, OSSL_FUNC_digest_final, finish);
        }
    }
    [[nodiscard]] bool is_whole() const { return new_context && free_context && begin && update && finish; }
};

const GcmFunctions& gcm() {
    static const GcmFunctions functions;
    return functions;
}

const DigestFunctions& digest_functions() {
    static const DigestFunctions functions;
    return functions;
}

OSSL_PARAM tag_param(char* tag, std::size_t size) {
    return OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, size);
}

}  // namespace

// Never freed, and OpenSSL is told not to clean up at exit: threads may still seal while the process exits.
OSSL_LIB_CTX* library() {
    static OSSL_LIB_CTX* const own = [] {
        OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
        return OSSL_LIB_CTX_new();
    }();
    thread_local const ThreadPart part;
    return own;
}

bool sha256(std::string_view text, Sha256& digest) {
    const DigestFunctions& sha = digest_functions();
    void* const context = sha.is_whole() ? sha.new_context(provider_context()) : nullptr;
    if (context == nullptr) return false;
    std::size_t written = 0;
    const bool good = sha.begin(context, nullptr) == 1 && sha.update(context, bytes(text), text.size()) == 1 &&
                      sha.finish(context, digest.data(), &written, digest.size()) == 1 && written == digest.size();
    sha.free_context(context);
    return good;
}

Aes256Gcm::Aes256Gcm() : context_(gcm().is_whole() ? gcm().new_context(provider_context()) : nullptr) {}

Aes256Gcm::~Aes256Gcm() {
    if (context_ != nullptr) gcm().free_context(context_);
}

bool Aes256Gcm::begin(Direction direction, std::string_view key, std::string_view nonce) {
    if (context_ == nullptr) return false;
    const auto begin = direction == Direction::seal ? gcm().begin_seal : gcm().begin_open;
    return begin(context_, bytes(key), key.size(), bytes(nonce), nonce.size(), nullptr) == 1;
}

bool Aes256Gcm::authenticate(std::string_view text) {
    std::size_t written = 0;  // a null output is how a cipher is told that this is authenticated text
    return gcm().update(context_, nullptr, &written, text.size(), bytes(text), text.size()) == 1;
}

bool Aes256Gcm::transform(std::string_view in, char* out) {
    std::size_t written = 0;
    return gcm().update(context_, bytes(out), &written, in.size(), bytes(in), in.size()) == 1 && written == in.size();
}

bool Aes256Gcm::finish() {
    unsigned char none_left[16];
    std::size_t written = 0;
    return gcm().finish(context_, none_left, &written, sizeof none_left) == 1;
}

bool Aes256Gcm::get_tag(char* tag, std::size_t size) {
    OSSL_PARAM params[] = {tag_param(tag, size), OSSL_PARAM_construct_end()};
    return gcm().get(context_, params) == 1;
}

bool Aes256Gcm::set_tag(std::string_view tag) {
    const OSSL_PARAM params[] = {tag_param(const_cast<char*>(tag.data()), tag.size()), OSSL_PARAM_construct_end()};
    return gcm().set(context_, params) == 1;
}

}  // namespace portal::openssl

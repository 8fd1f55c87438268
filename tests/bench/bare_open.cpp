// The floor of first_token: reads a file and opens the one AES-256-GCM message in it, with OpenSSL and nothing else.
//   bare_open FILE          prints the nanoseconds that this took, from `main` on
//   bare_open --seal FILE   writes such a file, as long as a session's record
#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <cstring>

#include "bench/elapsed.hpp"

namespace {

constexpr int nonce_bytes = 12;
constexpr int tag_bytes = 16;
constexpr int message_bytes = 400;
constexpr unsigned char key[32] = {1, 2, 3};
unsigned char file[nonce_bytes + message_bytes + tag_bytes];

int seal(const char* path) {
    unsigned char plain[message_bytes] = {'t'};
    int size = 0;
    EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
    EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), nullptr, key, file);
    EVP_EncryptUpdate(context, file + nonce_bytes, &size, plain, message_bytes);
    EVP_EncryptFinal_ex(context, file + nonce_bytes + size, &size);
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, tag_bytes, file + nonce_bytes + message_bytes);
    EVP_CIPHER_CTX_free(context);
    const int out = ::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const bool is_written = ::write(out, file, sizeof file) == static_cast<ssize_t>(sizeof file);
    ::close(out);
    return is_written ? 0 : 1;
}

bool open_message(const char* path) {
    const int in = ::open(path, O_RDONLY | O_CLOEXEC);
    const bool is_read = ::read(in, file, sizeof file) == static_cast<ssize_t>(sizeof file);
    ::close(in);
    unsigned char plain[message_bytes];
    int size = 0;
    EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
    EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), nullptr, key, file);
    EVP_DecryptUpdate(context, plain, &size, file + nonce_bytes, message_bytes);
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, tag_bytes, file + nonce_bytes + message_bytes);
    const bool is_whole = EVP_DecryptFinal_ex(context, plain + size, &size) == 1;
    EVP_CIPHER_CTX_free(context);
    return is_read && is_whole && plain[0] == 't';
}

}  // namespace

int main(int count, char** words) {
    const bench::Instant began = bench::now();
    if (count == 3 && std::strcmp(words[1], "--seal") == 0) return seal(words[2]);
    if (count != 2 || !open_message(words[1])) return 1;
    bench::print_since(began);
    return 0;
}

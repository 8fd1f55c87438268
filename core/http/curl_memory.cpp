#include "http/curl_memory.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#if defined(__APPLE__)
#include <malloc/malloc.h>
#else
#include <malloc.h>
#endif

#include <curl/curl.h>

#include "base/secret.hpp"
#include "http/curl_tls.hpp"

namespace portal {
namespace {

// Blocks are the system's own, so that whoever else frees one of libcurl's does no harm.
std::size_t size_of(void* block) {
#if defined(__APPLE__)
    return ::malloc_size(block);
#else
    return ::malloc_usable_size(block);
#endif
}

void wipe_and_free(void* block) {
    if (block == nullptr) return;
    wipe(block, size_of(block));
    std::free(block);
}

// The system's realloc would leave the old block as it is.
void* wiping_realloc(void* block, std::size_t size) {
    if (block == nullptr) return std::malloc(size);
    void* grown = std::malloc(size);
    if (grown == nullptr) return nullptr;
    std::memcpy(grown, block, std::min(size, size_of(block)));
    wipe_and_free(block);
    return grown;
}

char* duplicate(const char* text) {
    const std::size_t size = std::strlen(text) + 1;
    auto* copy = static_cast<char*>(std::malloc(size));
    if (copy != nullptr) std::memcpy(copy, text, size);
    return copy;
}

}  // namespace

void initialise_wiping_curl() {
    const KeyLogHidden hidden;
    ::curl_global_init_mem(CURL_GLOBAL_DEFAULT, &std::malloc, &wipe_and_free, &wiping_realloc, &duplicate, &std::calloc);
}

}  // namespace portal

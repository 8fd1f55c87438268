#include "base/secret.hpp"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <utility>

#if defined(__APPLE__)
// <string.h> declares it only to who defines __STDC_WANT_LIB_EXT1__ before the first header of all that is compiled together.
extern "C" int memset_s(void* memory, std::size_t size, int byte, std::size_t count);
#endif

namespace portal {
namespace {

std::size_t whole_pages(std::size_t size) {
    static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return (size + page - 1) / page * page;
}

}  // namespace

void wipe(void* memory, std::size_t size) noexcept {
    if (memory == nullptr) return;
#if defined(__APPLE__)
    ::memset_s(memory, size, 0, size);
#elif defined(__ANDROID__)  // which has memset_explicit from API 34 alone
    ::memset(memory, 0, size);
    __asm__ __volatile__("" : : "r"(memory) : "memory");
#else
    ::explicit_bzero(memory, size);
#endif
}

void* secret_allocate(std::size_t size) {
    void* memory = ::mmap(nullptr, whole_pages(size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
#if defined(MADV_DONTDUMP)
    ::madvise(memory, whole_pages(size), MADV_DONTDUMP);
#endif
#if defined(MADV_WIPEONFORK)
    ::madvise(memory, whole_pages(size), MADV_WIPEONFORK);  // of no use to a forked child, whose sessions are closed
#endif
    return memory;
}

void secret_free(void* memory, std::size_t size) noexcept {
    if (memory == nullptr) return;
    wipe(memory, size);
    ::munmap(memory, whole_pages(size));
}

Secret::Secret(std::string_view text) { append(text); }

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
}

Secret::~Secret() { secret_free(data_, capacity_); }

void Secret::append(std::string_view text) {
    if (text.empty()) return;
    const std::size_t old_size = size_;
    if (old_size + text.size() > capacity_) reserve(std::max(old_size + text.size(), capacity_ * 2));
    text.copy(data_ + old_size, text.size());
    size_ = old_size + text.size();
}

void Secret::resize(std::size_t size) {
    reserve(size);
    if (size < size_) wipe(data_ + size, size_ - size);
    size_ = size;
}

void Secret::reserve(std::size_t capacity) {
    if (capacity <= capacity_) return;
    const std::size_t rounded = whole_pages(capacity);
    auto* grown = static_cast<char*>(secret_allocate(rounded));
    reveal().copy(grown, size_);
    secret_free(data_, capacity_);
    data_ = grown;
    capacity_ = rounded;
}

void Secret::clear() noexcept {
    wipe(data_, size_);
    size_ = 0;
}

bool Secret::equals(std::string_view other) const noexcept {
    if (other.size() != size_) return false;
    unsigned difference = 0;
    for (std::size_t i = 0; i < size_; ++i) difference |= static_cast<unsigned char>(data_[i] ^ other[i]);
    return difference == 0;
}

}  // namespace portal

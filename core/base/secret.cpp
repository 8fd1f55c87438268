#include "base/secret.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace portal {
namespace {

std::size_t whole_pages(std::size_t size) {
    static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return (size + page - 1) / page * page;
}

// The vector registers that a function may leave as it likes: memcpy and its kind go through them, by widths that the C
// library chooses by the processor.
void forget_registers() noexcept {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        __asm__ __volatile__(
            "vpxord %%zmm16, %%zmm16, %%zmm16\n\tvpxord %%zmm17, %%zmm17, %%zmm17\n\t"
            "vpxord %%zmm18, %%zmm18, %%zmm18\n\tvpxord %%zmm19, %%zmm19, %%zmm19\n\t"
            "vpxord %%zmm20, %%zmm20, %%zmm20\n\tvpxord %%zmm21, %%zmm21, %%zmm21\n\t"
            "vpxord %%zmm22, %%zmm22, %%zmm22\n\tvpxord %%zmm23, %%zmm23, %%zmm23\n\t"
            "vpxord %%zmm24, %%zmm24, %%zmm24\n\tvpxord %%zmm25, %%zmm25, %%zmm25\n\t"
            "vpxord %%zmm26, %%zmm26, %%zmm26\n\tvpxord %%zmm27, %%zmm27, %%zmm27\n\t"
            "vpxord %%zmm28, %%zmm28, %%zmm28\n\tvpxord %%zmm29, %%zmm29, %%zmm29\n\t"
            "vpxord %%zmm30, %%zmm30, %%zmm30\n\tvpxord %%zmm31, %%zmm31, %%zmm31"
            :
            :
            : "memory");
    if (__builtin_cpu_supports("avx")) {
        __asm__ __volatile__("vzeroall"
                             :
                             :
                             : "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
                               "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
        return;
    }
    __asm__ __volatile__(
        "pxor %%xmm0, %%xmm0\n\tpxor %%xmm1, %%xmm1\n\tpxor %%xmm2, %%xmm2\n\tpxor %%xmm3, %%xmm3\n\t"
        "pxor %%xmm4, %%xmm4\n\tpxor %%xmm5, %%xmm5\n\tpxor %%xmm6, %%xmm6\n\tpxor %%xmm7, %%xmm7\n\t"
        "pxor %%xmm8, %%xmm8\n\tpxor %%xmm9, %%xmm9\n\tpxor %%xmm10, %%xmm10\n\tpxor %%xmm11, %%xmm11\n\t"
        "pxor %%xmm12, %%xmm12\n\tpxor %%xmm13, %%xmm13\n\tpxor %%xmm14, %%xmm14\n\tpxor %%xmm15, %%xmm15"
        :
        :
        : "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
          "xmm12", "xmm13", "xmm14", "xmm15");
#elif defined(__aarch64__)
    __asm__ __volatile__(
        "movi v0.2d, #0\n\tmovi v1.2d, #0\n\tmovi v2.2d, #0\n\tmovi v3.2d, #0\n\tmovi v4.2d, #0\n\t"
        "movi v5.2d, #0\n\tmovi v6.2d, #0\n\tmovi v7.2d, #0\n\tmovi v16.2d, #0\n\tmovi v17.2d, #0\n\t"
        "movi v18.2d, #0\n\tmovi v19.2d, #0\n\tmovi v20.2d, #0\n\tmovi v21.2d, #0\n\tmovi v22.2d, #0\n\t"
        "movi v23.2d, #0\n\tmovi v24.2d, #0\n\tmovi v25.2d, #0\n\tmovi v26.2d, #0\n\tmovi v27.2d, #0\n\t"
        "movi v28.2d, #0\n\tmovi v29.2d, #0\n\tmovi v30.2d, #0\n\tmovi v31.2d, #0"
        :
        :
        : "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23",
          "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31");
#endif
}

}  // namespace

void wipe(void* memory, std::size_t size) noexcept {
    if (memory == nullptr) return;
    std::memset(memory, 0, size);
    __asm__ __volatile__("" : : "r"(memory) : "memory");
    forget_registers();
}

void copy_secret(void* to, std::string_view bytes) noexcept {
    if (bytes.empty()) return;
    std::memcpy(to, bytes.data(), bytes.size());
    forget_registers();
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
    copy_secret(data_ + old_size, text);
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
    copy_secret(grown, reveal());
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

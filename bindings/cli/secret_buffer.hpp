// Room for a secret: allocated once, never copied, wiped when it goes.
#pragma once

#include <portal_session/portal_session.h>

#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

namespace cli {

class SecretBuffer {
public:
    explicit SecretBuffer(std::size_t capacity) : data_(std::make_unique<char[]>(capacity)), capacity_(capacity) {}
    SecretBuffer(SecretBuffer&& other) noexcept
        : data_(std::move(other.data_)),
          capacity_(std::exchange(other.capacity_, 0)),
          size_(std::exchange(other.size_, 0)) {}
    SecretBuffer& operator=(SecretBuffer&&) = delete;
    SecretBuffer(const SecretBuffer&) = delete;
    SecretBuffer& operator=(const SecretBuffer&) = delete;
    ~SecretBuffer() { portal_wipe(data_.get(), capacity_); }

    [[nodiscard]] char* data() { return data_.get(); }
    [[nodiscard]] char* end() { return data_.get() + size_; }
    [[nodiscard]] std::size_t capacity() const { return capacity_; }
    [[nodiscard]] std::size_t room() const { return capacity_ - size_; }
    [[nodiscard]] std::string_view reveal() const { return {data_.get(), size_}; }

    void set_size(std::size_t size) { size_ = size; }

    // What does not fit is a mistake of the caller's and is left out.
    void append(std::string_view text) {
        const std::size_t size = text.size() < room() ? text.size() : room();
        text.copy(end(), size);
        size_ += size;
    }

private:
    std::unique_ptr<char[]> data_;
    std::size_t capacity_;
    std::size_t size_ = 0;
};

}  // namespace cli

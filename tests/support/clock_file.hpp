// A clock that a test moves and other processes read: three numbers in a file that all of them map.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace portal::test {

class ClockFile {
public:
    // Made where there is none; then it starts two days after a boot in 2023.
    explicit ClockFile(const std::string& path) {
        const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (file == -1 || ::ftruncate(file, sizeof(Numbers)) == -1) std::abort();
        void* const memory = ::mmap(nullptr, sizeof(Numbers), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        ::close(file);
        if (memory == MAP_FAILED) std::abort();
        numbers_ = static_cast<Numbers*>(memory);
        if (numbers_->boot_tag != 0) return;
        numbers_->boot_ms = 2 * 24 * 3600 * 1000LL;
        numbers_->unix_ms = 1'700'000'000'000;
        numbers_->boot_tag = 7;
    }
    ~ClockFile() { ::munmap(numbers_, sizeof(Numbers)); }
    ClockFile(const ClockFile&) = delete;
    ClockFile& operator=(const ClockFile&) = delete;

    [[nodiscard]] std::int64_t boot_ms() const { return numbers_->boot_ms; }
    [[nodiscard]] std::int64_t unix_ms() const { return numbers_->unix_ms; }
    [[nodiscard]] std::uint64_t boot_tag() const { return numbers_->boot_tag; }

    void advance(std::int64_t ms) {
        numbers_->unix_ms += ms;
        numbers_->boot_ms += ms;
    }
    // A reboot, which took `took_ms`: only while no process reads.
    void reboot(std::int64_t took_ms) {
        numbers_->boot_tag += 1;
        numbers_->unix_ms += took_ms;
        numbers_->boot_ms = took_ms;
    }

private:
    struct Numbers {
        std::atomic<std::int64_t> boot_ms;
        std::atomic<std::int64_t> unix_ms;
        std::atomic<std::uint64_t> boot_tag;
    };
    static_assert(std::atomic<std::int64_t>::is_always_lock_free);

    Numbers* numbers_;
};

}  // namespace portal::test

// engine/two_slot: whole values for readers, whatever the writer does.
#include "engine/double_buffered_seqlock.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/signal.hpp"

namespace {

using namespace portal;

struct Words {
    std::array<std::uint64_t, 64> all{};
};
Words words_of(std::uint64_t value) {
    Words words;
    words.all.fill(value);
    return words;
}
bool is_whole(const Words& words) {
    for (const std::uint64_t word : words.all)
        if (word != words.all[0]) return false;
    return true;
}

TEST_CASE("A reader gets what was written last") {
    DoubleBufferedSeqlock<Words> slots;
    CHECK(slots.value().all[0] == 0);
    for (std::uint64_t value = 1; value <= 5; ++value) {
        slots.write(words_of(value));
        CHECK(slots.value().all == words_of(value).all);
    }
}

TEST_CASE("Each publication has a number of its own") {
    DoubleBufferedSeqlock<Words> slots;
    const std::uint64_t first = slots.look().publication;
    slots.write(words_of(1));
    CHECK(slots.look().publication == first + 1);
}

TEST_CASE("Overwriting the slot that readers have left removes the old value from memory") {
    constexpr std::uint64_t old_value = 0x6f6c642d76616c75ULL;
    DoubleBufferedSeqlock<Words> slots;
    const auto is_in_memory = [&] {
        const std::string bytes(reinterpret_cast<const char*>(&slots), sizeof slots);
        return bytes.find(std::string(reinterpret_cast<const char*>(&old_value), sizeof old_value)) != std::string::npos;
    };
    slots.write(words_of(old_value));
    slots.write(words_of(1));
    CHECK(is_in_memory());
    slots.overwrite_previous({});
    CHECK_FALSE(is_in_memory());
    CHECK(slots.value().all == words_of(1).all);
}

TEST_CASE("No reader ever sees a mix of two values, nor goes back") {
    DoubleBufferedSeqlock<Words> slots;
    std::atomic<bool> stop{false};
    std::atomic<int> mixed{0};
    std::atomic<int> went_back{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 3; ++i) {
        readers.emplace_back([&] {
            std::uint64_t last = 0;
            while (!stop.load()) {
                const Words words = slots.value();
                if (!is_whole(words)) ++mixed;
                if (words.all[0] < last) ++went_back;
                last = words.all[0];
            }
        });
    }
    for (std::uint64_t value = 1; value <= 20'000; ++value) {
        slots.write(words_of(value));
        if (value % 3 == 0) slots.overwrite_previous(words_of(value));
    }
    stop = true;
    for (std::thread& reader : readers) reader.join();
    CHECK(mixed == 0);
    CHECK(went_back == 0);
}

// The writer is stopped by what it copies from: the second half of the value is on a page that cannot be read yet.
std::atomic<int> faults{0};
std::atomic<void*> closed_page{nullptr};
int gate[2];

void on_fault(int) {
    ++faults;
    char byte = 0;
    while (::read(gate[0], &byte, 1) != 1) {
    }
    ::mprotect(closed_page.load(), static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)), PROT_READ | PROT_WRITE);
}

TEST_CASE("A writer that is stopped in the middle of a write delays no reader") {
    REQUIRE(::pipe(gate) == 0);
    const auto page_bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* const pages = ::mmap(nullptr, 2 * page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(pages != MAP_FAILED);
    char* const second_page = static_cast<char*>(pages) + page_bytes;
    auto* const next = new (second_page - sizeof(Words) / 2) Words(words_of(2));
    REQUIRE(::mprotect(second_page, page_bytes, PROT_NONE) == 0);
    closed_page = second_page;
    struct sigaction action {};
    struct sigaction before {};
    struct sigaction bus_before {};
    action.sa_handler = on_fault;
    REQUIRE(::sigaction(SIGSEGV, &action, &before) == 0);
    REQUIRE(::sigaction(SIGBUS, &action, &bus_before) == 0);

    DoubleBufferedSeqlock<Words> slots;
    slots.write(words_of(1));
    std::thread writer([&] { slots.write(*next); });
    while (faults.load() == 0) std::this_thread::yield();

    for (int i = 0; i < 1000; ++i) REQUIRE(slots.value().all == words_of(1).all);

    REQUIRE(::write(gate[1], "x", 1) == 1);
    writer.join();
    CHECK(slots.value().all == words_of(2).all);
    ::sigaction(SIGSEGV, &before, nullptr);
    ::sigaction(SIGBUS, &bus_before, nullptr);
    ::munmap(pages, 2 * page_bytes);
    ::close(gate[0]);
    ::close(gate[1]);
}

}  // namespace

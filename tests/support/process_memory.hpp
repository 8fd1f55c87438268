// The memory of another process, as its debugger, or its core dump, would have it. Linux.
#pragma once

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "support/canary.hpp"

namespace portal::test {

enum class View {
    everything,  // each region that can be read
    core_dump,   // without those that are kept out of dumps
};

struct Region {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::string name;
    bool is_readable = false;
    bool is_dumped = true;
    std::uint64_t present_kb = 0;  // in memory or swapped out; the rest was never touched
};

inline std::vector<Region> regions_of(pid_t process) {
    std::ifstream smaps("/proc/" + std::to_string(process) + "/smaps");
    std::vector<Region> regions;
    for (std::string line; std::getline(smaps, line);) {
        unsigned long first = 0;
        unsigned long last = 0;
        char rights[8] = {};
        unsigned long kb = 0;
        int name_at = 0;
        if (std::sscanf(line.c_str(), "%lx-%lx %7s %*s %*s %*s %n", &first, &last, rights, &name_at) == 3) {
            const std::string name = name_at != 0 ? line.substr(static_cast<std::size_t>(name_at)) : "";
            regions.push_back({first, last, name, rights[0] == 'r', true, 0});
        } else if (std::sscanf(line.c_str(), "Rss: %lu", &kb) == 1 || std::sscanf(line.c_str(), "Swap: %lu", &kb) == 1) {
            regions.back().present_kb += kb;
        } else if (line.rfind("VmFlags:", 0) == 0) {
            regions.back().is_dumped = (line + " ").find(" dd ") == std::string::npos;
        }
    }
    return regions;
}

struct Sighting {
    std::string region;
    std::uint64_t address = 0;  // of the region
    std::size_t longest_piece = 0;
};

struct Scan {
    std::vector<Sighting> sightings;
    std::uint64_t bytes = 0;  // that were looked at

    [[nodiscard]] std::string text() const {
        std::string all;
        for (const Sighting& seen : sightings)
            all += "\n  " + std::to_string(seen.longest_piece) + " bytes in [" + seen.region + "]";
        return all;
    }
};

// The process stands still for it.
class Standstill {
public:
    explicit Standstill(pid_t process) : process_(process) {
        ::kill(process_, SIGSTOP);
        ::waitpid(process_, nullptr, WUNTRACED);
    }
    ~Standstill() { ::kill(process_, SIGCONT); }
    Standstill(const Standstill&) = delete;
    Standstill& operator=(const Standstill&) = delete;

private:
    const pid_t process_;
};

// Whether there is a page behind a readable address. Past the end of a mapped file, and at a guard inside a stack, is none.
inline bool is_page_there(pid_t process, std::uint64_t address) {
    constexpr std::uint64_t present = 1ULL << 63;
    constexpr std::uint64_t swapped = 1ULL << 62;
    constexpr std::uint64_t guard = 1ULL << 58;
    const int pages = ::open(("/proc/" + std::to_string(process) + "/pagemap").c_str(), O_RDONLY | O_CLOEXEC);
    std::uint64_t page = 0;
    const auto place = static_cast<off_t>(address / static_cast<std::uint64_t>(::getpagesize()) * sizeof page);
    const bool is_known = ::pread(pages, &page, sizeof page, place) == sizeof page;
    ::close(pages);
    return !is_known || ((page & (present | swapped)) != 0 && (page & guard) == 0);
}

// All of the region; zeros where no page is. Throws where one is that can't be read.
inline std::string bytes_of(pid_t process, int memory, const Region& region) {
    const auto page_bytes = static_cast<std::uint64_t>(::getpagesize());
    std::string bytes(region.last - region.first, '\0');
    for (std::uint64_t at = 0; at < bytes.size();) {
        const ssize_t got = ::pread(memory, bytes.data() + at, bytes.size() - at, static_cast<off_t>(region.first + at));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0 && is_page_there(process, region.first + at))
            throw std::runtime_error("the region " + region.name + " can't be read");
        at += got > 0 ? static_cast<std::uint64_t>(got) : page_bytes - (region.first + at) % page_bytes;
    }
    return bytes;
}

inline Scan scan_memory(pid_t process, const Canary& canary, View view) {
    const Standstill frozen(process);
    const int memory = ::open(("/proc/" + std::to_string(process) + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
    if (memory == -1) throw std::runtime_error("another process's memory can't be read");
    Scan scan;
    for (const Region& region : regions_of(process)) {
        const bool is_the_kernels = region.name.rfind("[vv", 0) == 0 || region.name == "[vsyscall]";
        if (!region.is_readable || region.present_kb == 0 || is_the_kernels) continue;
        if (view == View::core_dump && !region.is_dumped) continue;
        const std::string bytes = bytes_of(process, memory, region);
        scan.bytes += bytes.size();
        if (const std::size_t piece = canary.longest_piece_in(bytes); piece != 0)
            scan.sightings.push_back({region.name.empty() ? "anonymous" : region.name, region.first, piece});
    }
    ::close(memory);
    return scan;
}

// A core dump with the threads' saved vector registers blanked: what the last copy of a secret left there is all that may
// be in a dump (the README's limits say so). Everything else of it stays, the general registers too.
inline std::string without_vector_registers(std::string core) {
    if (core.size() < sizeof(ElfW(Ehdr))) return core;
    const auto read = [&core](auto& into, std::size_t at) { core.copy(reinterpret_cast<char*>(&into), sizeof into, at); };
    const auto padded = [](std::size_t size) { return (size + 3) / 4 * 4; };
    ElfW(Ehdr) file;
    read(file, 0);
    for (std::size_t i = 0; i < file.e_phnum; ++i) {
        ElfW(Phdr) part;
        read(part, file.e_phoff + i * file.e_phentsize);
        if (part.p_type != PT_NOTE) continue;
        for (std::size_t at = part.p_offset; at + sizeof(ElfW(Nhdr)) <= part.p_offset + part.p_filesz;) {
            ElfW(Nhdr) note;
            read(note, at);
            at += sizeof note + padded(note.n_namesz);
            if (note.n_type == NT_FPREGSET || note.n_type == NT_X86_XSTATE || note.n_type == NT_ARM_SVE)
                core.replace(at, note.n_descsz, note.n_descsz, '\0');
            at += padded(note.n_descsz);
        }
    }
    return core;
}

}  // namespace portal::test

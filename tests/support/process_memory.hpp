// The memory of another process, as its debugger, or its core dump, would have it. Linux.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
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

inline Scan scan_memory(pid_t process, const Canary& canary, View view) {
    const Standstill frozen(process);
    const int memory = ::open(("/proc/" + std::to_string(process) + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
    if (memory == -1) throw std::runtime_error("another process's memory can't be read");
    Scan scan;
    for (const Region& region : regions_of(process)) {
        const bool is_the_kernels = region.name.rfind("[vv", 0) == 0 || region.name == "[vsyscall]";
        if (!region.is_readable || region.present_kb == 0 || is_the_kernels) continue;
        if (view == View::core_dump && !region.is_dumped) continue;
        std::string bytes(region.last - region.first, '\0');
        const ssize_t got = ::pread(memory, bytes.data(), bytes.size(), static_cast<off_t>(region.first));
        if (got <= 0) throw std::runtime_error("the region " + region.name + " can't be read");
        bytes.resize(static_cast<std::size_t>(got));
        scan.bytes += bytes.size();
        if (const std::size_t piece = canary.longest_piece_in(bytes); piece != 0)
            scan.sightings.push_back({region.name.empty() ? "anonymous" : region.name, region.first, piece});
    }
    ::close(memory);
    return scan;
}

}  // namespace portal::test

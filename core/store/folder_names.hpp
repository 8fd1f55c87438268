// What the names beside a record say: clears that were begun, clears that were finished, what is to be swept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "session/record_store.hpp"

namespace portal {

inline constexpr std::size_t most_names = 64;  // of one record; honest folders hold about eight

// A file that stands for the logout of an epoch.
struct LogoutFile {
    std::string suffix;
    std::uint64_t epoch = 0;  // 0: not known, since the name holds no number that is believed
};

struct FolderNames {
    std::vector<LogoutFile> markers;    // ".erase.<epoch>": a clear was begun; ".erase": by version 0.1.0
    std::vector<LogoutFile> witnesses;  // ".out.<epoch>": a clear was finished
    std::vector<std::string> others;    // quarantine, leftovers, what nobody knows: a clear sweeps them
    bool has_quarantine = false;
    bool is_cut = false;  // more names than any honest folder has: as a marker of an epoch that is not known

    [[nodiscard]] bool has_marker() const { return !markers.empty() || is_cut; }
};

// `suffixes`: of all that begins with the record's name, which itself may be among them (empty).
[[nodiscard]] FolderNames read_names(const std::vector<std::string>& suffixes, bool is_cut);

// Whether `suffix` is a marker's: such a file says something by being there, without a new record.
[[nodiscard]] bool is_marker(std::string_view suffix);

[[nodiscard]] std::string marker_suffix(std::uint64_t epoch);
[[nodiscard]] std::string witness_suffix(std::uint64_t epoch);

// What those files mean beside the record that `stored` found (or did not find).
//   A marker or witness of an epoch above the record's: the record is void. One at or below it is stale, since a live record
//   is saved only in an epoch that is not cleared; beside a tombstone it is a clear that still has to be finished.
//   An epoch that is not known is above every live record's.
//   A witness says nothing of a record that is whole and only has another key: it was saved after that logout.
[[nodiscard]] Logout logout_of(const LoadResult& stored, const FolderNames& names);

}  // namespace portal

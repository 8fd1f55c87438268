#include "store/folder_names.hpp"

#include <algorithm>
#include <charconv>

#include "store/record_codec.hpp"

namespace portal {
namespace {

constexpr std::string_view marker_prefix = ".erase.";
constexpr std::string_view witness_prefix = ".out.";
constexpr std::string_view old_marker = ".erase";

bool begins_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

// As `marker_suffix` writes it, and believed; else 0.
std::uint64_t epoch_in(std::string_view digits) {
    std::uint64_t epoch = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, epoch);
    const bool is_number = error == std::errc() && stop == end && digits.front() != '0';
    return is_number && epoch <= most_in_tombstone ? epoch : 0;
}

std::uint64_t newest_of(const std::vector<LogoutFile>& files) {
    std::uint64_t newest = 0;
    for (const LogoutFile& file : files) newest = std::max(newest, file.epoch);
    return newest;
}

bool has_unknown(const std::vector<LogoutFile>& files) {
    return std::any_of(files.begin(), files.end(), [](const LogoutFile& file) { return file.epoch == 0; });
}

}  // namespace

bool is_marker(std::string_view suffix) { return suffix == old_marker || begins_with(suffix, marker_prefix); }

std::string marker_suffix(std::uint64_t epoch) { return std::string(marker_prefix) + std::to_string(epoch); }
std::string witness_suffix(std::uint64_t epoch) { return std::string(witness_prefix) + std::to_string(epoch); }

FolderNames read_names(const std::vector<std::string>& suffixes, bool is_cut) {
    FolderNames names;
    names.is_cut = is_cut;
    for (const std::string& suffix : suffixes) {
        if (begins_with(suffix, marker_prefix))
            names.markers.push_back({suffix, epoch_in(suffix.substr(marker_prefix.size()))});
        else if (suffix == old_marker)
            names.markers.push_back({suffix, 0});
        else if (begins_with(suffix, witness_prefix))
            names.witnesses.push_back({suffix, epoch_in(suffix.substr(witness_prefix.size()))});
        else if (!suffix.empty() && suffix != ".lock" && suffix != ".claim")
            names.others.push_back(suffix);
        names.has_quarantine = names.has_quarantine || suffix == ".lost.1" || suffix == ".lost.2";
    }
    return names;
}

Logout logout_of(const LoadResult& stored, const FolderNames& names) {
    const bool is_found = stored.outcome == LoadOutcome::found;
    const bool is_tombstone = is_found && stored.record.state == TokenState::signed_out;
    const bool is_live = is_found && !is_tombstone;
    const bool hears_witnesses = stored.fault.cause != StoreCause::other_key;
    const std::uint64_t held = is_found ? stored.record.epoch : 0;
    const std::uint64_t newest = std::max(newest_of(names.markers), hears_witnesses ? newest_of(names.witnesses) : 0);
    const bool has_unknown_marker = names.is_cut || has_unknown(names.markers);
    const bool is_unknown_due = has_unknown_marker || (hears_witnesses && has_unknown(names.witnesses));

    Logout logout = stored.logout;
    logout.is_due = logout.is_due || newest > held || (is_unknown_due && !is_tombstone);
    logout.epoch = newest > held ? newest : 0;
    const bool is_stale = is_live && !has_unknown_marker && newest_of(names.markers) <= held;
    logout.is_unfinished = (names.has_marker() && !is_stale) || (is_live && logout.is_due);
    return logout;
}

}  // namespace portal

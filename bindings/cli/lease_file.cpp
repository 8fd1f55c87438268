#include "cli/lease_file.hpp"

#include <charconv>
#include <cstdint>
#include <cstdio>

#include "cli/failure.hpp"
#include "cli/files.hpp"

namespace cli {
namespace {

constexpr std::string_view title = "portal-session lease 1\n";
constexpr std::size_t max_lease_bytes = 1024;

// The one place that knows the fields and their order.
template <typename Lease, typename Visitor>
void visit_fields(Lease& lease, Visitor&& visit) {
    visit("flags", lease.flags);
    visit("session_tag", lease.session_tag);
    visit("generation", lease.generation);
    visit("epoch", lease.epoch);
    visit("sent_boot_ms", lease.sent_boot_ms);
    visit("sent_unix_ms", lease.sent_unix_ms);
    visit("boot_tag", lease.boot_tag);
    visit("left_ms", lease.left_ms);
}

bool take(std::string_view& text, std::string_view expected) {
    if (text.substr(0, expected.size()) != expected) return false;
    text.remove_prefix(expected.size());
    return true;
}

template <typename Number>
bool take_number(std::string_view& text, Number& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return true;
}

}  // namespace

std::string lease_to_text(const portal_lease& lease) {
    std::string text(title);
    visit_fields(lease, [&](const char* name, const auto& value) {
        text += std::string(name) + " " + std::to_string(value) + "\n";
    });
    return text;
}

std::optional<portal_lease> lease_from_text(std::string_view text) {
    portal_lease lease;
    portal_init(&lease, sizeof lease);
    bool good = take(text, title);
    visit_fields(lease, [&](const char* name, auto& value) {
        good = good && take(text, name) && take(text, " ") && take_number(text, value) && take(text, "\n");
    });
    if (!good || !text.empty()) return std::nullopt;
    return lease;
}

std::string lease_path(const std::string& directory, std::string_view session_name) {
    // FNV-1a: names hold what file names may not. Two that meet in one file are told apart by the lease's session tag.
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const char c : session_name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    char name[32];
    std::snprintf(name, sizeof name, "/lease-%016llx", static_cast<unsigned long long>(hash));
    return directory + name;
}

std::optional<portal_lease> load_lease(const std::string& path) {
    const File file = open_to_read(path);
    if (!file.is_open()) return std::nullopt;
    if (!is_regular(file)) {
        throw failure(ExitCode::store,
                      path + " is not a regular file. Delete it, then run `portal-session token` again.");
    }
    SecretBuffer text(max_lease_bytes);
    if (!read_all(file.get(), text)) return std::nullopt;
    return lease_from_text(text.reveal());
}

bool save_lease(const std::string& path, const portal_lease& lease) {
    sweep_leftovers(path);
    NewFile file(path, lease_to_text(lease));
    return file.is_made() && file.replace_target();
}

}  // namespace cli

// The world that the demo plays in: one clock for phone and fake Portal, a phone that reboots, an app that is opened and
// closed, and Portal's own count of what it saw.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "cli/failure.hpp"
#include "cli/host.hpp"
#include "cli/options.hpp"

namespace cli {

inline constexpr std::int64_t minute_ms = 60'000;
inline constexpr std::int64_t hour_ms = 60 * minute_ms;
inline constexpr std::int64_t day_ms = 24 * hour_ms;

// What Portal counted since the demo began.
struct PortalCount {
    std::int64_t mints = 0;
    std::int64_t slides = 0;
    std::int64_t rejected = 0;
};

class DemoWorld {
public:
    // Throws a Failure where --portal is no fake-portal. Keeps its store in a folder of its own, gone at the end.
    explicit DemoWorld(const Options& options);
    DemoWorld(const DemoWorld&) = delete;
    DemoWorld& operator=(const DemoWorld&) = delete;

    [[nodiscard]] Session& session() { return *session_; }
    [[nodiscard]] std::int64_t elapsed_ms() const { return elapsed_ms_; }
    void advance_to(std::int64_t elapsed_ms);

    // The app goes, the phone starts anew with a date that is wrong by `date_error_ms`, and the app is opened again.
    void reboot(std::int64_t date_error_ms);

    // A request of the app. Returns Portal's status, or 0 and the reason in `failure`.
    int use(Failure& failure);
    // Arms a fault of fake-portal: see its control API.
    void arm(const std::string& fault_json);
    void clear_faults();
    [[nodiscard]] PortalCount count();

private:
    // Goes with all that is in it, also where the rest of the world can't be made.
    struct Folder {
        Folder();
        ~Folder();
        Folder(const Folder&) = delete;
        Folder& operator=(const Folder&) = delete;
        std::string path;
    };
    struct PhoneClock {
        std::atomic<std::int64_t> boot_ms{hour_ms};
        std::atomic<std::int64_t> unix_ms{0};
        std::atomic<std::uint64_t> boot_tag{1};
    };
    void open();
    std::string control(const std::string& method, const std::string& path, const std::string& body = {});
    [[nodiscard]] PortalCount read_count();

    const Folder folder_;
    Options options_;
    PhoneClock clock_;
    std::unique_ptr<Session> session_;
    std::int64_t elapsed_ms_ = 0;
    PortalCount at_start_;
};

}  // namespace cli

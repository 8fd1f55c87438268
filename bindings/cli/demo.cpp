// A fortnight in the life of a Client Session Token: the C API against a fake Portal over real HTTPS, in a few seconds.
#include <unistd.h>

#include <cstdio>
#include <string>

#include "cli/commands.hpp"
#include "cli/demo_world.hpp"
#include "cli/failure.hpp"
#include "cli/status_view.hpp"
#include "cli/text.hpp"
#include "program/terminal_text.hpp"

namespace cli {
namespace {

constexpr std::int64_t app_start_ms = 8 * hour_ms + 30 * minute_ms;
constexpr std::int64_t noon_ms = 12 * hour_ms + 15 * minute_ms;
constexpr std::int64_t evening_ms = 21 * hour_ms;

// The least that any client can do with: it knows the whole fortnight, and asks only when the token that it has is dead at
// this use. (No order of asking does better: a token asked for earlier never lives longer.)
class Optimum {
public:
    void use_at(std::int64_t now_ms) {
        if (!alive_ || now_ms >= slid_ms_ + day_ms - minute_ms || now_ms >= issued_ms_ + 7 * day_ms - minute_ms) {
            ++tokens_;
            alive_ = true;
            issued_ms_ = now_ms;
        }
        slid_ms_ = now_ms;
    }
    void token_dies() { alive_ = false; }
    [[nodiscard]] std::int64_t tokens() const { return tokens_; }

private:
    bool alive_ = false;
    std::int64_t issued_ms_ = 0;
    std::int64_t slid_ms_ = 0;
    std::int64_t tokens_ = 0;
};

class Story {
public:
    explicit Story(const Options& options) : world_(options), has_colour_(wants_colours(options)) {}

    bool play(const std::string& portal_url) {
        std::printf("%sA fortnight in the life of one Client Session Token%s\n", bold(), plain());
        std::printf("%s\n\n", wrapped("Real HTTPS to " + portal_url +
                                          ", which has the phone's clock. Portal's rule: a token expires 24 hours after its "
                                          "last request, and never later than 7 days after its issue. Nothing tells the "
                                          "phone when.").c_str());
        std::fputs(bold(), stdout);
        row("When", "What happens", "What the session does", "Answer", "Token");
        std::fputs(plain(), stdout);
        first_week();
        second_week();
        return sum_up();
    }

private:
    // ---- the fortnight ----

    void first_week() {
        at(1, app_start_ms);
        use("the app is opened for the first time", "asks the app's backend for a token");
        use_rest_of_day(1);
        for (int day = 2; day <= 7; ++day) use_day(day);
        told_quiet_days(" 2 to 7", "three uses a day, through the weekend", "asks nobody: each answer moves the deadline");
    }

    void second_week() {
        at(8, app_start_ms);
        world_.session().prepare();
        use("the token is 7 days old", "renews while the first screen draws");
        use_rest_of_day(8);

        use_quietly(9, app_start_ms);
        at(9, noon_ms);
        world_.arm(R"({"kind": "status", "status": 401, "scope": "client"})");
        optimum_.token_dies();
        use("Portal rejects the token: 401", "gets another and repeats the request with it");
        use_quietly(9, evening_ms);

        reboot_in_an_outage();
        outage_and_logout();

        at(15, app_start_ms);
        world_.session().prepare();
        use("the user is back after two days' silence", "renews while the first screen draws");
    }

    void reboot_in_an_outage() {
        at(10, app_start_ms);
        world_.arm(R"({"kind": "status", "status": 503, "scope": "custodian", "times": 100})");
        world_.reboot(-30 * day_ms);
        use("a reboot sets the date back a month, while", "distrusts the clock and asks, in vain; so it");
        note("the app's backend is down", "gives the old token: Portal takes it, all is well");
        use_rest_of_day(10);
        world_.clear_faults();
    }

    void outage_and_logout() {
        use_day(11);
        use_quietly(12, app_start_ms);
        at(12, evening_ms);
        world_.session().clear();
        optimum_.token_dies();
        const bool wiped = world_.session().status().state == PORTAL_STATE_SIGNED_OUT;
        line("the user logs out", wiped ? "wipes the token, here and on disk" : "STILL HAS THE TOKEN", "");
        expect(wiped);
        Failure refused;
        expect(world_.use(refused) == 0 && refused.exit_code == ExitCode::sign_in_needed);
        line("a late screen asks for data", "refuses, and asks no backend: sign in first", "");

        at(13, app_start_ms);
        world_.arm(R"({"kind": "status", "status": 503, "scope": "custodian"})");
        Failure outage;
        try {
            (void)world_.session().acquire(PORTAL_ACQUIRE_FORCE, 0);
        } catch (const Failure& told) {
            outage = told;
        }
        expect(outage.exit_code == ExitCode::provider_unavailable);
        line("the user signs in; the backend fails once", "says so, with the time to wait", "");
        at(13, app_start_ms + minute_ms);
        (void)world_.session().acquire(PORTAL_ACQUIRE_FORCE, 0);
        use("a minute later the sign-in works", "takes the new user's token");
    }

    // ---- telling ----

    void at(int day, std::int64_t time_of_day_ms) {
        const std::int64_t to_ms = (day - 1) * day_ms + time_of_day_ms - app_start_ms;
        if (to_ms > world_.elapsed_ms()) world_.advance_to(to_ms);
    }

    void use(const char* happens, const char* does) {
        const int status = use_now();
        line(happens, does, status == 0 ? "none" : std::to_string(status).c_str());
    }

    int use_now() {
        Failure failure;
        const int status = world_.use(failure);
        ++uses_;
        optimum_.use_at(world_.elapsed_ms());
        if (!expect(status == 200)) std::printf("    %s\n", failure.message.c_str());
        return status;
    }

    void use_quietly(int day, std::int64_t time_of_day_ms) {
        at(day, time_of_day_ms);
        use_now();
    }
    void use_rest_of_day(int day) {
        use_quietly(day, noon_ms);
        use_quietly(day, evening_ms);
    }
    void use_day(int day) {
        use_quietly(day, app_start_ms);
        use_rest_of_day(day);
    }

    void line(const char* happens, const char* does, const char* answer) {
        static constexpr const char* week_days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
        const std::int64_t since_monday_ms = world_.elapsed_ms() + app_start_ms;
        const std::int64_t day = since_monday_ms / day_ms;
        const std::int64_t minutes = since_monday_ms % day_ms / minute_ms;
        char when[32];
        std::snprintf(when, sizeof when, "%2d %s %02d:%02d", static_cast<int>(day + 1), week_days[day % 7],
                      static_cast<int>(minutes / 60), static_cast<int>(minutes % 60));
        row(when, happens, does, answer, new_token().c_str());
    }
    void note(const char* happens, const char* does) { row("", happens, does, "", ""); }
    void told_quiet_days(const char* days, const char* happens, const char* does) {
        row(days, happens, does, "200", new_token().c_str());
    }

    // Five columns, 117 wide. A narrower terminal gets four, with what the session does below what happens.
    void row(const char* when, const char* happens, const char* does, const char* answer, const char* token) const {
        if (width_ >= widest) {
            std::printf("%-12s  %-42s  %-44s  %-6s  %s\n", when, happens, does, answer, token);
        } else {
            std::printf("%-12s  %-44s  %-6s  %s\n", when, happens, answer, token);
            if (*does != '\0') std::printf("%14s%s\n", "", does);
        }
        std::fflush(stdout);
    }

    // The newest token's number, where it has not been shown.
    std::string new_token() {
        const std::int64_t tokens = world_.count().mints;
        if (tokens == shown_tokens_) return {};
        shown_tokens_ = tokens;
        return green() + std::to_string(tokens) + plain();
    }

    bool expect(bool is_so) {
        if (!is_so) ++surprises_;
        return is_so;
    }

    bool sum_up() {
        const PortalCount count = world_.count();
        const std::int64_t least = optimum_.tokens();
        const bool fewest = count.mints == least;
        std::fputs("\n", stdout);
        conclude("Portal's own count", std::to_string(count.mints) + " tokens made, " + std::to_string(count.slides) +
                                           " requests that kept one alive, " + std::to_string(count.rejected) +
                                           " rejected.");
        conclude("Tokens used", std::to_string(count.mints) + " of " + std::to_string(least) +
                                    (fewest ? ": no client can do these " + std::to_string(uses_) + " uses with fewer."
                                            : " that would do. " + red() + "THEY DIFFER." + plain()));
        conclude("What the user saw", surprises_ == 0
                                          ? "no failed request."
                                          : red() + std::to_string(surprises_) + " things that should not be." + plain());
        return fewest && surprises_ == 0;
    }
    void conclude(const char* title, const std::string& text) const {
        const std::string line = wrapped(std::string(20, ' ') + text);
        std::printf("%s%-20s%s%s\n", bold(), title, plain(), line.substr(20).c_str());
    }

    [[nodiscard]] const char* bold() const { return has_colour_ ? "\033[1m" : ""; }
    [[nodiscard]] std::string green() const { return has_colour_ ? "\033[1;32m" : ""; }
    [[nodiscard]] std::string red() const { return has_colour_ ? "\033[1;31m" : ""; }
    [[nodiscard]] const char* plain() const { return has_colour_ ? "\033[0m" : ""; }

    [[nodiscard]] std::string wrapped(const std::string& text) const { return portal::program::wrapped(text, width_); }

    static constexpr std::size_t widest = 117;

    DemoWorld world_;
    Optimum optimum_;
    const bool has_colour_;
    const std::size_t width_ = ::isatty(STDOUT_FILENO) == 1 ? portal::program::terminal_width() : widest;  // files do not wrap
    int uses_ = 0;
    int surprises_ = 0;
    std::int64_t shown_tokens_ = 0;
};

}  // namespace

ExitCode demo(const Options& options) {
    if (options.provider_command.empty())
        throw failure(ExitCode::usage, "The demo needs --provider-command: portal-backend new-session CLIENT_ID.");
    return Story(options).play(options.portal_url) ? ExitCode::ok : ExitCode::other;
}

}  // namespace cli

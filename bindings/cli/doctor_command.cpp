// doctor: looks at each part that a token depends on, and says what to do about those that do not work. It asks for no
// token, so it costs none.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "cli/failure.hpp"
#include "cli/host.hpp"
#include "cli/key_file.hpp"
#include "cli/status_view.hpp"
#include "cli/text.hpp"
#include "program/terminal_text.hpp"

namespace cli {
namespace {

struct Check {
    const char* name;
    bool is_good;
    std::string text;  // what was found; with a fault what to do
};

// Runs one check. What it returns is good news, what it throws is not.
template <typename Look>
Check checked(const char* name, Look&& look) {
    try {
        return {name, true, look()};
    } catch (const Failure& found) {
        return {name, false, found.message};
    }
}

[[noreturn]] void fault(const std::string& text) { throw failure(ExitCode::other, text); }

std::string look_at_key(const Options& options) {
    return read_key(options.key_file) ? options.key_file : "none yet: the first command that stores makes " + options.key_file;
}

std::string look_at_store(const portal_status& now, const Options& options) {
    if (const char* advice = advice_for(now.reason)) fault(advice);
    if (now.store == PORTAL_STORE_MEMORY_ONLY)
        fault("Nothing can be stored in " + options.store + ". Check its rights and its space; `status -v` says why.");
    if (now.store == PORTAL_STORE_LOCKED) fault("The store cannot be read now. Another process may hold it: try again.");
    if (now.store == PORTAL_STORE_LOST) fault("The stored session cannot be read any more. Sign in again.");
    return options.store;
}

std::string look_at_clock(const portal_status& now) {
    if (now.clock == PORTAL_CLOCK_UNTRUSTED)
        fault("The date was moved across a restart. Set it right; the next use fetches a new token.");
    return "a token's age is known";
}

std::string look_at_watch(const portal_status& now) {
    if ((now.flags & PORTAL_STATUS_UNWATCHED) != 0)
        fault("The store's folder cannot be watched, so what other processes do is seen seconds later. The user's inotify "
              "instances may be used up: see /proc/sys/fs/inotify/max_user_instances.");
    return "what other processes do is seen at once";
}

std::string look_at_portal(Session& session) {
    Request request;
    request.method = "GET";
    request.path = "/api/v3/clients/me";
    request.without_token = true;
    const int status = session.send(request).status;
    if (status >= 500) fault("Portal answered " + std::to_string(status) + ". Try again later.");
    return "answers, and its certificate is trusted (HTTP " + std::to_string(status) + " to a request without a token)";
}

std::string look_at_provider(const Options& options) {
    if (!options.provider_url.empty()) return options.provider_url + "; asked only when a token is needed";
    if (!options.provider_command.empty()) return "a command; run only when a token is needed";
    return "none: only `push` brings a token";
}

std::vector<Check> all_checks(const Options& options) {
    std::vector<Check> checks;
    checks.push_back(checked("Key", [&] { return look_at_key(options); }));
    std::unique_ptr<Session> session;
    checks.push_back(checked("Store", [&] {
        session = std::make_unique<Session>(options);
        return look_at_store(session->status(), options);
    }));
    if (session != nullptr) {
        const portal_status now = session->status();
        checks.push_back(checked("Clock", [&] { return look_at_clock(now); }));
        checks.push_back(checked("Watch", [&] { return look_at_watch(now); }));
        checks.push_back(checked("Portal", [&] { return look_at_portal(*session); }));
    }
    checks.push_back(checked("Provider", [&] { return look_at_provider(options); }));
    return checks;
}

std::string in_json(const std::vector<Check>& checks) {
    std::string text;
    for (const Check& check : checks)
        text += (text.empty() ? "" : ",") + std::string("{\"name\":") + json_text(check.name) + ",\"good\":" +
                (check.is_good ? "true" : "false") + ",\"text\":" + json_text(check.text) + "}";
    return "{\"checks\":[" + text + "]}\n";
}

std::string in_columns(const std::vector<Check>& checks) {
    static constexpr std::size_t name_width = 10;
    std::string text;
    for (const Check& check : checks) {
        std::string name = check.name;
        name.resize(name_width, ' ');
        text += name + (check.is_good ? "good   " : "FAULT  ") + check.text + "\n";
    }
    return portal::program::wrapped(text, portal::program::terminal_width());
}

}  // namespace

ExitCode doctor(const Options& options) {
    const std::vector<Check> checks = all_checks(options);
    std::fputs((options.json ? in_json(checks) : in_columns(checks)).c_str(), stdout);
    const bool all_good = std::all_of(checks.begin(), checks.end(), [](const Check& check) { return check.is_good; });
    return all_good ? ExitCode::ok : ExitCode::other;
}

}  // namespace cli

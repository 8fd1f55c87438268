#include "cli/status_view.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "cli/text.hpp"
#include "program/terminal_text.hpp"

namespace cli {
namespace {

constexpr const char* plain = "\033[0m";
constexpr const char* faint = "\033[2m";
constexpr const char* green = "\033[1;32m";
constexpr const char* yellow = "\033[1;33m";
constexpr const char* red = "\033[1;31m";

const char* colour_of(portal_state state) {
    switch (state) {
        case PORTAL_STATE_FRESH:
            return green;
        case PORTAL_STATE_EXPIRED:
        case PORTAL_STATE_REJECTED:
        case PORTAL_STATE_SIGNED_OUT:
            return red;
        default:
            return yellow;
    }
}

std::string word(portal_group group, std::int32_t value) { return spaced(portal_name(group, value)); }

// What the state means to whoever reads the table.
const char* meaning_of(portal_state state) {
    switch (state) {
        case PORTAL_STATE_NONE:
            return "no token yet; `token` asks the provider for one";
        case PORTAL_STATE_FRESH:
            return "a good token";
        case PORTAL_STATE_EXPIRING:
            return "a good token, near a deadline";
        case PORTAL_STATE_OVERDUE:
            return "renewed at the next use; used as it is if that fails";
        case PORTAL_STATE_EXPIRED:
            return "too long without a request; `token` gets a new one";
        case PORTAL_STATE_REJECTED:
            return "Portal refused the token; `token` gets a new one";
        case PORTAL_STATE_SIGNED_OUT:
            return "`push` or `renew` signs in";
        default:
            return "the store cannot be read now";
    }
}

// The reasons that the state alone does not tell.
const char* meaning_of(portal_reason reason) {
    switch (reason) {
        case PORTAL_REASON_STORE_UNAVAILABLE:
            return "the store is locked; it is tried again";
        case PORTAL_REASON_NEAR_IDLE:
            return "the next request starts its 24 hours anew";
        case PORTAL_REASON_IDLE:
            return "no request for 24 hours";
        case PORTAL_REASON_NEAR_ABSOLUTE:
            return "its 7 days end soon; the next use renews it";
        case PORTAL_REASON_ABSOLUTE:
            return "its 7 days are over";
        case PORTAL_REASON_DECLINED:
            return "the provider says that the user must sign in";
        case PORTAL_REASON_STORAGE_LOST:
            return "what was stored cannot be read any more";
        case PORTAL_REASON_CLOCK_UNTRUSTED:
            return "the date was changed across a restart";
        case PORTAL_REASON_OTHER_CLIENT:
            return "the stored session belongs to another client";
        case PORTAL_REASON_OTHER_ORIGIN:
            return "the stored session belongs to another Portal URL";
        case PORTAL_REASON_WRONG_KEY:
            return "the key file does not open the stored session";
        case PORTAL_REASON_OTHER_VERSION:
            return "another version of portal-session wrote the stored session";
        default:
            return "";
    }
}

const char* meaning_of(portal_clock_verdict verdict) {
    switch (verdict) {
        case PORTAL_CLOCK_SAME_BOOT:
            return "the token's age is known, whatever the date says";
        case PORTAL_CLOCK_WALL:
            return "the token's age is known by the date";
        default:
            return "the token's age is not known: the date contradicts itself";
    }
}

// Reasons that say the state once more are no news.
bool tells_more(portal_reason reason) {
    return reason != PORTAL_REASON_NONE && reason != PORTAL_REASON_FIRST && reason != PORTAL_REASON_REJECTED &&
           reason != PORTAL_REASON_CLEARED;
}

// Two columns and a note, which goes below where the width does not suffice.
class Table {
public:
    Table(bool colours, std::size_t width) : colours_(colours), width_(width) {}

    void row(const char* label, const std::string& value, const std::string& note = {}, const char* colour = nullptr) {
        text_ += painted(std::string(label) + std::string(label_width - std::strlen(label), ' '), faint);
        const std::size_t column = label_width + std::max(value.size(), value_width) + 2;
        if (label_width + value.size() > width_) {
            paragraph(value, colour != nullptr ? colour : "");
        } else {
            text_ += colour != nullptr ? painted(value, colour) : value;
            text_ += '\n';
        }
        if (note.empty()) return;
        if (column + note.size() <= width_) {
            text_.back() = ' ';
            text_ += std::string(column - label_width - value.size() - 1, ' ') + painted(note, faint) + "\n";
        } else {
            text_ += std::string(label_width, ' ');
            paragraph(note, faint);
        }
    }

    [[nodiscard]] const std::string& text() const { return text_; }

private:
    static constexpr std::size_t label_width = 19;
    static constexpr std::size_t value_width = 27;

    // Behind a label; its later lines are indented like the first.
    void paragraph(const std::string& words, const char* colour) {
        const std::string lines = portal::program::wrapped(std::string(label_width, ' ') + words, width_);
        text_ += painted(lines.substr(label_width), colour) + "\n";
    }

    [[nodiscard]] std::string painted(const std::string& text, const char* colour) const {
        return colours_ && *colour != '\0' ? colour + text + plain : text;
    }

    bool colours_;
    std::size_t width_;
    std::string text_;
};

void deadline_row(Table& table, const char* label, std::int64_t deadline_unix_ms, std::int64_t left_ms) {
    if (deadline_unix_ms == 0) {
        table.row(label, "none");
        return;
    }
    const char* colour = left_ms < 0 ? red : nullptr;
    table.row(label, format_local_time(deadline_unix_ms), format_time_left(left_ms), colour);
}

std::string counters_text(const portal_status& status) {
    const std::uint64_t fetched =
        status.mints_first + status.mints_idle + status.mints_absolute + status.mints_rejected + status.mints_forced;
    std::string text = (fetched == 0 ? std::string("nothing") : std::to_string(fetched)) + " fetched";
    const auto part = [&](std::uint64_t count, const char* name) {
        if (count != 0) text += ", " + std::to_string(count) + " " + name;
    };
    part(status.pushes, "pushed");
    part(status.rejections, "rejected");
    part(status.waits, "waited for");
    part(status.degraded_saves, "not stored");
    if (status.longest_wait_ms > 0) text += ", longest wait " + format_brief(status.longest_wait_ms);
    return text;
}

}  // namespace

const char* advice_for(portal_reason reason) {
    switch (reason) {
        case PORTAL_REASON_OTHER_CLIENT:
            return "The stored session belongs to another client: leave out --client-id to use it, or give another "
                   "--session to keep both.";
        case PORTAL_REASON_OTHER_ORIGIN:
            return "The stored session belongs to another Portal URL: give that URL by --portal to use it, or another "
                   "--session to keep both.";
        case PORTAL_REASON_WRONG_KEY:
            return "The key file does not open the stored session: give the right one by --key-file, or sign in anew, which "
                   "sets the old record aside.";
        case PORTAL_REASON_OTHER_VERSION:
            return "Another version of portal-session wrote the stored session, which stays untouched: update "
                   "portal-session, or give another --session.";
        default:
            return nullptr;
    }
}

std::string status_table(const portal_status& status, const Options& options, bool colours, std::size_t width) {
    Table table(colours, width);
    table.row("Session", options.session, options.store);
    table.row("State", word(PORTAL_GROUP_STATE, status.state), meaning_of(status.state), colour_of(status.state));
    if (tells_more(status.reason)) table.row("Reason", word(PORTAL_GROUP_REASON, status.reason), meaning_of(status.reason));
    if (const char* advice = advice_for(status.reason)) table.row("What to do", advice);
    deadline_row(table, "Idle deadline", status.idle_deadline_unix_ms, status.idle_left_ms);
    deadline_row(table, "Absolute deadline", status.absolute_deadline_unix_ms, status.absolute_left_ms);
    table.row("Renewal", word(PORTAL_GROUP_RENEWAL, status.renewal),
              status.retry_after_ms > 0 ? "again in " + format_wait(status.retry_after_ms) : std::string());
    table.row("Generation", std::to_string(status.generation), "epoch " + std::to_string(status.epoch));
    table.row("Clock", word(PORTAL_GROUP_CLOCK, status.clock),
              status.idle_deadline_unix_ms != 0 ? meaning_of(status.clock) : "",
              status.clock == PORTAL_CLOCK_UNTRUSTED ? yellow : nullptr);
    table.row("Store", word(PORTAL_GROUP_STORE, status.store), {},
              status.store == PORTAL_STORE_PERSISTENT ? nullptr : yellow);
    table.row("This run", counters_text(status));
    return table.text();
}

namespace {

std::string next_use(const Options& options, const char* where_none) {
    const bool has_provider = !options.provider_command.empty() || !options.provider_url.empty();
    return has_provider ? "The next use fetches a new one." : where_none;
}

// What happens next, in plain words.
std::string outlook(const portal_status& status, const Options& options) {
    static constexpr const char* push_one = "`push` takes a new one.";
    if (const char* advice = advice_for(status.reason)) return advice;
    switch (status.state) {
        case PORTAL_STATE_NONE:
            return next_use(options, push_one);
        case PORTAL_STATE_FRESH:
            return "Each successful request keeps it alive. A new one is due by " +
                   format_local_time(status.absolute_deadline_unix_ms) + ".";
        case PORTAL_STATE_EXPIRING:
            if (status.reason == PORTAL_REASON_NEAR_IDLE) return "The next successful request keeps it alive.";
            return "Its 7 days end soon. " + next_use(options, push_one);
        case PORTAL_STATE_OVERDUE:
            return next_use(options, push_one) + " If that fails, this one is used.";
        case PORTAL_STATE_EXPIRED:
            return "It had no request for 24 hours. " + next_use(options, push_one);
        case PORTAL_STATE_REJECTED:
            return "Portal refused it. " + next_use(options, push_one);
        case PORTAL_STATE_SIGNED_OUT:
            return "`push` signs in with a token, `renew` asks the provider.";
        default:
            return "The store cannot be read now. The next command tries again.";
    }
}

}  // namespace

std::string status_short(const portal_status& status, const Options& options, bool colours, std::size_t width) {
    const char* colour = colours ? colour_of(status.state) : "";
    std::string line = status.state == PORTAL_STATE_NONE ? "no token yet" : status_line(status);
    std::string text = colour + line + (colours ? plain : "") + "\n" + outlook(status, options) + "\n";
    if (status.renewal == PORTAL_RENEWAL_DECLINED) text += "The provider says that the user must sign in.\n";
    if (status.renewal == PORTAL_RENEWAL_BACKING_OFF)
        text += "The provider failed and is left alone for " + format_wait(status.retry_after_ms) + ".\n";
    if (status.store == PORTAL_STORE_MEMORY_ONLY) text += "The store takes nothing now: `status -v` says why.\n";
    return portal::program::wrapped(text, width);
}

ExitCode check_code_of(const portal_status& status) {
    switch (status.state) {
        case PORTAL_STATE_FRESH:
        case PORTAL_STATE_EXPIRING:
            return ExitCode::ok;
        case PORTAL_STATE_SIGNED_OUT:
            return ExitCode::sign_in_needed;
        case PORTAL_STATE_UNKNOWN:
            return ExitCode::store;
        default:
            return status.renewal == PORTAL_RENEWAL_DECLINED ? ExitCode::sign_in_needed : ExitCode::provider_unavailable;
    }
}

std::string status_line(const portal_status& status) {
    const std::string state = word(PORTAL_GROUP_STATE, status.state);
    if (status.idle_deadline_unix_ms == 0) return state;
    return state + ": " + format_time_left(std::min(status.idle_left_ms, status.absolute_left_ms));
}

std::string status_json(const portal_status& status, const Options& options) {
    std::string text = "{\"session\":" + json_text(options.session) + ",\"store_directory\":" + json_text(options.store);
    const auto name = [&](const char* field, portal_group group, std::int32_t value) {
        text += std::string(",\"") + field + "\":" + json_text(portal_name(group, value));
    };
    const auto number = [&](const char* field, auto value) {
        text += (text.back() == '{' ? std::string("\"") : std::string(",\"")) + field + "\":" + std::to_string(value);
    };
    name("state", PORTAL_GROUP_STATE, status.state);
    name("reason", PORTAL_GROUP_REASON, status.reason);
    name("renewal", PORTAL_GROUP_RENEWAL, status.renewal);
    name("clock", PORTAL_GROUP_CLOCK, status.clock);
    name("store", PORTAL_GROUP_STORE, status.store);
    number("generation", status.generation);
    number("epoch", status.epoch);
    number("idle_deadline_unix_ms", status.idle_deadline_unix_ms);
    number("absolute_deadline_unix_ms", status.absolute_deadline_unix_ms);
    number("idle_left_ms", status.idle_left_ms);
    number("absolute_left_ms", status.absolute_left_ms);
    number("retry_after_ms", status.retry_after_ms);
    text += ",\"counters\":{";
    number("mints_first", status.mints_first);
    number("mints_idle", status.mints_idle);
    number("mints_absolute", status.mints_absolute);
    number("mints_rejected", status.mints_rejected);
    number("mints_forced", status.mints_forced);
    number("pushes", status.pushes);
    number("rejections", status.rejections);
    number("waits", status.waits);
    number("degraded_saves", status.degraded_saves);
    number("longest_wait_ms", status.longest_wait_ms);
    return text + "}}";
}

bool wants_colours(const Options& options) {
    const char* no_color = std::getenv("NO_COLOR");
    const char* terminal = std::getenv("TERM");
    const bool dumb = terminal == nullptr || std::strcmp(terminal, "dumb") == 0;
    return !options.no_color && (no_color == nullptr || *no_color == '\0') && !dumb && ::isatty(STDOUT_FILENO) == 1;
}

}  // namespace cli

#include "cli/commands.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/host.hpp"
#include "cli/lease_file.hpp"
#include "cli/status_view.hpp"
#include "cli/text.hpp"
#include "program/terminal_text.hpp"

namespace cli {
namespace {

constexpr std::size_t most_pushed_bytes = 1024 * 1024;

void print(const std::string& text) { std::fputs(text.c_str(), stdout); }

// Past stdio, whose buffers nobody wipes.
void print_secret(std::string_view text) {
    std::fflush(stdout);
    if (!write_all(STDOUT_FILENO, text)) throw failure(ExitCode::other, "Cannot write to standard output.");
}

portal_lease last_lease(const Options& options) {
    const auto lease = load_lease(lease_path(options.store, options.session));
    if (!lease) throw failure(ExitCode::usage, "No token was handed out yet: `portal-session token` comes first.");
    return *lease;
}

// A command whose whole work is to change what is stored has failed where it is not.
void require_stored(const portal_status& now) {
    if (now.store == PORTAL_STORE_MEMORY_ONLY || now.store == PORTAL_STORE_LOCKED) {
        throw failure(ExitCode::store,
                      "The store takes nothing now, so this ends with the command. --verbose says why.");
    }
}

void print_status_line(const portal_status& now, const Options& options) {
    print((options.json ? status_json(now, options) : status_line(now)) + "\n");
}

void print_status(const portal_status& now, const Options& options) {
    const bool colours = wants_colours(options);
    const std::size_t width = portal::program::terminal_width();
    print(options.json      ? status_json(now, options) + "\n"
          : options.verbose ? status_table(now, options, colours, width)
                            : status_short(now, options, colours, width));
}

void print_token(const Leased& leased, const Options& options) {
    // A token is printable text without spaces, but it may hold what JSON escapes.
    SecretBuffer text(2 * PORTAL_TOKEN_MAX + 256);
    if (options.json) {
        text.append("{\"token\":\"");
        for (const char c : leased.token.reveal()) {
            if (c == '"' || c == '\\') text.append("\\");
            text.append({&c, 1});
        }
        text.append("\",\"generation\":" + std::to_string(leased.lease.generation) +
                    ",\"left_ms\":" + std::to_string(leased.lease.left_ms) + "}");
    } else {
        if (options.header) text.append("Authorization: Bearer ");
        text.append(leased.token.reveal());
    }
    text.append("\n");
    print_secret(text.reveal());
}

}  // namespace

ExitCode token(const Options& options) {
    Session session(options);
    std::uint64_t newer_than = 0;
    if (options.rejected) {
        const portal_lease lease = last_lease(options);
        if (session.report(lease, 401)) newer_than = lease.generation;
    }
    const Leased leased = session.acquire(0, newer_than);
    // Kept before the token is seen, so that no slide is ever dated later than the hand-out.
    if (!save_lease(lease_path(options.store, options.session), leased.lease)) {
        warn(system_error("`report` will not work for this token: cannot write to", options.store, errno) + ".");
    }
    if ((leased.lease.flags & PORTAL_LEASE_MEMORY_ONLY) != 0) {
        warn("This token is not stored: the next command fetches another. --verbose says why.");
    }
    print_token(leased, options);
    session.finish_renewal();
    return ExitCode::ok;
}

ExitCode report(const Options& options) {
    const portal_lease lease = last_lease(options);
    Session session(options);
    if (!session.report(lease, options.status)) {
        throw failure(ExitCode::other, "The last token is of before a logout: its answers no longer count.");
    }
    const portal_status now = session.status();
    require_stored(now);
    if (lease.generation < now.generation)
        warn("The answer was to an older token than the one that holds now, so it changed nothing.");
    print_status_line(now, options);
    return ExitCode::ok;
}

ExitCode push(const Options& options) {
    if (::isatty(STDIN_FILENO) == 1) warn("Reading a token, or Portal's JSON answer, from the terminal; end with Ctrl-D.");
    SecretBuffer input(most_pushed_bytes);
    if (!read_all(STDIN_FILENO, input)) throw failure(ExitCode::other, "Cannot read standard input.");
    Session session(options);
    session.push(trimmed(input.reveal()));
    const portal_status now = session.status();
    require_stored(now);
    print_status_line(now, options);
    return ExitCode::ok;
}

ExitCode status(const Options& options) {
    const Session session(options);
    const portal_status now = session.status();
    print_status(now, options);
    return options.check ? check_code_of(now) : ExitCode::ok;
}

ExitCode explain(const Options& options) {
    const Session session(options);
    print(session.explain() + "\n");
    return ExitCode::ok;
}

ExitCode renew(const Options& options) {
    Session session(options);
    const std::uint64_t old = session.status().generation;
    const std::uint64_t got = session.acquire(PORTAL_ACQUIRE_FORCE, 0).lease.generation;
    const portal_status now = session.status();
    require_stored(now);
    if (got == old) warn("The provider gave the same token again: nothing is renewed, and its deadlines stay.");
    print_status(now, options);
    return ExitCode::ok;
}

ExitCode logout(const Options& options) {
    Session session(options);
    const std::string lease = lease_path(options.store, options.session);
    ::unlink(lease.c_str());
    sweep_leftovers(lease);
    try {
        session.clear();
    } catch (Failure& told) {
        if (told.exit_code == ExitCode::store)
            told.message = "Signed out here, but the store may still hold the token: make " + options.store +
                           " writable, then run `portal-session logout` again.";
        throw;
    }
    print_status_line(session.status(), options);
    return ExitCode::ok;
}

}  // namespace cli

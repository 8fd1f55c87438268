// portal-planner: what ways of renewing cost on a trace of use: tokens to mint, and requests that fail.
#include <array>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "planner/replay.hpp"
#include "program/terminal_text.hpp"

namespace {

using namespace portal;
using namespace portal::planner;

constexpr const char* description =
    "Counts the tokens that an app's backend must mint, by way of renewing, on a trace of real use.\n"
    "Input: one authenticated request a line, USER,SECONDS: an id of the user without blanks or commas, and whole seconds\n"
    "since 1970. The lines may come in any order; empty ones, those that begin with # and a heading are passed over.";

constexpr const char* footer =
    "Example:\n"
    "  printf 'ann,1700000000\\nann,1700050000\\n' | portal-planner\n"
    "\n"
    "Exit codes: 0 done, 1 the file can't be read, 2 wrong usage or a line that is not understood.";

struct Arguments {
    std::string file = "-";
    std::string lead = "6";
    std::string rule = "A";
    bool json = false;
};

struct Row {
    const char* name;
    std::string title;
    Cost cost;
};

struct Report {
    std::string rule;
    std::uint64_t users = 0;
    std::uint64_t requests = 0;
    std::uint64_t weeks = 0;
    std::vector<Row> rows;

    [[nodiscard]] double a_week(std::uint64_t count) const {
        return weeks == 0 ? 0 : static_cast<double>(count) / static_cast<double>(weeks);
    }
};

int complain(int exit_code, const std::string& text) {
    std::fprintf(stderr, "portal-planner: %s\n", text.c_str());
    return exit_code;
}

// Hours, or none, as a policy; empty: neither, or out of bounds.
std::optional<Policy> policy_with_lead(const std::string& lead) {
    Policy wanted;
    if (lead == "none") {
        wanted.renewal_lead_ms = policy_none;
    } else {
        char* end = nullptr;
        const double hours = std::strtod(lead.c_str(), &end);
        if (lead.empty() || *end != '\0' || !(hours > 0 && hours < 1000)) return {};
        wanted.renewal_lead_ms = static_cast<std::int64_t>(hours * static_cast<double>(hour_ms));
    }
    const auto policy = make_policy(wanted);
    return policy ? std::optional(*policy) : std::nullopt;
}

Report report_on(const std::vector<Uses>& users, const Policy& policy, const Arguments& arguments) {
    const ServerRule rule = arguments.rule == "A" ? ServerRule::a : ServerRule::b;
    Report report{arguments.rule, users.size(), 0, active_user_weeks(users), {}};
    for (const Uses& uses : users) report.requests += uses.size();

    const auto add = [&](Way way, const char* name, const char* title) {
        Cost cost;
        for (const Uses& uses : users) cost += replay(way, uses, rule);
        report.rows.push_back({name, title, cost});
    };
    add(Way::every_launch, "every_launch", "a token on every launch (gap > 30 min)");
    add(Way::every_day, "every_day", "one a calendar day (UTC)");
    add(Way::fixed_time, "fixed_24h", "24 h from the mint, no sliding");
    add(Way::wait_for_401, "wait_for_401", "wait for the 401");

    Cost ours;
    std::uint64_t seed = 0;
    for (const Uses& uses : users) ours += replay_session(policy, ++seed, uses, rule);
    const std::string lead = arguments.lead == "none" ? "no lead" : "lead " + arguments.lead + " h";
    report.rows.push_back({"portal_session", "portal-session, " + lead, ours});

    add(Way::optimum, "optimum", "the fewest possible");
    return report;
}

void print_json(const Report& report) {
    std::printf("{\"users\":%" PRIu64 ",\"requests\":%" PRIu64, report.users, report.requests);
    std::printf(",\"active_user_weeks\":%" PRIu64 ",\"rule\":\"%s\",\"ways\":[", report.weeks, report.rule.c_str());
    const char* separator = "";
    for (const Row& row : report.rows) {
        std::printf("%s{\"name\":\"%s\",\"tokens\":%" PRIu64 ",", separator, row.name, row.cost.tokens);
        std::printf("\"tokens_a_week\":%.4f,", report.a_week(row.cost.tokens));
        std::printf("\"rejected\":%" PRIu64 ",\"rejected_a_week\":%.4f}", row.cost.rejected,
                    report.a_week(row.cost.rejected));
        separator = ",";
    }
    std::printf("]}\n");
}

void print_table(const Report& report) {
    std::printf("%" PRIu64 " users, %" PRIu64 " requests, %" PRIu64 " active user-weeks; ", report.users, report.requests,
                report.weeks);
    std::printf("Portal by reading %s of its 7 days\n\n", report.rule.c_str());
    std::printf("%-40s %10s %8s %10s %8s\n", "", "tokens", "a week", "401s", "a week");
    for (const Row& row : report.rows)
        std::printf("%-40s %10" PRIu64 " %8.2f %10" PRIu64 " %8.2f\n", row.title.c_str(), row.cost.tokens,
                    report.a_week(row.cost.tokens), row.cost.rejected, report.a_week(row.cost.rejected));
}

// The exit code: what did not reach its reader is an error.
int end_output() {
    return program::output_was_written() ? 0 : complain(1, "The output can't be written. Check where it goes.");
}

int print(const std::string& text) {
    std::fputs(text.c_str(), stdout);
    return end_output();
}

int run(const Arguments& arguments) {
    const std::optional<Policy> policy = policy_with_lead(arguments.lead);
    if (!policy) return complain(2, "--lead takes none, or hours: more than 0, at most 42.");

    std::ifstream file;
    if (arguments.file != "-") file.open(arguments.file);
    std::istream& input = arguments.file == "-" ? std::cin : file;
    Trace trace;
    std::string line;
    while (std::getline(input, line))
        if (const auto added = trace.add_line(line); !added) return complain(2, added.error().message);
    if (!input.eof()) return complain(1, arguments.file + " can't be read. Check the path, and that it is a text file.");

    const Report report = report_on(trace.users(), *policy, arguments);
    if (arguments.json) {
        print_json(report);
    } else {
        print_table(report);
    }
    return end_output();
}

}  // namespace

int main(int argc, char** argv) {
    program::hold_standard_files();
    Arguments arguments;
    CLI::App app(description, "portal-planner");
    app.footer(footer);
    app.add_option("FILE", arguments.file, "The trace; - is standard input")->capture_default_str();
    app.add_option("--lead", arguments.lead, "How long before the 7 days portal-session renews ahead: hours, or none")
        ->type_name("HOURS|none")
        ->capture_default_str();
    app.add_option("--rule", arguments.rule, "How Portal reads its 7 days: A, dead by then; B, no slides any more")
        ->check(CLI::IsMember({"A", "B"}))
        ->capture_default_str();
    app.add_flag("--json", arguments.json, "Print one JSON object");
    app.set_version_flag("--version", "portal-planner " PORTAL_PROGRAM_VERSION, "Print the version");
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        return print(program::wrapped(app.help(), program::terminal_width()));
    } catch (const CLI::CallForVersion& version) {
        return print(std::string(version.what()) + "\n");
    } catch (const CLI::ParseError& error) {
        return complain(2, std::string(error.what()) + ". See portal-planner --help.");
    }
    return run(arguments);
}

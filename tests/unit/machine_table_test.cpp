// The machine as one table: a row for each pair of state and event, at rest and while a renewal runs. A missing row fails.
#include <functional>
#include <map>
#include <span>
#include <utility>

#include "support/catch.hpp"
#include "unit/machine_rows_at_rest.hpp"
#include "unit/machine_rows_renewing.hpp"

using namespace portal;
using namespace portal::test;

namespace {

constexpr At places[] = {At::loading, At::locked,  At::none,     At::fresh,     At::expiring,
                         At::overdue, At::expired, At::rejected, At::signed_out};

const char* name_of(At at) {
    switch (at) {
        case At::loading: return "loading";
        case At::locked: return "locked";
        case At::none: return "none";
        case At::fresh: return "fresh";
        case At::expiring: return "expiring";
        case At::overdue: return "overdue";
        case At::expired: return "expired";
        case At::rejected: return "rejected";
        case At::signed_out: return "signed_out";
    }
    return "?";
}

// Another process has put a token of its own there meanwhile. Where no load runs, one is begun first.
std::string loaded(MachineDriver& driver) {
    if (driver.running == MachineDriver::Running::none) driver.step(event::StoreChanged{});
    Record theirs = live_record(driver.now, 0, 0);
    theirs.version = {77, 20};
    theirs.generation = 8;
    theirs.epoch = is_provisional(driver.record().epoch) ? 1 : driver.record().epoch;
    return driver.loaded(theirs);
}

// Where there is a slide to save, its save is begun first; else it is an answer to nothing.
std::string saved(MachineDriver& driver) {
    driver.accepted();
    driver.step(event::Background{});
    if (driver.running == MachineDriver::Running::save) return driver.saved();
    return driver.step(event::Saved{99, {SaveOutcome::saved}});
}

std::string timer(MachineDriver& driver) { return driver.fire_timer(); }

template <typename Made>
std::function<std::string(MachineDriver&)> just(Made made) {
    return [made](MachineDriver& driver) { return driver.step(made); };
}

struct Happening {
    const char* name;
    std::function<std::string(MachineDriver&)> happen;
};

// In the order of the variant, a second after the session came to stand where it stands.
const Happening happenings[] = {
    {"Opened", just(event::Opened{})},
    {"Loaded", loaded},
    {"Saved", saved},
    {"Acquire", [](MachineDriver& driver) { return driver.acquire(); }},
    {"Prepare", just(event::Prepare{})},
    {"Cancel", just(event::Cancel{1})},
    {"Accepted", [](MachineDriver& driver) { return driver.accepted(); }},
    {"Rejected", [](MachineDriver& driver) { return driver.rejected(); }},
    {"Fulfilled", [](MachineDriver& driver) { return driver.fulfil("new-token"); }},
    {"Declined", [](MachineDriver& driver) { return driver.decline(); }},
    {"Failed", [](MachineDriver& driver) { return driver.fail(true, minute_ms); }},
    {"Pushed", [](MachineDriver& driver) { return driver.push("pushed-token"); }},
    {"Cleared", [](MachineDriver& driver) { return driver.clear(1); }},
    {"Timer", timer},
    {"Foreground", just(event::Foreground{1})},
    {"Background", just(event::Background{1})},
    {"StoreChanged", just(event::StoreChanged{1})},
    {"StoreLooked", just(event::StoreLooked{})},
    {"ClockChanged", just(event::ClockChanged{1})},
    {"Closed", just(event::Closed{})},
};
static_assert(std::size(happenings) == std::variant_size_v<Event>, "an event has come or gone: its rows too");

std::string standing_of(const MachineDriver& driver) {
    std::string text = text_of(driver.told_state);
    if (driver.told_reason != Reason::none) text += std::string(" ") + text_of(driver.told_reason);
    if (driver.ended()) text += " ended";
    return text;
}

void check_table(std::span<const Row> rows, MachineDriver (*make)(At, MachineConfig)) {
    std::map<std::pair<At, std::string>, const Row*> table;
    for (const Row& row : rows) {
        INFO(name_of(row.at) << ", " << row.event);
        CHECK(table.emplace(std::pair{row.at, row.event}, &row).second);  // twice there is once too often
    }
    CHECK(table.size() == std::size(places) * std::variant_size_v<Event>);
    for (const At at : places) {
        for (const Happening& happening : happenings) {
            INFO(name_of(at) << ", " << happening.name);
            const auto found = table.find({at, happening.name});
            if (found == table.end()) {
                FAIL_CHECK("no row says what happens");
                continue;
            }
            MachineDriver driver = make(at, machine_config());
            driver.advance(1'000);
            const std::string effects = happening.happen(driver);
            CHECK(effects == found->second->effects);
            CHECK(standing_of(driver) == found->second->stands);
        }
    }
}

}  // namespace

TEST_CASE("for each event that meets a session at rest a row says what happens") { check_table(rows_at_rest, machine_at); }

TEST_CASE("for each event that meets a renewal a row says what happens") { check_table(rows_renewing, renewing_at); }

// watch: the session's events as they happen, those that other processes cause too.
#include <cstdio>
#include <future>

#include "cli/commands.hpp"
#include "cli/event_text.hpp"
#include "cli/host.hpp"
#include "cli/text.hpp"
#include "program/terminal_text.hpp"

namespace cli {
namespace {

const char* word(portal_group group, std::int32_t value) { return portal_name(group, value); }

struct Watcher {
    bool json = false;
    int left = 0;  // events until the end; 0: no end
    bool is_over = false;
    std::promise<void> enough;

    void print(const portal_event& event) const {
        const char* kind = word(PORTAL_GROUP_EVENT, event.kind);
        const char* state = word(PORTAL_GROUP_STATE, event.state);
        const char* reason = word(PORTAL_GROUP_REASON, event.reason);
        const char* code = word(PORTAL_GROUP_CODE, event.code);
        if (json) {
            std::printf(
                "{\"event\":\"%s\",\"sequence\":%llu,\"at_unix_ms\":%lld,\"state\":\"%s\",\"reason\":\"%s\",\"code\":\"%"
                "s\","
                "\"generation\":%llu,\"epoch\":%llu,\"retry_after_ms\":%lld}\n",
                kind, static_cast<unsigned long long>(event.sequence), static_cast<long long>(event.at_unix_ms), state,
                reason, code, static_cast<unsigned long long>(event.generation),
                static_cast<unsigned long long>(event.epoch), static_cast<long long>(event.retry_after_ms));
        } else {
            std::printf("%s  %s\n", format_local_time(event.at_unix_ms).c_str(), sentence_of(event).c_str());
        }
    }

    static void on_event(void* userdata, const portal_event* event) {
        auto& watcher = *static_cast<Watcher*>(userdata);
        if (watcher.is_over) return;
        watcher.print(*event);
        // Nobody reads any more: main reports it.
        watcher.is_over = !portal::program::output_was_written() || (watcher.left > 0 && --watcher.left == 0);
        if (watcher.is_over) watcher.enough.set_value();
    }
};

}  // namespace

ExitCode watch(const Options& options) {
    Watcher watcher;
    watcher.json = options.json;
    watcher.left = options.event_count;
    std::future<void> enough = watcher.enough.get_future();
    const portal_observer observer{Watcher::on_event, &watcher, nullptr};
    const Session session(options, nullptr, &observer);
    enough.wait();  // or until Ctrl-C
    return ExitCode::ok;
}

}  // namespace cli

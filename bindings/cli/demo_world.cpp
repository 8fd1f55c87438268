#include "cli/demo_world.hpp"

#include <cstdlib>
#include <filesystem>

namespace cli {
namespace {

Failure no_fake() {
    return failure(ExitCode::usage,
                   "The demo plays with time, so it needs fake-portal as --portal. Run toolchains/run.sh.");
}

// The first number of that name in JSON of the fake's.
std::int64_t number_in(const std::string& json, const std::string& name) {
    const std::size_t at = json.find("\"" + name + "\":");
    if (at == std::string::npos) throw no_fake();
    return std::strtoll(json.c_str() + at + name.size() + 3, nullptr, 10);
}

}  // namespace

DemoWorld::Folder::Folder() : path((std::filesystem::temp_directory_path() / "portal-session-demo-XXXXXX").string()) {
    if (::mkdtemp(path.data()) == nullptr) throw failure(ExitCode::store, "Cannot make a temporary folder for the demo.");
}

DemoWorld::Folder::~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
}

DemoWorld::DemoWorld(const Options& options) : options_(options) {
    options_.store = folder_.path;
    options_.key_file = options_.store + "/key";
    options_.session = "demo";
    open();
    try {
        clock_.unix_ms = number_in(control("GET", "/_fake/counters"), "now_unix_ms");
        at_start_ = read_count();
    } catch (const Failure&) {
        throw no_fake();
    }
}

void DemoWorld::open() {
    portal_clock clock{};
    clock.userdata = &clock_;
    clock.read = [](void* userdata, portal_reading* out) {
        const auto& phone = *static_cast<const PhoneClock*>(userdata);
        *out = {phone.boot_ms.load(), phone.unix_ms.load(), phone.boot_tag.load()};
    };
    session_ = std::make_unique<Session>(options_, &clock);
}

void DemoWorld::advance_to(std::int64_t elapsed_ms) {
    const std::int64_t by_ms = elapsed_ms - elapsed_ms_;
    session_->notify(PORTAL_NOTICE_BACKGROUND);  // a save under way must not seem to take as long as the jump
    control("POST", "/_fake/advance", "{\"seconds\": " + std::to_string(by_ms / 1000) + "}");
    clock_.boot_ms += by_ms;
    clock_.unix_ms += by_ms;
    elapsed_ms_ = elapsed_ms;
    session_->notify(PORTAL_NOTICE_CLOCK_CHANGED);
}

void DemoWorld::reboot(std::int64_t date_error_ms) {
    session_.reset();
    clock_.boot_ms = minute_ms;
    clock_.unix_ms += date_error_ms;
    ++clock_.boot_tag;
    open();
}

int DemoWorld::use(Failure& failure) {
    try {
        return session_->send({"GET", "/api/v3/clients/me", {}, false, false}).status;
    } catch (const Failure& told) {
        failure = told;
        return 0;
    }
}

void DemoWorld::arm(const std::string& fault_json) { control("POST", "/_fake/faults", fault_json); }
void DemoWorld::clear_faults() { control("POST", "/_fake/clear"); }

PortalCount DemoWorld::read_count() {
    const std::string json = control("GET", "/_fake/counters");
    return {number_in(json, "mints"), number_in(json, "slides"), number_in(json, "rejected")};
}

PortalCount DemoWorld::count() {
    const PortalCount now = read_count();
    return {now.mints - at_start_.mints, now.slides - at_start_.slides, now.rejected - at_start_.rejected};
}

std::string DemoWorld::control(const std::string& method, const std::string& path, const std::string& body) {
    const Response response = session_->send({method, path, body, !body.empty(), true});
    if (response.status != 200) throw no_fake();
    return std::string(response.body.reveal());
}

}  // namespace cli

#include "cli/host.hpp"

#include <strings.h>

#include <cstdio>
#include <future>
#include <memory>

#include "cli/event_text.hpp"
#include "cli/failure.hpp"
#include "cli/progress.hpp"
#include "cli/provider_answer.hpp"
#include "cli/provider_command.hpp"
#include "cli/status_view.hpp"
#include "cli/store.hpp"
#include "cli/text.hpp"

namespace cli {
namespace {

constexpr std::int64_t close_wait_ms = 10'000;
constexpr std::int64_t provider_grace_ms = 5'000;  // to hear of the provider's end
constexpr std::int64_t answer_wait_ms = 30'000;    // for Portal, once the provider has had its time

portal_text text_of(std::string_view text) { return {text.data(), text.size()}; }

portal_error no_error() {
    portal_error error;
    portal_init(&error, sizeof error);
    return error;
}

// One answer on its way from the callback thread: made on the heap, freed by its release function, exactly once.
template <typename Answer>
struct Pending {
    std::promise<Answer> promise;

    static void release(void* userdata) { delete static_cast<Pending*>(userdata); }
};

struct Done {
    portal_code code = PORTAL_OK;
    portal_error error = no_error();
};

struct Sent {
    Done done;
    std::unique_ptr<Response> response;  // set with PORTAL_OK
};

void answer_done(void* userdata, portal_code code, const portal_error* error) {
    static_cast<Pending<Done>*>(userdata)->promise.set_value({code, error != nullptr ? *error : no_error()});
}

// Calls `start` with a portal_done and waits for it.
template <typename Start>
Done wait_for(Start&& start) {
    auto* pending = new Pending<Done>;
    std::future<Done> answer = pending->promise.get_future();
    const portal_done done{answer_done, pending, Pending<Done>::release};
    portal_error error = no_error();
    const portal_code code = start(&done, &error);
    if (code != PORTAL_OK) return {code, error};
    return answer.get();
}

// The library says what is wrong with a value, but knows no option: the one that it refuses without the others too.
const char* refused_option(const portal_options& refused) {
    const auto is_refused = [&](portal_text portal_options::*value) {
        portal_options alone;
        portal_init(&alone, sizeof alone);
        alone.flags = refused.flags;
        alone.*value = refused.*value;
        portal_session* session = nullptr;
        const portal_code code = portal_session_open(&alone, &session, nullptr);
        portal_session_release(session);
        return code == PORTAL_ERR_INVALID_ARGUMENT || code == PORTAL_ERR_HOST_NOT_ALLOWED;
    };
    if (is_refused(&portal_options::portal_url)) return "--portal";
    if (is_refused(&portal_options::name)) return "--session";
    if (is_refused(&portal_options::client_id)) return "--client-id";
    if (is_refused(&portal_options::role)) return "--role";
    return nullptr;
}

portal_clock shifted_clock(std::int64_t offset_s) {
    portal_clock clock{};
    clock.read = [](void* userdata, portal_reading* out) {
        const std::int64_t offset_ms = *static_cast<const std::int64_t*>(userdata) * 1000;
        portal_clock_system(out);
        out->boot_ms += offset_ms;
        out->unix_ms += offset_ms;
    };
    clock.userdata = new std::int64_t(offset_s);
    clock.release = [](void* userdata) { delete static_cast<std::int64_t*>(userdata); };
    return clock;
}

// --verbose: events as sentences, each once.
struct Narrator {
    std::string last;

    static void on_event(void* userdata, const portal_event* event) {
        std::string sentence = sentence_of(*event);
        std::string& last = static_cast<Narrator*>(userdata)->last;
        if (sentence == last) return;
        std::fprintf(stderr, "%s  %s\n", format_local_time_of_day(event->at_unix_ms).c_str(), sentence.c_str());
        last = std::move(sentence);
    }
    static void release(void* userdata) { delete static_cast<Narrator*>(userdata); }
};

// Of the log only what no event tells: the system's reason for a fault of the store.
void print_store_line(void*, portal_level, portal_text message) {
    const std::string_view line(message.data, message.length);
    const std::size_t reason = line.find(", store_");
    if (line.rfind("store", 0) != 0 || reason == std::string_view::npos) return;
    std::fprintf(stderr, "Why: %s\n", std::string(line.substr(reason + 2)).c_str());
}

// The provider gave a token that the session cannot use. A later one may be better.
bool is_bad_offer(portal_code code) {
    return code == PORTAL_ERR_BAD_TOKEN || code == PORTAL_ERR_TOKEN_TOO_OLD || code == PORTAL_ERR_REPEATED_TOKEN;
}

// The stored record was not for this session, and yet the command got a token.
void warn_of_mismatch(const portal_status& before) {
    const char* advice = advice_for(before.reason);
    if (advice == nullptr) return;
    const bool is_kept = before.reason == PORTAL_REASON_OTHER_VERSION;
    warn(std::string(is_kept ? "This token is not stored. " : "A new token replaces what was stored. ") + advice);
}

std::unique_ptr<Response> copy_of(const portal_http_response& answer) {
    auto response = std::make_unique<Response>(
        Response{answer.http_status, answer.verdict, answer.retry_after_ms, {}, SecretBuffer(answer.body.length)});
    for (std::size_t i = 0; i < answer.header_count; ++i) {
        const portal_header& header = answer.headers[i];
        if (header.name.length == 0) continue;
        response->headers.append(header.name.data, header.name.length).append(": ");
        if (header.value.length != 0) response->headers.append(header.value.data, header.value.length);
        response->headers += '\n';
    }
    if (answer.body.length != 0) {
        response->body.append({static_cast<const char*>(answer.body.data), answer.body.length});
    }
    return response;
}

void answer_sent(void* userdata, portal_code code, const portal_http_response* response, const portal_error* error) {
    auto& promise = static_cast<Pending<Sent>*>(userdata)->promise;
    try {
        Sent sent{{code, error != nullptr ? *error : no_error()}, nullptr};
        if (response != nullptr) sent.response = copy_of(*response);
        promise.set_value(std::move(sent));
    } catch (...) {  // no memory for the body: nothing may be thrown through the library
        promise.set_exception(std::current_exception());
    }
}

}  // namespace

Session::Session(const Options& options, const portal_clock* clock, const portal_observer* observer)
    : clock_offset_ms_(options.clock_offset_s * 1000), provider_timeout_ms_(options.provider_timeout_s * 1000) {
    portal_options open;
    portal_init(&open, sizeof open);
    open.key = options.command == "logout" ? open_store_for_logout(options) : open_store(options);
    if (options.allow_loopback) open.flags = PORTAL_ALLOW_LOOPBACK;
    open.name = text_of(options.session);
    open.client_id = text_of(options.client_id);
    open.directory = text_of(options.store);
    open.portal_url = text_of(options.portal_url);
    open.ca_file = text_of(options.ca_file);
    open.role = text_of(options.role);
    if (!options.provider_command.empty()) open.provider = provider_command(options.provider_command);
    if (!options.provider_url.empty()) {
        provider_url_ = std::make_unique<ProviderUrl>(options);
        open.provider = provider_url_->callbacks();
    }
    open.request_timeout_ms = provider_timeout_ms_;
    if (observer != nullptr) open.observer = *observer;
    if (options.verbose && observer == nullptr) open.observer = {Narrator::on_event, new Narrator, Narrator::release};
    if (options.clock_offset_s != 0) open.clock = shifted_clock(options.clock_offset_s);
    if (clock != nullptr) open.clock = *clock;
    if (options.verbose) open.log = {print_store_line, PORTAL_LEVEL_WARNING, 0, nullptr, nullptr};
    portal_error error = no_error();
    const portal_code code = portal_session_open(&open, &session_, &error);
    if (code != PORTAL_OK) {
        Failure told = failure_of(error);
        if (const char* option = refused_option(open)) told.message = std::string(option) + ": " + told.message;
        throw told;
    }
    if (provider_url_ != nullptr) provider_url_->serve(session_);  // nobody is asked before somebody waits
    // Read the store first, so that what it tells is known. One that can't be read is no failure here: the status says so.
    notify(PORTAL_NOTICE_STORE_CHANGED);
}

Session::~Session() {
    if (portal_session_close(session_, close_wait_ms, nullptr) == PORTAL_ERR_TIMEOUT) {
        warn("The session did not end in time; the last use may not be stored.");
    }
    if (provider_url_ != nullptr) provider_url_->stop();
    portal_session_release(session_);
}

void Session::notify(portal_notice notice) {
    wait_for(
        [&](const portal_done* done, portal_error* error) { return portal_session_notify(session_, notice, done, error); });
}

void Session::prepare() {
    portal_error error = no_error();
    check(portal_session_prepare(session_, &error), error);
}

portal_status Session::status() const {
    portal_status status;
    portal_init(&status, sizeof status);
    portal_error error = no_error();
    check(portal_session_status(session_, &status, &error), error);
    return status;
}

std::string Session::explain() const {
    std::string text(PORTAL_EXPLAIN_MAX, '\0');
    std::size_t length = text.size();
    portal_error error = no_error();
    check(portal_session_explain(session_, text.data(), &length, &error), error);
    text.resize(length);
    return text;
}

void Session::check_token_wait(portal_code code, const portal_error& error, const portal_status& before) const {
    const bool was_asked = error.os_code != 0 || error.http_status != 0;
    if (code == PORTAL_ERR_PROVIDER_FAILED && before.renewal == PORTAL_RENEWAL_BACKING_OFF && !was_asked &&
        error.retry_after_ms > 0) {
        portal_reading now{};
        portal_clock_system(&now);
        throw back_off_of(error, now.unix_ms + clock_offset_ms_);
    }
    if (code == PORTAL_OK) return;
    portal_error cause = error;
    cause.code = code;
    if (code == PORTAL_ERR_BAD_TOKEN)  // the details were printed when the answer came
        std::snprintf(cause.message, sizeof cause.message, "The provider's answer holds no usable token.");
    Failure failed = provider_url_ != nullptr ? failure_of(cause) : failure_of_command(cause);
    if (is_bad_offer(code)) failed.exit_code = ExitCode::provider_unavailable;
    if (const char* advice = advice_for(before.reason)) failed.message += std::string(" ") + advice;
    throw failed;
}

Leased Session::acquire(std::uint32_t flags, std::uint64_t newer_than) {
    portal_acquire_options how;
    portal_init(&how, sizeof how);
    how.flags = flags;
    how.newer_than = newer_than;
    if (provider_timeout_ms_ != 0) how.timeout_ms = provider_timeout_ms_ + provider_grace_ms;
    Leased leased{{}, SecretBuffer(PORTAL_TOKEN_MAX)};
    portal_init(&leased.lease, sizeof leased.lease);
    std::size_t length = leased.token.capacity();
    portal_error error = no_error();
    const portal_status before = status();
    const Progress progress("waiting for a token");
    const portal_code code = portal_lease_wait(session_, &how, &leased.lease, leased.token.data(), &length, &error);
    check_token_wait(code, error, before);
    warn_of_mismatch(before);
    leased.token.set_size(length);
    return leased;
}

bool Session::report(const portal_lease& lease, int http_status) {
    portal_error error = no_error();
    const portal_code code = portal_lease_report(session_, &lease, http_status, nullptr, &error);
    if (code == PORTAL_ERR_STALE) return false;
    check(code, error);
    notify(PORTAL_NOTICE_BACKGROUND);  // a slide is stored now, so that who asks next knows whether it could be
    return true;
}

void Session::push(std::string_view token_or_json) {
    const portal_token_input input = token_input(token_or_json);
    portal_error error = no_error();
    check(portal_session_push(session_, &input, &error), error);
    warn_if_unlikely(input);
    notify(PORTAL_NOTICE_STORE_CHANGED);
}

void Session::clear() {
    const Done done = wait_for([&](const portal_done* when_done, portal_error* error) {
        return portal_session_clear(session_, when_done, error);
    });
    check(done.code, done.error);
}

Response Session::send(const Request& request) {
    static constexpr std::string_view json = "application/json";
    std::vector<portal_header> headers = request.headers;
    const auto add = [&](std::string_view name) {
        for (const portal_header& header : headers)
            if (header.name.length == name.size() && ::strncasecmp(header.name.data, name.data(), name.size()) == 0) return;
        headers.push_back({text_of(name), text_of(json), 0, 0});
    };
    add("Accept");
    if (request.has_body) add("Content-Type");
    portal_http_request out;
    portal_init(&out, sizeof out);
    if (provider_timeout_ms_ != 0) out.timeout_ms = provider_timeout_ms_ + answer_wait_ms;
    if (request.timeout_ms != 0) out.timeout_ms = request.timeout_ms;
    if (request.without_token) out.flags = PORTAL_REQUEST_NO_TOKEN;
    out.method = text_of(request.method);
    out.url = text_of(request.path);
    out.headers = headers.data();
    out.header_count = headers.size();
    out.body = {request.body.data(), request.body.size()};

    auto* pending = new Pending<Sent>;
    std::future<Sent> answer = pending->promise.get_future();
    portal_error error = no_error();
    const portal_status before = status();
    check(portal_send(session_, &out, {answer_sent, pending, Pending<Sent>::release}, nullptr, &error), error);
    const Progress progress("waiting for the answer");
    Sent sent = answer.get();
    check_token_wait(sent.done.code, sent.done.error, before);
    warn_of_mismatch(before);
    return std::move(*sent.response);
}

void Session::finish_renewal() {
    const portal_status now = status();
    if (now.renewal != PORTAL_RENEWAL_ASKING) return;
    try {
        (void)acquire(0, now.generation);
    } catch (const Failure&) {  // the next command tries again, and this one's work is done
    }
}

}  // namespace cli

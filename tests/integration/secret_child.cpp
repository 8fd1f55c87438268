// A host that handles secrets as it should: what it reads of them goes from its standard input into one page of its own,
// from there into the library, and is wiped. What the library keeps is then all there is. On the C API alone.
//
//   secret_child LOG_FILE                                host store and host transport
//   secret_child LOG_FILE FOLDER PORTAL_URL CA_FILE      file store and the library's transport
//
// Each line of input is a command, answered by one line: ok, or the error's name. Those with a star take a secret on the
// next line. Every text that the library says (log, events, errors, explain) is appended to LOG_FILE.
//
//   open                    acquire (asks the provider)   acquired       try          wait
//   fulfil*  push*  push_json*  fail_with* (as its Retry-After)       decline      asked (waits for the token request)
//   fetch (full: the provider asks PORTAL_URL/token)      request URL    request_url* answers STATUS   echo
//   report STATUS           report_with* (as the answer's error id)      foreground   background       explain
//   storm* (from now on, pushes of it with a number behind, and readers)
//   clear                   keep* (a careless copy)       close        forget (wipes the host's store)
#include <portal_session/portal_session.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace {

constexpr std::size_t page_bytes = 64 * 1024;

// Memory that no dump shows: a careful host's place for a secret.
char* secret_page() {
    void* page = ::mmap(nullptr, page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || ::madvise(page, page_bytes, MADV_DONTDUMP) != 0) std::abort();
    return static_cast<char*>(page);
}

struct Child {
    std::mutex mutex;
    std::condition_variable changed;
    portal_session* session = nullptr;
    std::uint64_t token_request = 0;
    std::string acquired, sent, done;  // names of codes; empty: not yet
    portal_lease lease{};
    char* const input = secret_page();
    char* const output = secret_page();
    char* const record = secret_page();  // the host store's
    std::size_t record_length = 0;
    char* careless = nullptr;
    std::uint64_t revision = 0;
    int status = 200;
    bool echoes = false;
    bool fetches = false;
    int log = -1;
    std::string folder, portal_url, ca_file;
};
Child& child = *new Child;  // never destroyed: the library's threads may outlive main

template <typename Struct>
Struct made() {
    Struct result;
    portal_init(&result, sizeof result);
    return result;
}

portal_text text(std::string_view from) { return {from.data(), from.size()}; }
const char* word(portal_code code) { return portal_name(PORTAL_GROUP_CODE, code); }

void note(const char* what, std::string_view said) {
    ::dprintf(child.log, "%s: %.*s\n", what, static_cast<int>(said.size()), said.data());
}

std::string told(portal_code code, const portal_error& error) {
    if (code != PORTAL_OK) note("error", error.message);
    return word(code);
}

template <typename Change>
void change(Change&& what) {
    const std::lock_guard lock(child.mutex);
    what();
    child.changed.notify_all();
}

// `end` is taken, for the next time.
std::string taken(std::string& end) {
    std::unique_lock lock(child.mutex);
    if (!child.changed.wait_for(lock, std::chrono::seconds(10), [&] { return !end.empty(); })) return "never";
    return std::exchange(end, {});
}

// ---- the host's parts ----

void ask(void*, const portal_token_request* request) {
    change([&] { child.token_request = request->id; });
    if (!child.fetches) return;
    auto out = made<portal_http_request>();
    out.flags = PORTAL_REQUEST_NO_TOKEN;
    out.url = text("/token");
    const auto fulfil = [](void* id, portal_code code, const portal_http_response* response, const portal_error* error) {
        if (code != PORTAL_OK) {
            note("error", error->message);
            (void)portal_request_fail(reinterpret_cast<std::uintptr_t>(id), nullptr, nullptr);
            return;
        }
        auto input = made<portal_token_input>();
        input.flags = PORTAL_TOKEN_JSON;
        input.token = {static_cast<const char*>(response->body.data), response->body.length};
        auto failure = made<portal_error>();
        (void)told(portal_request_fulfil(reinterpret_cast<std::uintptr_t>(id), &input, &failure), failure);
    };
    portal_send(child.session, &out, {fulfil, reinterpret_cast<void*>(request->id), nullptr}, nullptr, nullptr);
}

void load(void*, std::uint64_t id, portal_text) {
    portal_store_loaded(id, child.record_length == 0 ? PORTAL_ABSENT : PORTAL_FOUND, child.revision,
                        {child.record, child.record_length}, nullptr);
}

void save(void*, std::uint64_t id, portal_text, std::uint64_t revision, portal_bytes record) {
    if (revision != child.revision + 1) return (void)portal_store_saved(id, PORTAL_CONFLICT, 0, nullptr);
    std::memcpy(child.record, record.data, record.length);
    portal_wipe(child.record + record.length, page_bytes - record.length);  // what was there
    child.record_length = record.length;
    child.revision = revision;
    portal_store_saved(id, PORTAL_SAVED, 0, nullptr);
}

void send(void*, std::uint64_t id, const portal_http_request* request) {
    auto response = made<portal_http_response>();
    response.http_status = child.status;
    portal_header echo{text("X-Echo"), {}, 0, 0};
    for (std::size_t i = 0; child.echoes && i < request->header_count; ++i) {
        if ((request->headers[i].flags & PORTAL_HEADER_SECRET) == 0) continue;
        echo.value = request->headers[i].value;
        response.headers = &echo;
        response.header_count = 1;
        response.body = {echo.value.data, echo.value.length};
    }
    portal_transport_answered(id, &response, nullptr);
}

void load_key(void*, std::uint64_t id, portal_text) {
    const std::string key(32, 'k');
    portal_key_loaded(id, PORTAL_FOUND, {key.data(), key.size()}, nullptr);
}

void end_done(void*, portal_code code, const portal_error* error) {
    if (error != nullptr) note("error", error->message);
    change([&] { child.done = word(code); });
}

// ---- commands ----

std::string open() {
    auto options = made<portal_options>();
    options.flags = PORTAL_ALLOW_LOOPBACK;
    options.portal_url = text(child.portal_url);
    options.provider.ask = ask;
    options.observer.event = [](void*, const portal_event* event) {
        note("event", portal_name(PORTAL_GROUP_EVENT, event->kind));
    };
    options.log.level = PORTAL_LEVEL_DEBUG;
    options.log.line = [](void*, portal_level, portal_text line) { note("log", {line.data, line.length}); };
    if (child.folder.empty()) {
        options.store.load = load;
        options.store.save = save;
        options.transport.send = send;
    } else {
        options.directory = text(child.folder);
        options.ca_file = text(child.ca_file);
        options.key.load = load_key;
    }
    auto error = made<portal_error>();
    return told(portal_session_open(&options, &child.session, &error), error);
}

std::string acquire() {
    const portal_acquired done{
        [](void*, portal_code code, const portal_lease* lease, portal_text, const portal_error* error) {
            if (error != nullptr) note("error", error->message);
            change([&] {
                if (lease != nullptr) child.lease = *lease;
                child.acquired = word(code);
            });
        },
        nullptr, nullptr};
    auto error = made<portal_error>();
    return told(portal_lease_acquire(child.session, nullptr, done, nullptr, &error), error);
}

std::string lease(bool waits) {
    std::size_t length = page_bytes;
    auto lease = made<portal_lease>();
    auto error = made<portal_error>();
    const portal_code code = waits ? portal_lease_wait(child.session, nullptr, &lease, child.output, &length, &error)
                                   : portal_lease_try(child.session, &lease, child.output, &length, &error);
    portal_wipe(child.output, page_bytes);
    if (code == PORTAL_OK) child.lease = lease;
    return told(code, error);
}

std::uint64_t asked() {
    std::unique_lock lock(child.mutex);
    child.changed.wait_for(lock, std::chrono::seconds(10), [] { return child.token_request != 0; });
    return std::exchange(child.token_request, 0);
}

std::string fulfil(portal_text secret) {
    auto input = made<portal_token_input>();
    input.token = secret;
    auto error = made<portal_error>();
    return told(portal_request_fulfil(asked(), &input, &error), error);
}

std::string push(portal_text secret, std::uint32_t flags) {
    auto input = made<portal_token_input>();
    input.flags = flags;
    input.token = secret;
    auto error = made<portal_error>();
    return told(portal_session_push(child.session, &input, &error), error);
}

// Until the process ends.
std::string storm(portal_text secret) {
    for (int i = 0; i < 2; ++i)
        std::thread([] {
            char* const room = secret_page();
            for (auto lease = made<portal_lease>();;) {
                std::size_t length = page_bytes;
                (void)portal_lease_try(child.session, &lease, room, &length, nullptr);
            }
        }).detach();
    char* const pushed = secret_page();
    std::memcpy(pushed, secret.data, secret.length);
    std::thread([pushed, length = secret.length] {
        char* const room = secret_page();
        auto lease = made<portal_lease>();
        auto input = made<portal_token_input>();
        for (unsigned number = 0;; ++number) {
            const int digits = std::snprintf(pushed + length, 16, "%u", number);
            input.token = {pushed, length + static_cast<std::size_t>(digits)};
            (void)portal_session_push(child.session, &input, nullptr);
            std::size_t room_bytes = page_bytes;  // each push is judged before the next, so that no queue grows
            (void)portal_lease_wait(child.session, nullptr, &lease, room, &room_bytes, nullptr);
        }
    }).detach();
    return "ok";
}

std::string fail_with(portal_text secret) {
    auto failure = made<portal_failure>();
    failure.retry_after = secret;
    auto error = made<portal_error>();
    return told(portal_request_fail(asked(), &failure, &error), error);
}

std::string request(portal_text url) {
    auto out = made<portal_http_request>();
    out.url = url;
    const portal_sent sent{
        [](void*, portal_code code, const portal_http_response* response, const portal_error* error) {
            if (error != nullptr) note("error", error->message);
            change([&] { child.sent = response == nullptr ? word(code) : std::to_string(response->http_status); });
        },
        nullptr, nullptr};
    auto error = made<portal_error>();
    const portal_code code = portal_send(child.session, &out, sent, nullptr, &error);
    return code == PORTAL_OK ? taken(child.sent) : told(code, error);
}

std::string report(int status, portal_text secret) {
    auto answer = made<portal_answer>();
    answer.http_status = status;
    answer.error_id = answer.exception = answer.retry_after = secret;
    auto error = made<portal_error>();
    return told(portal_lease_report(child.session, &child.lease, status, &answer, &error), error);
}

std::string notify(portal_notice notice) {
    const portal_done done{end_done, nullptr, nullptr};
    const portal_code code = portal_session_notify(child.session, notice, &done, nullptr);
    return code == PORTAL_OK ? taken(child.done) : word(code);
}

std::string clear() {
    const portal_done done{end_done, nullptr, nullptr};
    const portal_code code = portal_session_clear(child.session, &done, nullptr);
    return code == PORTAL_OK ? taken(child.done) : word(code);
}

std::string explain() {
    std::string all(PORTAL_EXPLAIN_MAX, '\0');
    std::size_t length = all.size();
    auto error = made<portal_error>();
    const portal_code code = portal_session_explain(child.session, all.data(), &length, &error);
    if (code == PORTAL_OK) note("explain", std::string_view(all).substr(0, length));
    return told(code, error);
}

std::string obey_with(std::string_view command, portal_text secret) {
    if (command == "fulfil") return fulfil(secret);
    if (command == "push") return push(secret, 0);
    if (command == "push_json") return push(secret, PORTAL_TOKEN_JSON);
    if (command == "storm") return storm(secret);
    if (command == "fail_with") return fail_with(secret);
    if (command == "request_url") return request(secret);
    if (command == "report_with") return report(403, secret);
    if (command != "keep") return "no such command";
    child.careless = static_cast<char*>(std::malloc(secret.length));
    std::memcpy(child.careless, secret.data, secret.length);
    return "ok";
}

std::string obey(std::string_view command, const std::string& argument) {
    if (command == "open") return open();
    if (command == "acquire") return acquire();
    if (command == "acquired") return taken(child.acquired);
    if (command == "try") return lease(false);
    if (command == "wait") return lease(true);
    if (command == "decline") return word(portal_request_decline(asked(), 0, nullptr));
    if (command == "fetch") return child.fetches = true, "ok";
    if (command == "request") return request(text(argument));
    if (command == "answers") return child.status = std::atoi(argument.c_str()), "ok";
    if (command == "echo") return child.echoes = true, "ok";
    if (command == "report") return report(std::atoi(argument.c_str()), {});
    if (command == "foreground") return notify(PORTAL_NOTICE_FOREGROUND);
    if (command == "background") return notify(PORTAL_NOTICE_BACKGROUND);
    if (command == "explain") return explain();
    if (command == "forget") return portal_wipe(child.record, page_bytes), "ok";
    if (command == "clear") return clear();
    if (command == "close") return word(portal_session_close(child.session, 20'000, nullptr));
    return "no such command";
}

// One byte a call, so that no buffer of a library ever holds what was typed.
std::size_t read_line(char* into, std::size_t room) {
    std::size_t length = 0;
    while (length < room && ::read(STDIN_FILENO, into + length, 1) == 1) {
        if (into[length] == '\n') return length;
        ++length;
    }
    ::_exit(0);
}

}  // namespace

int main(int count, char** words) {
    if (count < 2) return 2;
    child.log = ::open(words[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    child.portal_url = "https://127.0.0.1";
    if (count == 5) {
        child.folder = words[2];
        child.portal_url = words[3];
        child.ca_file = words[4];
    }
    if (::chdir(std::string(words[1], std::strrchr(words[1], '/')).c_str()) != 0) return 2;  // for the core dump
    rlimit core{};
    ::getrlimit(RLIMIT_CORE, &core);
    core.rlim_cur = core.rlim_max;
    ::setrlimit(RLIMIT_CORE, &core);
    for (char line[256];;) {
        const std::string command(line, read_line(line, sizeof line));
        std::string answer;
        if (command.back() == '*') {
            const std::size_t length = read_line(child.input, page_bytes);
            answer = obey_with(std::string_view(command).substr(0, command.size() - 1), {child.input, length});
            portal_wipe(child.input, page_bytes);
        } else {
            const std::size_t space = command.find(' ');
            answer = obey(command.substr(0, space), space == std::string::npos ? "" : command.substr(space + 1));
        }
        ::dprintf(STDOUT_FILENO, "%s\n", answer.c_str());
    }
}

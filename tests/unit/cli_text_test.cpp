// How the command line words times, statuses and its exit codes.
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <string>

#include "cli/exit_codes.hpp"
#include "cli/failure.hpp"
#include "cli/provider_answer.hpp"
#include "cli/status_view.hpp"
#include "cli/text.hpp"
#include "support/catch.hpp"

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

constexpr std::int64_t second_ms = 1000;
constexpr std::int64_t minute_ms = 60 * second_ms;
constexpr std::int64_t hour_ms = 60 * minute_ms;
constexpr std::int64_t day_ms = 24 * hour_ms;

portal_status fresh_status() {
    portal_status status;
    portal_init(&status, sizeof status);
    status.state = PORTAL_STATE_FRESH;
    status.generation = 3;
    status.epoch = 1;
    status.idle_deadline_unix_ms = 1'764'000'000'000;
    status.absolute_deadline_unix_ms = 1'764'500'000'000;
    status.idle_left_ms = 23 * hour_ms + 59 * minute_ms;
    status.absolute_left_ms = 6 * day_ms;
    return status;
}

cli::Failure told(portal_code code, std::int32_t os_code = 0, std::int64_t retry_after_ms = 0) {
    portal_error error;
    portal_init(&error, sizeof error);
    error.code = code;
    error.os_code = os_code;
    error.retry_after_ms = retry_after_ms;
    std::string("The cause.").copy(error.message, sizeof error.message - 1);
    return cli::failure_of(error);
}

}  // namespace

TEST_CASE("A duration shows its two largest units", "[cli]") {
    CHECK(cli::format_duration(0) == "0 s");
    CHECK(cli::format_duration(1) == "1 s");
    CHECK(cli::format_duration(59'999) == "59 s");
    CHECK(cli::format_duration(minute_ms) == "1 min");
    CHECK(cli::format_duration(hour_ms - 1) == "59 min 59 s");
    CHECK(cli::format_duration(hour_ms + 59 * second_ms) == "1 h");
    CHECK(cli::format_duration(day_ms - 1) == "23 h 59 min");
    CHECK(cli::format_duration(7 * day_ms - 1) == "6 d 23 h");
    CHECK(cli::format_duration(-90 * second_ms) == "1 min 30 s");
    CHECK(cli::format_duration(std::numeric_limits<std::int64_t>::min()) == "106751991167 d 7 h");
}

TEST_CASE("A time to wait is never shown shorter than it is", "[cli]") {
    CHECK(cli::format_wait(0) == "0 s");
    CHECK(cli::format_wait(1'001) == "2 s");
    CHECK(cli::format_wait(2'000) == "2 s");
    CHECK(cli::format_wait(59'001) == "1 min");
    CHECK(cli::format_wait(std::numeric_limits<std::int64_t>::max()) == "106751991167 d 7 h");
}

TEST_CASE("What is over at once is told in milliseconds", "[cli]") {
    CHECK(cli::format_brief(0) == "0 ms");
    CHECK(cli::format_brief(999) == "999 ms");
    CHECK(cli::format_brief(1'000) == "1 s");
}

TEST_CASE("A deadline is ahead or behind", "[cli]") {
    CHECK(cli::format_time_left(3 * minute_ms) == "3 min left");
    CHECK(cli::format_time_left(-3 * minute_ms) == "3 min ago");
}

TEST_CASE("A deadline is shown in local time", "[cli]") {
    const char* zone = std::getenv("TZ");
    const std::string before = zone != nullptr ? zone : "";
    ::setenv("TZ", "XYZ-2", 1);  // two hours east of Greenwich
    ::tzset();
    CHECK(cli::format_local_time(1'764'000'000'000) == "Mon 2025-11-24 18:00:00 XYZ");
    zone != nullptr ? ::setenv("TZ", before.c_str(), 1) : ::unsetenv("TZ");
    ::tzset();
}

TEST_CASE("Text goes into JSON escaped", "[cli]") {
    CHECK(cli::json_text("plain") == "\"plain\"");
    CHECK(cli::json_text("a\"b\\c") == "\"a\\\"b\\\\c\"");
    CHECK(cli::json_text(std::string_view("\n\0\x1f", 3)) == "\"\\u000a\\u0000\\u001f\"");
    CHECK(cli::json_text("\xc3\xa9") == "\"\xc3\xa9\"");
}

TEST_CASE("White space goes from both ends only", "[cli]") {
    CHECK(cli::trimmed(" \t token\r\n") == "token");
    CHECK(cli::trimmed("a b") == "a b");
    CHECK(cli::trimmed(" \n").empty());
    CHECK(cli::trimmed("").empty());
}

TEST_CASE("Every code has the exit code that a script can act on", "[cli]") {
    using cli::exit_code_of;
    using cli::ExitCode;
    CHECK(exit_code_of(PORTAL_OK) == ExitCode::ok);
    CHECK(exit_code_of(PORTAL_ERR_INVALID_ARGUMENT) == ExitCode::usage);
    for (const portal_code code : {PORTAL_ERR_SIGN_IN_NEEDED, PORTAL_ERR_CLEARED, PORTAL_ERR_NO_PROVIDER}) {
        CHECK(exit_code_of(code) == ExitCode::sign_in_needed);
    }
    CHECK(exit_code_of(PORTAL_ERR_PROVIDER_FAILED) == ExitCode::provider_unavailable);
    CHECK(exit_code_of(PORTAL_ERR_TIMEOUT) == ExitCode::provider_unavailable);
    CHECK(exit_code_of(PORTAL_ERR_STORE_UNAVAILABLE) == ExitCode::store);
    CHECK(exit_code_of(PORTAL_ERR_STORE_FAILED) == ExitCode::store);
    CHECK(exit_code_of(PORTAL_ERR_REFUSED) == ExitCode::refused);
    CHECK(exit_code_of(PORTAL_ERR_HOST_NOT_ALLOWED) == ExitCode::host_not_allowed);
    CHECK(exit_code_of(PORTAL_ERR_NETWORK) == ExitCode::network);
    for (const portal_code code :
         {PORTAL_ERR_CLOSED, PORTAL_ERR_INTERNAL, PORTAL_ERR_BAD_TOKEN, PORTAL_ERR_STALE}) {
        CHECK(exit_code_of(code) == ExitCode::other);
    }
    // The numbers are the interface.
    CHECK(static_cast<int>(ExitCode::sign_in_needed) == 3);
    CHECK(static_cast<int>(ExitCode::provider_unavailable) == 4);
    CHECK(static_cast<int>(ExitCode::store) == 5);
    CHECK(static_cast<int>(ExitCode::refused) == 6);
    CHECK(static_cast<int>(ExitCode::host_not_allowed) == 7);
    CHECK(static_cast<int>(ExitCode::network) == 8);
}

TEST_CASE("A time limit is the network's where the transport says so, else the provider's", "[cli]") {
    constexpr std::int32_t operation_timed_out = 28;  // of libcurl
    CHECK(told(PORTAL_ERR_TIMEOUT, operation_timed_out).exit_code == cli::ExitCode::network);
    CHECK(told(PORTAL_ERR_TIMEOUT).exit_code == cli::ExitCode::provider_unavailable);
}

TEST_CASE("A failure says the cause, the command's exit code, and how long to wait", "[cli]") {
    CHECK(told(PORTAL_ERR_STORE_FAILED).message == "The cause.");
    CHECK(told(PORTAL_ERR_STORE_FAILED).code == "store_failed");
    CHECK(told(PORTAL_ERR_PROVIDER_FAILED, 0, 11'500).message == "The cause. Try again in 12 s.");
    CHECK(told(PORTAL_ERR_PROVIDER_FAILED, 0, 11'500).retry_after_ms == 11'500);
    portal_error error;
    portal_init(&error, sizeof error);
    error.code = PORTAL_ERR_PROVIDER_FAILED;
    error.os_code = 3;
    error.retry_after_ms = 11'500;
    CHECK(cli::failure_of_command(error).message ==
          "The provider command gave no token. Its exit code was 3. Try again in 12 s.");
    CHECK(contains(told(PORTAL_ERR_SIGN_IN_NEEDED, 10).message, "portal-session push"));
}

TEST_CASE("A library text that speaks of a wait gets its length, and the wait is told once", "[cli]") {
    portal_error error;
    portal_init(&error, sizeof error);
    error.code = PORTAL_ERR_PROVIDER_FAILED;
    error.http_status = 503;
    error.retry_after_ms = 120'000;
    std::string("Busy: try again when the wait is over.").copy(error.message, sizeof error.message - 1);
    CHECK(cli::failure_of(error).message == "Busy: try again in 2 min.");
    CHECK(cli::failure_of(error).http_status == 503);
}

TEST_CASE("Where the command line has a next step of its own, the library's is not told beside it", "[cli]") {
    for (const portal_code code : {PORTAL_ERR_SIGN_IN_NEEDED, PORTAL_ERR_CLEARED, PORTAL_ERR_NO_PROVIDER,
                                   PORTAL_ERR_CLIENT_MISMATCH, PORTAL_ERR_REFUSED}) {
        const std::string message = told(code, 0, 60'000).message;
        CAPTURE(message);
        CHECK_FALSE(contains(message, "The cause."));
        CHECK(message.find("ry again") == message.rfind("ry again"));
    }
}

TEST_CASE("A back-off is told as one, with its end, and not as a second failure", "[cli]") {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    portal_error error;
    portal_init(&error, sizeof error);
    error.code = PORTAL_ERR_PROVIDER_FAILED;
    error.retry_after_ms = 11'500;
    const cli::Failure failure = cli::back_off_of(error, 1'764'000'000'000);
    CHECK(failure.message ==
          "The provider was not asked: it failed before, and is left alone until Mon 2025-11-24 16:00:12 UTC. Try again in "
          "12 s.");
    CHECK(failure.exit_code == cli::ExitCode::provider_unavailable);
    CHECK(failure.retry_after_ms == 11'500);
}

TEST_CASE("Text that starts like JSON is JSON, behind a byte order mark too, and all else may be a token", "[cli]") {
    for (const char* json : {R"({"clientSessionToken":"t"})", "{", "[]", R"("token")", " [1]\n", "\xef\xbb\xbf{}"})
        CHECK(cli::token_input(json).flags == PORTAL_TOKEN_JSON);
    for (const char* token : {"token", "<token", "token>", "a{b}", "<"}) {
        CAPTURE(token);
        CHECK(cli::token_input(token).flags == 0);
        CHECK(cli::token_input(token).token.length == std::string(token).size());
    }
}

TEST_CASE("A text names the variable behind each option that one set", "[cli]") {
    cli::Options options;
    options.variables = {{"--portal", "PORTAL_SESSION_PORTAL"}, {"--store", "PORTAL_SESSION_STORE"}};
    CHECK(options.with_variables("--portal is empty.") == "--portal (PORTAL_SESSION_PORTAL) is empty.");
    CHECK(options.with_variables("Choose --session or --store.") == "Choose --session or --store (PORTAL_SESSION_STORE).");
    CHECK(options.with_variables("Both --portal and --store.") ==
          "Both --portal (PORTAL_SESSION_PORTAL) and --store (PORTAL_SESSION_STORE).");
}

TEST_CASE("The status line tells the nearer deadline", "[cli]") {
    portal_status status = fresh_status();
    CHECK(cli::status_line(status) == "fresh: 23 h 59 min left");
    status.absolute_left_ms = 2 * hour_ms;
    CHECK(cli::status_line(status) == "fresh: 2 h left");
    portal_init(&status, sizeof status);
    status.state = PORTAL_STATE_SIGNED_OUT;
    CHECK(cli::status_line(status) == "signed out");
}

TEST_CASE("The status in JSON has the words and numbers that scripts read", "[cli]") {
    cli::Options options;
    options.session = "a\"b";
    options.store = "/s";
    const std::string json = cli::status_json(fresh_status(), options);
    CHECK(json.rfind("{\"session\":\"a\\\"b\",\"store_directory\":\"/s\",\"state\":\"fresh\",", 0) == 0);
    CHECK(contains(json, "\"generation\":3,\"epoch\":1,\"idle_deadline_unix_ms\":1764000000000,"));
    CHECK(contains(json, ",\"counters\":{\"mints_first\":0,"));
    CHECK(contains(json, "\"longest_wait_ms\":0}}"));
}

TEST_CASE("The status says what to do where the stored record is not for this session", "[cli]") {
    portal_status status = fresh_status();
    status.state = PORTAL_STATE_NONE;
    const auto advised = [&](portal_reason reason, const char* way_out) {
        status.reason = reason;
        const std::string table = cli::status_table(status, cli::Options(), false, 200);
        CAPTURE(table);
        CHECK(contains(table, way_out));
    };
    advised(PORTAL_REASON_OTHER_CLIENT, "leave out --client-id");
    advised(PORTAL_REASON_OTHER_ORIGIN, "give that URL by --portal");
    advised(PORTAL_REASON_WRONG_KEY, "--key-file");
    advised(PORTAL_REASON_OTHER_VERSION, "update portal-session");
    status.reason = PORTAL_REASON_FIRST;
    CHECK_FALSE(contains(cli::status_table(status, cli::Options(), false), "What to do"));
}

TEST_CASE("The status table has colours only where they are wanted", "[cli]") {
    const cli::Options options;
    const std::string plain = cli::status_table(fresh_status(), options, false);
    CHECK(plain.find('\033') == std::string::npos);
    CHECK(contains(plain, "23 h 59 min left"));
    CHECK(contains(plain, "Absolute deadline"));
    CHECK(contains(cli::status_table(fresh_status(), options, true), "\033[1;32mfresh\033[0m"));
}

// portal-session at a user's terminal: its store, its Portal, and the days that pass on both sides.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fake_portal/json.hpp"
#include "fake_portal/server.hpp"
#include "support/catch.hpp"
#include "support/run_program.hpp"
#include "support/temp_dir.hpp"

namespace portal::test {

inline constexpr const char* me = "/api/v3/clients/me";

using Words = std::vector<std::string>;

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Standard error without what is told of a wait of a second and more: how long that takes is the machine's business.
inline std::string without_progress(std::string errors) {
    for (const std::string line :
         {"portal-session: waiting for a token ...\n", "portal-session: waiting for the answer ...\n"})
        for (std::size_t at = errors.find(line); at != std::string::npos; at = errors.find(line))
            errors.erase(at, line.size());
    return errors;
}

// The text of that name in one line of JSON; empty where there is none.
inline std::string json_text_of(const std::string& json, const std::string& name) {
    const auto fields = fake_portal::parse_object(json);
    REQUIRE(fields);
    return fake_portal::field<std::string>(*fields, name).value_or("");
}

inline double json_number_of(const std::string& json, const std::string& name) {
    const auto fields = fake_portal::parse_object(json);
    REQUIRE(fields);
    return fake_portal::field<double>(*fields, name).value_or(-1);
}

// Ended so, for this reason, which it told on standard error alone.
inline void failed(const Ran& ran, int exit_code, const std::string& reason) {
    INFO(ran.output << "---\n" << ran.errors);
    CHECK(ran.exit_code == exit_code);
    CHECK(ran.output.empty());
    CHECK(contains(ran.errors, "portal-session: "));
    CHECK(contains(ran.errors, reason));
}

// Done, with this to tell on standard error.
inline std::string done_with(const Ran& ran, const std::string& warning) {
    INFO(ran.output << "---\n" << ran.errors);
    CHECK(ran.exit_code == 0);
    CHECK(contains(ran.errors, warning));
    return ran.output;
}

// Done, with nothing to tell.
inline std::string good(const Ran& ran) {
    INFO(ran.errors);
    CHECK(without_progress(ran.errors).empty());
    return done_with(ran, "");
}

inline std::size_t longest_line(const std::string& text) {
    std::size_t longest = 0;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        longest = std::max(longest, end - begin);
        begin = end + 1;
    }
    return longest;
}

class CliWorld {
public:
    CliWorld() : client_id(server.make_client()) {}
    ~CliWorld() { CHECK(nothing_is_left_running()); }
    CliWorld(const CliWorld&) = delete;
    CliWorld& operator=(const CliWorld&) = delete;

    [[nodiscard]] Words variables() const {
        std::map<std::string, std::string> all{{"PORTAL_SESSION_PORTAL", server.url()},
                                               {"PORTAL_SESSION_CA_FILE", server.ca_file()},
                                               {"PORTAL_SESSION_ALLOW_LOOPBACK", "1"},
                                               {"PORTAL_SESSION_STORE", store.path()},
                                               {"PORTAL_SESSION_CLOCK_OFFSET", std::to_string(offset_s)},
                                               {"PORTAL_API_KEY", api_key}};
        if (!provider.empty()) all["PORTAL_SESSION_PROVIDER_COMMAND"] = provider;
        for (const auto& [name, value] : more_variables) all[name] = value;
        Words words;
        for (const auto& [name, value] : all) words.push_back(name + "=" + value);
        return words;
    }
    Ran run(const Words& arguments, std::string input = {}) { return started(arguments, std::move(input))->end(); }
    std::unique_ptr<Running> started(const Words& arguments, std::string input = {}) {
        Words words = before_program;
        words.push_back(PORTAL_SESSION_PROGRAM);
        words.insert(words.end(), arguments.begin(), arguments.end());
        return std::make_unique<Running>(std::move(words), variables(), std::move(input));
    }

    // `hours` pass, for the user and for Portal.
    void pass(std::int64_t hours) {
        offset_s += hours * 3600;
        server.advance(hours * 3600 * 1000);
    }
    void answer_with(int status, int times = 1, fake_portal::Scope scope = fake_portal::Scope::client) {
        fake_portal::Fault fault;
        fault.status = status;
        fault.times = times;
        fault.scope = scope;
        server.arm(fault);
    }
    [[nodiscard]] std::uint64_t mints() const { return server.counters().total.mints; }

    // The names of the store's files that hold the text.
    [[nodiscard]] std::string holders_of(const std::string& text) const {
        std::string holders;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(store.path()))
            if (entry.is_regular_file() && contains(file_bytes(entry.path().string()), text))
                holders += entry.path().filename().string() + " ";
        return holders;
    }

    fake_portal::Server server;
    const TempDir store;
    const std::string client_id;
    std::string api_key = server.api_key();
    std::string provider = std::string("'" PORTAL_BACKEND_PROGRAM "' new-session ") + client_id;
    std::int64_t offset_s = 0;
    std::map<std::string, std::string> more_variables;  // they win
    Words before_program;                               // what runs it
};

}  // namespace portal::test

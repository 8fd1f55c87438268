// What the user typed, or set in the environment.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace cli {

struct Options {
    // of the session
    std::string portal_url;
    std::string ca_file;
    bool allow_loopback = false;
    std::string store;  // the folder
    std::string session = "default";
    std::string client_id;
    std::string key_file;
    std::string role;
    std::string provider_command;
    std::string provider_url;
    std::string provider_header_file;
    std::string provider_header_command;
    std::int64_t provider_timeout_s = 0;  // 0: the library's
    std::int64_t clock_offset_s = 0;

    // of the output
    bool json = false;
    bool no_color = false;
    bool verbose = false;

    // the command, and what follows it
    std::string command;
    bool header = false;               // token
    bool rejected = false;             // token
    int status = 0;                    // report
    std::vector<std::string> request;  // request: [METHOD] PATH
    std::string data;                  // request
    bool has_data = false;             // request
    bool include = false;              // request
    int event_count = 0;               // watch
    bool check = false;                // status
    std::string output_file;                  // request: instead of standard output
    std::vector<std::string> request_headers;  // request: "Name: value"
    std::int64_t request_timeout_s = 0;       // request; 0: the library's
    std::string exec_variable = "PORTAL_TOKEN";    // exec
    std::vector<std::string> program;         // exec: the command and its arguments
    std::string shell;                        // completion

    // The options that the environment set, each with its variable.
    std::map<std::string, std::string> variables;
    // The text, with the variable behind each option that it names and that one set: "--portal (PORTAL_SESSION_PORTAL) is".
    [[nodiscard]] std::string with_variables(std::string text) const;
};

struct Parsed {
    Options options;
    bool run = false;  // false: nothing to do but to end with `exit_code` (--help, --version, a usage error)
    int exit_code = 0;
};

// What can be typed, for the shells' completion.
struct Word {
    std::string text;
    std::string help;
};
struct Vocabulary {
    std::vector<Word> commands;
    std::vector<Word> options;                            // of all commands
    std::map<std::string, std::vector<Word>> command_options;  // of one
};
[[nodiscard]] Vocabulary vocabulary();

// Prints help, version and usage errors itself.
[[nodiscard]] Parsed parse(int argc, char** argv);

}  // namespace cli

// The options of portal-session and their variables: a value that cannot be meant is refused, and told by the name of both.
#include <cctype>

#include "integration/cli_world.hpp"

using namespace portal::test;

namespace {

// "--ca-file" is set by PORTAL_SESSION_CA_FILE.
std::string variable_of(const std::string& option) {
    std::string name = "PORTAL_SESSION";
    for (const char c : option.substr(1))
        name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return name;
}

struct Refusal {
    std::string option;
    std::string value;
    int exit_code;
    std::string reason;  // behind the option's name
};

// Told by the option where it was typed, and by the variable too where that set it.
void check_refused(CliWorld& world, const Refusal& row) {
    CAPTURE(row.option, row.value);
    const Ran typed = world.run({"token", row.option, row.value});
    failed(typed, row.exit_code, row.option + row.reason);
    CHECK_FALSE(contains(typed.errors, "PORTAL_SESSION_"));
    world.more_variables[variable_of(row.option)] = row.value;
    failed(world.run({"token"}), row.exit_code, row.option + " (" + variable_of(row.option) + ")" + row.reason);
    const Ran json = world.run({"--json", "token"});
    CHECK(json.exit_code == row.exit_code);
    CHECK(fake_portal::parse_object(json.errors));
    world.more_variables.erase(variable_of(row.option));
}

}  // namespace

TEST_CASE("an empty value is refused, typed or in a variable, with what the option takes") {
    CliWorld world;
    world.provider.clear();
    struct Row {
        const char* option;
        const char* type;
    };
    for (const auto& [option, type] :
         {Row{"--portal", "URL"}, Row{"--store", "DIR"}, Row{"--session", "NAME"}, Row{"--client-id", "ID"},
          Row{"--key-file", "FILE"}, Row{"--ca-file", "FILE"}, Row{"--provider-command", "CMD"},
          Row{"--provider-url", "URL"}})
        check_refused(world, {option, "", 2, std::string(" is empty: it takes a value (") + type + "), or is left out."});
    for (const char* option : {"--clock-offset", "--provider-timeout"}) {
        failed(world.run({"token", option, ""}), 2, std::string(option) + ": it takes a whole number");
        world.more_variables = {{variable_of(option), ""}};
        failed(world.run({"token"}), 2, std::string(option) + " (" + variable_of(option) + ") is empty");
    }
    world.more_variables = {{"PORTAL_SESSION_JSON", ""}};  // a flag takes no value
    CHECK(contains(good(world.run({"status"})), "no token yet"));
}

TEST_CASE("what is wrong with a value is told by the name of its option, and of the variable that set it") {
    CliWorld world;
    const std::string& folder = world.store.path();
    const std::string short_key = world.store.file("short-key");
    write_bytes(short_key, std::string(31, 'k'));
    world.provider = "echo the-token-000001";
    for (const Refusal& row :
         {Refusal{"--portal", "api.portalhq.io", 2, ": The text is no absolute URL: start it with https://."},
          {"--portal", "http://api.portalhq.io", 7, ": "},
          {"--client-id", "two words", 2, ": The client id is not 1 to 256 printable ASCII bytes"},
          {"--session", std::string(129, 'a'), 2, ": The session name has 129 bytes"},
          {"--ca-file", folder + "/none", 2, ": cannot read " + folder + "/none: No such file"},
          {"--ca-file", folder, 2, ": " + folder + " is a folder"},
          {"--store", short_key, 5, "."},
          {"--store", short_key + "/below", 5, "."},
          {"--key-file", short_key, 5, "."},
          {"--key-file", folder + "/no/such", 5, "."},
          {"--clock-offset", "soon", 2, ": it takes a whole number from -"},
          {"--clock-offset", "9223372036854775807", 2, ": it takes a whole number from -"},
          {"--provider-timeout", "0", 2, ": it takes a whole number from 1 to 300"},
          {"--provider-timeout", "301", 2, ": it takes a whole number from 1 to 300"},
          {"--provider-timeout", "1.5", 2, ": it takes a whole number from 1 to 300"}})
        check_refused(world, row);
    world.provider.clear();
    check_refused(world, {"--provider-url", "http://example.com/token", 2, " is no https URL"});
    world.more_variables["PORTAL_SESSION_PROVIDER_COMMAND"] = "true";
    failed(world.run({"token", "--provider-url", "https://example.com/"}), 2,
           "Both --provider-command (PORTAL_SESSION_PROVIDER_COMMAND) and --provider-url are given");
    world.more_variables["PORTAL_SESSION_JSON"] = "maybe";
    failed(world.run({"token"}), 2, "--json (PORTAL_SESSION_JSON)");
}

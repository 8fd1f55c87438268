// completion: scripts for shells, made from the options and commands that the program itself knows.
#include <cstdio>
#include <string>

#include "cli/commands.hpp"
#include "cli/options.hpp"

namespace cli {
namespace {

std::string joined(const std::vector<Word>& words) {
    std::string text;
    for (const Word& word : words) text += (text.empty() ? "" : " ") + word.text;
    return text;
}

void print_bash(const Vocabulary& words) {
    std::printf(
        "_portal_session() {\n"
        "  local word=${COMP_WORDS[COMP_CWORD]} given=${COMP_WORDS[*]:1:COMP_CWORD-1} command options='%s'\n"
        "  for command in %s; do [[ \" $given \" == *\" $command \"* ]] && break; command=; done\n"
        "  case $command in\n",
        joined(words.options).c_str(), joined(words.commands).c_str());
    for (const auto& [command, options] : words.command_options)
        if (!options.empty())
            std::printf("    %s) options+=' %s' ;;\n", command.c_str(), joined(options).c_str());
    std::printf(
        "  esac\n"
        "  [[ -z $command && $word != -* ]] && options='%s'\n"
        "  mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\")\n"
        "}\n"
        "complete -o default -F _portal_session portal-session\n",
        joined(words.commands).c_str());
}

void print_zsh(const Vocabulary& words) {
    std::printf("#compdef portal-session\nautoload -U +X bashcompinit && bashcompinit\n");
    print_bash(words);
}

void print_fish(const Vocabulary& words) {
    const auto quoted = [](const std::string& text) {
        std::string result = "'";
        for (const char c : text) result += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
        return result + "'";
    };
    const auto line = [&](const std::string& condition, const Word& word) {
        const bool is_option = word.text[0] == '-';
        const std::string name = is_option ? (word.text[1] == '-' ? "-l " + word.text.substr(2) : "-s " + word.text.substr(1))
                                           : "-a " + word.text;
        std::printf("complete -c portal-session %s%s -d %s\n", condition.c_str(), name.c_str(), quoted(word.help).c_str());
    };
    for (const Word& command : words.commands) line("-n __fish_use_subcommand -f ", command);
    for (const Word& option : words.options) line("", option);
    for (const auto& [command, options] : words.command_options)
        for (const Word& option : options) line("-n '__fish_seen_subcommand_from " + command + "' ", option);
}

}  // namespace

ExitCode completion(const Options& options) {
    const Vocabulary words = vocabulary();
    if (options.shell == "bash") print_bash(words);
    if (options.shell == "zsh") print_zsh(words);
    if (options.shell == "fish") print_fish(words);
    return ExitCode::ok;
}

}  // namespace cli

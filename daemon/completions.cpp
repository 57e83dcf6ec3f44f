#include "daemon/completions.hpp"

#include <vector>

#include "daemon/command_line.hpp"
#include "daemon/config.hpp"

namespace odetl {
namespace {

std::string joined(const std::vector<std::string>& words, const char* between = " ") {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

std::vector<std::string> option_names(const CommandText& command) {
  std::vector<std::string> names;
  for (const OptionText& option : command.options) names.push_back(option.name);
  return names;
}

std::vector<std::string> command_names(const std::vector<CommandText>& texts) {
  std::vector<std::string> names;
  for (std::size_t i = 1; i < texts.size(); ++i) names.push_back(texts[i].name);
  return names;
}

std::vector<std::string> options_with_value(const std::vector<CommandText>& texts) {
  std::vector<std::string> names;
  for (const CommandText& text : texts) {
    for (const OptionText& option : text.options) {
      if (!option.value.empty()) names.push_back(option.name);
    }
  }
  return names;
}

std::vector<std::string> words_of(const std::string& path) {
  for (const ConfigKey& key : config_keys()) {
    if (key.path == path) return key.accepted;
  }
  return {};
}

std::vector<std::string> assignments() {
  std::vector<std::string> words;
  for (const ConfigKey& key : config_keys()) words.push_back(key.path + "=");
  return words;
}

// What a shell would read anything into, inside single quotes.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

// What zsh's _arguments would read anything into, too.
std::string described(const std::string& text) {
  std::string out;
  for (const char c : text)
    out += (c == '[' || c == ']' || c == ':' || c == '\\') ? std::string("\\") + c : std::string(1, c);
  return out;
}

std::string zsh_value(const OptionText& option) {
  if (option.value.empty()) return "";
  if (option.name == "--config") return ":file:_files";
  if (option.name == "--log-level") return ":level:(" + joined(words_of("log.level")) + ")";
  if (option.name == "--log-format") return ":format:(" + joined(words_of("log.format")) + ")";
  if (option.name == "--set") return ":key:compadd -S '' -- " + joined(assignments());
  return ":" + option.value + ": ";
}

std::string zsh_arguments(const CommandText& command) {
  std::string text;
  for (const OptionText& option : command.options) {
    const std::string repeat = option.name == "--set" ? "*" : "";
    text += " \\\n    " + quoted(repeat + option.name + "[" + described(option.description) + "]" + zsh_value(option));
  }
  return text;
}

std::string fish_value(const OptionText& option) {
  if (option.value.empty()) return "";
  if (option.name == "--config") return " -r -F";
  if (option.name == "--log-level") return " -x -a " + quoted(joined(words_of("log.level")));
  if (option.name == "--log-format") return " -x -a " + quoted(joined(words_of("log.format")));
  if (option.name == "--set") return " -x -a " + quoted(joined(assignments()));
  return " -x";
}

constexpr const char* kFish = "complete -c opendialog-etl";

}  // namespace

std::string bash_completion() {
  const std::vector<CommandText> texts = describe_command_line();
  std::string cases;
  for (std::size_t i = 1; i < texts.size(); ++i) {
    cases += "    " + texts[i].name + ") words+=' " + joined(option_names(texts[i])) + "' ;;\n";
  }
  return "# bash completion for opendialog-etl\n"
         "_opendialog_etl() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command='' words='' i\n"
         "  COMPREPLY=()\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    case ${COMP_WORDS[i]} in\n"
         "      " +
         joined(options_with_value(texts), "|") +
         ") ((i++)) ;;\n"
         "      -*) ;;\n"
         "      *) command=${COMP_WORDS[i]}; break ;;\n"
         "    esac\n"
         "  done\n"
         "  case $before in\n"
         "    --config) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n"
         "    --log-level) COMPREPLY=($(compgen -W '" +
         joined(words_of("log.level")) +
         "' -- \"$word\")); return ;;\n"
         "    --log-format) COMPREPLY=($(compgen -W '" +
         joined(words_of("log.format")) +
         "' -- \"$word\")); return ;;\n"
         "    --set) COMPREPLY=($(compgen -W '" +
         joined(assignments()) +
         "' -- \"$word\")); compopt -o nospace 2>/dev/null; return ;;\n"
         "  esac\n"
         "  words='" +
         joined(option_names(texts.front())) +
         "'\n"
         "  case $command in\n"
         "    '') words+=' " +
         joined(command_names(texts)) + "' ;;\n" + cases +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "}\n"
         "complete -F _opendialog_etl opendialog-etl\n";
}

std::string zsh_completion() {
  const std::vector<CommandText> texts = describe_command_line();
  std::string commands, cases;
  for (std::size_t i = 1; i < texts.size(); ++i) {
    commands += "    " + quoted(texts[i].name + ":" + described(texts[i].description)) + "\n";
    cases += "    (" + texts[i].name + ") _arguments" + zsh_arguments(texts[i]) + " ;;\n";
  }
  return "#compdef opendialog-etl\n"
         "local -a commands\n"
         "local curcontext=$curcontext state line\n"
         "commands=(\n" +
         commands +
         "  )\n"
         "_arguments -C" +
         zsh_arguments(texts.front()) +
         " \\\n    '1:command:->command' '*::argument:->argument'\n"
         "case $state in\n"
         "  (command) _describe -t commands command commands ;;\n"
         "  (argument) case $line[1] in\n" +
         cases +
         "  esac ;;\n"
         "esac\n";
}

std::string fish_completion() {
  const std::vector<CommandText> texts = describe_command_line();
  const std::string names = joined(command_names(texts));
  std::string text = std::string("# fish completion for opendialog-etl\n") + kFish + " -f\n";
  for (const CommandText& command : texts) {
    const std::string where = command.name.empty() ? "" : " -n '__fish_seen_subcommand_from " + command.name + "'";
    if (!command.name.empty()) {
      text += std::string(kFish) + " -n 'not __fish_seen_subcommand_from " + names + "' -a " + command.name + " -d " +
              quoted(command.description) + "\n";
    }
    for (const OptionText& option : command.options) {
      text += kFish + where + " -l " + option.name.substr(2) + fish_value(option) + " -d " +
              quoted(option.description) + "\n";
    }
  }
  return text;
}

}  // namespace odetl

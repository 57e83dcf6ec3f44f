#include "daemon/completions.hpp"

#include <algorithm>
#include <sstream>
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

// `rejects` of `rejects list`; empty for those of the program itself.
std::string parent_of(const CommandText& command) {
  const auto blank = command.name.rfind(' ');
  return blank == std::string::npos ? "" : command.name.substr(0, blank);
}

std::string last_word_of(const CommandText& command) { return command.name.substr(command.name.rfind(' ') + 1); }

std::vector<CommandText> children_of(const CommandText& parent, const std::vector<CommandText>& texts) {
  std::vector<CommandText> found;
  for (const CommandText& text : texts) {
    if (!text.name.empty() && parent_of(text) == parent.name) found.push_back(text);
  }
  return found;
}

std::vector<std::string> names_of(const std::vector<CommandText>& commands) {
  std::vector<std::string> names;
  for (const CommandText& command : commands) names.push_back(last_word_of(command));
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

// zsh takes an option once, also when several commands below one have it.
void add_options(const CommandText& from, CommandText& to) {
  const std::vector<std::string> known = option_names(to);
  for (const OptionText& option : from.options) {
    if (std::find(known.begin(), known.end(), option.name) == known.end()) to.options.push_back(option);
  }
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

// The words of a command are all typed.
std::string fish_seen(const std::string& name) {
  std::string test;
  std::istringstream words(name);
  for (std::string word; words >> word;)
    test += (test.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + word);
  return test;
}

}  // namespace

std::string bash_completion() {
  const std::vector<CommandText> texts = describe_command_line();
  std::string cases;
  for (const CommandText& text : texts) {
    std::vector<std::string> words = names_of(children_of(text, texts));
    if (!text.name.empty()) {
      const std::vector<std::string> options = option_names(text);
      words.insert(words.end(), options.begin(), options.end());
    }
    cases += "    '" + text.name + "') words+=' " + joined(words) + "' ;;\n";
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
         "      *) command=${command:+$command }${COMP_WORDS[i]} ;;\n"
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
         "  case $command in\n" +
         cases +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "}\n"
         "complete -F _opendialog_etl opendialog-etl\n";
}

std::string zsh_completion() {
  const std::vector<CommandText> texts = describe_command_line();
  std::string commands, cases;
  for (const CommandText& text : children_of(texts.front(), texts)) {
    commands += "    " + quoted(text.name + ":" + described(text.description)) + "\n";
    CommandText with_children = text;
    for (const CommandText& child : children_of(text, texts)) add_options(child, with_children);
    cases += "    (" + text.name + ") _arguments" + zsh_arguments(with_children);
    const std::string names = joined(names_of(children_of(text, texts)));
    cases += (names.empty() ? "" : " \\\n    '1:command:(" + names + ")'") + " ;;\n";
  }
  return "#compdef opendialog-etl\n"
         "local -a commands\n"
         "local curcontext=$curcontext state line\n"
         "commands=(\n" +
         commands + "  )\n" + "_arguments -C" + zsh_arguments(texts.front()) +
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
  std::string script = std::string("# fish completion for opendialog-etl\n") + kFish + " -f\n";
  for (const CommandText& text : texts) {
    const std::string where = text.name.empty() ? "" : " -n " + quoted(fish_seen(text.name));
    const std::vector<CommandText> children = children_of(text, texts);
    const std::string none = "not __fish_seen_subcommand_from " + joined(names_of(children));
    for (const CommandText& child : children) {
      const std::string when = text.name.empty() ? none : fish_seen(text.name) + "; and " + none;
      script += std::string(kFish) + " -n " + quoted(when) + " -a " + last_word_of(child) + " -d " +
                quoted(child.description) + "\n";
    }
    for (const OptionText& option : text.options) {
      script += kFish + where + " -l " + option.name.substr(2) + fish_value(option) + " -d " +
                quoted(option.description) + "\n";
    }
  }
  return script;
}

}  // namespace odetl

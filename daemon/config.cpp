#include "daemon/config.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <map>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

#include "daemon/config_keys.hpp"
#include "daemon/config_yaml.hpp"
#include "daemon/secrets.hpp"

namespace odetl {
namespace {

using Kind = ConfigNode::Kind;

const KeyRow* find_row(const std::string& path) {
  const auto& rows = key_rows();
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const KeyRow& row) { return row.key.path == path; });
  return found == rows.end() ? nullptr : &*found;
}

bool is_section(const std::string& path) {
  const auto& rows = key_rows();
  return std::any_of(rows.begin(), rows.end(), [&](const KeyRow& row) { return row.key.path.starts_with(path + "."); });
}

/// Reports keys that are given twice or are no names, at any depth.
void check_keys(const std::string& path, const ConfigNode& node, ConfigReader& reader) {
  std::map<std::string, std::string> first;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    if (node.kind == Kind::list) {
      check_keys(path + "[" + std::to_string(i) + "]", node.items[i], reader);
    } else if (node.keys[i].kind != Kind::scalar) {
      reader.refuse(node.keys[i].where, path, "a key that is no text; a name is accepted");
    } else {
      const std::string below = join_path(path, node.keys[i].text);
      const auto [seen, fresh] = first.emplace(node.keys[i].text, node.keys[i].where);
      const std::string message = "is given twice, first at " + seen->second + "; once is accepted";
      if (!fresh) reader.refuse(node.keys[i].where, below, message);
      check_keys(below, node.items[i], reader);
    }
  }
}

/// One `--set`, ready to be read as a value of the file is.
struct Override {
  std::string path;
  const KeyRow* row;
  std::string filter;  ///< the NAME of `api.filters.NAME`
  ConfigNode value;

  /// An empty value puts a key without default back to "left out".
  bool resets() const {
    const bool optional = row->key.default_text.empty() || !filter.empty();
    return optional && value.kind == Kind::scalar && value.text.empty();
  }
};

void set_value(const KeyRow& row, const ConfigNode& value, ConfigReader& reader) {
  reader.given[row.key.path] = value.where;
  reader.attempt(value, row.key.path, [&] { row.set(value, reader); });
}

/// Reads what a section of the file gives, but for the values that an override replaces.
void read_section(const std::string& section, const ConfigNode& node, const std::vector<Override>& overrides,
                  ConfigReader& reader) {
  if (node.kind == Kind::null || node.kind == Kind::refused) return;
  if (node.kind != Kind::map) {
    return reader.refuse(node.where, section, "is no mapping; " + accepted_keys(section) + " are accepted below it");
  }
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    if (node.keys[i].kind != Kind::scalar) continue;
    const std::string& name = node.keys[i].text;
    const std::string path = join_path(section, name);
    const KeyRow* row = name.find('.') == std::string::npos ? find_row(path) : nullptr;
    const auto same = [&](const Override& each) { return each.path == path; };
    if (row == nullptr && is_section(path)) {
      reader.given[path] = node.keys[i].where;
      read_section(path, node.items[i], overrides, reader);
    } else if (row == nullptr) {
      reader.refuse(node.keys[i].where, path, "is no known key; " + suggest_key(section, name));
    } else if (std::none_of(overrides.begin(), overrides.end(), same)) {
      if (holds_secret(path, node.items[i].text)) reader.written_secrets.push_back(node.items[i].where + ": " + path);
      set_value(*row, node.items[i], reader);
    }
  }
}

void move_to(ConfigNode& node, const std::string& where) {
  node.where = where;
  for (ConfigNode& key : node.keys) move_to(key, where);
  for (ConfigNode& item : node.items) move_to(item, where);
}

std::string set_where(const std::string& path) { return "--set " + shown_key(path); }

/// A list or map in YAML's flow form. Positions inside of an argument help nobody.
std::optional<ConfigNode> read_flow(const std::string& text, const std::string& path, ConfigReader& reader) {
  const std::string where = set_where(path);
  std::vector<ConfigProblem> problems;
  auto node = read_tree(text, where, problems);
  for (const ConfigProblem& problem : problems) reader.refuse(where, path, problem.message);
  if (!node) return {};
  move_to(*node, where);
  check_keys(path, *node, reader);
  return node;
}

/// Nothing when the argument is refused.
std::optional<Override> read_override(const std::string& argument, ConfigReader& reader) {
  constexpr std::string_view kFilters = "api.filters.";
  const std::size_t sign = argument.find('=');
  const std::size_t end = std::min(sign, argument.find_first_of(": "));
  const std::string path = argument.substr(0, end);
  const std::string where = set_where(path);
  const auto refuse = [&](const std::string& message) {
    reader.refuse(where, path, message);
    return std::nullopt;
  };
  if (sign == std::string::npos || end != sign) return refuse("is followed by no value; KEY=VALUE is accepted");
  const std::string text = argument.substr(sign + 1);
  const bool is_filter = path.starts_with(kFilters);
  const KeyRow* row = find_row(is_filter ? "api.filters" : path);
  if (row == nullptr && is_section(path)) {
    return refuse("is a section; " + accepted_keys(path) + " below it are accepted");
  }
  if (row == nullptr) return refuse("is no known key; " + suggest_key("", path));
  if (holds_secret(path, text)) {
    return refuse("a secret here is seen by every user of the machine; ${VAR}, api.token_file or the file is accepted");
  }
  Override made{path, row, is_filter ? path.substr(kFilters.size()) : "", {}};
  made.value = ConfigNode{.kind = Kind::scalar, .text = text, .where = where};
  const bool nested = !is_filter && (row->key.type == "list" || row->key.type == "map");
  if (!nested) return made;
  auto tree = read_flow(text, path, reader);
  if (!tree) return {};
  made.value = std::move(*tree);
  return made;
}

std::vector<Override> read_overrides(const std::vector<std::string>& arguments, ConfigReader& reader) {
  std::vector<Override> overrides;
  for (const std::string& argument : arguments) {
    auto made = read_override(argument, reader);
    if (!made) continue;
    std::erase_if(overrides, [&](const Override& each) { return each.path == made->path; });
    overrides.push_back(std::move(*made));
  }
  return overrides;
}

void apply(const Override& override, ConfigReader& reader) {
  if (override.resets()) {
    reader.config.api.filters.erase(override.filter);
  } else if (!override.filter.empty()) {
    set_filter(override.filter, override.value, reader);
  } else {
    set_value(*override.row, override.value, reader);
  }
}

ConfigReader read_config(const std::string& text, const std::string& name, const std::vector<std::string>& arguments,
                         Environment environment) {
  ConfigReader reader{.environment = environment};
  ConfigReader later{.environment = environment};
  const auto overrides = read_overrides(arguments, later);
  const auto tree = read_tree(text, name, reader.problems);
  if (tree) check_keys("", *tree, reader);
  if (tree) read_section("", *tree, overrides, reader);
  reader.problems.insert(reader.problems.end(), later.problems.begin(), later.problems.end());
  reader.failed.merge(later.failed);
  for (const Override& override : overrides) apply(override, reader);
  if (tree) check_contradictions(name + ":1:1", reader);
  if (!reader.problems.empty()) throw ConfigError(std::move(reader.problems));
  return reader;
}

std::string read_file(const std::string& path, mode_t& mode) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  struct stat about {};
  if (!file || ::fstat(::fileno(file.get()), &about) != 0) {
    throw ConfigError({path, "", "cannot be read"}, errno, "; --config or $OPENDIALOG_ETL_CONFIG names another file");
  }
  if (S_ISDIR(about.st_mode)) throw ConfigError({{path, "", "is a directory; a YAML file is accepted"}});
  mode = about.st_mode;
  std::string text(kLargestConfigFile + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) throw ConfigError({path, "", "cannot be read"}, errno, "");
  return text;
}

std::string problem_line(const ConfigProblem& problem) {
  std::string line;
  if (!problem.where.empty()) line = problem.where + ": ";
  if (!problem.key.empty() && !problem.where.ends_with(" " + problem.key)) line += problem.key + ": ";
  return line + problem.message;
}

std::string problem_lines(const std::vector<ConfigProblem>& problems) {
  const std::size_t most = std::min(problems.size(), kMostProblems);
  std::string lines;
  for (std::size_t i = 0; i < most; ++i) lines += (i == 0 ? "" : "\n") + problem_line(problems[i]);
  return most == problems.size() ? lines : lines + "\nand " + std::to_string(problems.size() - most) + " more";
}

}  // namespace

ConfigError::ConfigError(std::vector<ConfigProblem> problems)
    : std::runtime_error(problem_lines(problems)), problems_(std::move(problems)) {}

ConfigError::ConfigError(ConfigProblem problem, int error, const std::string& accepted)
    : ConfigError({{problem.where, problem.key, problem.message + ": " + std::generic_category().message(error) + accepted}}) {
  is_temporary_ = error == EMFILE || error == ENFILE || error == ENOMEM;
}

Config load_config(const std::string& path, const std::vector<std::string>& overrides, Environment environment) {
  mode_t mode = 0;
  ConfigReader reader = read_config(read_file(path, mode), path, overrides, environment);
  for (const std::string& secret : reader.written_secrets) {
    if ((mode & S_IROTH) == 0) break;
    reader.config.warnings.push_back(secret +
                                     ": is a secret in a file that every user can read; chmod 640 hides it, "
                                     "${VAR} or api.token_file keeps it elsewhere");
  }
  return std::move(reader.config);
}

Config parse_config(const std::string& text, const std::string& name, const std::vector<std::string>& overrides,
                    Environment environment) {
  return read_config(text, name, overrides, environment).config;
}

}  // namespace odetl

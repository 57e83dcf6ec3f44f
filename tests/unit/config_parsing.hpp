#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "daemon/config.hpp"

/// A configuration from a text, and what is wrong with it, for the tests of the configuration.
namespace odetl {

/// The shortest text that is accepted.
inline const std::string kBase = "api: {base_url: \"https://acme.example\"}\n";

/// The variables that a test may refer to.
inline std::optional<std::string> environment(const std::string& name) {
  static const std::map<std::string, std::string> values{{"OPENDIALOG_TOKEN", "hunter2"},
                                                         {"EMPTY", ""},
                                                         {"SECONDS", "90s"},
                                                         {"FOUR", "4"},
                                                         {"NO", "false"},
                                                         {"HOST", "db"},
                                                         {"YAML", "{every: 1h}"},
                                                         {"LONG", std::string(600'000, 'x')}};
  const auto found = values.find(name);
  return found == values.end() ? std::nullopt : std::optional(found->second);
}

using Overrides = std::vector<std::string>;

inline Config parse(const std::string& text, const Overrides& overrides = {}) {
  return parse_config(text, "c.yaml", overrides, environment);
}

/// Everything that is wrong with `text`, a line each; empty when nothing is.
inline std::string problems(const std::string& text, const Overrides& overrides = {}) {
  try {
    parse(text, overrides);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return {};
}

inline std::string problems_of_sets(const Overrides& overrides) { return problems(kBase, overrides); }

}  // namespace odetl

#pragma once
#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "daemon/config.hpp"
#include "daemon/config_yaml.hpp"

namespace odetl {

/// What is wrong with one value: `what is wrong; what is accepted`. Caught where the key is known.
class BadValue : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A scalar after expansion.
struct Scalar {
  std::string value;
  std::string shown;  ///< as it was written, cut short: what a message may show of a key that is no secret
  bool literal;       ///< nothing was expanded
  bool quoted;
};

/// The configuration as far as it is read, and all that was found wrong with it on the way.
struct ConfigReader {
  Environment environment;
  Config config{};
  std::vector<ConfigProblem> problems{};
  std::map<std::string, std::string> given{};  ///< key path -> where its value stands
  std::set<std::string> failed{};              ///< key paths whose value was refused
  std::vector<std::string> written_secrets{};  ///< `FILE:LINE:COL: key.path` of those the file holds as plain text

  void refuse(const std::string& where, const std::string& key, const std::string& message);

  /// Expands a scalar; throws BadValue for any other node and for a variable that is not set.
  Scalar scalar(const ConfigNode& node) const;
  /// Runs `read`; a BadValue becomes a problem of `key` at `node`.
  void attempt(const ConfigNode& node, const std::string& key, const std::function<void()>& read);
};

/// One key: what is told about it, and how its value gets into `ConfigReader::config`.
struct KeyRow {
  using Setter = std::function<void(const ConfigNode&, ConfigReader&)>;
  ConfigKey key;
  Setter set;
};

/// Every key there is, in the order of the example file.
const std::vector<KeyRow>& key_rows();

/// Sets one of `api.filters`.
void set_filter(const std::string& name, const ConfigNode& value, ConfigReader& reader);

/// `section.name`, or `name` for the top level.
std::string join_path(const std::string& section, const std::string& name);

/// A key path as messages show it: on one line, 100 bytes at most.
std::string shown_key(const std::string& path);

/// `level, format` for `log`; the sections and keys of the top level for "".
std::string accepted_keys(const std::string& section);

/// `did you mean windows.poll_interval?`, or the keys of `section` when nothing is near.
std::string suggest_key(const std::string& section, const std::string& name);

/// Adds what is wrong between keys that are each fine: missing, excluding or out of order.
/// `file` is where to point when the key was not written.
void check_contradictions(const std::string& file, ConfigReader& reader);

}  // namespace odetl

#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "etl/api_client.hpp"
#include "etl/timestamp.hpp"
#include "etl/warehouse.hpp"

namespace odetl {

enum class EchoCheck { automatic, fail, warn, off };
enum class OnPoison { pass, hold };
enum class UnknownUsers { surrogate, reject };
enum class LogFormat { automatic, text, json, logfmt };

struct ApiConfig {
  std::string base_url;
  Endpoint endpoint = Endpoint::public_api;
  EchoCheck check_echo = EchoCheck::automatic;
  std::string token;       ///< by value; at most one of token and token_file
  std::string token_file;
  std::map<std::string, std::string> filters;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds timeout{120'000};
  std::size_t max_response = std::size_t{256} << 20;
  int rate_limit = 0;      ///< requests a minute; 0: as the server announces
  std::string ca_file;
  std::string proxy;       ///< empty: none, whatever the environment says
  bool allow_http = false;

  bool operator==(const ApiConfig&) const = default;
};

struct WarehouseConfig {
  std::string dsn;         ///< empty: the embedded PostgreSQL in state_dir
  std::string schema = "opendialog";
  bool auto_migrate = true;

  bool operator==(const WarehouseConfig&) const = default;
};

struct Recheck {
  std::chrono::seconds every;
  std::chrono::seconds span;
  bool operator==(const Recheck&) const = default;
};

struct WindowsConfig {
  std::optional<sys_seconds> start;  ///< empty: 24 h before now
  std::chrono::seconds poll_interval{60};
  std::chrono::seconds width{3600};
  std::chrono::seconds min_width{1};
  std::chrono::seconds max_width{31 * 86400};
  std::chrono::seconds lookback{900};
  std::chrono::seconds settle{10};
  std::vector<Recheck> rechecks{{std::chrono::hours{1}, std::chrono::hours{24}},
                                {std::chrono::hours{24}, std::chrono::hours{7 * 24}}};
  OnMissing on_missing = OnMissing::mark;
  OnPoison on_poison = OnPoison::pass;

  bool operator==(const WindowsConfig&) const = default;
};

struct Config {
  ApiConfig api;
  WarehouseConfig warehouse;
  WindowsConfig windows;
  int backfill_workers = 2;
  UnknownUsers unknown_users = UnknownUsers::surrogate;
  std::string http_listen = "127.0.0.1:9464";  ///< "" turns the endpoint off
  std::string state_dir = "/var/lib/opendialog-etl";
  std::string log_level = "info";
  LogFormat log_format = LogFormat::automatic;
  std::vector<std::string> warnings;  ///< what is accepted but unwise, to be logged at every load; no secrets

  bool operator==(const Config&) const = default;
};

/// One thing wrong with a configuration.
struct ConfigProblem {
  std::string where;    ///< `FILE:LINE:COL` (lines and bytes, from 1), or `--set KEY`
  std::string key;      ///< `windows.poll_interval`; empty when the file as a whole is unreadable
  std::string message;  ///< what is wrong; what is accepted
};

/// Everything that is wrong, found in one run. `what()` has a line a problem:
/// `FILE:LINE:COL: key.path: what is wrong; what is accepted`, the key left out where `where` ends with it,
/// and stops at 100 lines.
/// Never holds the value of a secret, nor what a `${VAR}` was expanded to.
class ConfigError : public std::runtime_error {
 public:
  explicit ConfigError(std::vector<ConfigProblem> problems);
  /// Of what cannot be read: the message is followed by the system's `error` and what is accepted.
  ConfigError(ConfigProblem problem, int error, const std::string& accepted);
  const std::vector<ConfigProblem>& problems() const { return problems_; }
  /// Whether the configuration may be good: the system had no descriptor or no memory to read it with, and may have later.
  bool is_temporary() const { return is_temporary_; }

 private:
  std::vector<ConfigProblem> problems_;
  bool is_temporary_ = false;
};

/// Where `${VAR}` is looked up; the process environment outside of tests.
using Environment = std::optional<std::string> (*)(const std::string& name);

/// `overrides` are `key.path=value` as `--set` takes them; they win over the file, the last over the first, and
/// what they replace is not evaluated. A list or map is written in YAML's flow form, one filter as
/// `api.filters.NAME=value`; a key without default is put back to "left out" by an empty value. A secret is
/// refused there unless it is a `${VAR}`: every user of the machine can read a command line.
///
/// The file is one YAML document in UTF-8, up to 1 MiB, without anchors, aliases, tags or tabs in the
/// indentation; a byte order mark and CRLF are fine, and an empty file is one without keys. In values `${VAR}`
/// and `${VAR:-default}` (also for an empty VAR) are expanded and `$$` is a dollar sign; keys are taken as they are.
/// Relative paths inside the file are kept as they are written. Throws ConfigError, and nothing else.
Config load_config(const std::string& path, const std::vector<std::string>& overrides, Environment environment);

/// The same for a text, `name` standing for the file in messages.
Config parse_config(const std::string& text, const std::string& name, const std::vector<std::string>& overrides,
                    Environment environment);

/// One key of the configuration, for documentation, the JSON Schema and their tests.
struct ConfigKey {
  std::string path;        ///< `windows.poll_interval`
  std::string type;        ///< duration, size, string, integer, boolean, enum, map, list, instant
  std::string default_text;///< as the example file writes it; empty: there is none
  std::vector<std::string> accepted;  ///< the words of an enum
  std::string range;       ///< `1s to 31d`; empty where there is none
  std::string description; ///< one line
};
const std::vector<ConfigKey>& config_keys();

/// `90s`, `15m`, `6h`, `7d`, `1h30m`, `500ms`; nothing for all else (also a bare number other than 0).
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
/// `1024`, `64KiB`, `256MiB`, `1GiB`, `10MB`; nothing for all else.
std::optional<std::size_t> parse_size(std::string_view text);

}  // namespace odetl

#pragma once
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "daemon/exit_code.hpp"
#include "etl/timestamp.hpp"

namespace odetl {

enum class Command {
  init, run, backfill, verify, status, check, migrate, rejects_list, rejects_retry, rejects_purge, version
};

/// What the user typed.
struct Invocation {
  Command command = Command::run;
  std::optional<std::string> config_file;  ///< empty: $OPENDIALOG_ETL_CONFIG or the default
  std::vector<std::string> overrides;      ///< of --set
  std::optional<std::string> log_level;
  std::optional<std::string> log_format;

  bool once = false;                                ///< run
  sys_seconds from{}, to{};                         ///< backfill, verify
  std::optional<std::chrono::seconds> window;       ///< backfill: instead of windows.width and max_width
  std::optional<int> workers;                       ///< backfill: instead of backfill.workers
  bool reload = false;                              ///< backfill: also what is covered
  bool dry_run = false;                             ///< backfill, migrate
  bool repair = false;                              ///< verify: load what differs
  bool json = false;                                ///< status, rejects list
  bool watch = false;                               ///< status: again and again
  bool offline = false;                             ///< check
  std::vector<std::string> ids;                     ///< rejects retry, purge: these alone; lower-case UUIDs
  std::optional<sys_seconds> before;                ///< rejects purge: those last seen before
  int limit = 100;                                  ///< rejects list
  bool yes = false;                                 ///< rejects purge: do not ask
  std::optional<std::string> init_url, init_token_file, init_database, init_output;
  bool force = false;                               ///< init: replaces a file that is there
};

/// A text to print and an exit code, where nothing is to be run: help, version, wrong usage.
struct Farewell {
  ExitCode code;
  std::string out;  ///< for standard output
  std::string err;  ///< for standard error
};

/// `now` tells which ranges lie in the future. A typo in a command or option is answered with the nearest one.
std::variant<Invocation, Farewell> parse_command_line(int argc, const char* const* argv, Timestamp now);

/// What --help tells, in parts: the manual page and the completions are made of it.
struct OptionText {
  std::string name;   ///< `--from`
  std::string value;  ///< `T`; empty for a flag
  std::string description;
};
struct CommandText {
  std::string name;  ///< `rejects list`; empty for the program itself, whose options all commands take
  std::string description;
  std::vector<OptionText> options;
  std::vector<std::string> examples;
};
/// The program itself first, then its commands, those of a command right behind it.
std::vector<CommandText> describe_command_line();

inline constexpr const char* kDefaultConfig = "/etc/opendialog-etl/config.yaml";

}  // namespace odetl

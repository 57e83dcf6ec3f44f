#include "daemon/command_line.hpp"

#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>

#include "daemon/config.hpp"
#include "daemon/nearest.hpp"

namespace odetl {
namespace {

using namespace std::chrono_literals;

constexpr const char* kFooter =
    "Examples:\n"
    "  opendialog-etl init\n"
    "  opendialog-etl --config /etc/opendialog-etl/config.yaml check\n"
    "  opendialog-etl backfill --from 2024-01-01 --to 2024-02-01\n"
    "  opendialog-etl run\n"
    "\n"
    "Exit codes: 0 done, 1 the answer is no, 64 usage, 69 API or database unreachable, 70 internal error,\n"
    "75 temporary failure, 77 permission refused, 78 bad configuration.";

constexpr const char* kInstantForms = "write 2024-01-31, or 2024-01-31T08:00:00Z with Z or an offset";

// What is typed, before it is checked.
struct Typed {
  Invocation invocation;
  std::string from, to, window, before;
  int workers = 0;
};

// Of the program, its commands and theirs.
void collect(const CLI::App& app, std::vector<std::string>& commands, std::vector<std::string>& options) {
  for (const CLI::Option* option : app.get_options()) options.push_back(option->get_name());
  for (const CLI::App* command : app.get_subcommands({})) {
    commands.push_back(command->get_name());
    collect(*command, commands, options);
  }
}

// A line for the word that was most likely misspelt.
std::string suggestion(const CLI::App& app, int argc, const char* const* argv) {
  std::vector<std::string> commands, options;
  collect(app, commands, options);
  const auto known = [](const std::vector<std::string>& names, const std::string& word) {
    return std::find(names.begin(), names.end(), word) != names.end();
  };
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (word.starts_with("--")) {
      word = word.substr(0, word.find('='));
      if (known(options, word)) continue;
      if (const auto meant = nearest(word, options)) return fmt::format("did you mean '{}'?\n", *meant);
    } else if (!known(commands, word)) {
      if (const auto meant = nearest(word, commands)) return fmt::format("did you mean '{}'?\n", *meant);
    }
  }
  return "";
}

void add_rejects(CLI::App& app, Typed& typed) {
  Invocation& invocation = typed.invocation;
  CLI::App* rejects = app.add_subcommand("rejects", "The quarantine of records that could not be loaded");
  rejects->footer("Example:\n  opendialog-etl rejects list");
  rejects->require_subcommand(1);
  const auto add = [&](const char* name, const char* what, Command command, const char* example) {
    CLI::App* sub = rejects->add_subcommand(name, what);
    sub->footer(fmt::format("Example:\n  opendialog-etl rejects {}", example));
    sub->callback([&invocation, command] { invocation.command = command; });
    return sub;
  };
  CLI::App* list = add("list", "Print what is in quarantine and why", Command::rejects_list, "list --limit 20");
  list->add_flag("--json", invocation.json, "As JSON");
  list->add_option("--limit", invocation.limit, "So many at the most [default: 100]")
      ->check(CLI::PositiveNumber)
      ->type_name("N");

  const auto add_ids = [&invocation](CLI::App* sub) {
    sub->add_option("--id", invocation.ids, "Only this one; can be repeated")->allow_extra_args(false)->type_name("ID");
  };
  CLI::App* retry = add("retry", "Read the windows of what is in quarantine again; exit 1 if some of it stays there",
                        Command::rejects_retry, "retry");
  add_ids(retry);
  CLI::App* purge = add("purge", "Delete records from the quarantine", Command::rejects_purge,
                        "purge --before 2024-01-01 --yes");
  add_ids(purge);
  purge->add_option("--before", typed.before, "Only those last seen before: 2024-01-31 or 2024-01-31T08:00:00Z")
      ->type_name("T");
  purge->add_flag("--yes", invocation.yes, "Do not ask");
}

void add_commands(CLI::App& app, Typed& typed) {
  Invocation& invocation = typed.invocation;
  const auto add = [&](const char* name, const char* what, Command command, const char* example) {
    CLI::App* sub = app.add_subcommand(name, what);
    sub->footer(fmt::format("Example:\n  opendialog-etl {}", example));
    sub->callback([&invocation, command] { invocation.command = command; });
    return sub;
  };
  CLI::App* init = add("init", "Write a first configuration, after a few questions or from the options", Command::init,
                       "init --url https://acme.cloud.opendialog.ai --token-file /etc/opendialog-etl/token");
  init->add_option("--url", invocation.init_url, "Address of the OpenDialog tenant")->type_name("URL");
  init->add_option("--token-file", invocation.init_token_file,
                   "File that holds the API token [default: token, beside the configuration]")
      ->type_name("FILE");
  init->add_option("--database", invocation.init_database,
                   "PostgreSQL to load into [default: a private one on this machine]")
      ->type_name("DSN");
  init->add_option("--output", invocation.init_output, "The file to write [default: as --config]")->type_name("FILE");
  init->add_flag("--force", invocation.force, "Replace the file if it is there");

  CLI::App* run = add("run", "Poll for ever in the foreground; the systemd service", Command::run, "run --once");
  run->add_flag("--once", invocation.once, "Catch up to the settled present, then exit");

  CLI::App* backfill = add("backfill", "Load a range of the past, skipping what is already covered", Command::backfill,
                           "backfill --from 2024-01-01 --to 2024-02-01 --workers 2");
  const auto add_range = [&typed](CLI::App* sub) {
    sub->add_option("--from", typed.from, "First instant: 2024-01-31 or 2024-01-31T08:00:00Z")
        ->required()
        ->type_name("T");
    sub->add_option("--to", typed.to, "The instant to end before")->required()->type_name("T");
  };
  add_range(backfill);
  backfill->add_option("--window", typed.window, "Widest window: 90s, 15m, 6h, 7d [default: windows.width, adapting]")
      ->type_name("D");
  backfill->add_option("--workers", typed.workers, "Windows loaded at a time at the most, 1 to 64 [default: backfill.workers]")
      ->type_name("N");
  backfill->add_flag("--reload", invocation.reload, "Read covered parts again, too");
  backfill->add_flag("--dry-run", invocation.dry_run, "Print the gaps and the estimated requests; load nothing");

  CLI::App* verify = add("verify", "Read a range again and compare it with the warehouse; exit 0 only if they are equal",
                         Command::verify, "verify --from 2024-01-01 --to 2024-02-01 --repair");
  add_range(verify);
  verify->add_flag("--repair", invocation.repair, "Load what differs");

  CLI::App* status = add("status", "Show watermark, lag, coverage and its gaps, last errors, rejects, a calendar",
                         Command::status, "status --watch");
  status->add_flag("--json", invocation.json, "As JSON, in one line, with the latest windows");
  status->add_flag("--watch", invocation.watch, "Again and again: in place on a terminal until q, else every 5 s");

  CLI::App* check = add("check", "Check configuration, token, API, clock and database, one line each", Command::check,
                        "check --offline");
  check->add_flag("--offline", invocation.offline, "Configuration and secrets only; connect to nothing");

  CLI::App* migrate =
      add("migrate", "Create or upgrade the schema of the warehouse", Command::migrate, "migrate --dry-run");
  migrate->add_flag("--dry-run", invocation.dry_run, "Print what would be applied");

  add_rejects(app, typed);

  add("version", "Print version, commit and library versions", Command::version, "version");
}

Farewell misuse(const std::string& message) {
  return {ExitCode::usage, "", "opendialog-etl: " + message + "\nSee opendialog-etl --help.\n"};
}

// Nothing when the range can be read.
std::optional<std::string> read_range(Typed& typed, Timestamp now) {
  const auto from = parse_instant(typed.from);
  if (!from) return fmt::format("--from '{}' is not an instant: {}", typed.from, kInstantForms);
  const auto to = parse_instant(typed.to);
  if (!to) return fmt::format("--to '{}' is not an instant: {}", typed.to, kInstantForms);
  typed.invocation.from = std::chrono::floor<std::chrono::seconds>(*from);
  typed.invocation.to = std::chrono::ceil<std::chrono::seconds>(*to);
  const std::string range = fmt::format("[{}, {})", to_rfc3339(typed.invocation.from), to_rfc3339(typed.invocation.to));
  if (*from >= *to) return fmt::format("the range {} is empty: --from must be before --to", range);
  if (*from < sys_seconds(0s)) return fmt::format("the range {} begins before 1970", range);
  if (*to > now) return fmt::format("the range {} ends in the future; now is {}", range, to_rfc3339(std::chrono::floor<std::chrono::seconds>(now)));
  return std::nullopt;
}

std::optional<std::string> read_backfill(Typed& typed, Timestamp now, const CLI::App& app) {
  if (auto problem = read_range(typed, now)) return problem;
  const CLI::App* backfill = app.get_subcommand("backfill");
  if (!typed.window.empty()) {
    const auto width = parse_duration(typed.window);
    if (!width || *width < 1s || *width % 1s != 0ms) {
      return fmt::format("--window '{}' is not a width: write whole seconds as 90s, 15m, 6h or 7d", typed.window);
    }
    typed.invocation.window = std::chrono::duration_cast<std::chrono::seconds>(*width);
  }
  if (backfill->get_option("--workers")->count() > 0) {
    if (typed.workers < 1 || typed.workers > 64) return "--workers must be 1 to 64";
    typed.invocation.workers = typed.workers;
  }
  return std::nullopt;
}

bool is_uuid(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    if (hyphen ? text[i] != '-' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0) return false;
  }
  return text.size() == 36;
}

std::optional<std::string> read_rejects(Typed& typed) {
  for (std::string& id : typed.invocation.ids) {
    if (!is_uuid(id)) return fmt::format("--id '{}' is not an id of the quarantine: see rejects list", id);
    std::transform(id.begin(), id.end(), id.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  }
  if (typed.before.empty()) return std::nullopt;
  const auto before = parse_instant(typed.before);
  if (!before) return fmt::format("--before '{}' is not an instant: {}", typed.before, kInstantForms);
  typed.invocation.before = std::chrono::floor<std::chrono::seconds>(*before);
  return std::nullopt;
}

// The whole command line, to be parsed or described.
struct Grammar {
  Grammar() {
    app.footer(kFooter);
    app.require_subcommand(0, 1);
    app.fallthrough();
    Invocation& invocation = typed.invocation;
    app.add_option("--config", invocation.config_file,
                   fmt::format("Configuration [default: $OPENDIALOG_ETL_CONFIG or {}]", kDefaultConfig))
        ->type_name("FILE");
    app.add_option("--set", invocation.overrides, "KEY=VALUE that wins over the file; can be repeated")
        ->allow_extra_args(false)
        ->type_name("KEY=VALUE");
    app.add_option("--log-level", invocation.log_level,
                   "trace, debug, info, warn, error, critical [default: log.level]")
        ->type_name("LEVEL");
    app.add_option("--log-format", invocation.log_format, "auto, text, json, logfmt [default: log.format]")
        ->type_name("FORMAT");
    app.add_flag("--version", version, "The same as the command version");
    add_commands(app, typed);
  }

  Typed typed;
  bool version = false;
  CLI::App app{"Loads what users said to an OpenDialog tenant into PostgreSQL.", "opendialog-etl"};
};

// The lines of a footer that are commands to type.
std::vector<std::string> examples_of(const CLI::App& app) {
  std::vector<std::string> examples;
  std::istringstream lines(app.get_footer());
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("  ")) examples.push_back(line.substr(2));
  }
  return examples;
}

CommandText describe(const CLI::App& app, const std::string& name) {
  CommandText text{name, app.get_description(), {}, examples_of(app)};
  for (const CLI::Option* option : app.get_options()) {
    const bool is_flag = option->get_items_expected_max() == 0;
    text.options.push_back({option->get_name(), is_flag ? "" : option->get_type_name(), option->get_description()});
  }
  return text;
}

void describe_all(const CLI::App& app, const std::string& name, std::vector<CommandText>& texts) {
  texts.push_back(describe(app, name));
  for (const CLI::App* command : app.get_subcommands({})) {
    describe_all(*command, (name.empty() ? "" : name + " ") + command->get_name(), texts);
  }
}

}  // namespace

std::vector<CommandText> describe_command_line() {
  Grammar grammar;
  std::vector<CommandText> texts;
  describe_all(grammar.app, "", texts);
  return texts;
}

std::variant<Invocation, Farewell> parse_command_line(int argc, const char* const* argv, Timestamp now) {
  Grammar grammar;
  CLI::App& app = grammar.app;
  Typed& typed = grammar.typed;
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    std::ostringstream out;
    app.exit(success, out, out);
    return Farewell{ExitCode::done, out.str(), ""};
  } catch (const CLI::Error& error) {
    return Farewell{ExitCode::usage, "",
                    fmt::format("opendialog-etl: {}\n{}See opendialog-etl --help.\n", error.what(),
                                suggestion(app, argc, argv))};
  }
  if (grammar.version) {
    typed.invocation.command = Command::version;
  } else if (app.get_subcommands().empty()) {
    return Farewell{ExitCode::usage, "", "opendialog-etl: no command is given\n" + app.help()};
  }
  std::optional<std::string> problem;
  if (typed.invocation.command == Command::backfill) problem = read_backfill(typed, now, app);
  if (typed.invocation.command == Command::verify) problem = read_range(typed, now);
  if (!problem) problem = read_rejects(typed);
  if (problem) return misuse(*problem);
  return typed.invocation;
}

}  // namespace odetl

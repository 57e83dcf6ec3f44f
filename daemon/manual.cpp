#include "daemon/manual.hpp"

#include <vector>

#include "daemon/command_line.hpp"
#include "daemon/config.hpp"
#include "daemon/events.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/version.hpp"

namespace odetl {
namespace {

struct Row {
  std::string term;
  std::string meaning;
};

const std::vector<Row> kExitCodes = {
    {std::to_string(static_cast<int>(ExitCode::done)), "done"},
    {std::to_string(static_cast<int>(ExitCode::no)), "it ran, but the answer is no: something differs, or is left out"},
    {std::to_string(static_cast<int>(ExitCode::usage)), "wrong usage"},
    {std::to_string(static_cast<int>(ExitCode::unavailable)), "the API or the database cannot be reached"},
    {std::to_string(static_cast<int>(ExitCode::internal)), "an internal error"},
    {std::to_string(static_cast<int>(ExitCode::temporary)), "a temporary failure; try again later"},
    {std::to_string(static_cast<int>(ExitCode::permission)), "the token or the database's user is refused"},
    {std::to_string(static_cast<int>(ExitCode::configuration)), "the configuration is not valid"},
};

const std::vector<Row> kSignals = {
    {"SIGTERM, SIGINT", "finish or roll back the window in hand and exit 0 within seconds, whatever is waited for; a second one ends at once"},
    {"SIGHUP", "read configuration and token again; a configuration that is not valid is told of and not taken"},
};

const std::vector<Row> kEnvironment = {
    {"OPENDIALOG_ETL_CONFIG", "the configuration, where --config is not given"},
    {"CREDENTIALS_DIRECTORY",
     "set by systemd: its file opendialog-token is the token where the configuration names none"},
    {"NOTIFY_SOCKET", "set by systemd: readiness, status, reloads and the watchdog are told there"},
    {"any other", "as the configuration asks for it with ${NAME} or ${NAME:-default}"},
};

const std::vector<Row> kFiles = {
    {kDefaultConfig, "the configuration, see opendialog-etl.yaml(5)"},
    {"/etc/opendialog-etl/token", "the token, mode 0600; systemd hands it to the service"},
    {"/etc/opendialog-etl/environment",
     "NAME=value lines that systemd sets for the service, e.g. a password; mode 0600"},
    {"/etc/opendialog-etl/TENANT.yaml, TENANT.token, TENANT.environment", "the same of opendialog-etl@TENANT.service"},
    {"/var/lib/opendialog-etl", "the embedded PostgreSQL, where the configuration has no warehouse.dsn"},
    {"/var/lib/opendialog-etl-TENANT", "the same of opendialog-etl@TENANT.service; its state_dir has to name it"},
    {"/usr/share/opendialog-etl", "Grafana dashboard, Prometheus alerts, Kubernetes example, JSON Schema, SQL"},
};

// No character of it means anything to roff, and no hyphen becomes a dash.
std::string plain(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '\'') {
      out += "\\(aq";
    } else {
      out += c;
    }
  }
  return out.starts_with('.') ? "\\&" + out : out;
}

std::string bold(const std::string& text) { return "\\fB" + plain(text) + "\\fR"; }
std::string italic(const std::string& text) { return "\\fI" + plain(text) + "\\fR"; }

std::string heading(const char* section, const std::string& name) {
  return ".TH " + plain(name) + " " + section + " \"\" \"opendialog\\-etl " + kVersion + "\"\n";
}

std::string item(const std::string& term, const std::string& meaning) { return ".TP\n" + term + "\n" + meaning + "\n"; }

std::string table(const char* title, const std::vector<Row>& rows) {
  std::string text = std::string(".SH ") + title + "\n";
  for (const Row& row : rows) text += item(bold(row.term), plain(row.meaning));
  return text;
}

std::string examples(const std::vector<std::string>& lines) {
  std::string text = ".PP\n.nf\n.RS\n";
  for (const std::string& line : lines) text += plain(line) + "\n";
  return text + ".RE\n.fi\n";
}

std::string option(const OptionText& option) {
  const std::string value = option.value.empty() ? "" : " " + italic(option.value);
  return item(bold(option.name) + value, plain(option.description));
}

std::string command(const CommandText& command) {
  std::string text = ".SS " + plain(command.name) + "\n" + plain(command.description) + ".\n";
  for (const OptionText& each : command.options) {
    if (each.name != "--help") text += option(each);
  }
  return text + examples(command.examples);
}

std::string log_events() {
  std::string text =
      ".SH LOG EVENTS\n"
      "One line an event: its name, then key=value pairs (--log-format json or logfmt for machines). In brackets "
      "stands\n"
      "the level it usually has.\n";
  for (const EventKind& kind : all_events()) {
    const std::string level = " [" + std::string(to_text(kind.level)) + "]";
    text += item(bold(std::string(kind.name)) + plain(level), plain(std::string(kind.meaning)));
  }
  return text;
}

// `duration, 1s to 31d [default: 15m]`, `one of keep, mark, delete [default: mark]`
std::string accepted(const ConfigKey& key) {
  std::string text = key.type;
  if (!key.accepted.empty()) {
    text = "one of ";
    for (const std::string& word : key.accepted) text += (word == key.accepted.front() ? "" : ", ") + word;
  }
  if (!key.range.empty()) text += ", " + key.range;
  return key.default_text.empty() ? text : text + " [default: " + key.default_text + "]";
}

}  // namespace

std::string manual_of_program() {
  const std::vector<CommandText> texts = describe_command_line();
  std::string page = heading("1", "OPENDIALOG-ETL");
  page += ".SH NAME\n" + plain("opendialog-etl - loads what users said to an OpenDialog tenant into PostgreSQL") + "\n";
  page += ".SH SYNOPSIS\n" + bold("opendialog-etl") + " [" + italic("OPTION") + "]... " + italic("COMMAND") + "\n";
  page +=
      ".SH DESCRIPTION\n"
      "Polls the Interaction API of an OpenDialog tenant in time windows, keeps a watermark, and loads users and\n"
      "interactions into PostgreSQL, each interaction once. What a command answers goes to standard output, the log\n"
      "to standard error.\n"
      ".SH OPTIONS\n";
  for (const OptionText& each : texts.front().options) page += option(each);
  page += ".SH COMMANDS\n";
  for (std::size_t i = 1; i < texts.size(); ++i) page += command(texts[i]);
  page += table("EXIT STATUS", kExitCodes) + table("SIGNALS", kSignals) + table("ENVIRONMENT", kEnvironment) +
          table("FILES", kFiles) + log_events();
  page += ".SH EXAMPLES\n" + examples(texts.front().examples);
  return page + ".SH SEE ALSO\n.BR opendialog\\-etl.yaml (5),\n.BR systemd.service (5),\n.BR psql (1)\n";
}

std::string manual_of_configuration() {
  std::string page = heading("5", "OPENDIALOG-ETL.YAML");
  page += ".SH NAME\n" + plain("opendialog-etl.yaml - configuration of opendialog-etl") + "\n";
  page += std::string(".SH SYNOPSIS\n") + bold(kDefaultConfig) + "\n";
  page +=
      ".SH DESCRIPTION\n"
      "A YAML file. ${VAR} and ${VAR:\\-default} in values are expanded, an unset ${VAR} is an error, $$ is a dollar\n"
      "sign; inside {} and [] put quotes around them. Durations are written 500ms, 90s, 15m, 6h, 7d or 1h30m, sizes\n"
      "64KiB, 256MiB or 1GiB. An unknown key, a wrong type and a value out of range are refused before anything\n"
      "starts, all problems at once. Only api.base_url and a token are needed.\n"
      ".SH KEYS\n";
  for (const ConfigKey& key : config_keys()) {
    page += item(bold(key.path), plain(key.description) + ".\n.br\n" + plain(accepted(key)));
  }
  page += ".SH EXAMPLES\n" +
          examples({"api:", "  base_url: https://acme.cloud.opendialog.ai",
                    "  token_file: ${OPENDIALOG_TOKEN_FILE:-/etc/opendialog-etl/token}",
                    "warehouse:", "  dsn: postgresql://etl@warehouse.example/dw", "windows:", "  start: 2024-01-01"});
  return page + ".SH SEE ALSO\n.BR opendialog\\-etl (1)\n";
}

}  // namespace odetl

#include "daemon/first_configuration.hpp"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <iostream>

#include "daemon/config.hpp"
#include "daemon/secrets.hpp"
#include "daemon/wiring.hpp"
#include "etl/canonical_json.hpp"

namespace odetl {
namespace {

namespace fs = std::filesystem;

constexpr int kTries = 3;

// YAML's double quotes take the escapes of JSON.
[[noreturn]] void refuse(const std::string& message) { throw CommandError(ExitCode::usage, "init: " + message); }

// Variables are set where the service runs, not here.
std::optional<std::string> variable_or_stand_in(const std::string& name) {
  return process_environment(name).value_or("postgresql://stand-in/database");
}

// What the reader of configurations has to say about one key of a file with these answers.
std::optional<std::string> problem_with(const std::string& key, const FirstAnswers& answers) {
  try {
    parse_config(first_configuration(answers), "init", {}, variable_or_stand_in);
  } catch (const ConfigError& error) {
    for (const ConfigProblem& problem : error.problems()) {
      if (problem.key == key) return problem.message;
    }
  }
  return std::nullopt;
}

using Refusal = std::function<std::optional<std::string>(const std::string&)>;

std::string ask(const std::string& question, const std::string& standard, const Refusal& refusal) {
  for (int i = 0; i < kTries; ++i) {
    fmt::print(stderr, "{}{}: ", question, standard.empty() ? "" : " [" + standard + "]");
    std::string answer;
    if (!std::getline(std::cin, answer)) refuse("the answers ended; nothing was written");
    if (answer.empty()) answer = standard;
    const auto wrong = refusal(answer);
    if (!wrong) return answer;
    fmt::print(stderr, "  {}\n", *wrong);
  }
  refuse("no answer would do; nothing was written");
}

bool can_ask() { return isatty(STDIN_FILENO) != 0 && isatty(STDERR_FILENO) != 0; }

std::string taken(const char* option, const std::optional<std::string>& given, const Refusal& refusal) {
  if (const auto wrong = refusal(*given)) refuse(fmt::format("{} '{}': {}", option, *given, *wrong));
  return *given;
}

// Of the command line. It may hold a password, so that no message repeats it.
std::string database_of(const std::string& given) {
  if (const auto wrong = refuse_database(given)) refuse("--database: " + *wrong);
  if (!holds_secret("warehouse.dsn", given)) return given;
  refuse(
      "--database holds a password, and every user of this machine can read a command line; answer it at the terminal, "
      "write '${DATABASE_URL}' for a variable, or keep the password in ~/.pgpass");
}

FirstAnswers answers_of(const Invocation& invocation, const std::string& file) {
  const std::string beside = (fs::absolute(file).parent_path() / "token").string();
  FirstAnswers answers;
  if (!invocation.init_url && !can_ask()) {
    refuse("--url is missing, and there is no terminal to ask at; for example --url https://acme.cloud.opendialog.ai");
  }
  answers.url = invocation.init_url
                    ? taken("--url", invocation.init_url, refuse_url)
                    : ask("Address of your OpenDialog tenant, e.g. https://acme.cloud.opendialog.ai", "", refuse_url);
  if (invocation.init_token_file) {
    answers.token_file = taken("--token-file", invocation.init_token_file, refuse_token_file);
  } else {
    answers.token_file =
        can_ask() && !invocation.init_url ? ask("File for the API token", beside, refuse_token_file) : beside;
  }
  if (invocation.init_database) {
    answers.database = database_of(*invocation.init_database);
  } else if (can_ask() && !invocation.init_url) {
    answers.database =
        ask("PostgreSQL to load into, e.g. postgresql://etl@warehouse.example/dw; empty for a private one "
            "on this machine",
            "", refuse_database);
  }
  return answers;
}

[[noreturn]] void cannot_write(const std::string& file) {
  const int cause = errno;
  if (cause == EEXIST) {
    throw CommandError(ExitCode::no, fmt::format("init: '{}' is there already and stays as it is; --force replaces it, "
                                                 "--output writes another",
                                                 file));
  }
  throw CommandError(ExitCode::configuration,
                     fmt::format("init: '{}' cannot be written: {}; {}", file, std::strerror(cause),
                                 cause == EACCES || cause == EPERM || cause == EROFS
                                     ? "run it as root, or choose another place with --output"
                                     : "choose another place with --output"));
}

// The service runs as a user who is made up when it starts and has no group here. The file says where the token is, and
// not what it is; a password is for the owner alone.
mode_t mode_of(bool secret) {
  if (secret) return 0600;
  return geteuid() == 0 ? 0644 : 0640;
}

void write_new(const std::string& file, const std::string& text, bool secret) {
  const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) cannot_write(file);
  [[maybe_unused]] const int closed_then = fchmod(fd, mode_of(secret));
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(fd) == 0;
  if (close(fd) != 0 || !written) {
    const int cause = errno;
    unlink(file.c_str());
    errno = cause;
    cannot_write(file);
  }
}

void write_file(const std::string& file, const std::string& text, bool secret, bool replace) {
  std::error_code ignored;  // what is missing shows when the file is written
  fs::create_directory(fs::absolute(file).parent_path(), ignored);
  if (!replace) return write_new(file, text, secret);
  const std::string beside = fmt::format("{}.{}", file, getpid());
  write_new(beside, text, secret);
  if (rename(beside.c_str(), file.c_str()) == 0) return;
  const int cause = errno;
  unlink(beside.c_str());
  errno = cause;
  cannot_write(file);
}

bool exists(const std::string& file) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(file, ignored));
}

void print_next_steps(const FirstAnswers& answers, const std::string& file) {
  const std::string option = file == kDefaultConfig ? "" : " --config " + file;
  int step = 0;
  fmt::print("wrote {}\n\nNext:\n", file);
  if (!exists(answers.token_file)) {
    fmt::print(
        "  {}. put the API token of your OpenDialog workspace into its file, which nobody else may read:\n"
        "       (umask 077; cat >{})     paste the token, then Enter and Ctrl-D\n",
        ++step, answers.token_file);
  }
  if (answers.database.find("${") != answers.database.npos) {
    fmt::print(
        "  {}. set the variable that warehouse.dsn names, for the service as NAME=value in a file of mode 0600:\n"
        "       /etc/opendialog-etl/environment\n",
        ++step);
  }
  fmt::print("  {}. opendialog-etl{} check           says what is missing, and what to do\n", ++step, option);
  fmt::print("  {}. opendialog-etl{} run{}\n", ++step, option,
             option.empty() ? "             or as a service: systemctl enable --now opendialog-etl" : "");
  fmt::print("  {}. opendialog-etl{} backfill --from 2024-01-01 --to 2024-02-01     for the past\n", ++step, option);
}

}  // namespace

std::string first_configuration(const FirstAnswers& answers) {
  std::string text =
      fmt::format(R"(# opendialog-etl, written by `opendialog-etl init`. Check it with: opendialog-etl check
# What is not here has its default; every key: /usr/share/doc/opendialog-etl, or config/opendialog-etl.yaml of the source.
# yaml-language-server: $schema=/usr/share/opendialog-etl/opendialog-etl.schema.json

api:
  # The tenant that is read.
  base_url: {}
  # Holds the API token and nothing else, mode 0600; systemd hands the service a copy, and tells where by the variable.
  token_file: {}
  # Only some of the conversations, for example of one scenario.
  # filters: {{selected_scenario: "0x1a2b"}}

warehouse:
)",
                  json_string(answers.url), json_string("${OPENDIALOG_TOKEN_FILE:-" + answers.token_file + "}"));
  if (answers.database.empty()) {
    text +=
        "  # No dsn: a private PostgreSQL in state_dir, which runs while opendialog-etl does.\n"
        "  # dsn: postgresql://etl@warehouse.example/dw\n";
  } else {
    text += fmt::format(
        "  # Where the rows go. A password is better kept in ~/.pgpass or in a variable: ${{DATABASE_URL}}\n  dsn: "
        "{}\n",
        json_string(answers.database));
  }
  return text + R"(  # The schema that holds the tables.
  # schema: opendialog

windows:
  # Where a first run begins; left out: 24 hours before it. The past can be loaded later with backfill.
  # start: 2024-01-01
  # poll_interval: 60s

http:
  # The status page, /metrics, /healthz and /readyz; "" turns them off.
  # listen: 127.0.0.1:9464

# The embedded PostgreSQL and nothing else.
# state_dir: /var/lib/opendialog-etl

log:
  # debug tells of every request.
  # level: info
)";
}

std::optional<std::string> refuse_url(const std::string& url) {
  if (url.empty()) return "an address is needed, e.g. https://acme.cloud.opendialog.ai";
  return problem_with("api.base_url", {url, "/token", ""});
}

std::optional<std::string> refuse_token_file(const std::string& file) {
  if (!file.starts_with('/')) return "an absolute path is needed, e.g. /etc/opendialog-etl/token";
  if (fs::is_directory(file)) return "that is a directory; name a file in it, e.g. token";
  return problem_with("api.token_file", {"https://acme.cloud.opendialog.ai", file, ""});
}

std::optional<std::string> refuse_database(const std::string& database) {
  if (database.empty()) return std::nullopt;
  const bool readable = database.starts_with("postgresql://") || database.starts_with("postgres://") ||
                        database.find('=') != database.npos || database.find("${") != database.npos;
  if (!readable)
    return "a connection string is needed, e.g. postgresql://etl@warehouse.example/dw or 'host=db dbname=dw'";
  return problem_with("warehouse.dsn", {"https://acme.cloud.opendialog.ai", "/token", database});
}

ExitCode init(const Invocation& invocation, const std::string& file) {
  if (exists(file) && !invocation.force) {
    errno = EEXIST;
    cannot_write(file);
  }
  const FirstAnswers answers = answers_of(invocation, file);
  write_file(file, first_configuration(answers), holds_secret("warehouse.dsn", answers.database), invocation.force);
  print_next_steps(answers, file);
  return ExitCode::done;
}

}  // namespace odetl

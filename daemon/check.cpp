#include "daemon/check.hpp"

#include <spdlog/fmt/fmt.h>

#include <cstdio>
#include <cstdlib>

#include "etl/migrations.hpp"

namespace odetl {
namespace {

using namespace std::chrono_literals;

constexpr auto kTolerableSkew = 5s;

class Checks {
 public:
  Checks(Wiring& wiring, const Surroundings& surroundings) : wiring_(wiring), surroundings_(surroundings) {}

  void token() {
    try {
      wiring_.token();
      ok("token", "found");
    } catch (const ConfigError& error) {
      fail("token", error.is_temporary() ? ExitCode::temporary : ExitCode::configuration, error.what());
      const std::string file = wiring_.config().api.token_file;
      if (file.empty() || error.is_temporary()) return;
      step(fmt::format("(umask 077; cat >{})", file), "paste the token, then Enter and Ctrl-D");
    }
  }

  void api(std::stop_token stop) {
    if (failed("token")) return;
    Answer answer;
    Body body;
    Exchange exchange;
    const AskedRange long_ago{sys_seconds{0s}, sys_seconds{0s}};
    try {
      const auto client = wiring_.client();
      client->fetch(long_ago, answer, exchange, stop);
      client->decode(long_ago, answer, body, exchange);
      ok("api", fmt::format("{} accepts the token ({} ms)", wiring_.config().api.base_url, exchange.duration.count()));
    } catch (const ApiError& error) {
      fail("api", exit_code_of(error.failure()), fmt::format("{}; {}", error.what(), advice(error.failure())));
    }
    clock(exchange);
  }

  void database(std::stop_token stop) {
    try {
      wiring_.start_database(stop);
      const auto database = wiring_.connect();
      ok("database", "connected to " + wiring_.database_name());
      schema(*database);
    } catch (const CommandError& error) {
      fail("database", error.code(), error.what());
    } catch (const DatabaseError& error) {
      fail("database", exit_code_of(error.failure()), fmt::format("{}; {}", error.what(), advice(error.failure())));
      tell_way_in(error.what());
    }
  }

  void ok(std::string_view what, const std::string& found) { fmt::print("ok    {:<14} {}\n", what, found); }
  ExitCode result() const { return result_; }

 private:
  void fail(std::string_view what, ExitCode code, const std::string& why) {
    fmt::print("FAIL  {:<14} {}\n", what, why);
    if (result_ == ExitCode::done) result_ = code;
    failed_.emplace_back(what);
  }
  bool failed(std::string_view what) const { return std::find(failed_.begin(), failed_.end(), what) != failed_.end(); }

  static const char* advice(Failure failure) {
    switch (failure) {
      case Failure::unreachable: return "check api.base_url, DNS, firewall and api.proxy";
      case Failure::unauthorised: return "the OpenDialog workspace makes one; put it where api.token or api.token_file reads it";
      case Failure::refused: return "check api.base_url, api.endpoint, api.filters and api.ca_file";
      case Failure::db_unreachable: return "check that the server runs, and that it listens there (listen_addresses)";
      case Failure::db_denied: return "check the role, its password and the database in warehouse.dsn";
      case Failure::db_schema: return "see warehouse.schema";
      default: return "try again later";
    }
  }

  // What to do next, ready to paste.
  static void step(const std::string& command, std::string_view what) { fmt::print("      {}     -- {}\n", command, what); }

  // What an administrator runs for a connection that was refused, by libpq's words.
  static void tell_way_in(std::string_view words) {
    const auto says = [words](std::string_view part) { return words.find(part) != words.npos; };
    const auto named = [words](std::string_view kind) {
      const auto from = words.find(kind) + kind.size();
      return std::string(words.substr(from, words.find('"', from) - from));
    };
    if (says("no password supplied")) step("chmod 600 ~/.pgpass", "after a line HOST:PORT:DATABASE:ROLE:PASSWORD in it");
    if (says("database \"") && says("does not exist")) {
      step(fmt::format("CREATE DATABASE \"{}\" ENCODING 'UTF8' TEMPLATE template0;", named("database \"")), "in psql");
    } else if (says("role \"") && says("does not exist")) {
      step(fmt::format("CREATE ROLE \"{}\" LOGIN PASSWORD '...';", named("role \"")), "in psql");
    } else if (says("password authentication failed for user \"")) {
      step(fmt::format("ALTER ROLE \"{}\" LOGIN PASSWORD '...';", named("for user \"")), "in psql; CREATE ROLE if there is none");
    } else if (says("permission denied for database \"")) {
      step(fmt::format("GRANT CONNECT ON DATABASE \"{}\" TO ROLE;", named("for database \"")), "in psql, with the role of the dsn");
    } else if (says("pg_hba.conf")) {
      step("host DATABASE ROLE ADDRESS scram-sha-256", "a line of pg_hba.conf on the server, then SELECT pg_reload_conf();");
    }
  }

  void clock(const Exchange& exchange) {
    if (!exchange.server_date) return;
    const auto skew = std::chrono::duration_cast<std::chrono::seconds>(*exchange.server_date - surroundings_.now());
    if (std::chrono::abs(skew) <= kTolerableSkew) return ok("clock", fmt::format("within {} s of the server's", kTolerableSkew.count()));
    fail("clock", ExitCode::no,
         fmt::format("the server's clock is {} s {} this machine's; set one of them right (nothing is lost: the earlier "
                     "one counts)",
                     std::abs(skew.count()), skew > 0s ? "ahead of" : "behind"));
  }

  // Without the privilege to look at it, nothing can be said of the schema.
  void schema(Database& database) {
    if (!privileges(database)) return;
    const auto pending = pending_migrations(database);
    if (pending.empty()) {
      ok("schema", fmt::format("'{}' is up to date", database.schema()));
    } else if (wiring_.config().warehouse.auto_migrate) {
      ok("schema", fmt::format("'{}' lacks {} of the migrations; the next run applies what is missing", database.schema(), pending.size()));
    } else {
      fail("schema", ExitCode::configuration,
           fmt::format("'{}' lacks {} migrations; run `opendialog-etl migrate`", database.schema(), pending.size()));
    }
  }

  bool privileges(Database& database) {
    database.begin();
    const auto rows = database.run("privileges", {database.schema()});
    database.roll_back();
    if (!rows->get(0, 0)) {
      ok("privileges", "sufficient");
      return true;
    }
    fail("privileges", ExitCode::permission,
         fmt::format("some are missing; let the owner of the database or of the schema '{}' run, in psql:",
                     database.schema()));
    fmt::print("{}\n", rows->text(0, 0));
    return false;
  }

  Wiring& wiring_;
  Surroundings surroundings_;
  ExitCode result_ = ExitCode::done;
  std::vector<std::string> failed_;
};

}  // namespace

ExitCode check(Wiring& wiring, bool offline, const Surroundings& surroundings, std::stop_token stop) {
  Checks checks(wiring, surroundings);
  checks.ok("configuration", "valid");
  checks.token();
  if (!offline) {
    checks.api(stop);
    checks.database(stop);
  }
  std::fflush(stdout);
  return checks.result();
}

}  // namespace odetl

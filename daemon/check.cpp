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
      fail("token", ExitCode::configuration, error.what());
    }
  }

  void api(std::stop_token stop) {
    if (failed("token")) return;
    Body body;
    Exchange exchange;
    const sys_seconds long_ago{0s};
    try {
      wiring_.client()->fetch({long_ago, long_ago}, body, exchange, stop);
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
      case Failure::unauthorised: return "renew the token in the OpenDialog workspace and put it where api.token or api.token_file reads it";
      case Failure::refused: return "check api.base_url, api.endpoint, api.filters and api.ca_file";
      case Failure::db_unreachable: return "check warehouse.dsn and that the server runs";
      case Failure::db_denied: return "check the role, its password and its privileges on the database";
      case Failure::db_schema: return "check the schema";
      default: return "try again later";
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

  void schema(Database& database) {
    const auto pending = pending_migrations(database);
    if (pending.empty()) {
      ok("schema", fmt::format("'{}' is up to date", database.schema()));
    } else if (wiring_.config().warehouse.auto_migrate) {
      ok("schema", fmt::format("'{}' lacks {} migrations, which the next run applies", database.schema(), pending.size()));
    } else {
      fail("schema", ExitCode::configuration,
           fmt::format("'{}' lacks {} migrations; run `opendialog-etl migrate`", database.schema(), pending.size()));
    }
    privileges(database);
  }

  void privileges(Database& database) {
    database.begin();
    const auto rows = database.run("privileges", {database.schema()});
    database.roll_back();
    if (rows->get(0, 0)) {
      return fail("privileges", ExitCode::permission,
                  fmt::format("a privilege is missing; as its owner run: {};", rows->text(0, 0)));
    }
    ok("privileges", "sufficient");
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

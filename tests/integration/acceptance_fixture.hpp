#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulator/server.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/postgres_cluster.hpp"

namespace odetl::test {

using simulator::Instant;
using simulator::Second;

/// The one cluster of the suite; every Installation has a database of its own in it.
PostgresCluster& cluster();

/// `2024-03-01 10:00:00`, also with a fraction.
Instant at(const std::string& text);
Second second(const std::string& text);
/// `2024-03-01T10:00:00Z`, as the command line and `status` have it.
std::string iso(Second instant);
/// `[2024-03-01T10:00:00Z, 2024-03-01T11:00:00Z)`, as messages have it.
std::string range_text(Second from, Second to);
/// So long before now, by the machine's clock.
Second ago(std::chrono::seconds age);

/// Asks again and again until it is so; false when it is not after `limit`.
bool eventually(const std::function<bool()>& is_so, std::chrono::milliseconds limit = std::chrono::seconds(10));

/// The member at a path such as `{gaps,0,1}` of a JSON text; a string without its quotes, nothing for null.
std::string json_at(const std::string& json, const std::string& path);

struct HttpAnswer {
  int status = 0;
  std::string body;
};
/// What the program's own endpoint says; status 0 when nothing listens.
HttpAnswer http_get(int port, const std::string& path);
/// The value of a series in the text of /metrics; fails when there is none.
double metric(const std::string& exposition, const std::string& series);

/// One message with its text; `user` may be numeric, which the wire then loses.
simulator::Interaction message(const std::string& user, const std::string& when, const std::string& text);
simulator::Interaction said(Second when, const std::string& text);

/// Adds so many rows of believable conversations of [from, to), some by users whose ids the wire loses.
void converse(simulator::Tenant& tenant, const std::string& from, const std::string& to, std::uint64_t rows);
/// Adds twins and near twins dated exactly at, just before and just after every whole hour, which is where windows end.
void say_at_the_seams(simulator::Tenant& tenant, const std::string& from, const std::string& to);

/// One installation of the program: a tenant on a port, a configuration, an empty database. The program is run as a
/// user runs it; what is in the database is compared with what the tenant holds.
class Installation {
 public:
  explicit Installation(simulator::TenantOptions tenant = {}, simulator::ServerOptions server = {});
  ~Installation();

  simulator::Tenant tenant;
  simulator::Server server;
  TempDirectory directory;
  std::string database;  ///< its dsn

  /// Puts `key` of the configuration file, e.g. `windows.settle`, to a value in YAML; empty: leaves it out.
  void configure(const std::string& key, const std::string& value);
  void write_token(const std::string& token) const;
  std::filesystem::path config_file() const { return directory / "config.yaml"; }
  std::filesystem::path token_file() const { return directory / "token"; }

  void fault(const std::string& script) { server.faults().add(simulator::read_fault(script)); }

  /// `opendialog-etl --config FILE` and what follows, for another program to run.
  std::vector<std::string> command(std::vector<std::string> arguments) const;
  /// Runs it to its end.
  RunResult etl(std::vector<std::string> arguments, const EnvChanges& env = {}) const;
  /// The same without waiting.
  std::unique_ptr<ChildProcess> start(std::vector<std::string> arguments, const EnvChanges& env = {}) const;
  RunResult backfill(const std::string& from, const std::string& to, std::vector<std::string> more = {}) const;
  std::string status() const;  ///< of `status --json`, which must work

  std::string sql(const std::string& statements) const { return cluster().query_at(database, statements); }

  std::string texts() const;  ///< of the live interactions, by time
  /// Writes down what the tenant serves of [from, to), for differences().
  void remember_truth(const std::string& from, const std::string& to) const;
  /// Rows that are missing or too many in the warehouse, at most a few of each; empty when the multisets of user,
  /// instant, type, text and data are equal. `only` restricts both sides by a condition on occurred_at.
  std::string differences(const std::string& only = "true") const;
  /// Both: the warehouse holds exactly what the tenant serves of [from, to), and nothing else.
  std::string differences_in(const std::string& from, const std::string& to) const;

 private:
  void write_config() const;

  std::map<std::string, std::string> configuration_;
};

/// That a command ended with this exit code; else shows what it said.
testing::AssertionResult ended(const RunResult& result, int code);

}  // namespace odetl::test

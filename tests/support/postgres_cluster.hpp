#pragma once
#include <sys/types.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "tests/support/child_process.hpp"

namespace odetl::test {

/// `fast` ends sessions with 57P01 and shuts down cleanly; `immediate` as in a crash, with recovery at the start.
enum class StopMode { fast, immediate };

struct ClusterOptions {
  int max_connections = 50;
  bool fsync = false;                           ///< on: as slow and as durable as in production
  std::map<std::string, std::string> settings;  ///< of postgresql.conf, e.g. {"listen_addresses", "127.0.0.1"}
};

/// A throw-away PostgreSQL cluster: started by the constructor (about a second for the first of a process, a
/// quarter for the next), stopped and removed by the destructor, and also when the test process is killed.
/// Reached over a unix socket without a password, encoding UTF8, locale C. Runs as `postgres`, or else
/// `nobody`, when the tests run as root. Throws std::runtime_error with the end of the server's log, or the
/// package to install when PostgreSQL is missing.
class PostgresCluster {
 public:
  explicit PostgresCluster(ClusterOptions options = {});
  ~PostgresCluster();
  PostgresCluster(const PostgresCluster&) = delete;
  PostgresCluster& operator=(const PostgresCluster&) = delete;

  /// A libpq connection string for the superuser.
  std::string dsn(const std::string& database = "postgres") const;
  /// A command line to paste, for a test that stops in a debugger.
  std::string psql_command(const std::string& database = "postgres") const;
  /// An empty database, replacing one of that name; without a name, a new one. Returns its dsn.
  std::string create_database(const std::string& name = "");
  /// Runs SQL statements, each its own transaction; returns rows as lines, columns with `|` between, NULL as
  /// nothing. Throws std::runtime_error with what psql said.
  std::string query(const std::string& sql, const std::string& database = "postgres") const;
  /// The same on any connection string, e.g. that of create_database.
  std::string query_at(const std::string& dsn, const std::string& sql) const;

  void start();  ///< returns when connections are accepted, recovery included
  void stop(StopMode mode = StopMode::fast);
  void kill9();  ///< SIGKILL to the postmaster; its children follow by themselves
  void restart(StopMode mode = StopMode::fast);
  bool running();
  /// Of the server, from its next start on, beside what this process has.
  void set_environment(const EnvChanges& environment);

  /// ALTER SYSTEM and a reload that has reached new sessions; a parameter that needs a restart gets none.
  void set_parameter(const std::string& name, const std::string& value);
  void reset_parameter(const std::string& name);

  pid_t postmaster_pid() const;             ///< of the last start
  std::filesystem::path directory() const;  ///< holds `data`, the socket and the log
  std::string log_tail(std::size_t bytes = 4000) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace odetl::test

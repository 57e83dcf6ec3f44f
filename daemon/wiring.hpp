#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "daemon/config.hpp"
#include "daemon/embedded_postgres.hpp"
#include "daemon/exit_code.hpp"
#include "etl/api_client.hpp"
#include "etl/pipeline.hpp"
#include "etl/warehouse.hpp"

namespace odetl {

/// Ends a command: an error that was explained in words and has its exit code.
class CommandError : public std::runtime_error {
 public:
  CommandError(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

/// Turns a configuration into the parts that the library works with. Owns the embedded PostgreSQL, if there is one.
/// Thread-safe but for token() and client(): the status is asked for from other threads.
class Wiring {
 public:
  explicit Wiring(Config config);

  Config config() const;
  /// Takes over what can change without a restart: all but warehouse, state_dir and http.
  void reconfigure(const Config& config);

  /// Starts the embedded PostgreSQL if no database is configured. Throws CommandError, Stopped.
  void start_database(std::stop_token stop);
  /// Creates or upgrades the schema, or (warehouse.auto_migrate: false) checks that it is there. Throws DatabaseError,
  /// also soon after `stop` is requested.
  void prepare_schema(std::stop_token stop);
  /// For commands that only look: throws DatabaseError(db_schema) unless the schema is there and up to date.
  void require_schema() const;
  std::unique_ptr<Database> connect() const;
  std::unique_ptr<Warehouse> warehouse(std::shared_ptr<SeenUsers> seen_users = std::make_shared<SeenUsers>()) const;
  /// For one process that shares a range with others.
  std::unique_ptr<WindowClaims> window_claims() const;

  /// The bearer token, read afresh; warns once when others can read its file. Throws ConfigError.
  std::string token();
  std::unique_ptr<ApiClient> client();
  ApiOptions api_options() const;

  ReadOptions read_options(Reason reason) const;
  WidthLimits width_limits() const;
  RateAllowance rate_allowance(Reason reason) const;

  /// Where the database is, for messages: without its password.
  std::string database_name() const;
  /// How a person reaches the embedded PostgreSQL; empty without one.
  std::string psql_command() const;

 private:
  mutable std::mutex mutex_;  // guards both
  Config config_;
  std::unique_ptr<EmbeddedPostgres> embedded_;
  bool token_warned_ = false;
};

/// The clocks and the random numbers of this process.
Surroundings real_surroundings();

/// `$name` of the process, for configurations.
std::optional<std::string> process_environment(const std::string& name);

}  // namespace odetl

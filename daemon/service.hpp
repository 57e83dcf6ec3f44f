#pragma once
#include <atomic>
#include <functional>
#include <stop_token>

#include "daemon/metrics.hpp"
#include "daemon/service_manager.hpp"
#include "daemon/telemetry.hpp"
#include "daemon/wiring.hpp"

namespace odetl {

/// The poll loop of `run`: leads, polls, rechecks, and waits; for ever, or until the settled present (`once`).
class Service {
 public:
  /// `reload` gives the configuration anew, or throws ConfigError.
  Service(Wiring& wiring, Metrics& metrics, Telemetry& telemetry, ServiceManager& manager,
          const Surroundings& surroundings, std::function<Config()> reload);
  ~Service();

  /// Returns when `stop` is requested. Failures are told, waited out and tried again, for ever; but before the first poll
  /// those that only a human can mend are thrown: ConfigError, CommandError, DatabaseError(db_denied, db_schema).
  void run(std::stop_token stop);

  /// Catches up, then returns. Throws CommandError when that fails.
  void run_once(std::stop_token stop);

  /// From a signal's thread: load configuration and secrets again before the next poll.
  void request_reload();

  struct Status {
    bool leads = false;
    StreamState state;
    std::optional<sys_seconds> server_now;
  };
  /// For `/status.json`. Thread-safe.
  Status status() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace odetl

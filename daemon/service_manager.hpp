#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace odetl {

/// What the process tells the service manager (systemd's sd_notify). Without one, does nothing.
class ServiceManager {
 public:
  virtual ~ServiceManager() = default;
  virtual void ready() = 0;
  virtual void reloading() = 0;  ///< with MONOTONIC_USEC; followed by ready()
  virtual void stopping() = 0;
  virtual void status(const std::string& line) = 0;  ///< one line, control characters replaced
  virtual void alive() = 0;                          ///< feeds the watchdog: only after real progress
  /// How often alive() must be called at the least (half of WATCHDOG_USEC); empty: no watchdog.
  virtual std::optional<std::chrono::microseconds> watchdog_interval() const = 0;
};

std::unique_ptr<ServiceManager> make_service_manager();

}  // namespace odetl

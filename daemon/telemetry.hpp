#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "daemon/log.hpp"
#include "daemon/metrics.hpp"
#include "etl/pipeline.hpp"

namespace odetl {

/// What the pipeline tells, turned into log lines and metrics, and kept for `/readyz`. A window's lines have
/// `window=FROM/TO`, as the ledger knows it, and `request=N`, counted from the start of the process. Thread-safe.
class Telemetry final : public PipelineEvents {
 public:
  Telemetry(Metrics& metrics, const Surroundings& surroundings, bool quiet_windows);

  void request_done(const Task& task, const Exchange& exchange) override;
  void window_done(const WindowReport& report) override;
  void failed(const Task& task, const TaskFailure& failure, const WindowPlan::Verdict& verdict) override;
  void idle() override;

  /// A failure outside of any window, e.g. while connecting.
  void trouble(Event event, Failure failure, const std::string& message);
  /// The API and the database were both reached.
  void all_well();
  /// Called on every sign of life; for the watchdog.
  void on_progress(std::function<void()> feed);

  /// Nothing when API and database were reached within `allowed`, else the reason in words.
  std::optional<std::string> not_ready(std::chrono::seconds allowed) const;
  std::string last_error() const;
  /// Sums of what was loaded since the start.
  WindowReport totals() const;
  std::uint64_t requests() const { return requests_; }
  /// Requests by HTTP status; 0 without an answer.
  std::map<int, std::uint64_t> requests_by_code() const;

 private:
  void tell(LogLevel level, Event event, Failure cause, std::vector<LogField> fields);
  std::uint64_t request_of(const TimeWindow& window) const;

  Metrics& metrics_;
  Surroundings surroundings_;
  bool quiet_windows_;
  mutable std::mutex mutex_;
  std::function<void()> feed_;
  WindowReport totals_;
  std::atomic<std::uint64_t> requests_{0};
  std::map<int, std::uint64_t> requests_by_code_;
  std::map<sys_seconds, std::uint64_t> request_of_;  // by the beginning of the window, the last one for it
  std::optional<std::chrono::steady_clock::time_point> reached_;
  std::string last_error_;
  std::uint64_t repeated_ = 0;                                     // failures since one was last told
  std::map<Failure, std::chrono::steady_clock::time_point> told_;  // when each cause was last told
  bool failing_ = false;
  bool echo_told_ = false;
};

}  // namespace odetl

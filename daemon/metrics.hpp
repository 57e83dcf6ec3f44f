#pragma once
#include <memory>
#include <optional>
#include <string>

#include "etl/pipeline.hpp"

namespace odetl {

/// The numbers of this process in Prometheus's terms; names as in the README. Thread-safe.
class Metrics {
 public:
  Metrics();
  ~Metrics();

  void request(const Exchange& exchange);
  void retry(Failure cause);
  void window(const WindowReport& report);
  void rejected_records(std::uint64_t now);
  void window_width(std::chrono::seconds width);
  void watermark(std::optional<sys_seconds> watermark, std::chrono::seconds gaps);
  void rate_limit_remaining(std::int64_t remaining);
  void leader(bool leads);
  void backfill_progress(double ratio);
  void configuration_loaded(bool well);

  /// The text exposition format. `now` makes the lag.
  std::string expose(Timestamp now);

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace odetl

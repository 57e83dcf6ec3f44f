#pragma once
#include <functional>
#include <memory>
#include <string>

#include "etl/warehouse.hpp"

namespace odetl {

/// What a backfill shows of itself while it works.
struct ProgressReading {
  double ratio = 0;              ///< share of the seconds that are dealt with
  WindowReport totals;           ///< sums so far
  std::uint64_t requests = 0;
  std::chrono::milliseconds elapsed{0};
};

/// `[#####     ] 52 %  1,234,567 rows  81,000 rows/s  312 requests  ETA 14s`, at most `width` columns.
std::string progress_bar(const ProgressReading& reading, int width);

/// Shows a bar on a terminal that is drawn over, else a line of the log every few seconds, until it is destroyed.
class Progress {
 public:
  virtual ~Progress() = default;
};
std::unique_ptr<Progress> show_progress(std::function<ProgressReading()> read);

/// `1,234,567`.
std::string with_commas(std::uint64_t number);

}  // namespace odetl

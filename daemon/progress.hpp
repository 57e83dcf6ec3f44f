#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "etl/warehouse.hpp"

namespace odetl {

/// What a backfill shows of itself while it works.
struct ProgressReading {
  double ratio = 0;     ///< share of the seconds that are dealt with
  WindowReport totals;  ///< sums so far
  std::uint64_t requests = 0;
  std::chrono::milliseconds elapsed{0};
  std::chrono::seconds rate_wait{0};  ///< until the server's rate limit lets the next request go
};

/// How fast it goes: over the last half minute, since windows and servers change their pace.
class Pace {
 public:
  void add(const ProgressReading& reading);
  double rows_per_second() const;
  /// Until the end; nothing before there is something to guess from.
  std::optional<std::chrono::seconds> time_left() const;

 private:
  struct Point {
    std::chrono::milliseconds elapsed{0};
    double ratio = 0;
    std::uint64_t rows = 0;
  };
  std::deque<Point> points_{Point{}};
};

/// `[#####     ] 52 %  1,234,567 rows  81,000 rows/s  312 requests  ETA 14s`, at most `width` columns; while the rate
/// limit is waited for, that as well.
std::string progress_bar(const ProgressReading& reading, const Pace& pace, int width);

/// Shows a bar on a terminal that is drawn over, else a line of the log every few seconds, until it is destroyed.
class Progress {
 public:
  virtual ~Progress() = default;
};
std::unique_ptr<Progress> show_progress(std::function<ProgressReading()> read);

/// `1,234,567`.
std::string with_commas(std::uint64_t number);

}  // namespace odetl

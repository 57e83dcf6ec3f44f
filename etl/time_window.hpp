#pragma once
#include <string>
#include <utility>
#include <vector>

#include "etl/timestamp.hpp"

namespace odetl {

/// The half-open range `[from, to)` of whole seconds: what one request, one transaction and one
/// ledger row are about. The API's bounds are both inclusive, so a window asks for `[from, to]` and
/// owns only what is dated before `to`; the seam belongs to the window that begins there.
struct TimeWindow {
  sys_seconds from;
  sys_seconds to;

  bool operator==(const TimeWindow&) const = default;

  std::chrono::seconds width() const { return to - from; }
  bool empty() const { return to <= from; }
  bool owns(Timestamp instant) const { return from <= instant && instant < to; }
  bool overlaps(const TimeWindow& other) const { return from < other.to && other.from < to; }

  /// The two halves, cut at a whole second. Must be wider than one second.
  std::pair<TimeWindow, TimeWindow> split() const;
};

/// `[2024-01-31T08:00:00Z, 2024-01-31T09:00:00Z)`.
std::string to_text(const TimeWindow& window);

/// The first instant of the month (UTC) in which `instant` lies.
sys_seconds month_begin(sys_seconds instant);

/// The parts of a window that lie in one month (UTC) each, in order.
std::vector<TimeWindow> by_month(const TimeWindow& window);

/// `from` cut up, `to` cut down: the widest window of whole seconds inside two instants.
TimeWindow whole_seconds(Timestamp from, Timestamp to);

}  // namespace odetl

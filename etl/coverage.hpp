#pragma once
#include <optional>
#include <string>
#include <vector>

#include "etl/time_window.hpp"

namespace odetl {

/// The set of instants known to be durably loaded, kept as sorted, disjoint, non-touching windows.
/// Empty windows are ignored everywhere.
class Coverage {
 public:
  Coverage() = default;
  explicit Coverage(const std::vector<TimeWindow>& windows);

  void add(const TimeWindow& window);
  void remove(const TimeWindow& window);

  bool contains(const TimeWindow& window) const;
  bool overlaps(const TimeWindow& window) const;

  /// The parts of `range` that are not covered, in order: `range minus coverage`.
  std::vector<TimeWindow> gaps(const TimeWindow& range) const;
  /// The parts of `range` that are covered, in order.
  std::vector<TimeWindow> covered(const TimeWindow& range) const;

  /// The upper edge of all that is covered: the watermark.
  std::optional<sys_seconds> upper() const;
  std::optional<sys_seconds> lower() const;

  const std::vector<TimeWindow>& windows() const { return windows_; }
  bool operator==(const Coverage&) const = default;

 private:
  std::vector<TimeWindow> windows_;
};

/// A PostgreSQL multirange literal, `{[2024-01-01T00:00:00Z,2024-01-02T00:00:00Z)}`.
std::string to_multirange(const std::vector<TimeWindow>& windows);

}  // namespace odetl

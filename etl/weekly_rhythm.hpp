#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "etl/time_window.hpp"

namespace odetl {

/// In which order the past is read, and so at which end of it the next window stands.
enum class Order { oldest_first, newest_first };

/// What people say follows the hours of their days and the days of their weeks. Remembers, for each hour of the week (UTC),
/// which share of a full answer a second of it takes. Pure.
class WeeklyRhythm {
 public:
  /// An answer for `window` took `share` of a full one, and `rows` of its interactions were dated in each of the hours that
  /// the window touches, from its first on. An hour of which the window holds less than a quarter is not told by that, unless
  /// it was seen before and the window is no wider.
  void learn(const TimeWindow& window, const std::vector<std::uint32_t>& rows, double share);

  /// How much of the time after `edge`, or (newest first) before it, an answer of `share` is likely to hold, up to `most`.
  /// Nothing where too little is known: an hour of the week that was never seen is taken for the fullest of those at that
  /// time of three other days.
  std::optional<std::chrono::seconds> holds(double share, sys_seconds edge, Order order, std::chrono::seconds most) const;
  /// Which share of a full answer the window is likely to take. Nothing where too little is known.
  std::optional<double> foretold(const TimeWindow& window) const;

 private:
  static constexpr int kHours = 24 * 7;
  std::optional<double> share_of_a_second(int hour) const;

  std::array<double, kHours> shares_ = unseen();
  static constexpr std::array<double, kHours> unseen() {
    std::array<double, kHours> shares{};
    shares.fill(-1.0);
    return shares;
  }
};

/// How many of the instants lie in each of the hours that `window` touches; all of them lie in it.
template <typename Dated>
std::vector<std::uint32_t> rows_by_hour(const TimeWindow& window, const Dated& rows) {
  using std::chrono::floor;
  using std::chrono::hours;
  if (window.empty()) return {};
  const auto first = floor<hours>(window.from);
  std::vector<std::uint32_t> counts(static_cast<std::size_t>((floor<hours>(window.to - std::chrono::seconds(1)) - first).count() + 1));
  for (const auto& row : rows) ++counts[static_cast<std::size_t>((floor<hours>(row.occurred_at) - first).count())];
  return counts;
}

}  // namespace odetl

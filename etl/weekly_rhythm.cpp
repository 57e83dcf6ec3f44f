#include "etl/weekly_rhythm.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace odetl {
namespace {

using namespace std::chrono_literals;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::seconds;

constexpr double kTelling = 0.25;  // of an hour
constexpr double kNewest = 0.5;    // weight of a whole hour that was just seen
constexpr int kDaysToGuess = 3;    // of which one is no week-end, in any country

int hour_of_week(sys_seconds instant) {
  const auto hour = floor<hours>(instant).time_since_epoch().count() % (24 * 7);
  return static_cast<int>(hour < 0 ? hour + 24 * 7 : hour);
}

}  // namespace

void WeeklyRhythm::learn(const TimeWindow& window, const std::vector<std::uint32_t>& rows, double share) {
  const auto total = std::accumulate(rows.begin(), rows.end(), std::uint64_t{0});
  sys_seconds hour = floor<hours>(window.from);
  for (const std::uint32_t count : rows) {
    const seconds part = std::min(window.to, hour + 1h) - std::max(window.from, hour);
    double& known = shares_[static_cast<std::size_t>(hour_of_week(hour))];
    hour += 1h;
    const double of_hour = part / std::chrono::duration<double, std::ratio<3600>>(1);
    if (of_hour < kTelling && (known < 0 || part < window.width())) continue;
    const double seen = total == 0 ? 0.0 : share * count / static_cast<double>(total) / static_cast<double>(part.count());
    const double weight = known < 0 ? 1.0 : kNewest * of_hour;
    known = weight * seen + (1.0 - weight) * std::max(0.0, known);
  }
}

std::optional<double> WeeklyRhythm::share_of_a_second(int hour) const {
  const double known = shares_[static_cast<std::size_t>(hour)];
  if (known >= 0) return known;
  int days = 0;
  double fullest = 0;
  for (int same = hour % 24; same < kHours; same += 24) {
    const double other = shares_[static_cast<std::size_t>(same)];
    if (other < 0) continue;
    ++days;
    fullest = std::max(fullest, other);
  }
  if (days < kDaysToGuess) return std::nullopt;
  return fullest;
}

std::optional<seconds> WeeklyRhythm::holds(double share, sys_seconds edge, Order order, seconds most) const {
  const bool backwards = order == Order::newest_first;
  seconds held{0};
  while (held < most) {
    const sys_seconds at = backwards ? edge - held : edge + held;
    const sys_seconds hour = backwards ? floor<hours>(at - 1s) : floor<hours>(at);
    const auto of_second = share_of_a_second(hour_of_week(hour));
    if (!of_second) return std::nullopt;
    const seconds part = backwards ? at - hour : hour + 1h - at;
    const double needed = *of_second * static_cast<double>(part.count());
    if (needed > share) return std::min(most, held + seconds(std::llround(share / *of_second)));
    share -= needed;
    held += part;
  }
  return most;
}

std::optional<double> WeeklyRhythm::foretold(const TimeWindow& window) const {
  double sum = 0;
  for (sys_seconds at = window.from; at < window.to;) {
    const sys_seconds next = std::min<sys_seconds>(window.to, floor<hours>(at) + 1h);
    const auto of_second = share_of_a_second(hour_of_week(at));
    if (!of_second) return std::nullopt;
    sum += *of_second * static_cast<double>((next - at).count());
    at = next;
  }
  return sum;
}

}  // namespace odetl

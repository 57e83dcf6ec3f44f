#include "etl/time_window.hpp"

#include <algorithm>
#include <cassert>

namespace odetl {

std::pair<TimeWindow, TimeWindow> TimeWindow::split() const {
  assert(width() > std::chrono::seconds{1});
  const sys_seconds middle = from + width() / 2;
  return {{from, middle}, {middle, to}};
}

std::string to_text(const TimeWindow& window) {
  std::string text = "[";
  text.append(to_rfc3339(window.from)).append(", ").append(to_rfc3339(window.to)).append(")");
  return text;
}

sys_seconds month_begin(sys_seconds instant) {
  const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(instant));
  return std::chrono::sys_days(day.year() / day.month() / 1);
}

std::vector<TimeWindow> by_month(const TimeWindow& window) {
  std::vector<TimeWindow> parts;
  for (sys_seconds from = window.from; from < window.to;) {
    const sys_seconds next = month_begin(month_begin(from) + std::chrono::days(31));
    parts.push_back({from, std::min(window.to, next)});
    from = next;
  }
  return parts;
}

TimeWindow whole_seconds(Timestamp from, Timestamp to) {
  return {std::chrono::ceil<std::chrono::seconds>(from), std::chrono::floor<std::chrono::seconds>(to)};
}

}  // namespace odetl

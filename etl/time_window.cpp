#include "etl/time_window.hpp"

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

TimeWindow whole_seconds(Timestamp from, Timestamp to) {
  return {std::chrono::ceil<std::chrono::seconds>(from), std::chrono::floor<std::chrono::seconds>(to)};
}

}  // namespace odetl

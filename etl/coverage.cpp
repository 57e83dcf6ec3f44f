#include "etl/coverage.hpp"

#include <algorithm>

namespace odetl {
namespace {

TimeWindow intersection(const TimeWindow& a, const TimeWindow& b) {
  return {std::max(a.from, b.from), std::min(a.to, b.to)};
}

}  // namespace

Coverage::Coverage(const std::vector<TimeWindow>& windows) {
  for (const TimeWindow& window : windows) add(window);
}

void Coverage::add(const TimeWindow& window) {
  if (window.empty()) return;
  TimeWindow merged = window;
  // Everything that overlaps or touches becomes one.
  const auto first = std::lower_bound(windows_.begin(), windows_.end(), window.from,
                                      [](const TimeWindow& w, sys_seconds from) { return w.to < from; });
  auto last = first;
  for (; last != windows_.end() && last->from <= window.to; ++last) {
    merged = {std::min(merged.from, last->from), std::max(merged.to, last->to)};
  }
  windows_.insert(windows_.erase(first, last), merged);
}

void Coverage::remove(const TimeWindow& window) {
  if (window.empty()) return;
  std::vector<TimeWindow> kept;
  for (const TimeWindow& w : windows_) {
    for (const TimeWindow part : {TimeWindow{w.from, std::min(w.to, window.from)},
                                  TimeWindow{std::max(w.from, window.to), w.to}}) {
      if (!part.empty()) kept.push_back(part);
    }
  }
  windows_ = std::move(kept);
}

bool Coverage::contains(const TimeWindow& window) const { return gaps(window).empty(); }

bool Coverage::overlaps(const TimeWindow& window) const { return !covered(window).empty(); }

std::vector<TimeWindow> Coverage::covered(const TimeWindow& range) const {
  std::vector<TimeWindow> parts;
  for (const TimeWindow& window : windows_) {
    const TimeWindow part = intersection(window, range);
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

std::vector<TimeWindow> Coverage::gaps(const TimeWindow& range) const {
  std::vector<TimeWindow> parts;
  sys_seconds at = range.from;
  for (const TimeWindow& part : covered(range)) {
    if (at < part.from) parts.push_back({at, part.from});
    at = part.to;
  }
  if (at < range.to) parts.push_back({at, range.to});
  return parts;
}

std::optional<sys_seconds> Coverage::upper() const {
  if (windows_.empty()) return std::nullopt;
  return windows_.back().to;
}

std::optional<sys_seconds> Coverage::lower() const {
  if (windows_.empty()) return std::nullopt;
  return windows_.front().from;
}

std::string to_multirange(const std::vector<TimeWindow>& windows) {
  std::string text = "{";
  for (const TimeWindow& window : windows) {
    if (text.size() > 1) text += ',';
    text += '[' + to_rfc3339(window.from) + ',' + to_rfc3339(window.to) + ')';
  }
  return text + '}';
}

}  // namespace odetl

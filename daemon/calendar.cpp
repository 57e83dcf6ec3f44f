#include "daemon/calendar.hpp"

#include <algorithm>
#include <cmath>

namespace odetl {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using std::chrono::seconds;
using std::chrono::sys_days;

constexpr auto kDueAfter = 1h;  // behind now; what is younger may still be on its way

std::optional<sys_seconds> begin_of(const StreamState& state) {
  const auto covered = state.coverage.lower();
  const auto poisoned = state.poisoned.lower();
  return covered && poisoned ? std::min(covered, poisoned) : covered ? covered : poisoned;
}

DayState state_of(const CalendarDay& day, const StreamState& state, const TimeWindow& due) {
  if (state.poisoned.overlaps(due)) return DayState::poisoned;
  if (day.covered <= 0) return DayState::gap;
  if (day.covered < 1) return DayState::partly;
  return day.rows == 0U ? DayState::silent : DayState::loaded;
}

CalendarDay make_day(sys_days at, const StreamState& state, const std::optional<RowsByDay>& rows,
                     const TimeWindow& history) {
  CalendarDay day;
  day.day = at;
  if (rows) {
    const auto found = rows->find(at);
    day.rows = found == rows->end() ? 0 : static_cast<std::uint64_t>(std::llround(std::max(0.0, found->second)));
  }
  const TimeWindow due{std::max<sys_seconds>(at, history.from), std::min<sys_seconds>(at + days(1), history.to)};
  seconds covered{0};
  for (const TimeWindow& part : state.coverage.covered(due)) covered += part.width();
  day.covered = due.empty() ? 0 : static_cast<double>(covered.count()) / static_cast<double>(due.width().count());
  day.state = state_of(day, state, due);
  return day;
}

}  // namespace

const char* to_text(DayState state) {
  switch (state) {
    case DayState::loaded:
      return "loaded";
    case DayState::silent:
      return "silent";
    case DayState::partly:
      return "partly";
    case DayState::gap:
      return "gap";
    case DayState::poisoned:
      return "poisoned";
  }
  return "";
}

Calendar make_calendar(const StreamState& state, const std::optional<RowsByDay>& rows, Timestamp now) {
  Calendar calendar;
  const auto begin = begin_of(state);
  if (!begin) return calendar;
  const auto due = std::chrono::floor<seconds>(now - kDueAfter);
  const TimeWindow history{*begin, std::max(due, state.coverage.upper().value_or(*begin + 1s))};
  const auto first = std::chrono::floor<days>(history.from);
  const auto last = std::chrono::floor<days>(history.to - 1s);
  const auto shown = std::max(first, last - days(kCalendarDays - 1));
  if (shown > first) calendar.begins_before = first;
  for (sys_days day = shown; day <= last; day += days(1)) calendar.days.push_back(make_day(day, state, rows, history));
  return calendar;
}

int intensity(std::uint64_t rows, std::uint64_t most, int levels) {
  if (rows == 0 || most == 0) return 0;
  const double share = std::sqrt(static_cast<double>(rows) / static_cast<double>(most));
  return std::clamp(static_cast<int>(std::ceil(share * levels)), 1, levels);
}

}  // namespace odetl

#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "etl/planner.hpp"

namespace odetl {

/// What is known about one day of history.
enum class DayState {
  loaded,    ///< all of it, and there are rows
  silent,    ///< all of it, and nobody said anything
  partly,    ///< some of it
  gap,       ///< nothing of it
  poisoned,  ///< something in it that the server cannot serve
};
const char* to_text(DayState state);

struct CalendarDay {
  std::chrono::sys_days day;
  DayState state = DayState::gap;
  double covered = 0;                 ///< share of it that is loaded, 0 to 1
  std::optional<std::uint64_t> rows;  ///< live interactions dated then; nothing while not counted
};

/// Live interactions by day. A day that is missing has none.
using RowsByDay = std::map<std::chrono::sys_days, double>;

/// The days from the beginning of history to now, in order. Of a very long history only the end.
struct Calendar {
  std::vector<CalendarDay> days;
  std::optional<std::chrono::sys_days> begins_before;  ///< the first day of history, where it was left out
};

inline constexpr int kCalendarDays = 6 * 366;

/// `rows`: nothing while they are not counted. The day that history begins in and the one that it ends in count as
/// whole when they are loaded from there on and up to there. What is behind `now` by more than an hour is due, and else
/// a gap; epoch for a history that ends with what is loaded.
Calendar make_calendar(const StreamState& state, const std::optional<RowsByDay>& rows, Timestamp now);

/// How busy a day was among the others, 1 to `levels`, by the square root of its rows; 0 for none.
int intensity(std::uint64_t rows, std::uint64_t most, int levels);

}  // namespace odetl

#include "daemon/calendar_text.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>

namespace odetl {
namespace {

using std::chrono::year_month;
using std::chrono::year_month_day;

constexpr int kMonths = 24;
constexpr std::array kBlocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

struct Mark {
  const char* text;
  const char* colour;  // an SGR parameter
};

Mark mark_of(const CalendarDay& day, std::uint64_t most) {
  switch (day.state) {
    case DayState::silent:
      return {"·", "2"};
    case DayState::partly:
      return {"/", "33"};
    case DayState::gap:
      return {"-", "31"};
    case DayState::poisoned:
      return {"x", "1;31"};
    case DayState::loaded:
      break;
  }
  // Loaded, and not counted yet: the lowest.
  const auto level = std::max(1, intensity(day.rows.value_or(0), most, static_cast<int>(kBlocks.size())));
  return {kBlocks[static_cast<std::size_t>(level - 1)], "36"};
}

std::string drawn(const Mark& mark, Marks marks) {
  return marks == Marks::plain ? mark.text : fmt::format("\033[{}m{}\033[0m", mark.colour, mark.text);
}

year_month month_of(const CalendarDay& day) {
  const year_month_day date(day.day);
  return date.year() / date.month();
}

std::string legend(Marks marks) {
  return fmt::format("{:<14}{}{} rows  {} nobody spoke  {} partly  {} not loaded  {} the server cannot serve it\n", "",
                     drawn({kBlocks[0], "36"}, marks), drawn({kBlocks[7], "36"}, marks), drawn({"·", "2"}, marks),
                     drawn({"/", "33"}, marks), drawn({"-", "31"}, marks), drawn({"x", "1;31"}, marks));
}

}  // namespace

std::string calendar_text(const Calendar& calendar, Marks marks) {
  if (calendar.days.empty()) return "";
  const year_month last = month_of(calendar.days.back());
  std::uint64_t most = 0;
  for (const CalendarDay& day : calendar.days) most = std::max(most, day.rows.value_or(0));
  std::string text = fmt::format("{:<14}1   5    10   15   20   25   30\n", "calendar");
  std::optional<year_month> month;
  bool cut = calendar.begins_before.has_value();
  for (const CalendarDay& day : calendar.days) {
    if (last - month_of(day) >= std::chrono::months(kMonths)) {
      cut = true;
      continue;
    }
    const year_month_day date(day.day);
    if (month != month_of(day)) {
      if (month) text += '\n';
      month = month_of(day);
      text += fmt::format(
          "{:<14}{}", fmt::format("{:04}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month())),
          std::string(static_cast<unsigned>(date.day()) - 1, ' '));
    }
    text += drawn(mark_of(day, most), marks);
  }
  text += '\n' + legend(marks);
  if (cut) text += fmt::format("{:<14}the last {} months; --json has more\n", "", kMonths);
  return text;
}

}  // namespace odetl

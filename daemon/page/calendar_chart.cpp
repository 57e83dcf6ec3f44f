#include "daemon/page/calendar_chart.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <span>

#include "daemon/page/html.hpp"

namespace odetl::page {
namespace {

using std::chrono::year_month_day;

constexpr int kStep = 12;  // from one square to the next
constexpr int kSide = 10;  // of a square
constexpr int kLeft = 28;  // room for the month's name
constexpr int kTop = 14;   // room for the days of the month
constexpr int kLevels = 5;
constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

template <typename... Args>
void append(std::string& out, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
}

std::string rows_in_words(const CalendarDay& day) {
  return day.rows ? fmt::format("{} rows", count_text(static_cast<std::int64_t>(*day.rows))) : "rows not counted";
}

std::string in_words(const CalendarDay& day) {
  switch (day.state) {
    case DayState::loaded:
      return rows_in_words(day);
    case DayState::silent:
      return "loaded, nobody spoke";
    case DayState::partly:
      return fmt::format("{:.0f} % loaded, {}", 100 * day.covered, rows_in_words(day));
    case DayState::gap:
      return "not loaded";
    case DayState::poisoned:
      return fmt::format("{}; seconds that the server cannot serve", rows_in_words(day));
  }
  return "";
}

// A square at (x, y) as its state is drawn: not by colour alone.
void append_square(std::string& out, const CalendarDay& day, std::uint64_t most, int x, int y) {
  append(out, "<g><title>{} {}: {}</title>", day_text(day.day), weekday_text(day.day), in_words(day));
  const int level = std::max(1, intensity(day.rows.value_or(0), most, kLevels));
  const auto square = [&](std::string_view css) {
    append(out, R"(<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="2"/>)", css, x, y, kSide, kSide);
  };
  const auto framed = [&](std::string_view css) {
    append(out, R"(<rect class="{}" x="{}.5" y="{}.5" width="{}" height="{}" rx="2"/>)", css, x, y, kSide - 1,
           kSide - 1);
  };
  switch (day.state) {
    case DayState::loaded:
      square(fmt::format("l{}", level));
      break;
    case DayState::silent:
      framed("silent");
      break;
    case DayState::gap:
      framed("gap");
      break;
    case DayState::partly:
      framed("partly");
      append(out, R"(<path class="part" d="M{} {}v{}h{}z"/>)", x + 2, y + 2, kSide - 4, kSide - 4);
      break;
    case DayState::poisoned:
      square("poison");
      append(out, R"(<path class="cross" d="M{} {}l5 5m0-5l-5 5"/>)", x + 2.5, y + 2.5);
      break;
  }
  out += "</g>";
}

int year_of(const CalendarDay& day) { return static_cast<int>(year_month_day(day.day).year()); }
int month_of(const CalendarDay& day) {
  return static_cast<int>(static_cast<unsigned>(year_month_day(day.day).month()));
}
int date_of(const CalendarDay& day) { return static_cast<int>(static_cast<unsigned>(year_month_day(day.day).day())); }

std::string year_in_words(std::span<const CalendarDay> days) {
  std::array<int, 5> counts{};
  std::uint64_t rows = 0;
  for (const CalendarDay& day : days) {
    ++counts[static_cast<std::size_t>(day.state)];
    rows += day.rows.value_or(0);
  }
  std::string text = fmt::format("{}: {} rows", year_of(days.front()), count_text(static_cast<std::int64_t>(rows)));
  const std::array names = {"days loaded", "silent", "partly loaded", "not loaded",
                            "with seconds that cannot be served"};
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 0) text += fmt::format(", {} {}", counts[i], names[i]);
  }
  return text;
}

// The name of the month, and its days as if nothing were known of them.
void append_month(std::string& out, const CalendarDay& day, int y) {
  const year_month_day date(day.day);
  const auto days = static_cast<int>(static_cast<unsigned>((date.year() / date.month() / std::chrono::last).day()));
  append(out, R"(<text x="0" y="{}">{}</text>)", y + 9, kMonths[static_cast<std::size_t>(month_of(day) - 1)]);
  append(out, R"(<rect class="unknown" x="{}" y="{}" width="{}" height="{}"/>)", kLeft, y, days * kStep, kStep);
}

std::string year_chart(std::span<const CalendarDay> days, std::uint64_t most) {
  const int first = month_of(days.front());
  const int months = month_of(days.back()) - first + 1;
  const int year = year_of(days.front());
  std::string out;
  append(out, R"(<figure class="year"><figcaption>{}</figcaption><svg viewBox="0 0 {} {}" role="img" aria-label="{}">)",
         year, kLeft + 31 * kStep, kTop + months * kStep, year_in_words(days));
  // The blank squares are a pattern, in the colours of the page.
  append(out,
         R"(<defs><pattern id="u{}" x="{}" y="{}" width="{}" height="{}" patternUnits="userSpaceOnUse">)"
         R"(<rect class="blank" width="{}" height="{}" rx="2"/></pattern></defs>)",
         year, kLeft, kTop, kStep, kStep, kSide, kSide);
  for (const int date : {1, 5, 10, 15, 20, 25, 30}) {
    append(out, R"(<text class="date" x="{}" y="9">{}</text>)", kLeft + (date - 1) * kStep + kSide / 2, date);
  }
  int month = 0;
  append(out, R"~(<g fill="url(#u{})">)~", year);
  for (const CalendarDay& day : days) {
    if (month != month_of(day)) append_month(out, day, kTop + (month_of(day) - first) * kStep);
    month = month_of(day);
  }
  out += "</g>";
  for (const CalendarDay& day : days) {
    append_square(out, day, most, kLeft + (date_of(day) - 1) * kStep, kTop + (month_of(day) - first) * kStep);
  }
  return out + "</svg></figure>";
}

}  // namespace

std::string calendar_chart(const Calendar& calendar) {
  std::uint64_t most = 0;
  for (const CalendarDay& day : calendar.days) most = std::max(most, day.rows.value_or(0));
  std::string years;
  for (auto at = calendar.days.begin(); at != calendar.days.end();) {
    const auto end =
        std::find_if(at, calendar.days.end(), [&](const CalendarDay& day) { return year_of(day) != year_of(*at); });
    years.insert(0, year_chart({at, end}, most));
    at = end;
  }
  return R"(<div class="years">)" + years + "</div>";
}

std::string calendar_legend() {
  std::string out = R"(<ul class="legend">)";
  const auto item = [&out](const CalendarDay& day, const char* words) {
    out += R"(<li><svg viewBox="0 0 10 10" aria-hidden="true">)";
    append_square(out, day, 1000, 0, 0);
    append(out, "</svg>{}</li>", words);
  };
  item({{}, DayState::loaded, 1, 2}, "few rows");
  item({{}, DayState::loaded, 1, 1000}, "many");
  item({{}, DayState::silent, 1, 0}, "loaded, nobody spoke");
  item({{}, DayState::partly, 0.5, 0}, "partly loaded");
  item({{}, DayState::gap, 0, 0}, "not loaded");
  item({{}, DayState::poisoned, 0, 0}, "has seconds that the server cannot serve");
  return out + "</ul>";
}

}  // namespace odetl::page

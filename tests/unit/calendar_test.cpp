#include "daemon/calendar.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/calendar_text.hpp"

namespace odetl {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

sys_seconds at(const char* text) { return std::chrono::floor<std::chrono::seconds>(*parse_timestamp(text)); }
sys_days day(const char* text) { return std::chrono::floor<std::chrono::days>(at(text)); }

// Loaded from the 1st of March at eight to the 6th at noon, but for a day and a half.
StreamState some_days() {
  StreamState state;
  state.coverage.add({at("2024-03-01T08:00:00Z"), at("2024-03-03T00:00:00Z")});
  state.coverage.add({at("2024-03-04T12:00:00Z"), at("2024-03-06T12:00:00Z")});
  state.watermark = state.coverage.upper();
  return state;
}
const Timestamp kNow = at("2024-03-06T12:00:15Z");

std::string states(const Calendar& calendar) {
  std::string text;
  for (const CalendarDay& day : calendar.days) text += std::string(text.empty() ? "" : " ") + to_text(day.state);
  return text;
}

TEST(Calendar, TellsEveryDayFromTheFirstToTheLast) {
  const RowsByDay rows = {
      {day("2024-03-01T00:00:00Z"), 5.0}, {day("2024-03-04T00:00:00Z"), 2.0}, {day("2024-03-06T00:00:00Z"), 1.4}};
  const Calendar calendar = make_calendar(some_days(), rows, kNow);
  EXPECT_EQ(states(calendar), "loaded silent gap partly silent loaded");
  EXPECT_EQ(calendar.days[0].day, day("2024-03-01T00:00:00Z"));
  EXPECT_EQ(calendar.days[0].rows, 5U);
  EXPECT_EQ(calendar.days[5].rows, 1U);
  EXPECT_DOUBLE_EQ(calendar.days[3].covered, 0.5);
  EXPECT_FALSE(calendar.begins_before);
}

TEST(Calendar, IsEmptyWithoutHistory) { EXPECT_THAT(make_calendar({}, RowsByDay{}, kNow).days, IsEmpty()); }

TEST(Calendar, KnowsOfNoSilenceWhileRowsAreNotCounted) {
  const Calendar calendar = make_calendar(some_days(), std::nullopt, kNow);
  EXPECT_EQ(states(calendar), "loaded loaded gap partly loaded loaded");
  EXPECT_FALSE(calendar.days[0].rows);
}

TEST(Calendar, MarksDaysWithPoisonedSeconds) {
  StreamState state = some_days();
  state.poisoned.add({at("2024-03-03T05:00:00Z"), at("2024-03-03T05:00:01Z")});
  EXPECT_EQ(states(make_calendar(state, RowsByDay{}, kNow)), "silent silent poisoned partly silent silent");
}

TEST(Calendar, WhatIsBehindByMoreThanAnHourIsAGap) {
  EXPECT_EQ(states(make_calendar(some_days(), RowsByDay{}, at("2024-03-06T12:59:00Z"))),
            "silent silent gap partly silent silent");
  EXPECT_EQ(states(make_calendar(some_days(), RowsByDay{}, at("2024-03-08T03:00:00Z"))),
            "silent silent gap partly silent partly gap gap");
}

TEST(Calendar, EndsWithWhatIsLoadedWhereNothingElseIsDue) {
  EXPECT_EQ(states(make_calendar(some_days(), RowsByDay{}, Timestamp{})), "silent silent gap partly silent silent");
}

TEST(Calendar, LeavesOutTheBeginningOfAVeryLongHistory) {
  StreamState state;
  state.coverage.add({at("2001-01-01T00:00:00Z"), at("2024-03-06T12:00:00Z")});
  const Calendar calendar = make_calendar(state, RowsByDay{}, kNow);
  EXPECT_THAT(calendar.days, SizeIs(kCalendarDays));
  EXPECT_EQ(calendar.days.back().day, day("2024-03-06T00:00:00Z"));
  EXPECT_EQ(calendar.begins_before, day("2001-01-01T00:00:00Z"));
}

TEST(Calendar, IntensityGrowsWithTheRows) {
  EXPECT_EQ(intensity(0, 100, 5), 0);
  EXPECT_EQ(intensity(1, 1'000'000, 5), 1);
  EXPECT_EQ(intensity(100, 100, 5), 5);
  for (std::uint64_t rows = 1; rows < 100; ++rows) EXPECT_LE(intensity(rows, 100, 5), intensity(rows + 1, 100, 5));
}

TEST(CalendarText, IsALineAMonthAndACharacterADay) {
  const RowsByDay rows = {{day("2024-03-01T00:00:00Z"), 80.0}, {day("2024-03-06T00:00:00Z"), 1.0}};
  const std::string text = calendar_text(make_calendar(some_days(), rows, kNow), Marks::plain);
  EXPECT_THAT(text, HasSubstr("2024-03       █·-/·▁\n"));
  EXPECT_THAT(text, Not(HasSubstr("\033")));
  EXPECT_THAT(calendar_text(make_calendar(some_days(), rows, kNow), Marks::colour), HasSubstr("\033[31m-\033[0m"));
}

TEST(CalendarText, BeginsUnderTheRightDate) {
  StreamState state;
  state.coverage.add({at("2024-02-28T00:00:00Z"), at("2024-03-02T00:00:00Z")});
  const std::string text = calendar_text(make_calendar(state, std::nullopt, at("2024-03-02T00:00:00Z")), Marks::plain);
  EXPECT_THAT(text, HasSubstr("2024-02       " + std::string(27, ' ') + "▁▁\n2024-03       ▁\n"));
}

TEST(CalendarText, ShowsTheLastMonthsOfMany) {
  StreamState state;
  state.coverage.add({at("2020-01-01T00:00:00Z"), at("2024-03-02T00:00:00Z")});
  const std::string text = calendar_text(make_calendar(state, std::nullopt, at("2024-03-02T00:00:00Z")), Marks::plain);
  EXPECT_THAT(text, HasSubstr("2022-04 "));
  EXPECT_THAT(text, Not(HasSubstr("2022-03 ")));
  EXPECT_THAT(text, HasSubstr("the last 24 months; --json has more\n"));
}

TEST(CalendarText, IsNothingWithoutHistory) { EXPECT_EQ(calendar_text({}, Marks::plain), ""); }

}  // namespace
}  // namespace odetl

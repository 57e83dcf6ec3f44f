#include "etl/time_window.hpp"

#include <gtest/gtest.h>

namespace odetl {
namespace {

using namespace std::chrono_literals;

constexpr sys_seconds kEight{std::chrono::sys_days{std::chrono::year{2024} / 1 / 31} + 8h};
constexpr TimeWindow kHour{kEight, kEight + 1h};

TEST(TimeWindow, OwnsItsStartAndNotItsEnd) {
  EXPECT_TRUE(kHour.owns(kHour.from));
  EXPECT_TRUE(kHour.owns(Timestamp{kHour.to} - 1us));
  EXPECT_FALSE(kHour.owns(kHour.to));
  EXPECT_FALSE(kHour.owns(Timestamp{kHour.from} - 1us));
}

TEST(TimeWindow, EveryInstantOfASplitIsOwnedByOneHalf) {
  const auto [left, right] = kHour.split();
  EXPECT_EQ(left, (TimeWindow{kEight, kEight + 30min}));
  EXPECT_EQ(right, (TimeWindow{kEight + 30min, kEight + 1h}));
}

TEST(TimeWindow, SplitsAnOddWidthAtAWholeSecond) {
  const auto [left, right] = TimeWindow{kEight, kEight + 3s}.split();
  EXPECT_EQ(left.width(), 1s);
  EXPECT_EQ(right, (TimeWindow{kEight + 1s, kEight + 3s}));
}

TEST(TimeWindow, SplitsDownToOneSecondAnywhere) {
  for (auto window :
       {kHour, TimeWindow{sys_seconds{-5s}, sys_seconds{-3s}}, TimeWindow{sys_seconds{-1s}, sys_seconds{2s}}}) {
    while (window.width() > 1s) {
      const auto [left, right] = window.split();
      ASSERT_FALSE(left.empty());
      ASSERT_FALSE(right.empty());
      ASSERT_EQ(left.to, right.from);
      window = right;
    }
  }
}

TEST(TimeWindow, NeighboursDoNotOverlap) {
  const TimeWindow next{kHour.to, kHour.to + 1h};
  EXPECT_FALSE(kHour.overlaps(next));
  EXPECT_FALSE(next.overlaps(kHour));
  EXPECT_TRUE(kHour.overlaps({kHour.to - 1s, kHour.to + 1h}));
  EXPECT_TRUE(kHour.overlaps({kHour.from - 1h, kHour.to + 1h}));
}

TEST(TimeWindow, IsEmptyWhenItEndsWhereItBeginsOrBefore) {
  EXPECT_TRUE((TimeWindow{kEight, kEight}.empty()));
  EXPECT_TRUE((TimeWindow{kEight, kEight - 1s}.empty()));
  EXPECT_FALSE((TimeWindow{kEight, kEight + 1s}.empty()));
}

TEST(TimeWindow, PrintsAsAHalfOpenRange) { EXPECT_EQ(to_text(kHour), "[2024-01-31T08:00:00Z, 2024-01-31T09:00:00Z)"); }

TEST(MonthBegin, IsTheFirstInstantOfTheMonthInUtc) {
  const auto begin = [](const char* instant) {
    return to_rfc3339(month_begin(std::chrono::floor<std::chrono::seconds>(parse_timestamp(instant).value())));
  };
  EXPECT_EQ(begin("2024-02-29T23:59:59Z"), "2024-02-01T00:00:00Z");
  EXPECT_EQ(begin("2024-02-01T00:00:00Z"), "2024-02-01T00:00:00Z");
  EXPECT_EQ(begin("1969-12-31T23:59:59Z"), "1969-12-01T00:00:00Z");
}

TEST(ByMonth, CutsAtTheFirstOfEachMonth) {
  const auto day = [](int year, unsigned month, unsigned of_month) {
    return sys_seconds(std::chrono::sys_days(std::chrono::year(year) / month / of_month));
  };
  EXPECT_EQ(by_month({day(2023, 12, 31), day(2024, 2, 1)}),
            (std::vector<TimeWindow>{{day(2023, 12, 31), day(2024, 1, 1)}, {day(2024, 1, 1), day(2024, 2, 1)}}));
  EXPECT_EQ(by_month({day(2024, 2, 1), day(2024, 3, 1) + 1s}),
            (std::vector<TimeWindow>{{day(2024, 2, 1), day(2024, 3, 1)}, {day(2024, 3, 1), day(2024, 3, 1) + 1s}}));
  EXPECT_EQ(by_month(kHour), std::vector<TimeWindow>{kHour});
  EXPECT_TRUE(by_month({kEight, kEight}).empty());
}

TEST(WholeSeconds, LiesInsideItsInstants) {
  EXPECT_EQ(whole_seconds(kEight, kEight + 1h), kHour);
  EXPECT_EQ(whole_seconds(Timestamp{kEight} - 1us, Timestamp{kEight} + 1h + 999'999us), kHour);
  EXPECT_EQ(whole_seconds(Timestamp{kEight} + 1us, Timestamp{kEight} + 2s), (TimeWindow{kEight + 1s, kEight + 2s}));
  EXPECT_TRUE(whole_seconds(Timestamp{kEight} + 1us, Timestamp{kEight} + 2us).empty());
  EXPECT_EQ(whole_seconds(Timestamp{-1us}, Timestamp{-1us}), (TimeWindow{sys_seconds{}, sys_seconds{-1s}}));
}

}  // namespace
}  // namespace odetl

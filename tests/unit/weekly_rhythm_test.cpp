#include "etl/weekly_rhythm.hpp"

#include <gmock/gmock.h>

#include "etl/interaction.hpp"

namespace odetl {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr sys_seconds kMonday{std::chrono::sys_days{std::chrono::year{2024} / 3 / 4}};

constexpr Order kForwards = Order::oldest_first;
constexpr Order kBackwards = Order::newest_first;

// Days of which each hour fills as much of an answer.
void learn_days(WeeklyRhythm& rhythm, sys_seconds first, int days, double of_hour) {
  for (int hour = 0; hour < 24 * days; ++hour) {
    rhythm.learn({first + hour * 1h, first + (hour + 1) * 1h}, {10}, of_hour);
  }
}

TEST(RowsByHour, CountsEachHourThatTheWindowTouches) {
  std::vector<Interaction> rows(4);
  rows[0].occurred_at = kMonday + 30min;
  rows[1].occurred_at = kMonday + 59min + 59s;
  rows[2].occurred_at = kMonday + 2h;
  rows[3].occurred_at = kMonday + 2h + 1s;
  EXPECT_THAT(rows_by_hour(TimeWindow{kMonday + 30min, kMonday + 2h + 2s}, rows), ElementsAre(2, 0, 2));
  EXPECT_THAT(rows_by_hour(TimeWindow{kMonday, kMonday + 1h}, std::vector<Interaction>()), ElementsAre(0));
  EXPECT_THAT(rows_by_hour(TimeWindow{kMonday, kMonday}, std::vector<Interaction>()), IsEmpty());
}

TEST(WeeklyRhythm, SaysNothingOfWhatWasNeverSeen) {
  WeeklyRhythm rhythm;
  EXPECT_EQ(rhythm.holds(1.0, kMonday, kForwards, 1h), std::nullopt);
  learn_days(rhythm, kMonday, 1, 0.1);
  EXPECT_EQ(rhythm.holds(1.0, kMonday, kForwards, 24h), 10h);
  EXPECT_EQ(rhythm.holds(1.0, kMonday + 16h, kForwards, 24h), std::nullopt) << "Tuesday";
  EXPECT_EQ(rhythm.holds(1.0, kMonday + 8h, kBackwards, 24h), std::nullopt) << "Sunday";
  EXPECT_EQ(rhythm.holds(1.0, kMonday + 8h, kBackwards, 8h), 8h);
}

TEST(WeeklyRhythm, KnowsTheHoursOfTheNextWeekAndOfTheOneBefore) {
  WeeklyRhythm rhythm;
  rhythm.learn({kMonday, kMonday + 3h}, {100, 300, 0}, 0.8);  // a quarter of it in the first hour
  for (const sys_seconds week : {kMonday - 7 * 24h, kMonday + 7 * 24h}) {
    EXPECT_EQ(rhythm.holds(0.1, week, kForwards, 3h), 30min);
    EXPECT_EQ(rhythm.holds(0.5, week, kForwards, 3h), 1h + 30min);
    EXPECT_EQ(rhythm.holds(0.3, week + 3h, kBackwards, 3h), 1h + 30min);
    EXPECT_EQ(rhythm.holds(0.7, week + 3h, kBackwards, 3h), 2h + 30min);
    EXPECT_EQ(rhythm.holds(0.9, week, kForwards, 3h), 3h);
  }
}

TEST(WeeklyRhythm, TakesADayOfTheWeekThatIsNewForTheFullestOfThree) {
  WeeklyRhythm rhythm;
  learn_days(rhythm, kMonday, 1, 0.5);
  learn_days(rhythm, kMonday + 24h, 1, 0.25);
  const sys_seconds thursday = kMonday + 72h;
  EXPECT_EQ(rhythm.holds(1.0, thursday, kForwards, 24h), std::nullopt);
  learn_days(rhythm, kMonday + 48h, 1, 0.1);
  EXPECT_EQ(rhythm.holds(1.0, thursday, kForwards, 24h), 2h);
  learn_days(rhythm, thursday, 1, 0.05);
  EXPECT_EQ(rhythm.holds(1.0, thursday, kForwards, 24h), 20h);
}

TEST(WeeklyRhythm, FollowsAChangeByHalves) {
  WeeklyRhythm rhythm;
  learn_days(rhythm, kMonday, 1, 0.5);
  learn_days(rhythm, kMonday + 7 * 24h, 1, 0.25);
  EXPECT_EQ(rhythm.holds(0.375, kMonday, kForwards, 24h), 1h);
}

TEST(WeeklyRhythm, LearnsNothingFromAMomentOfAnHour) {
  WeeklyRhythm rhythm;
  rhythm.learn({kMonday, kMonday + 14min}, {10}, 0.5);
  EXPECT_EQ(rhythm.holds(0.5, kMonday, kForwards, 1h), std::nullopt);
  rhythm.learn({kMonday, kMonday + 15min}, {10}, 0.25);
  EXPECT_EQ(rhythm.holds(0.5, kMonday, kForwards, 1h), 30min);
  rhythm.learn({kMonday - 1h, kMonday + 14min}, {0, 10}, 0.01);
  EXPECT_EQ(rhythm.holds(0.5, kMonday, kForwards, 1h), 30min);
}

// Else windows that an hour made narrow could never find out that it is full no more.
TEST(WeeklyRhythm, CorrectsAnHourByMomentsOfItWhereThereIsNothingWider) {
  WeeklyRhythm rhythm;
  rhythm.learn({kMonday, kMonday + 1h}, {10}, 10);
  for (int i = 0; i < 100; ++i) rhythm.learn({kMonday, kMonday + 6min}, {1}, 0.01);
  EXPECT_GT(*rhythm.holds(0.5, kMonday, kForwards, 1h), 55min);
}

TEST(WeeklyRhythm, ForetellsWhatAWindowTakes) {
  WeeklyRhythm rhythm;
  EXPECT_EQ(rhythm.foretold({kMonday, kMonday + 1h}), std::nullopt);
  rhythm.learn({kMonday, kMonday + 3h}, {100, 300, 0}, 0.8);
  EXPECT_DOUBLE_EQ(*rhythm.foretold({kMonday + 30min, kMonday + 2h}), 0.7);
  EXPECT_DOUBLE_EQ(*rhythm.foretold({kMonday, kMonday}), 0.0);
  EXPECT_EQ(rhythm.foretold({kMonday, kMonday + 4h}), std::nullopt);
}

TEST(WeeklyRhythm, OfSilenceHoldsAsMuchAsIsAllowed) {
  WeeklyRhythm rhythm;
  rhythm.learn({kMonday, kMonday + 7 * 24h}, std::vector<std::uint32_t>(7 * 24), 0.001);
  EXPECT_EQ(rhythm.holds(0.9, kMonday, kBackwards, 31 * 24h), 31 * 24h);
}

TEST(WeeklyRhythm, IsOneBefore1970Too) {
  WeeklyRhythm rhythm;
  const sys_seconds before{-100 * 7 * 24h};
  learn_days(rhythm, before, 7, 0.1);
  EXPECT_EQ(rhythm.holds(1.0, kMonday, kBackwards, 24h), 10h);
}

}  // namespace
}  // namespace odetl

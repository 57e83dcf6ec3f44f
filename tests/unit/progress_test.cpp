#include "daemon/progress.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace odetl {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

ProgressReading reading(double ratio, std::uint64_t rows = 1'234'567, std::chrono::milliseconds elapsed = 10s) {
  ProgressReading reading;
  reading.ratio = ratio;
  reading.totals.rows_read = rows;
  reading.requests = 312;
  reading.elapsed = elapsed;
  return reading;
}

std::string bar_of(const ProgressReading& reading, int width = 200) {
  Pace pace;
  pace.add(reading);
  return progress_bar(reading, pace, width);
}

TEST(Progress, GroupsDigits) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(1'000), "1,000");
  EXPECT_EQ(with_commas(123'456), "123,456");
  EXPECT_EQ(with_commas(18'446'744'073'709'551'615U), "18,446,744,073,709,551,615");
}

TEST(Progress, ShowsShareRowsPaceAndTheTimeLeft) {
  EXPECT_EQ(bar_of(reading(0.5)),
            "[############            ]  50 %  1,234,567 rows  123,456 rows/s  312 requests  ETA 10s");
}

TEST(Progress, TheBarIsEmptyAtFirstAndFullAtLast) {
  EXPECT_THAT(bar_of(reading(0)), HasSubstr("[                        ]   0 %"));
  EXPECT_THAT(bar_of(reading(1)), HasSubstr("[########################] 100 %"));
}

TEST(Progress, GuessesNothingBeforeThereIsSomethingToGuessFrom) {
  EXPECT_THAT(bar_of(reading(0.005)), HasSubstr("ETA -"));
  EXPECT_THAT(bar_of(reading(0.5, 10, 500ms)), HasSubstr("ETA -"));
  EXPECT_THAT(bar_of(reading(0, 0, 0ms)), HasSubstr("0 rows/s"));
}

TEST(Progress, NeverIsWiderThanTheTerminal) {
  for (const int width : {-1, 0, 1, 10, 40, 80}) {
    EXPECT_LE(bar_of(reading(0.5), width).size(), static_cast<std::size_t>(std::max(0, width))) << width;
  }
}

TEST(Progress, SaysWhenItWaitsForTheRateLimit) {
  ProgressReading waiting = reading(0.5);
  waiting.rate_wait = 42s;
  EXPECT_THAT(bar_of(waiting), testing::EndsWith("ETA 10s  rate limit 42s"));
}

TEST(Progress, TheBarMakesRoomForTheWords) {
  ProgressReading waiting = reading(0.5);
  waiting.rate_wait = 42s;
  EXPECT_THAT(bar_of(waiting, 84), testing::StartsWith("[##   ]  50 %  "));
  EXPECT_THAT(bar_of(waiting, 84), testing::EndsWith("rate limit 42s"));
}

TEST(Progress, ThePaceIsThatOfTheLastHalfMinute) {
  Pace pace;
  // A minute at a hundred rows and a thousandth a second, then ten times as fast.
  for (int second = 1; second <= 60; ++second) {
    pace.add(reading(0.001 * second, static_cast<std::uint64_t>(100 * second), std::chrono::seconds(second)));
  }
  EXPECT_NEAR(pace.rows_per_second(), 100, 1);
  for (int second = 1; second <= 40; ++second) {
    pace.add(reading(0.06 + 0.01 * second, static_cast<std::uint64_t>(6000 + 1000 * second),
                     std::chrono::seconds(60 + second)));
  }
  EXPECT_NEAR(pace.rows_per_second(), 1000, 10);
  EXPECT_EQ(pace.time_left(), 54s);
}

TEST(Progress, ThePaceFallsToNothingWhileNothingComes) {
  Pace pace;
  for (int second = 1; second <= 60; ++second) pace.add(reading(0.5, 1'000, std::chrono::seconds(second)));
  EXPECT_EQ(pace.rows_per_second(), 0);
  EXPECT_EQ(pace.time_left(), std::nullopt);
}

}  // namespace
}  // namespace odetl

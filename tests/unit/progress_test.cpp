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

TEST(Progress, GroupsDigits) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(1'000), "1,000");
  EXPECT_EQ(with_commas(123'456), "123,456");
  EXPECT_EQ(with_commas(18'446'744'073'709'551'615U), "18,446,744,073,709,551,615");
}

TEST(Progress, ShowsShareRowsPaceAndTheTimeLeft) {
  EXPECT_EQ(progress_bar(reading(0.5), 200),
            "[############            ]  50 %  1,234,567 rows  123,456 rows/s  312 requests  ETA 10s");
}

TEST(Progress, TheBarIsEmptyAtFirstAndFullAtLast) {
  EXPECT_THAT(progress_bar(reading(0), 200), HasSubstr("[                        ]   0 %"));
  EXPECT_THAT(progress_bar(reading(1), 200), HasSubstr("[########################] 100 %"));
}

TEST(Progress, GuessesNothingBeforeThereIsSomethingToGuessFrom) {
  EXPECT_THAT(progress_bar(reading(0.005), 200), HasSubstr("ETA -"));
  EXPECT_THAT(progress_bar(reading(0.5, 10, 500ms), 200), HasSubstr("ETA -"));
  EXPECT_THAT(progress_bar(reading(0, 0, 0ms), 200), HasSubstr("0 rows/s"));
}

TEST(Progress, NeverIsWiderThanTheTerminal) {
  for (const int width : {-1, 0, 1, 10, 40, 80}) {
    EXPECT_LE(progress_bar(reading(0.5), width).size(), static_cast<std::size_t>(std::max(0, width))) << width;
  }
}

}  // namespace
}  // namespace odetl

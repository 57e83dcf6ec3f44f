#include "etl/coverage.hpp"

#include <gtest/gtest.h>

#include <random>

namespace odetl {
namespace {

sys_seconds at(int second) { return sys_seconds(std::chrono::seconds(second)); }
TimeWindow window(int from, int to) { return {at(from), at(to)}; }

/// Windows as digits: `0-3 5-9`.
std::string shown(const std::vector<TimeWindow>& windows) {
  std::string text;
  for (const TimeWindow& w : windows) {
    if (!text.empty()) text += ' ';
    text += std::to_string(w.from.time_since_epoch().count()) + '-' + std::to_string(w.to.time_since_epoch().count());
  }
  return text;
}

// --- add and remove

struct Change {
  const char* name;
  std::vector<TimeWindow> before;
  TimeWindow window;
  const char* added;
  const char* removed;
};

class CoverageChange : public testing::TestWithParam<Change> {};

TEST_P(CoverageChange, Adds) {
  Coverage coverage(GetParam().before);
  coverage.add(GetParam().window);
  EXPECT_EQ(shown(coverage.windows()), GetParam().added);
}

TEST_P(CoverageChange, Removes) {
  Coverage coverage(GetParam().before);
  coverage.remove(GetParam().window);
  EXPECT_EQ(shown(coverage.windows()), GetParam().removed);
}

const std::vector<TimeWindow> kTwo = {window(10, 20), window(30, 40)};

INSTANTIATE_TEST_SUITE_P(Rows, CoverageChange,
                         testing::Values(Change{"ToNothing", {}, window(1, 2), "1-2", ""},
                                         Change{"Empty", kTwo, window(25, 25), "10-20 30-40", "10-20 30-40"},
                                         Change{"Inverted", kTwo, window(35, 15), "10-20 30-40", "10-20 30-40"},
                                         Change{"EmptyInside", kTwo, window(15, 15), "10-20 30-40", "10-20 30-40"},
                                         Change{"Before", kTwo, window(1, 5), "1-5 10-20 30-40", "10-20 30-40"},
                                         Change{"Between", kTwo, window(22, 28), "10-20 22-28 30-40", "10-20 30-40"},
                                         Change{"After", kTwo, window(50, 60), "10-20 30-40 50-60", "10-20 30-40"},
                                         Change{"TouchingBelow", kTwo, window(5, 10), "5-20 30-40", "10-20 30-40"},
                                         Change{"TouchingAbove", kTwo, window(20, 25), "10-25 30-40", "10-20 30-40"},
                                         Change{"OneSecondShortOfTouching", kTwo, window(21, 29), "10-20 21-29 30-40",
                                                "10-20 30-40"},
                                         Change{"ExactlyTheGap", kTwo, window(20, 30), "10-40", "10-20 30-40"},
                                         Change{"ExactlyOne", kTwo, window(10, 20), "10-20 30-40", "30-40"},
                                         Change{"Inside", kTwo, window(12, 15), "10-20 30-40", "10-12 15-20 30-40"},
                                         Change{"LowerPart", kTwo, window(10, 15), "10-20 30-40", "15-20 30-40"},
                                         Change{"UpperPart", kTwo, window(35, 40), "10-20 30-40", "10-20 30-35"},
                                         Change{"AcrossBoth", kTwo, window(15, 35), "10-40", "10-15 35-40"},
                                         Change{"OverAll", kTwo, window(0, 100), "0-100", ""}),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Coverage, JoinsWindowsGivenInAnyOrder) {
  EXPECT_EQ(shown(Coverage({window(3, 4), window(0, 1), window(2, 3), window(5, 5), window(1, 2)}).windows()), "0-4");
}

TEST(Coverage, IsEqualHoweverItCameAbout) {
  Coverage one({window(0, 10)});
  one.remove(window(4, 6));
  EXPECT_EQ(one, Coverage({window(6, 10), window(0, 2), window(2, 4)}));
  EXPECT_NE(one, Coverage({window(0, 10)}));
}

// --- questions

struct Question {
  const char* name;
  TimeWindow range;
  const char* gaps;
  const char* covered;
};

class CoverageOfTwo : public testing::TestWithParam<Question> {};

TEST_P(CoverageOfTwo, SplitsARangeIntoGapsAndCovered) {
  const Coverage coverage(kTwo);
  EXPECT_EQ(shown(coverage.gaps(GetParam().range)), GetParam().gaps);
  EXPECT_EQ(shown(coverage.covered(GetParam().range)), GetParam().covered);
  EXPECT_EQ(coverage.contains(GetParam().range), std::string(GetParam().gaps).empty());
  EXPECT_EQ(coverage.overlaps(GetParam().range), !std::string(GetParam().covered).empty());
}

INSTANTIATE_TEST_SUITE_P(
    Rows, CoverageOfTwo,
    testing::Values(Question{"All", window(0, 50), "0-10 20-30 40-50", "10-20 30-40"},
                    Question{"ExactlyOne", window(10, 20), "", "10-20"},
                    Question{"Inside", window(12, 13), "", "12-13"}, Question{"TheGap", window(20, 30), "20-30", ""},
                    Question{"FromCoveredIntoGap", window(15, 25), "20-25", "15-20"},
                    Question{"FromGapIntoCovered", window(25, 35), "25-30", "30-35"},
                    Question{"OverTheGap", window(19, 31), "20-30", "19-20 30-31"},
                    Question{"Before", window(0, 10), "0-10", ""}, Question{"After", window(40, 41), "40-41", ""},
                    Question{"Empty", window(25, 25), "", ""}, Question{"Inverted", window(35, 5), "", ""}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Coverage, OfNothingHasNoEdges) {
  const Coverage nothing;
  EXPECT_FALSE(nothing.upper());
  EXPECT_FALSE(nothing.lower());
  EXPECT_EQ(shown(nothing.gaps(window(1, 3))), "1-3");
  EXPECT_TRUE(nothing.contains(window(1, 1)));
  EXPECT_FALSE(nothing.overlaps(window(1, 3)));
}

TEST(Coverage, HasTheEdgesOfItsOutermostWindows) {
  const Coverage coverage(kTwo);
  EXPECT_EQ(coverage.lower(), at(10));
  EXPECT_EQ(coverage.upper(), at(40));
}

// --- against a row of seconds, each covered or not

TEST(Coverage, BehavesLikeASetOfSeconds) {
  constexpr std::uint32_t seed = 5;
  constexpr int seconds = 40;
  std::mt19937 random(seed);
  for (int round = 0; round < 500; ++round) {
    Coverage coverage;
    std::vector<bool> model(seconds);
    for (int step = 0; step < 30; ++step) {
      const int from = static_cast<int>(random() % (seconds + 1));
      const int to = static_cast<int>(random() % (seconds + 1));
      const bool add = random() % 3 != 0;
      add ? coverage.add(window(from, to)) : coverage.remove(window(from, to));
      for (int i = from; i < to; ++i) model[static_cast<std::size_t>(i)] = add;

      std::vector<bool> seen(seconds);
      for (const TimeWindow& w : coverage.windows()) {
        for (auto t = w.from; t < w.to; t += std::chrono::seconds(1)) {
          seen[static_cast<std::size_t>(t.time_since_epoch().count())] = true;
        }
      }
      ASSERT_EQ(seen, model) << "seed " << seed << ", round " << round << ", step " << step;
      for (std::size_t i = 1; i < coverage.windows().size(); ++i) {
        ASSERT_LT(coverage.windows()[i - 1].to, coverage.windows()[i].from) << "seed " << seed << ", round " << round;
      }
      std::vector<TimeWindow> parts = coverage.covered(window(from, to));
      const std::vector<TimeWindow> gaps = coverage.gaps(window(from, to));
      parts.insert(parts.end(), gaps.begin(), gaps.end());
      ASSERT_EQ(shown(Coverage(parts).windows()), from < to ? shown({window(from, to)}) : "");
    }
  }
}

// --- to_multirange

TEST(ToMultirange, IsWhatPostgresqlReads) {
  EXPECT_EQ(to_multirange({}), "{}");
  EXPECT_EQ(to_multirange({window(0, 1)}), "{[1970-01-01T00:00:00Z,1970-01-01T00:00:01Z)}");
  EXPECT_EQ(to_multirange({window(0, 60), window(3600, 86400)}),
            "{[1970-01-01T00:00:00Z,1970-01-01T00:01:00Z),[1970-01-01T01:00:00Z,1970-01-02T00:00:00Z)}");
}

}  // namespace
}  // namespace odetl

#include "etl/window_diff.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace odetl {
namespace {

Uuid id(int number) {
  Uuid uuid{};
  uuid[0] = static_cast<std::uint8_t>(number * 37);  // not in the order of the numbers
  uuid[15] = static_cast<std::uint8_t>(number);
  return uuid;
}

std::vector<Uuid> ids(const std::vector<int>& numbers) {
  std::vector<Uuid> all;
  for (const int number : numbers) all.push_back(id(number));
  return all;
}

/// What is served: the numbers of its ids; those from 100 on have an extra.
std::vector<Interaction> served(const std::vector<int>& numbers) {
  std::vector<Interaction> rows;
  for (const int number : numbers) {
    rows.emplace_back().id = id(number % 100);
    if (number >= 100) rows.back().extra = R"({"a":1})";
  }
  return rows;
}

std::vector<int> numbers(std::vector<Uuid> all) {
  std::vector<int> out;
  for (const Uuid& uuid : all) out.push_back(uuid[15]);
  std::sort(out.begin(), out.end());
  return out;
}

struct Row {
  const char* name;
  std::vector<int> served, live, live_with_extra, marked;
  std::vector<std::uint32_t> fresh, with_extra;  ///< indexes into `served`
  std::vector<int> revived, gone;
  std::uint64_t held;
};

class Difference : public testing::TestWithParam<Row> {};

TEST_P(Difference, IsWhatTheLoadHasToChange) {
  const Row& row = GetParam();
  const WindowDiff diff = difference(served(row.served), {ids(row.live), ids(row.live_with_extra), ids(row.marked)});
  EXPECT_EQ(diff.fresh, row.fresh);
  EXPECT_EQ(diff.with_extra, row.with_extra);
  EXPECT_EQ(numbers(diff.revived), row.revived);
  EXPECT_EQ(numbers(diff.gone), row.gone);
  EXPECT_EQ(diff.held, row.held);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Difference,
    testing::Values(Row{"NothingAtAll", {}, {}, {}, {}, {}, {}, {}, {}, 0},
                    Row{"FirstLoadKeepsTheOrderOfTheAnswer", {3, 1, 2}, {}, {}, {}, {0, 1, 2}, {}, {}, {}, 0},
                    Row{"ReadAgain", {1, 2, 3}, {3, 2, 1}, {}, {}, {}, {}, {}, {}, 3},
                    Row{"OneMore", {1, 2, 3}, {1, 3}, {}, {}, {1}, {}, {}, {}, 2},
                    Row{"OneLess", {1, 3}, {1, 2, 3}, {}, {}, {}, {}, {}, {2}, 2},
                    Row{"EmptyAnswer", {}, {1}, {2}, {3}, {}, {}, {}, {1, 2}, 0},
                    Row{"MarkedAndStillGone", {1}, {1}, {}, {2}, {}, {}, {}, {}, 1},
                    Row{"MarkedAndServedAgain", {1, 2}, {1}, {}, {2}, {}, {}, {2}, {}, 1},
                    Row{"ExtraOnBothSides", {101}, {}, {1}, {}, {}, {0}, {}, {}, 1},
                    Row{"ExtraIsNew", {1, 102}, {1, 2}, {}, {}, {}, {1}, {}, {}, 2},
                    Row{"ExtraIsNoMore", {1, 2}, {1}, {2}, {}, {}, {1}, {}, {}, 2},
                    Row{"FreshWithExtraIsOnlyFresh", {101}, {}, {}, {}, {0}, {}, {}, {}, 0},
                    Row{"RevivedWithExtra", {101}, {}, {}, {1}, {}, {0}, {1}, {}, 0},
                    Row{"AllDifferent", {4, 5}, {1}, {2}, {3}, {0, 1}, {}, {}, {1, 2}, 0}),
    [](const auto& row) { return std::string(row.param.name); });

// Guarantee 2: once it is applied, what is live is what was served.
TEST(WindowDiff, Guarantee2_LeavesExactlyWhatWasServed) {
  constexpr std::uint32_t seed = 13;
  std::mt19937 random(seed);
  for (int round = 0; round < 2000; ++round) {
    std::vector<int> answer;
    HeldIds held;
    for (int number = 0; number < 40; ++number) {
      if (random() % 2 == 0) answer.push_back(number);
      if (const auto place = random() % 4; place < 3) {
        (place == 0 ? held.live : place == 1 ? held.live_with_extra : held.marked).push_back(id(number));
      }
    }
    std::shuffle(answer.begin(), answer.end(), random);
    const auto rows = served(answer);
    const WindowDiff diff = difference(rows, held);

    std::vector<Uuid> live = held.live;
    live.insert(live.end(), held.live_with_extra.begin(), held.live_with_extra.end());
    std::erase_if(
        live, [&](const Uuid& row) { return std::find(diff.gone.begin(), diff.gone.end(), row) != diff.gone.end(); });
    ASSERT_EQ(live.size(), diff.held) << "seed " << seed << ", round " << round;
    live.insert(live.end(), diff.revived.begin(), diff.revived.end());
    for (const std::uint32_t i : diff.fresh) live.push_back(rows[i].id);
    std::sort(answer.begin(), answer.end());
    ASSERT_EQ(numbers(live), answer) << "seed " << seed << ", round " << round;
  }
}

// Guarantee 7: a window that has not changed asks for nothing to be written.
TEST(WindowDiff, Guarantee7_OfAnUnchangedWindowIsEmpty) {
  const std::vector<int> all = {5, 3, 8, 1};
  const WindowDiff diff = difference(served(all), {ids(all), {}, ids({9})});
  EXPECT_TRUE(diff.fresh.empty() && diff.with_extra.empty() && diff.revived.empty() && diff.gone.empty());
  EXPECT_EQ(diff.held, 4U);
}

}  // namespace
}  // namespace odetl

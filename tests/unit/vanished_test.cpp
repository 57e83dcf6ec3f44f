#include "etl/vanished.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace odetl {
namespace {

using testing::ElementsAreArray;
using testing::IsEmpty;

std::vector<Uuid> ids(int from, int to) {
  std::vector<Uuid> list;
  for (int i = from; i < to; ++i) list.push_back({static_cast<std::uint8_t>(i / 256), static_cast<std::uint8_t>(i)});
  return list;
}

struct Loss {
  const char* name;
  std::uint64_t vanished, live;
  bool plausible;
};

class Plausibility : public testing::TestWithParam<Loss> {};

TEST_P(Plausibility, IsWhatBothLimitsSay) {
  EXPECT_EQ(is_plausible(GetParam().vanished, GetParam().live), GetParam().plausible);
}

INSTANTIATE_TEST_SUITE_P(Vanished, Plausibility,
                         testing::Values(Loss{"Nothing", 0, 0, true}, Loss{"AllOfFew", 20, 20, true},
                                         Loss{"AllOfTwentyOne", 21, 21, false}, Loss{"Half", 500, 1000, true},
                                         Loss{"MoreThanHalf", 501, 1000, false}, Loss{"ManyOfMore", 5000, 100000, true}),
                         [](const auto& loss) { return loss.param.name; });

TEST(Vanished, ALittleIsBelievedAtOnce) {
  const Vanished vanished = judge_vanished(ids(0, 20), {}, 20);
  EXPECT_THAT(vanished.believed, ElementsAreArray(ids(0, 20)));
  EXPECT_THAT(vanished.doubted, IsEmpty());
}

TEST(Vanished, TooMuchIsBelievedOnlyWhereItWasMissedBefore) {
  const Vanished first = judge_vanished(ids(0, 100), {}, 100);
  EXPECT_THAT(first.believed, IsEmpty());
  EXPECT_THAT(first.doubted, ElementsAreArray(ids(0, 100)));

  const Vanished same = judge_vanished(ids(0, 100), ids(0, 100), 100);
  EXPECT_THAT(same.believed, ElementsAreArray(ids(0, 100)));
  EXPECT_THAT(same.doubted, IsEmpty());

  const Vanished other = judge_vanished(ids(60, 160), ids(0, 70), 160);
  EXPECT_THAT(other.believed, ElementsAreArray(ids(60, 70)));
  EXPECT_THAT(other.doubted, ElementsAreArray(ids(70, 160)));
}

TEST(Vanished, ALittleMoreThanBeforeIsBelieved) {
  EXPECT_THAT(judge_vanished(ids(0, 110), ids(0, 100), 120).believed, ElementsAreArray(ids(0, 110)));
}

}  // namespace
}  // namespace odetl

#include "daemon/nearest.hpp"

#include <gtest/gtest.h>

namespace odetl {
namespace {

struct Row {
  const char* name;
  const char* word;
  std::vector<std::string> candidates;
  std::optional<std::string> meant;
};

class Nearest : public testing::TestWithParam<Row> {};

TEST_P(Nearest, IsTheCandidateMostLikelyMeant) {
  EXPECT_EQ(nearest(GetParam().word, GetParam().candidates), GetParam().meant);
}

const std::vector<std::string> kWords{"width", "min_width", "poll_interval", "settle"};

INSTANTIATE_TEST_SUITE_P(
    Words, Nearest,
    testing::Values(Row{"AnExactWord", "width", kWords, "width"},            //
                    Row{"OneLetterLost", "widh", kWords, "width"},           //
                    Row{"OneLetterTooMany", "settlee", kWords, "settle"},    //
                    Row{"OneLetterChanged", "sattle", kWords, "settle"},     //
                    Row{"TwoNeighboursSwapped", "wdith", kWords, "width"},   //
                    Row{"SwappedAtTheEnd", "settel", kWords, "settle"},      //
                    Row{"SwappedAtTheStart", "ops", {"sop", "pos"}, "pos"},  //
                    Row{"ThreeFaultsInALongWord", "pol_intervl_", kWords, "poll_interval"},
                    Row{"NotFourFaultsInALongWord", "pl_ntrvl_xx", kWords, {}},  //
                    Row{"NotTwoFaultsInAShortWord", "wih", kWords, {}},          //
                    Row{"OneFaultInAWordOfOneLetter", "x", {"y"}, "y"},          //
                    Row{"TheNearestOfSeveral", "max_widht", {"min_width", "max_width"}, "max_width"},
                    Row{"TheFirstOfEquals", "cat", {"bat", "rat"}, "bat"},  //
                    Row{"NothingWithoutCandidates", "width", {}, {}},       //
                    Row{"NothingForNothing", "", {"a"}, {}},                //
                    Row{"NeverAnEmptyCandidate", "a", {""}, {}},            //
                    Row{"NothingFar", "banana", kWords, {}}),
    [](const auto& each) { return each.param.name; });

TEST(Nearest, DoesNotWorkOnAWordThatNobodyTyped) {
  const std::string monster(100'000, 'a');
  EXPECT_EQ(nearest(monster, {monster, "a"}), std::nullopt);
  EXPECT_EQ(nearest("a", {monster}), std::nullopt);
}

}  // namespace
}  // namespace odetl

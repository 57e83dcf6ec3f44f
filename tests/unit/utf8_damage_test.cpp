#include "etl/utf8_damage.hpp"

#include <gtest/gtest.h>

#include <random>

namespace odetl {
namespace {

struct Row {
  const char* name;
  std::string bytes;
  std::string repaired;
};

class Repair : public testing::TestWithParam<Row> {
 protected:
  Body body;
  Utf8Damage damage;
};

TEST_P(Repair, ReplacesTheBytesThatAreNotUtf8AndNoOthers) {
  body.assign(GetParam().bytes);
  ASSERT_TRUE(damage.repair(body));
  EXPECT_EQ(body.view(), GetParam().repaired);
  EXPECT_EQ(damage.empty(), GetParam().bytes == GetParam().repaired);
}

INSTANTIATE_TEST_SUITE_P(
    Valid, Repair,
    testing::Values(Row{"Empty", "", ""}, Row{"Ascii", "abc?\x7f", "abc?\x7f"},
                    Row{"Nul", std::string(3, '\0'), std::string(3, '\0')},
                    Row{"FirstAndLastOfTwo", "\xC2\x80\xDF\xBF", "\xC2\x80\xDF\xBF"},
                    Row{"FirstAndLastOfThree", "\xE0\xA0\x80\xEF\xBF\xBF", "\xE0\xA0\x80\xEF\xBF\xBF"},
                    Row{"BesideTheSurrogates", "\xED\x9F\xBF\xEE\x80\x80", "\xED\x9F\xBF\xEE\x80\x80"},
                    Row{"FirstAndLastOfFour", "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"}),
    [](const auto& row) { return std::string(row.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Invalid, Repair,
    testing::Values(Row{"LatinOne", "caf\xE9!", "caf?!"},
                    Row{"ContinuationAlone",
                        "a\x80\xBF"
                        "b",
                        "a??b"},
                    Row{"NeverBytes", "\xC0\xC1\xF5\xFE\xFF", "?????"}, Row{"OverlongSlash", "\xC0\xAF", "??"},
                    Row{"OverlongOfThree", "\xE0\x9F\xBF", "???"}, Row{"OverlongOfFour", "\xF0\x8F\xBF\xBF", "????"},
                    Row{"Surrogate", "\xED\xA0\x80", "???"}, Row{"PastTheLastCodePoint", "\xF4\x90\x80\x80", "????"},
                    Row{"CutOfTwo", "\xC3", "?"}, Row{"CutOfThree", "\xE2\x82", "??"},
                    Row{"CutOfFour", "\xF0\x9F\x98", "???"}, Row{"CutBeforeAnother", "\xE2\x82\xC3\xA9", "??\xC3\xA9"},
                    Row{"CutBeforeAscii",
                        "\xF0\x9F\x98"
                        "\"",
                        "???\""}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Utf8Damage, KnowsWhichPartOfTheBodyItTouches) {
  Body body;
  body.assign(
      "ab\xFF"
      "cd\xFE\xFD"
      "ef");
  Utf8Damage damage;
  ASSERT_TRUE(damage.repair(body));
  const std::string_view all = body.view();
  EXPECT_EQ(damage.count(all), 3U);
  EXPECT_FALSE(damage.touches(all.substr(0, 2)));
  EXPECT_TRUE(damage.touches(all.substr(0, 3)));
  EXPECT_TRUE(damage.touches(all.substr(2, 1)));
  EXPECT_FALSE(damage.touches(all.substr(3, 2)));
  EXPECT_EQ(damage.count(all.substr(3, 4)), 2U);
  EXPECT_FALSE(damage.touches(all.substr(2, 0)));
  EXPECT_FALSE(damage.touches(all.substr(7)));
}

TEST(Utf8Damage, RestoresTheReplacementCharacterWhereABadByteStood) {
  Body body;
  body.assign(
      "?\xFF"
      "a?\xFE\xFD");
  Utf8Damage damage;
  ASSERT_TRUE(damage.repair(body));
  EXPECT_EQ(damage.restored(body.view()),
            "?\uFFFD"
            "a?\uFFFD\uFFFD");
  EXPECT_EQ(damage.restored(body.view().substr(2, 2)), "a?");
  EXPECT_EQ(damage.restored(body.view().substr(4, 1)), "\uFFFD");
}

TEST(Utf8Damage, ForgetsTheLastBody) {
  Body body;
  body.assign("\xFF");
  Utf8Damage damage;
  ASSERT_TRUE(damage.repair(body));
  body.assign("a");
  ASSERT_TRUE(damage.repair(body));
  EXPECT_TRUE(damage.empty());
  body.assign("\xFF");
  ASSERT_TRUE(damage.repair(body));
  damage.clear();
  EXPECT_FALSE(damage.touches(body.view()));
}

TEST(Utf8Damage, GivesUpOnWhatIsNoText) {
  Body body;
  Utf8Damage damage;
  body.assign(std::string(Utf8Damage::kMaxBadBytes, '\xFF'));
  EXPECT_TRUE(damage.repair(body));
  body.assign(std::string(Utf8Damage::kMaxBadBytes + 1, '\xFF'));
  EXPECT_FALSE(damage.repair(body));
}

TEST(Utf8Damage, LeavesNothingToRepair) {
  constexpr std::uint32_t seed = 7;
  std::mt19937 random(seed);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes;
    for (int i = 0; i < 12; ++i) {
      bytes += "a\x7F\x80\x8F\x90\x9F\xA0\xBF\xC1\xC2\xDF\xE0\xE2\xED\xEF\xF0\xF3\xF4\xF5\xFF"[random() % 20];
    }
    Body body;
    body.assign(bytes);
    Utf8Damage damage;
    ASSERT_TRUE(damage.repair(body));
    ASSERT_EQ(body.size(), bytes.size());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      ASSERT_TRUE(body.view()[i] == bytes[i] || body.view()[i] == '?') << "seed " << seed << ", round " << round;
    }
    ASSERT_TRUE(damage.repair(body));
    ASSERT_TRUE(damage.empty()) << "seed " << seed << ", round " << round;
  }
}

}  // namespace
}  // namespace odetl

#include "etl/body.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace odetl {
namespace {

bool is_padded(const Body& body) {
  return std::all_of(body.data() + body.size(), body.data() + body.size() + Body::kPadding,
                     [](char c) { return c == 0; });
}

TEST(Body, GrowsInPiecesAndStaysPadded) {
  Body body;
  std::string all;
  for (int i = 0; i < 3000; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 97), static_cast<char>('a' + i % 26));
    body.append(piece.data(), piece.size());
    all += piece;
    ASSERT_TRUE(is_padded(body));
  }
  EXPECT_EQ(body.view(), all);
}

TEST(Body, AShorterOneLeavesNothingOfALongerOneInThePadding) {
  Body body;
  body.assign(std::string(1000, 'x'));
  body.assign("{}");
  EXPECT_EQ(body.view(), "{}");
  EXPECT_TRUE(is_padded(body));
}

TEST(Body, TakesWhatAnotherWroteIntoItsRoom) {
  Body body;
  body.assign("[1,");
  body.reserve(1'000'000);
  EXPECT_EQ(body.view(), "[1,");
  std::fill_n(body.data() + 3, 500, ' ');
  body.resize(300);
  EXPECT_EQ(body.view(), "[1," + std::string(297, ' '));
  EXPECT_TRUE(is_padded(body));
}

TEST(Body, ReservesAsMuchAsAskedAndNeverLess) {
  Body body;
  body.reserve(0);
  body.resize(0);
  EXPECT_TRUE(is_padded(body));
  body.reserve(1000);
  EXPECT_EQ(body.capacity(), 1000U);
  const char* before = body.data();
  body.reserve(10);
  EXPECT_EQ(body.capacity(), 1000U);
  EXPECT_EQ(body.data(), before);
}

TEST(Body, AllocatesNothingWhenUsedAgain) {
  Body body;
  body.assign(std::string(100'000, 'x'));
  const char* before = body.data();
  body.assign(std::string(100'000, 'y'));
  EXPECT_EQ(body.data(), before);
}

TEST(Body, AnEmptyOneCanBeReadWithItsPadding) {
  Body body;
  EXPECT_EQ(body.view(), "");
  body.assign("");
  ASSERT_NE(body.data(), nullptr);
  EXPECT_TRUE(is_padded(body));
}

TEST(Body, ShrinksButNeverBelowItsContent) {
  Body body;
  body.assign(std::string(1'000'000, 'x'));
  body.shrink(100);
  EXPECT_EQ(body.view(), std::string(1'000'000, 'x'));
  EXPECT_TRUE(is_padded(body));
  body.clear();
  body.shrink(100'000);
  EXPECT_EQ(body.capacity(), 100'000U);
}

TEST(Body, RefusesASizeThatNoMachineHas) {
  Body body;
  EXPECT_THROW(body.append("x", std::numeric_limits<std::size_t>::max()), std::bad_alloc);
  EXPECT_THROW(body.reserve(std::numeric_limits<std::size_t>::max()), std::bad_alloc);
  EXPECT_EQ(body.size(), 0U);
}

}  // namespace
}  // namespace odetl

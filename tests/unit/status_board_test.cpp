#include "daemon/status_board.hpp"

#include <gtest/gtest.h>

namespace odetl {
namespace {

using namespace std::chrono_literals;

// The clock goes when it is told to; a reading takes as long as it is told to.
class StatusBoardTest : public testing::Test {
 protected:
  std::chrono::steady_clock::time_point clock{1000s};
  std::chrono::milliseconds takes{10};
  bool fails = false;
  int readings = 0;
  StatusBoard board{
      [this](Timestamp) {
        ++readings;
        clock += takes;
        if (fails) throw std::runtime_error("the database is away");
        StatusFacts facts;
        facts.users = readings;
        return facts;
      },
      [this] { return Timestamp(std::chrono::duration_cast<std::chrono::microseconds>(clock.time_since_epoch())); },
      [this] { return clock; }};
};

TEST_F(StatusBoardTest, ReadsOnceForManyWhoLook) {
  for (int i = 0; i < 100; ++i) EXPECT_EQ(board.look().status->users, 1);
  clock += 2s;
  EXPECT_EQ(board.look().status->users, 2);
}

TEST_F(StatusBoardTest, RestsLongerTheLongerAReadingTakes) {
  takes = 1s;
  board.look();
  clock += 19s;
  EXPECT_EQ(board.look().status->users, 1);
  clock += 1s;
  EXPECT_EQ(board.look().status->users, 2);
}

TEST_F(StatusBoardTest, KeepsTheLastStatusWhileItCannotBeRead) {
  const auto first = board.look();
  EXPECT_FALSE(first.trouble);
  fails = true;
  clock += 10s;
  const auto second = board.look();
  EXPECT_EQ(second.status->users, 1);
  EXPECT_EQ(second.read_at, first.read_at);
  EXPECT_EQ(second.trouble, "the database is away");
  fails = false;
  clock += 10s;
  EXPECT_FALSE(board.look().trouble);
}

TEST_F(StatusBoardTest, HasNoStatusBeforeTheFirst) {
  fails = true;
  EXPECT_EQ(board.look().status, nullptr);
  EXPECT_TRUE(board.look().trouble);
  EXPECT_EQ(readings, 1);
}

}  // namespace
}  // namespace odetl

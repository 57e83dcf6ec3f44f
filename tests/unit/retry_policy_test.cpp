#include "etl/retry_policy.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace odetl {

std::ostream& operator<<(std::ostream& out, Action action) {
  const char* const names[] = {"again", "split", "isolate", "stop"};
  return out << names[static_cast<int>(action)];
}

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr double kAlmostOne = 0x1.fffffffffffffp-1;
constexpr Failure kAll[] = {Failure::unreachable,    Failure::throttled, Failure::server_error, Failure::broken_answer,
                            Failure::timeout,        Failure::too_large, Failure::unauthorised, Failure::refused,
                            Failure::db_unreachable, Failure::db_retry,  Failure::db_conflict,  Failure::db_exhausted,
                            Failure::db_data,        Failure::db_denied, Failure::db_schema,    Failure::not_leader};

// What a window that can be split, or is one second, or is half of one that failed, gets after its first and its second
// failure; and the bound of the wait after one and after very many failures in a row.
struct Row {
  Failure failure;
  Action first, second, second_of_one_second, first_of_half, first_of_half_second;
  milliseconds bound, cap;
};

constexpr auto kAgain = Action::again;
constexpr auto kSplit = Action::split;
constexpr auto kAlone = Action::isolate;
constexpr auto kStop = Action::stop;

constexpr Row kTable[] = {
    {Failure::unreachable, kAgain, kAgain, kAgain, kAgain, kAgain, 500ms, 60s},
    {Failure::throttled, kAgain, kAgain, kAgain, kAgain, kAgain, 500ms, 60s},
    {Failure::server_error, kAgain, kSplit, kAlone, kSplit, kAlone, 100ms, 60s},
    {Failure::broken_answer, kAgain, kSplit, kAlone, kSplit, kAlone, 100ms, 60s},
    {Failure::timeout, kSplit, kSplit, kAlone, kSplit, kAlone, 0ms, 0ms},
    {Failure::too_large, kSplit, kSplit, kAlone, kSplit, kAlone, 0ms, 0ms},
    {Failure::unauthorised, kStop, kStop, kStop, kStop, kStop, 0ms, 0ms},
    {Failure::refused, kStop, kStop, kStop, kStop, kStop, 0ms, 0ms},
    {Failure::db_unreachable, kAgain, kAgain, kAgain, kAgain, kAgain, 500ms, 1s},
    {Failure::db_retry, kAgain, kAgain, kAgain, kAgain, kAgain, 500ms, 1s},
    {Failure::db_conflict, kAgain, kAgain, kAgain, kAgain, kAgain, 20ms, 20ms},
    {Failure::db_exhausted, kAgain, kAgain, kAgain, kAgain, kAgain, 500ms, 5s},
    {Failure::db_data, kSplit, kSplit, kAlone, kSplit, kAlone, 0ms, 0ms},
    {Failure::db_denied, kStop, kStop, kStop, kStop, kStop, 0ms, 0ms},
    {Failure::db_schema, kStop, kStop, kStop, kStop, kStop, 0ms, 0ms},
    {Failure::not_leader, kStop, kStop, kStop, kStop, kStop, 0ms, 0ms},
};
static_assert(std::size(kTable) == std::size(kAll));

FailedAttempt attempt(Failure failure, int attempts, bool splittable, bool half) {
  return {.failure = failure,
          .retry_after = {},
          .attempts = attempts,
          .conflicts = failure == Failure::db_conflict ? 1 : 0,
          .consecutive = 1,
          .splittable = splittable,
          .half = half};
}

class RetryTable : public testing::TestWithParam<Row> {};

TEST_P(RetryTable, DecidesWhatFollows) {
  const Row& row = GetParam();
  const auto action = [&](int attempts, bool splittable, bool half) {
    return decide(attempt(row.failure, attempts, splittable, half), 0.5).action;
  };
  EXPECT_EQ(action(1, true, false), row.first);
  EXPECT_EQ(action(2, true, false), row.second);
  EXPECT_EQ(action(3, true, false), row.second);
  EXPECT_EQ(action(2, false, false), row.second_of_one_second);
  EXPECT_EQ(action(1, true, true), row.first_of_half);
  EXPECT_EQ(action(1, false, true), row.first_of_half_second);
}

TEST_P(RetryTable, TheFirstWaitIsAnywhereBelowItsBound) {
  const FailedAttempt first = attempt(GetParam().failure, 1, true, false);
  EXPECT_EQ(decide(first, 0.0).wait, 0ms);
  EXPECT_EQ(decide(first, 0.5).wait, GetParam().bound / 2);
  EXPECT_NEAR(static_cast<double>(decide(first, kAlmostOne).wait.count()),
              static_cast<double>(GetParam().bound.count()), 1.0);
}

TEST_P(RetryTable, NoWaitIsNegativeOrPastTheCap) {
  for (const int consecutive : {1, 2, 7, 8, 21, 1000, 2'000'000'000}) {
    for (const double random : {0.0, 0.25, kAlmostOne}) {
      FailedAttempt many = attempt(GetParam().failure, 1, true, false);
      many.consecutive = consecutive;
      EXPECT_GE(decide(many, random).wait, 0ms) << consecutive;
      EXPECT_LE(decide(many, random).wait, GetParam().cap) << consecutive;
    }
  }
}

TEST_P(RetryTable, WhatTheServerAskedForMattersOnlyWhenItThrottles) {
  FailedAttempt asked = attempt(GetParam().failure, 1, true, false);
  asked.retry_after = 3600s;
  const auto wait = decide(asked, 0.5).wait;
  EXPECT_EQ(wait, GetParam().failure == Failure::throttled ? 3600s : GetParam().bound / 2);
}

INSTANTIATE_TEST_SUITE_P(Failures, RetryTable, testing::ValuesIn(kTable),
                         [](const auto& row) { return std::string(to_text(row.param.failure)); });

TEST(RetryPolicy, TheTableHasEveryFailureOnce) {
  for (std::size_t i = 0; i < std::size(kAll); ++i) EXPECT_EQ(kTable[i].failure, kAll[i]);
}

struct Bound {
  int consecutive;
  milliseconds cap, bound;
};

TEST(RetryPolicy, TheBoundDoublesUpToTheCap) {
  for (const Bound& row : {Bound{-1, 60s, 500ms}, Bound{0, 60s, 500ms}, Bound{1, 60s, 500ms}, Bound{2, 60s, 1s},
                           Bound{3, 60s, 2s}, Bound{7, 60s, 32s}, Bound{8, 60s, 60s}, Bound{2'000'000'000, 60s, 60s},
                           Bound{1, 250ms, 250ms}, Bound{5, 250ms, 250ms}, Bound{2, 1s, 1s}}) {
    EXPECT_EQ(backoff_bound(row.consecutive, row.cap), row.bound) << row.consecutive;
  }
}

TEST(RetryPolicy, AnOutageSeesOneRequestAMinute) {
  FailedAttempt long_down = attempt(Failure::unreachable, 100, true, false);
  long_down.consecutive = 100;
  EXPECT_EQ(decide(long_down, 0.0).wait, 54s);
  EXPECT_EQ(decide(long_down, 0.5).wait, 57s);
  EXPECT_GT(decide(long_down, kAlmostOne).wait, 59'900ms);
}

TEST(RetryPolicy, AThrottleThatGivesNoTimeDoesNotTurnIntoAHotLoop) {
  FailedAttempt throttled = attempt(Failure::throttled, 1, true, false);
  throttled.retry_after = 0s;
  throttled.consecutive = 20;
  EXPECT_GE(decide(throttled, 0.0).wait, 54s);
  throttled.retry_after = 90s;
  EXPECT_EQ(decide(throttled, kAlmostOne).wait, 90s) << "what the server asked for is a floor, not added";
}

TEST(RetryPolicy, AWindowThatFailsAmongAnswersIsSplitAtOnce) {
  FailedAttempt again = attempt(Failure::server_error, 2, true, false);
  again.consecutive = 2;
  EXPECT_EQ(decide(again, kAlmostOne).wait, 0ms);
  again.consecutive = 3;
  EXPECT_GT(decide(again, kAlmostOne).wait, 0ms) << "the server fails at all it is asked";
}

TEST(RetryPolicy, HalvesFollowOneAnotherQuickly) {
  FailedAttempt half = attempt(Failure::server_error, 1, true, true);
  half.consecutive = 30;
  EXPECT_LE(decide(half, kAlmostOne).wait, kSplitBackoffCap);
}

TEST(RetryPolicy, ConflictsStopAtTheirLimitAndOtherFailuresDoNotCountTowardsIt) {
  FailedAttempt conflict = attempt(Failure::db_conflict, 500, true, false);
  EXPECT_EQ(decide(conflict, 0.5).action, Action::again);
  conflict.conflicts = kMaxConflicts - 1;
  EXPECT_EQ(decide(conflict, 0.5).action, Action::again);
  EXPECT_LE(decide(conflict, kAlmostOne).wait, 20ms * kMaxConflicts);
  conflict.conflicts = kMaxConflicts;
  EXPECT_EQ(decide(conflict, 0.5).action, Action::stop);
}

}  // namespace
}  // namespace odetl

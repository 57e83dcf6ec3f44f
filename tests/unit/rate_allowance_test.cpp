#include "etl/rate_allowance.hpp"

#include <gtest/gtest.h>

namespace odetl {
namespace {

using namespace std::chrono_literals;
using Clock = RateAllowance::Clock;

constexpr double kBackfill = 1.0 / 3;
constexpr Clock::time_point kStart{1000h};
constexpr sys_seconds kServerNow{1'700'000'000s};

RateLimit announced(std::int64_t limit, std::int64_t remaining) {
  return {.limit = limit, .remaining = remaining, .reset = {}};
}

/// One request at `now` that is answered at once.
void ask(RateAllowance& allowance, Clock::time_point now, const RateLimit& answer) {
  allowance.sent(now);
  allowance.observed(answer, now);
}

double seconds_of(Clock::duration wait) { return std::chrono::duration<double>(wait).count(); }

// --- configured

struct Pace {
  const char* name;
  int per_minute;
  double reserved;
  double spacing_s;
};

class ConfiguredRate : public testing::TestWithParam<Pace> {};

TEST_P(ConfiguredRate, SpacesRequestsEvenly) {
  RateAllowance allowance(GetParam().per_minute, GetParam().reserved);
  EXPECT_EQ(allowance.delay(kStart), 0s);
  allowance.sent(kStart);
  EXPECT_NEAR(seconds_of(allowance.delay(kStart)), GetParam().spacing_s, 1e-6);
  EXPECT_NEAR(seconds_of(allowance.delay(kStart + 100ms)), std::max(0.0, GetParam().spacing_s - 0.1), 1e-6);
  EXPECT_EQ(allowance.delay(kStart + 61s), 0s);
}

INSTANTIATE_TEST_SUITE_P(Rows, ConfiguredRate,
                         testing::Values(Pace{"Live", 60, 0, 1}, Pace{"BackfillLeavesAThird", 60, kBackfill, 1.5},
                                         Pace{"Fast", 6000, 0, 0.01}, Pace{"AReserveOfAllIsCut", 60, 1, 10},
                                         Pace{"ANegativeReserveIsNone", 60, -1, 1}),
                         [](const auto& row) { return row.param.name; });

TEST(RateAllowance, AWaitLongerThanAMinuteGoesOnAfterIt) {
  RateAllowance allowance(1, 0.5);
  allowance.sent(kStart);
  EXPECT_EQ(allowance.delay(kStart), 60s);
  EXPECT_EQ(allowance.delay(kStart + 60s), 60s);
  EXPECT_EQ(allowance.delay(kStart + 120s), 0s);
}

TEST(RateAllowance, AConfiguredRateStillHeedsAnExhaustedServer) {
  RateAllowance allowance(600, 0);
  ask(allowance, kStart, announced(60, 0));
  EXPECT_EQ(allowance.delay(kStart + 10s), 50s);
}

// --- announced

struct Remainder {
  const char* name;
  double reserved;
  std::int64_t remaining;
  Clock::duration wait;
};

class AnnouncedRate : public testing::TestWithParam<Remainder> {};

TEST_P(AnnouncedRate, WaitsForTheMinutesEndOnceItsShareIsUsed) {
  RateAllowance allowance(0, GetParam().reserved);
  allowance.sent(kStart);
  allowance.observed(announced(60, GetParam().remaining), kStart + 1s);
  EXPECT_EQ(allowance.delay(kStart + 10s), GetParam().wait);
  EXPECT_EQ(allowance.delay(kStart + 60s), 0s);
}

INSTANTIATE_TEST_SUITE_P(Rows, AnnouncedRate,
                         testing::Values(Remainder{"LivePollsDownToTheLast", 0, 1, 0s},
                                         Remainder{"LiveStopsAtNothing", 0, 0, 50s},
                                         Remainder{"BackfillAboveItsReserve", kBackfill, 21, 0s},
                                         Remainder{"BackfillAtItsReserve", kBackfill, 20, 50s},
                                         Remainder{"BackfillBelowItsReserve", kBackfill, 0, 50s}),
                         [](const auto& row) { return row.param.name; });

TEST(RateAllowance, NeverWaitsForAServerThatAnnouncesNothing) {
  RateAllowance allowance(0, kBackfill);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(allowance.delay(kStart), 0s);
    ask(allowance, kStart, {});
  }
  EXPECT_EQ(allowance.remaining(), std::nullopt);
}

TEST(RateAllowance, CountsRequestsThatAreStillUnanswered) {
  RateAllowance allowance(0, 0);
  ask(allowance, kStart, announced(60, 2));
  allowance.sent(kStart);
  EXPECT_EQ(allowance.delay(kStart), 0s);
  allowance.sent(kStart);
  EXPECT_EQ(allowance.delay(kStart), 60s);
  EXPECT_EQ(allowance.remaining(), 2);
}

TEST(RateAllowance, AfterTheMinuteTheWholeAllowanceIsBack) {
  RateAllowance allowance(0, 0);
  ask(allowance, kStart, announced(60, 0));
  allowance.sent(kStart + 60s);
  EXPECT_EQ(allowance.delay(kStart + 60s), 0s) << "another worker need not wait for the first one's answer";
}

TEST(RateAllowance, TheMinuteBeginsWhereTheRemainderJumpsUp) {
  RateAllowance allowance(0, 0);
  ask(allowance, kStart, announced(60, 10));
  ask(allowance, kStart + 30s, announced(60, 59));
  ask(allowance, kStart + 40s, announced(60, 0));
  EXPECT_EQ(allowance.delay(kStart + 40s), 50s);
}

TEST(RateAllowance, AnOvertakenAnswerBeginsNoMinute) {
  RateAllowance allowance(0, 0);
  ask(allowance, kStart, announced(60, 10));
  ask(allowance, kStart + 20s, announced(60, 8));
  ask(allowance, kStart + 30s, announced(60, 9));
  ask(allowance, kStart + 40s, announced(60, 0));
  EXPECT_EQ(allowance.delay(kStart + 40s), 20s);
}

struct Reset {
  const char* name;
  sys_seconds reset;
  std::optional<sys_seconds> date;
  Clock::duration wait;
};

class AnnouncedReset : public testing::TestWithParam<Reset> {};

TEST_P(AnnouncedReset, EndsTheWait) {
  RateAllowance allowance(0, 0);
  allowance.sent(kStart);
  allowance.observed({.limit = 60, .remaining = 0, .reset = GetParam().reset}, kStart + 10s, GetParam().date);
  EXPECT_EQ(allowance.delay(kStart + 10s), GetParam().wait);
}

INSTANTIATE_TEST_SUITE_P(Rows, AnnouncedReset,
                         testing::Values(Reset{"AfterTheServersDate", kServerNow + 7s, kServerNow, 7s},
                                         Reset{"InThePastIsNow", kServerNow - 7s, kServerNow, 0s},
                                         Reset{"InTenThousandYearsIsAMinute", kServerNow + 24h * 3'650'000, kServerNow,
                                               60s},
                                         Reset{"WithoutADateIsIgnored", kServerNow + 7s, {}, 50s}),
                         [](const auto& row) { return row.param.name; });

TEST(RateAllowance, AnAnswerWithoutHeadersChangesNothing) {
  RateAllowance allowance(0, 0);
  ask(allowance, kStart, announced(60, 0));
  allowance.observed({}, kStart + 1s);
  EXPECT_EQ(allowance.delay(kStart + 1s), 59s);
  EXPECT_EQ(allowance.remaining(), 0);
}

TEST(RateAllowance, ALimitOfNothingIsNoLimit) {
  RateAllowance allowance(0, kBackfill);
  ask(allowance, kStart, announced(0, 5));
  EXPECT_EQ(allowance.delay(kStart), 0s);
}

}  // namespace
}  // namespace odetl

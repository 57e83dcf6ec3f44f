#include "etl/planner.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/simulator/random.hpp"

namespace odetl {

std::ostream& operator<<(std::ostream& out, const TimeWindow& window) { return out << to_text(window); }

namespace {

using namespace std::chrono_literals;
using simulator::Random;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using Windows = std::vector<TimeWindow>;

// Instants are written as seconds after this one.
constexpr sys_seconds kZero{std::chrono::sys_days{std::chrono::year{2024} / 1 / 31}};
constexpr sys_seconds at(std::int64_t s) { return kZero + seconds(s); }
constexpr TimeWindow window(std::int64_t from, std::int64_t to) { return {at(from), at(to)}; }

StreamState state(std::optional<std::int64_t> watermark, const Windows& coverage, const Windows& poisoned = {}) {
  StreamState state;
  if (watermark) state.watermark = at(*watermark);
  state.coverage = Coverage(coverage);
  state.poisoned = Coverage(poisoned);
  return state;
}

// --- what to read ------------------------------------------------------------------------------------------------

struct PollRow {
  const char* name;
  StreamState state;
  std::int64_t from, settled, lookback_s;
  Windows expected;
};

class PollRanges : public testing::TestWithParam<PollRow> {};

TEST_P(PollRanges, AreTheGapsAndTheLookback) {
  const PollRow& row = GetParam();
  EXPECT_EQ(poll_ranges(row.state, at(row.from), at(row.settled), seconds(row.lookback_s)), row.expected);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, PollRanges,
    testing::Values(
        PollRow{"AllAtFirst", state({}, {}), 0, 1000, 100, {window(0, 1000)}},
        PollRow{"NothingBeforeTheStart", state({}, {}), 1000, 1000, 100, {}},
        PollRow{"NothingWhenTheStartIsAhead", state({}, {}), 2000, 1000, 100, {}},
        PollRow{"SinceTheLookback", state(900, {window(0, 900)}), 0, 1000, 100, {window(800, 1000)}},
        PollRow{"TheLookbackEndsAtTheStart", state(900, {window(0, 900)}), 850, 1000, 100, {window(850, 1000)}},
        PollRow{"WithoutALookback", state(900, {window(0, 900)}), 0, 1000, 0, {window(900, 1000)}},
        PollRow{"AGapIsFilled",
                state(900, {window(0, 300), window(400, 900)}),
                0,
                1000,
                100,
                {window(300, 400), window(800, 1000)}},
        PollRow{"AGapInTheLookbackIsReadOnce",
                state(900, {window(0, 840), window(860, 900)}),
                0,
                1000,
                100,
                {window(800, 1000)}},
        PollRow{"AGapAtTheLookbackIsJoinedToIt",
                state(900, {window(0, 700), window(800, 900)}),
                0,
                1000,
                100,
                {window(700, 1000)}},
        PollRow{"APoisonedSecondIsAGap",
                state(900, {window(0, 300), window(301, 900)}, {window(300, 301)}),
                0,
                1000,
                100,
                {window(300, 301), window(800, 1000)}},
        PollRow{
            "TheLookbackIsReadAgainWhenTheClockStands", state(900, {window(0, 900)}), 0, 900, 100, {window(800, 900)}},
        PollRow{
            "AClockBehindTheWatermarkCutsTheLookback", state(900, {window(0, 900)}), 0, 850, 100, {window(800, 850)}},
        PollRow{"AClockFarBehindLeavesNothing", state(900, {window(0, 900)}), 0, 700, 100, {}},
        PollRow{"OlderHistoryIsABackfillsAffair", state(900, {window(500, 900)}), 500, 1000, 100, {window(800, 1000)}}),
    [](const auto& row) { return row.param.name; });

struct RecheckRow {
  const char* name;
  StreamState state;
  std::int64_t span_s, lookback_s;
  Windows expected;
};

class RecheckRanges : public testing::TestWithParam<RecheckRow> {};

TEST_P(RecheckRanges, AreWhatWasReadBeforeTheLookback) {
  const RecheckRow& row = GetParam();
  EXPECT_EQ(recheck_ranges(row.state, seconds(row.span_s), seconds(row.lookback_s)), row.expected);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, RecheckRanges,
    testing::Values(RecheckRow{"NothingAtFirst", state({}, {}), 500, 100, {}},
                    RecheckRow{"TheSpanLessTheLookback", state(900, {window(0, 900)}), 500, 100, {window(400, 800)}},
                    RecheckRow{"OnlyWhatIsCovered",
                               state(900, {window(450, 600), window(700, 900)}),
                               500,
                               100,
                               {window(450, 600), window(700, 800)}},
                    RecheckRow{"AndWhatIsPoisoned",
                               state(900, {window(0, 500), window(501, 900)}, {window(500, 501)}),
                               500,
                               100,
                               {window(400, 800)}},
                    RecheckRow{"AndWhatIsPoisonedWherePollsLookBack",
                               state(900, {window(0, 850), window(851, 900)}, {window(850, 851)}),
                               500,
                               100,
                               {window(400, 800), window(850, 851)}},
                    RecheckRow{"PoisonOutsideOfTheSpanRests",
                               state(900, {window(0, 900)}, {window(100, 101)}),
                               500,
                               100,
                               {window(400, 800)}},
                    RecheckRow{"AGapIsAPollsAffair",
                               state(900, {window(0, 500), window(510, 900)}),
                               500,
                               100,
                               {window(400, 500), window(510, 800)}},
                    RecheckRow{"NothingWithinTheLookback", state(900, {window(0, 900)}), 100, 100, {}},
                    RecheckRow{"NothingWhenTheLookbackIsWider", state(900, {window(0, 900)}), 50, 100, {}}),
    [](const auto& row) { return row.param.name; });

struct SettledRow {
  const char* name;
  Timestamp sent;
  std::optional<Timestamp> server_sent;
  seconds settle;
  sys_seconds expected;
};

class SettledBound : public testing::TestWithParam<SettledRow> {};

TEST_P(SettledBound, IsTheEarlierClockLessSettle) {
  const SettledRow& row = GetParam();
  EXPECT_EQ(settled_bound(row.sent, row.server_sent, row.settle), row.expected);
}

INSTANTIATE_TEST_SUITE_P(Rows, SettledBound,
                         testing::Values(SettledRow{"WithoutTheServers", at(100), {}, 10s, at(90)},
                                         SettledRow{"CutToAWholeSecond", at(100) + 999999us, {}, 10s, at(90)},
                                         SettledRow{"AServerAheadDoesNotCount", at(100), at(500), 10s, at(90)},
                                         SettledRow{"AServerBehindCounts", at(100), at(40), 10s, at(30)},
                                         SettledRow{"MillisecondsCutDown", at(100), at(100) - 1ms, 10s, at(89)},
                                         SettledRow{"NoSettle", at(100), at(100), 0s, at(100)}),
                         [](const auto& row) { return row.param.name; });

// --- how wide ----------------------------------------------------------------------------------------------------

constexpr AnswerSize kEmptyAnswer{.bytes = 11, .rows = 0, .duration = 50ms};

// A server with so many rows a second, which fails past its limit.
struct Traffic {
  double rows_a_second;
  double most_rows = INFINITY;
  double bytes_a_row = 200;
};

// What one request brought: whether it failed.
bool ask(WindowWidth& width, const Traffic& traffic) {
  const seconds asked = width.current();
  const double rows = static_cast<double>(asked.count()) * traffic.rows_a_second;
  if (rows > traffic.most_rows) {
    width.failed(asked);
    return false;
  }
  width.learn(asked, {static_cast<std::uint64_t>(rows * traffic.bytes_a_row), static_cast<std::uint64_t>(rows), 50ms});
  return true;
}

double rows_at(const WindowWidth& width, const Traffic& traffic) {
  return static_cast<double>(width.current().count()) * traffic.rows_a_second;
}

TEST(WindowWidth, CrossesFiveYearsOfSilenceInTensOfRequests) {
  WindowWidth width(WidthLimits{});
  int requests = 0;
  for (seconds done{0}; done < 5 * 365 * 24h; ++requests) {
    done += width.current();
    width.learn(width.current(), kEmptyAnswer);
  }
  RecordProperty("requests", requests);
  EXPECT_LE(requests, 80);
}

TEST(WindowWidth, GrowsAtMostEightTimesAndNeverPastTheMaximum) {
  WindowWidth width({.first = 1h, .max = 31 * 24h});
  width.learn(1h, kEmptyAnswer);
  EXPECT_EQ(width.current(), 8h);
  for (int i = 0; i < 10; ++i) width.learn(width.current(), kEmptyAnswer);
  EXPECT_EQ(width.current(), 31 * 24h);
}

TEST(WindowWidth, ConvergesNearItsTargetsFromAnyStart) {
  const WidthLimits limits;
  for (const double rate : {0.001, 0.1, 3.0, 700.0}) {
    for (const seconds first : {seconds(1), seconds(3600), seconds(31 * 86400)}) {
      for (const double bytes_a_row : {100.0, 5000.0}) {
        const Traffic traffic{.rows_a_second = rate, .bytes_a_row = bytes_a_row};
        const double target =
            std::min({static_cast<double>(limits.target_rows), static_cast<double>(limits.target_bytes) / bytes_a_row,
                      static_cast<double>(limits.max.count()) * rate});
        WindowWidth width({.first = first});
        for (int i = 0; i < 12; ++i) ask(width, traffic);
        EXPECT_NEAR(rows_at(width, traffic), target, 0.25 * target + rate) << rate << " rows/s from " << first.count();
      }
    }
  }
}

// 2,000 an hour in office hours, 50 else.
std::vector<Interaction> office_hours(const TimeWindow& window) {
  std::vector<Interaction> rows;
  double due = 0;
  for (sys_seconds at = window.from; at < window.to; ++at) {
    const auto hour = (at.time_since_epoch() / 3600s) % 24;
    const auto day = (at.time_since_epoch() / 86400s) % 7;
    due += (day < 5 && hour >= 8 && hour < 18 ? 2000.0 : 50.0) / 3600.0;
    for (; due >= 1; due -= 1) rows.emplace_back().occurred_at = at;
  }
  return rows;
}

struct Requests {
  int answered = 0;
  int failed = 0;
  int full = 0;  // of the answered
};

// Reads 60 days of them from a server that dies near 15,000 rows.
template <typename Next, typename Learn>
Requests read_office_hours(WindowWidth& width, Next next, Learn learn) {
  Requests requests;
  TimeWindow rest{sys_seconds(0s), sys_seconds(60 * 86400s)};
  while (!rest.empty()) {
    const TimeWindow window = next(rest);
    const std::vector<Interaction> rows = office_hours(window);
    if (rows.size() > 15'000) {
      ++requests.failed;
      width.failed(window.width());
      continue;
    }
    ++requests.answered;
    learn(window, rows, AnswerSize{.bytes = rows.size() * 170, .rows = rows.size(), .duration = 20ms});
    (window.from == rest.from ? rest.from : rest.to) = window.from == rest.from ? window.to : window.from;
  }
  return requests;
}

TEST(WindowWidth, StaysNarrowEnoughForTheBusyHoursThroughNightsAndWeekEnds) {
  WindowWidth width(WidthLimits{});
  const Requests requests = read_office_hours(
      width, [&](const TimeWindow& rest) { return TimeWindow{rest.from, std::min(rest.to, rest.from + width.current())}; },
      [&](const TimeWindow& window, const auto&, const AnswerSize& size) { width.learn(window.width(), size); });
  EXPECT_LE(requests.failed, 3);
  EXPECT_LE(requests.answered, 350);
}

// 110 full answers would do.
TEST(WindowWidth, FillsEachAnswerOnceItKnowsTheWeek) {
  for (const bool backwards : {false, true}) {
    WindowWidth width(WidthLimits{});
    const auto next = [&](const TimeWindow& rest) {
      return backwards ? TimeWindow{std::max(rest.from, rest.to - width.at(rest.to, Order::newest_first)), rest.to}
                       : TimeWindow{rest.from, std::min(rest.to, rest.from + width.at(rest.from, Order::oldest_first))};
    };
    const Requests requests =
        read_office_hours(width, next, [&](const TimeWindow& window, const auto& rows, AnswerSize size) {
          size.rows_by_hour = rows_by_hour(window, rows);
          width.learn(window, size);
        });
    RecordProperty(backwards ? "backwards" : "forwards", requests.answered);
    EXPECT_LE(requests.failed, 3) << backwards;
    EXPECT_LE(requests.answered, 180) << backwards;
  }
}

// Reads hours of so many rows, the newest first, from a server that dies near 15,000 of them.
template <typename RowsAnHour>
Requests read_past(WindowWidth& width, std::chrono::days days, std::chrono::milliseconds duration, RowsAnHour rows_an_hour) {
  Requests requests;
  for (sys_seconds at = sys_seconds(days); at > sys_seconds(0s);) {
    const TimeWindow window{std::max(sys_seconds(0s), at - width.at(at, Order::newest_first)), at};
    AnswerSize size{.duration = duration};
    double due = 0;
    for (sys_seconds hour = std::chrono::floor<std::chrono::hours>(window.from); hour < window.to; hour += 1h) {
      const seconds part = std::min(window.to, hour + 1h) - std::max(window.from, hour);
      due += rows_an_hour(hour) * static_cast<double>(part.count()) / 3600.0;
      size.rows_by_hour.push_back(static_cast<std::uint32_t>(due - static_cast<double>(size.rows)));
      size.rows += size.rows_by_hour.back();
    }
    size.bytes = size.rows * 170;
    if (size.rows > 15'000) {
      ++requests.failed;
      width.failed(window.width());
    } else {
      ++requests.answered;
      requests.full += size.rows > 7'000 ? 1 : 0;
      width.learn(window, size);
      at = window.from;
    }
  }
  return requests;
}

// 8 weeks of the last year had 30 times as much.
TEST(WindowWidth, GrowsAgainWhereTheWeeksBeforeHadLess) {
  WindowWidth width(WidthLimits{});
  const auto rate = [](sys_seconds at) {
    const bool is_day = (at.time_since_epoch() / 3600s) % 24 >= 8 && (at.time_since_epoch() / 3600s) % 24 < 18;
    const double busy = at >= sys_seconds(std::chrono::days(365 - 56)) ? 30'000 : 1'000;
    return is_day ? busy : busy / 20;
  };
  const Requests requests = read_past(width, std::chrono::days(365), 50ms, rate);
  EXPECT_LE(requests.answered + requests.failed, 3'600) << "2,600 full answers would do";
}

// As dense as that comes only in the past: it is learned hour by hour, but not by failing in each of them.
TEST(WindowWidth, DoesNotRunIntoTheServersLimitAgainAndAgainWhereTheWeeksBeforeHadMore) {
  WindowWidth width(WidthLimits{});
  const auto rate = [](sys_seconds at) { return at >= sys_seconds(std::chrono::days(28)) ? 3'000.0 : 30'000.0; };
  const Requests requests = read_past(width, std::chrono::days(42), 50ms, rate);
  EXPECT_LE(requests.failed, 40) << "of 1,500 requests";
  EXPECT_GT(requests.full, 1'300);
}

// 45 seconds an answer, whatever is in it, are no reason to ask for less and less.
TEST(WindowWidth, DoesNotShrinkWhereTheServerTakesLongOverNextToNothing) {
  WindowWidth width(WidthLimits{});
  const Requests requests = read_past(width, std::chrono::days(365), 45s, [](sys_seconds) { return 4.0; });
  EXPECT_LE(requests.answered + requests.failed, 9'000) << "an hour each";
}

TEST(WindowWidth, IsNotNarrowedByPollsOfAFewRows) {
  WindowWidth width(WidthLimits{});
  std::vector<Interaction> rows(10);
  for (sys_seconds at{0s}; at < sys_seconds(7 * 24h); at += 60s) {
    const TimeWindow poll{at, at + 16min};
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i].occurred_at = at + 96s * i;
    width.learn(poll, {.bytes = 1'700, .rows = 10, .duration = 500ms, .rows_by_hour = rows_by_hour(poll, rows)});
  }
  const Requests requests = read_past(width, std::chrono::days(7), 500ms, [](sys_seconds) { return 37.5; });
  EXPECT_LE(requests.answered + requests.failed, 6);
}

TEST(WindowWidth, ThatKnowsTheWeekStillHeedsWhatFailed) {
  WindowWidth width({.first = 1h, .max = 48h});
  for (sys_seconds at{0s}; at < sys_seconds(7 * 24h); at += 1h) {
    width.learn(TimeWindow{at, at + 1h}, {.bytes = 1, .rows = 100, .duration = 1ms, .rows_by_hour = {100}});
  }
  EXPECT_EQ(width.at(sys_seconds(0s), Order::oldest_first), 8h) << "at most eight times wider";
  width.failed(8h);
  EXPECT_EQ(width.at(sys_seconds(0s), Order::oldest_first), width.current());
  width.learn(TimeWindow{sys_seconds(0s), sys_seconds(4h)},
              {.bytes = 1, .rows = 400, .duration = 1ms, .rows_by_hour = {100, 100, 100, 100}});
  EXPECT_LT(width.at(sys_seconds(0s), Order::oldest_first), 8h);
  EXPECT_GT(width.at(sys_seconds(0s), Order::oldest_first), 4h);
}

TEST(WindowWidth, SlowAnswersNarrowIt) {
  WindowWidth width({.first = 1000s});
  width.learn(1000s, {.bytes = 10, .rows = 4000, .duration = 20s});
  EXPECT_EQ(width.current(), 500s);
  width.learn(500s, {.bytes = 10, .rows = 4000, .duration = 500s});
  EXPECT_EQ(width.current(), 125s) << "to a quarter at most";
}

// Else a server that takes 15 seconds for anything would be asked for a second at a time, and never be caught up with.
TEST(WindowWidth, SlowAnswersOfNextToNothingDoNotNarrowIt) {
  WindowWidth width({.first = 1000s});
  width.learn(1000s, {.bytes = 10, .rows = 1, .duration = 100s});
  EXPECT_EQ(width.current(), 1000s);
  width.learn(1000s, {.bytes = 10, .rows = 1, .duration = 15s});
  EXPECT_EQ(width.current(), 2000s);
}

TEST(WindowWidth, RecoversFromAFailureAlsoWhereAnswersAreSlow) {
  WindowWidth width({.first = 3600s});
  width.failed(2s);
  ASSERT_EQ(width.current(), 1s);
  for (int answers = 0; answers < 30; ++answers) width.learn(width.current(), {.bytes = 10, .rows = 1, .duration = 15s});
  EXPECT_GE(width.current(), 600s);
}

TEST(WindowWidth, ANarrowRestOfARangeDoesNotNarrowIt) {
  WindowWidth width({.first = 3600s});
  width.learn(10s, {.bytes = 100, .rows = 10, .duration = 50ms});
  EXPECT_EQ(width.current(), 3600s);
  width.learn(10s, {.bytes = 100, .rows = 80'000, .duration = 50ms});
  EXPECT_LT(width.current(), 10s) << "unless it was too full";
}

TEST(WindowWidth, StaysWithinItsLimits) {
  Random random(1);
  const WidthLimits limits{.first = 600s, .min = 7s, .max = 100'000s};
  WindowWidth width(limits);
  for (int i = 0; i < 20'000; ++i) {
    const seconds asked(1 + static_cast<seconds::rep>(random.below(200'000)));
    if (random.permille(300)) {
      width.failed(asked);
    } else {
      width.learn(asked,
                  {random.below(10'000'000), random.below(20'000), std::chrono::milliseconds(random.below(60'000))});
    }
    ASSERT_GE(width.current(), limits.min);
    ASSERT_LE(width.current(), limits.max);
  }
}

struct LimitRow {
  const char* name;
  Traffic traffic;
  int most_failures;
};

class ServerLimit : public testing::TestWithParam<LimitRow> {};

// A limit below the targets must be felt now and then, because it may be gone.
TEST_P(ServerLimit, IsRarelyRunInto) {
  WindowWidth width({.first = 60s});
  int failures = 0;
  double rows = 0;
  for (int i = 0; i < 1000; ++i) {
    const double asked = rows_at(width, GetParam().traffic);
    if (ask(width, GetParam().traffic)) {
      rows += asked;
    } else {
      ++failures;
    }
  }
  RecordProperty("failures", failures);
  EXPECT_LE(failures, GetParam().most_failures);
  const double most = std::min(GetParam().traffic.most_rows, 8000.0);
  EXPECT_GT(rows / 1000, 0.7 * most) << "rows a request";
}

INSTANTIATE_TEST_SUITE_P(Rows, ServerLimit,
                         testing::Values(LimitRow{"AboveTheTarget", {1.0, 15'000}, 1},
                                         LimitRow{"Below", {1.0, 5000}, 40}, LimitRow{"FarBelow", {0.1, 100}, 40},
                                         LimitRow{"OfFewSeconds", {100.0, 1000}, 60}),
                         [](const auto& row) { return row.param.name; });

TEST(WindowWidth, GrowsBackQuicklyOverSilenceAndSlowlyOtherwise) {
  const auto answers_until_it_is_back = [](const AnswerSize& answer) {
    WindowWidth width({.first = 4096s, .max = 4096s});
    for (seconds failed = 4096s; failed >= 64s; failed /= 2) width.failed(failed);
    int answers = 0;
    for (; width.current() < 4000s && answers < 10'000; ++answers) width.learn(width.current(), answer);
    return answers;
  };
  EXPECT_LE(answers_until_it_is_back(kEmptyAnswer), 12);
  const int slowly = answers_until_it_is_back({.bytes = 1, .rows = 4000, .duration = 50ms});
  EXPECT_GT(slowly, 30);
  EXPECT_LT(slowly, 120);
}

TEST(WindowWidth, TimeOutsByChanceDoNotWearItDown) {
  for (const std::uint64_t permille : {10, 50}) {
    Random random(permille);
    WindowWidth width({.first = 60s});
    double rows = 0;
    for (int i = 0; i < 2000; ++i) {
      const Traffic traffic{.rows_a_second = 1.0};
      if (random.permille(permille)) {
        width.failed(width.current());
      } else {
        rows += rows_at(width, traffic);
        ask(width, traffic);
      }
    }
    EXPECT_GT(rows / 2000, 1000) << permille << " of a thousand requests fail";
  }
}

TEST(WindowWidth, WhatWasNotToBlameIsForgotten) {
  WindowWidth width({.first = 4096s});
  for (seconds failed = 4096s; failed > 1s; failed /= 2) width.failed(failed);
  EXPECT_EQ(width.current(), 1s);
  width.not_to_blame();
  int answers = 0;
  for (; width.current() < 4096s; ++answers) width.learn(width.current(), kEmptyAnswer);
  EXPECT_EQ(answers, 4);
}

// --- in which order ----------------------------------------------------------------------------------------------

class Plan : public testing::Test {
 protected:
  static constexpr WindowPlan::Clock::time_point kNow{1000h};

  void make(const Windows& ranges, const PlanOptions& options = {}, const Windows& poisoned = {}) {
    plan_.emplace(ranges, Coverage(poisoned), width_, options);
  }

  // The next task; now_ moves on to when there is one.
  Task take() {
    for (int i = 0; i < 3; ++i) {
      const auto next = plan_->next(now_);
      if (next.task) return *next.task;
      if (!next.not_before) break;
      now_ = *next.not_before;
    }
    ADD_FAILURE() << "no task";
    return {};
  }
  TimeWindow take_window() { return take().window; }

  void succeed(const Task& task) { plan_->succeeded(task, task.window.to, kEmptyAnswer); }
  WindowPlan::Verdict fail(const Task& task, Failure failure) {
    return plan_->failed(task, {failure, "it failed", {}}, now_, 0.5);
  }

  // Fails all but probes until the plan has nothing more to give.
  std::vector<AskedRange> fail_all() {
    std::vector<AskedRange> asked;
    while (!plan_->is_done() && asked.size() < 1000) {
      const Task task = take();
      if (task.kind == Task::Kind::probe) {
        succeed(task);
        continue;
      }
      asked.push_back(task.asked());
      fail(task, Failure::server_error);
    }
    return asked;
  }

  WindowWidth width_{WidthLimits{.first = 100s, .max = 100s}};
  std::optional<WindowPlan> plan_;
  WindowPlan::Clock::time_point now_ = kNow;
};

TEST_F(Plan, OfNothingIsDone) {
  make({});
  EXPECT_TRUE(plan_->is_done());
  EXPECT_TRUE(plan_->next(kNow).done);
  EXPECT_EQ(plan_->progress(), 1.0);
}

TEST_F(Plan, HandsOutTheRangesInOrderAndInTheWidthAllowed) {
  make({window(0, 250), window(300, 310)});
  EXPECT_EQ(take_window(), window(0, 100));
  EXPECT_EQ(take_window(), window(100, 200));
  EXPECT_EQ(take_window(), window(200, 250));
  EXPECT_EQ(take_window(), window(300, 310));
  const auto next = plan_->next(kNow);
  EXPECT_FALSE(next.task);
  EXPECT_FALSE(next.done) << "others are still at work";
  EXPECT_FALSE(next.not_before);
  EXPECT_FALSE(plan_->has_work(kNow));
}

TEST_F(Plan, HandsOutTheRangesFromTheirEndWhereTheNewestComesFirst) {
  make({window(0, 250), window(300, 310)}, {.order = Order::newest_first});
  EXPECT_EQ(take_window(), window(300, 310));
  EXPECT_EQ(take_window(), window(150, 250));
  EXPECT_EQ(take_window(), window(50, 150));
  EXPECT_EQ(take_window(), window(0, 50));
  EXPECT_FALSE(plan_->next(kNow).task);
}

// January, February and March 1970, each a day of which is read.
class PlanOfMonths : public Plan {
 protected:
  static constexpr seconds kJanuary{0}, kFebruary = 31 * 24h, kMarch = 59 * 24h, kApril = 90 * 24h;
  static constexpr seconds kDay{86'400};

  void SetUp() override { width_ = WindowWidth({.first = kDay, .max = kDay}); }
  // The day of the year, from 0, that this worker is given.
  std::int64_t take_day(int worker) {
    const auto next = plan_->next(kNow, worker);
    if (!next.task) return -1;
    taken_.push_back(next.task->window);
    return next.task->window.from.time_since_epoch() / kDay;
  }
  Windows taken_;
};

TEST_F(PlanOfMonths, EachWorkerReadsAMonthOfItsOwnAndThenTheNewestThatNobodyReads) {
  make({{sys_seconds(kFebruary - 2 * kDay), sys_seconds(kMarch + 2 * kDay)}},
       {.order = Order::newest_first, .months_apart = true});
  EXPECT_EQ(take_day(0), 60) << "the second of March";
  EXPECT_EQ(take_day(1), 58) << "the last of February";
  EXPECT_EQ(take_day(1), 57);
  EXPECT_EQ(take_day(0), 59);
  EXPECT_EQ(take_day(0), 30) << "March is done, February another's: the last of January";
  EXPECT_EQ(take_day(1), 56);
  EXPECT_EQ(take_day(2), 55) << "where every month is somebody's, the newest";
}

TEST_F(PlanOfMonths, AllIsReadOnceWhoeverReadsIt) {
  for (const Order order : {Order::newest_first, Order::oldest_first}) {
    for (const int workers : {1, 2, 3, 5}) {
      make({{sys_seconds(kJanuary + 100s), sys_seconds(kFebruary + 5 * kDay)},
            {sys_seconds(kFebruary + 9 * kDay), sys_seconds(kApril)}},
           {.order = order, .months_apart = true});
      taken_.clear();
      for (int turn = 0; take_day(turn * 7 % workers) >= 0; ++turn) {
      }
      seconds width{0};
      for (const TimeWindow& taken : taken_) width += taken.width();
      EXPECT_EQ(width, kApril - 100s - 4 * kDay) << workers;
      EXPECT_EQ(Coverage(taken_).windows().size(), 2U) << workers;
    }
  }
}

TEST_F(PlanOfMonths, WhatFailedComesNextWhoeverAsks) {
  make({{sys_seconds(kFebruary - 2 * kDay), sys_seconds(kMarch)}}, {.order = Order::newest_first, .months_apart = true});
  take_day(0);
  const Task of_january = *plan_->next(kNow, 1).task;
  plan_->failed(of_january, {Failure::db_conflict, "it failed", {}}, kNow, 0.0);
  EXPECT_EQ(plan_->next(kNow + 1h, 0).task->window, of_january.window);
}

// So many seconds of January fail that they are asked for again while February is still being read.
TEST_F(PlanOfMonths, ASuspectIsAskedForAgainBeforeAnythingElse) {
  width_ = WindowWidth({.first = 1h, .max = 1h});
  make({{sys_seconds(kJanuary), sys_seconds(1000s)}, {sys_seconds(kFebruary), sys_seconds(kMarch)}},
       {.order = Order::newest_first, .months_apart = true});
  const auto is_bad = [](const Task& task) {
    for (sys_seconds at = task.window.from; at < task.window.to && at < sys_seconds(1000s); at += 1s) {
      if (at.time_since_epoch() % 10s == 0s) return task.kind != Task::Kind::probe;
    }
    return false;
  };
  std::optional<TimeWindow> awaited;  // the suspect that failed last, until it is asked for again
  int asked_again = 0;
  for (int i = 0; i < 5'000 && !plan_->is_done(); ++i) {
    const auto next = plan_->next(now_, i % 10 == 0 ? 0 : 1);
    if (!next.task) {
      now_ = next.not_before.value_or(now_);
      continue;
    }
    const Task& task = *next.task;
    if (awaited && task.kind != Task::Kind::probe) {
      EXPECT_EQ(task.window, *awaited) << i;
      ++asked_again;
      awaited.reset();
    }
    if (!is_bad(task)) {
      succeed(task);
    } else if (!fail(task, Failure::server_error).poisoned && task.suspect) {
      awaited = task.window;
    }
  }
  EXPECT_GT(asked_again, 100);
}

TEST_F(PlanOfMonths, ReadsAgainTheWindowsThatAreKnownAndLieInOneMonth) {
  const auto known = [](seconds from, seconds to) { return KnownAnswer{{sys_seconds(from), sys_seconds(to)}, {}, 8'000, 0, false}; };
  make({{sys_seconds(kFebruary - 2 * kDay), sys_seconds(kFebruary + 2 * kDay)}},
       {.order = Order::newest_first,
        .months_apart = true,
        .known_answers = {known(kFebruary - kDay - 1h, kFebruary - 1h), known(kFebruary - 1h, kFebruary + 1h)}});
  int known_again = 0;
  while (const auto task = plan_->next(kNow).task) {
    taken_.push_back(task->window);
    known_again += task->known ? 1 : 0;
  }
  EXPECT_EQ(known_again, 1) << "not the one that crosses them";
  EXPECT_EQ(Coverage(taken_), Coverage({{sys_seconds(kFebruary - 2 * kDay), sys_seconds(kFebruary + 2 * kDay)}}));
}

TEST_F(PlanOfMonths, HalvesOfWhatFailedStayWithTheirMonth) {
  make({{sys_seconds(kFebruary - 2 * kDay), sys_seconds(kMarch)}}, {.order = Order::newest_first, .months_apart = true});
  take_day(0);
  const Task of_january = *plan_->next(kNow, 1).task;
  plan_->failed(of_january, {Failure::too_large, "it failed", {}}, kNow, 0.5);
  EXPECT_EQ(take_day(0), 57) << "another's halves stand before it";
  EXPECT_EQ(plan_->next(kNow, 1).task->window.to, of_january.window.to);
}

TEST_F(Plan, ReadsTheNewerHalfOfWhatFailedFirstWhereTheNewestComesFirst) {
  make({window(0, 200)}, {.order = Order::newest_first});
  fail(take(), Failure::too_large);
  EXPECT_EQ(take_window(), window(150, 200));
  EXPECT_EQ(take_window(), window(100, 150));
  EXPECT_EQ(take_window(), window(50, 100)) << "in the width that is left";
}

TEST_F(Plan, LooksTwiceAsFarBackAfterEachWindowThatIsAnothersWhereTheNewestComesFirst) {
  make({window(0, 10'000)}, {.order = Order::newest_first});
  for (const TimeWindow& expected : {window(9'900, 10'000), window(9'700, 9'900), window(9'300, 9'700)}) {
    const Task task = take();
    EXPECT_EQ(task.window, expected);
    EXPECT_EQ(task.widest, 100s);
    plan_->yielded(task);
  }
  Task task = take();
  EXPECT_EQ(task.window, window(8'500, 9'300));
  plan_->narrow(task, window(8'500, 8'600));
  EXPECT_EQ(take_window(), window(9'200, 9'300)) << "what follows is asked for in the usual steps";
}

// The second before a poisoned one is asked for without it.
TEST_F(Plan, AsksForThePoisonedSecondThatComesLastFirstInAnyOrder) {
  for (const Order order : {Order::oldest_first, Order::newest_first}) {
    make({window(0, 2)}, {.order = order});
    EXPECT_THAT(fail_all(), testing::Contains(AskedRange{window(0, 1).from, window(0, 1).from}));
    EXPECT_EQ(plan_->poisoned(), (Windows{window(1, 2), window(0, 1)}));
  }
}

TEST_F(Plan, WhatIsLeftOfANarrowedTaskComesNextWhereTheNewestComesFirst) {
  make({window(0, 200)}, {.order = Order::newest_first});
  Task task = take();
  plan_->narrow(task, window(100, 120));
  EXPECT_EQ(take_window(), window(120, 200));
  EXPECT_EQ(take_window(), window(0, 100));
}

// Where others have read years, a server that serves a second at a time must not make that a claim for every second.
TEST_F(Plan, LooksTwiceAsFarAheadAfterEachWindowThatIsAnothers) {
  make({window(0, 10'000)});
  for (const TimeWindow& expected : {window(0, 100), window(100, 300), window(300, 700), window(700, 1500)}) {
    const Task task = take();
    EXPECT_EQ(task.window, expected);
    EXPECT_EQ(task.widest, 100s);
    plan_->yielded(task);
  }
  EXPECT_TRUE(plan_->has_yielded());
  Task task = take();
  EXPECT_EQ(task.window, window(1500, 3100));
  plan_->narrow(task, window(2000, 2100));
  EXPECT_EQ(task.window, window(2000, 2100));
  EXPECT_EQ(take_window(), window(2100, 2200)) << "what follows is asked for in the usual steps";
}

TEST_F(Plan, WhatIsLeftOfANarrowedTaskIsHandedOutLater) {
  make({window(0, 100)});
  Task task = take();
  plan_->narrow(task, window(0, 40));
  EXPECT_FALSE(plan_->has_yielded());
  EXPECT_EQ(take_window(), window(40, 100));
}

TEST_F(Plan, AsksForBothBounds) {
  make({window(0, 100)});
  EXPECT_EQ(take().asked(), (AskedRange{at(0), at(100)}));
}

TEST_F(Plan, ProgressIsTheShareOfSecondsDealtWith) {
  make({window(0, 200)});
  EXPECT_EQ(plan_->progress(), 0.0);
  const Task first = take();
  EXPECT_EQ(plan_->progress(), 0.0);
  succeed(first);
  EXPECT_EQ(plan_->progress(), 0.5);
  fail(take(), Failure::timeout);
  EXPECT_EQ(plan_->progress(), 0.5);
  succeed(take());
  EXPECT_EQ(plan_->progress(), 0.75);
  succeed(take());
  EXPECT_EQ(plan_->progress(), 1.0);
}

TEST_F(Plan, TakesNothingWhileItWaits) {
  make({window(0, 200)});
  const Task first = take();
  const auto verdict = fail(first, Failure::unreachable);
  EXPECT_EQ(verdict.wait, kFirstBackoff / 2);
  EXPECT_EQ(plan_->next(kNow).not_before, kNow + verdict.wait);
  EXPECT_FALSE(plan_->next(kNow).task);
  EXPECT_TRUE(plan_->next(kNow + verdict.wait).task);
}

TEST_F(Plan, AWindowThatFailsTwiceIsSplitAndItsHalvesComeFirst) {
  make({window(0, 200)});
  fail(take(), Failure::server_error);
  const Task again = take();
  EXPECT_EQ(again.window, window(0, 100));
  EXPECT_EQ(fail(again, Failure::server_error).action, Action::split);
  EXPECT_EQ(take_window(), window(0, 50));
  EXPECT_EQ(take_window(), window(50, 100));
  EXPECT_EQ(take_window(), window(100, 150)) << "and what comes after is no wider";
}

TEST_F(Plan, IsolatesOneSecondWhateverTheNarrowestWidth) {
  width_ = WindowWidth({.first = 60s, .min = 60s, .max = 60s});
  make({window(0, 60)});
  const auto is_served = [](const AskedRange& asked) { return asked.to < at(17) || asked.from > at(17); };
  while (!plan_->is_done()) {
    const Task task = take();
    if (is_served(task.asked())) {
      succeed(task);
    } else {
      fail(task, Failure::server_error);
    }
  }
  EXPECT_THAT(plan_->poisoned(), ElementsAre(window(17, 18)));
}

TEST_F(Plan, StopsWhenAHumanMustAct) {
  make({window(0, 200)});
  const Task one = take();
  const Task other = take();
  EXPECT_EQ(fail(one, Failure::unauthorised).action, Action::stop);
  EXPECT_TRUE(plan_->next(kNow).done);
  fail(other, Failure::db_denied);
  ASSERT_TRUE(plan_->stopped_by());
  EXPECT_EQ(plan_->stopped_by()->failure, Failure::unauthorised) << "the first reason is the one that is told";
}

TEST_F(Plan, AfterAConflictTheWindowIsCompared) {
  make({window(0, 100)});
  const Task task = take();
  EXPECT_EQ(task.conflicts, 0);
  fail(task, Failure::db_conflict);
  const Task again = take();
  EXPECT_EQ(again.conflicts, 1);
  fail(again, Failure::db_retry);
  EXPECT_EQ(take().conflicts, 1) << "whatever fails next";
}

TEST_F(Plan, AConflictAfterALongOutageDoesNotStopIt) {
  make({window(0, 100)});
  for (int i = 0; i < 100; ++i) fail(take(), Failure::db_unreachable);
  EXPECT_EQ(fail(take(), Failure::db_conflict).action, Action::again);
}

// --- poison

TEST_F(Plan, AsksForASuspectAgainAndAloneAndAfterAProbe) {
  make({window(50, 51)});
  const std::vector<AskedRange> asked = fail_all();
  const AskedRange both{at(50), at(51)};
  const AskedRange alone{at(50), at(50)};
  EXPECT_THAT(asked, ElementsAre(both, both, both, alone, alone, alone)) << "at first twice, as any window";
  EXPECT_THAT(plan_->poisoned(), ElementsAre(window(50, 51)));
  EXPECT_TRUE(plan_->is_done());
  EXPECT_FALSE(plan_->stopped_by());
}

TEST_F(Plan, ReadsAllElseBeforeItTriesSuspectsAgain) {
  make({window(0, 1), window(10, 20)});
  fail(take(), Failure::timeout);
  const Task rest = take();
  EXPECT_EQ(rest.window, window(10, 20));
  EXPECT_FALSE(plan_->next(kNow).task) << "while others are at work";
  succeed(rest);
  EXPECT_EQ(take_window(), window(0, 1));
}

TEST_F(Plan, TriesSuspectsBeforeTheyBecomeTooMany) {
  Windows ranges;
  for (int i = 0; i < 200; ++i) ranges.push_back(window(2 * i, 2 * i + 1));
  make(ranges);
  int first_tries = 0;
  while (plan_->poisoned().empty()) {
    const Task task = take();
    if (task.kind == Task::Kind::probe) {
      succeed(task);
    } else {
      first_tries += task.suspect ? 0 : 1;
      fail(task, Failure::timeout);
    }
  }
  EXPECT_EQ(first_tries, 64);
}

TEST_F(Plan, DoesNotAskForTheSecondAfterAWindowThatIsPoisoned) {
  make({window(0, 200)}, {}, {window(50, 51)});
  const Task before = take();
  EXPECT_EQ(before.window, window(0, 50));
  EXPECT_EQ(before.asked(), (AskedRange{at(0), at(49)}));
  EXPECT_EQ(take().asked(), (AskedRange{at(51), at(151)}));
}

TEST_F(Plan, LeavesKnownPoisonAlone) {
  make({window(50, 51)}, {}, {window(50, 51)});
  EXPECT_TRUE(plan_->is_done());
}

TEST_F(Plan, AsksForKnownPoisonAgainWhenToldAfterAllElse) {
  make({window(0, 60)}, {.retry_poisoned = true}, {window(50, 51)});
  succeed(take());
  const Task after = take();
  EXPECT_EQ(after.window, window(51, 60));
  succeed(after);
  const Task poisoned = take();
  EXPECT_EQ(poisoned.window, window(50, 51));
  EXPECT_EQ(poisoned.asked(), (AskedRange{at(50), at(51)}));
  succeed(poisoned);
  EXPECT_TRUE(plan_->is_done());
  EXPECT_THAT(plan_->poisoned(), IsEmpty());
}

TEST_F(Plan, KnownPoisonThatIsStillThereTakesTwoFailures) {
  make({window(50, 51)}, {.retry_poisoned = true}, {window(50, 51)});
  EXPECT_EQ(fail_all().size(), 2u);
  EXPECT_THAT(plan_->poisoned(), ElementsAre(window(50, 51)));
}

TEST_F(Plan, AsksKnownPoisonBackToFrontSoThatNoneHidesTheOneBefore) {
  make({window(50, 53)}, {.retry_poisoned = true}, {window(50, 53)});
  const Task last = take();
  EXPECT_EQ(last.asked(), (AskedRange{at(52), at(53)}));
  succeed(last);
  EXPECT_EQ(take().asked(), (AskedRange{at(51), at(51)})) << "what follows was poisoned a moment ago";
}

TEST_F(Plan, HoldsAtPoisonWhenToldTo) {
  make({window(50, 51), window(60, 160)}, {.pass_poison = false});
  fail_all();
  EXPECT_THAT(plan_->poisoned(), ElementsAre(window(50, 51)));
  ASSERT_TRUE(plan_->stopped_by());
  EXPECT_THAT(plan_->stopped_by()->message, testing::HasSubstr("windows.on_poison"));
}

TEST_F(Plan, AsksForPoisonThatItHoldsAtLikeForAnyWindow) {
  make({window(0, 100)}, {.pass_poison = false, .retry_poisoned = true}, {window(50, 51)});
  EXPECT_EQ(take().asked(), (AskedRange{at(0), at(100)}));
}

TEST_F(Plan, HoldingOnOneSecondNeedsAProbeEvenWhenOthersSucceed) {
  make({window(0, 1), window(10, 300)}, {.pass_poison = false});
  const Task suspect = take();
  const Task slow = take();  // asked for before the outage began
  fail(suspect, Failure::timeout);
  fail(take(), Failure::timeout);
  succeed(slow);
  const Task tight = take();
  EXPECT_EQ(tight.kind, Task::Kind::tight);
  EXPECT_FALSE(fail(tight, Failure::timeout).poisoned);
  EXPECT_EQ(take().kind, Task::Kind::probe);
}

TEST_F(Plan, WhatFailedInAnOutageIsNoEvidence) {
  make({window(50, 51)});
  for (int i = 0; i < 20; ++i) fail(take(), Failure::timeout);
  for (int i = 0; i < 2; ++i) {
    const Task probe = take();
    ASSERT_EQ(probe.kind, Task::Kind::probe);
    succeed(probe);
    EXPECT_FALSE(fail(take(), Failure::timeout).poisoned) << "the outage is over, and little failed since";
  }
  succeed(take());
  succeed(take());
  EXPECT_TRUE(plan_->is_done());
  EXPECT_THAT(plan_->poisoned(), IsEmpty());
}

TEST_F(Plan, StopsWhenTooManySecondsAreNewlyPoisoned) {
  Windows ranges;
  for (int i = 0; i < 200; ++i) ranges.push_back(window(2 * i, 2 * i + 1));
  make(ranges, {.max_poisoned = 10});
  fail_all();
  EXPECT_EQ(plan_->poisoned().size(), 10u);
  ASSERT_TRUE(plan_->stopped_by());
  EXPECT_EQ(plan_->stopped_by()->failure, Failure::server_error);
}

TEST_F(Plan, OldPoisonDoesNotCountAsNew) {
  Windows ranges;
  for (int i = 0; i < 200; ++i) ranges.push_back(window(2 * i, 2 * i + 1));
  make(ranges, {.retry_poisoned = true, .max_poisoned = 10}, ranges);
  fail_all();
  EXPECT_EQ(plan_->poisoned().size(), 200u);
  EXPECT_FALSE(plan_->stopped_by());
}

TEST_F(Plan, NoTaskIsTightOnceFractionsWereSeen) {
  make({window(0, 50), window(60, 70)}, {}, {window(50, 51), window(70, 71)});
  const Task tight = take();
  EXPECT_EQ(tight.kind, Task::Kind::tight);
  plan_->saw_fractions();
  fail(tight, Failure::broken_answer);
  EXPECT_EQ(take().asked(), (AskedRange{at(0), at(50)}));
  EXPECT_EQ(take().asked(), (AskedRange{at(60), at(70)}));
}

// --- throttles

TEST_F(Plan, AThrottleThatAllWorkersRunIntoCountsOnce) {
  make({window(0, 100'000)});
  std::vector<Task> tasks;
  for (int i = 0; i < 8; ++i) tasks.push_back(take());
  for (const Task& task : tasks) EXPECT_EQ(fail(task, Failure::throttled).wait, kFirstBackoff / 2);
  const Task next = take();
  EXPECT_EQ(fail(next, Failure::throttled).wait, kFirstBackoff) << "this one is another";
}

TEST_F(Plan, AfterAThrottleOneWorkerAsksUntilItIsAnswered) {
  make({window(0, 100'000)});
  fail(take(), Failure::throttled);
  const Task first = take();
  EXPECT_FALSE(plan_->next(now_).task);
  EXPECT_FALSE(plan_->has_work(now_));
  succeed(first);
  take();
  take();
}

// --- outages

TEST_F(Plan, AfterThreeFailuresAsksWhetherTheServerAnswersAtAll) {
  make({window(0, 100)});
  for (int i = 0; i < 3; ++i) fail(take(), Failure::unreachable);
  const Task probe = take();
  EXPECT_EQ(probe.asked(), (AskedRange{sys_seconds(0s), sys_seconds(0s)}));
  EXPECT_FALSE(plan_->next(now_).task) << "and nothing else meanwhile";
  EXPECT_FALSE(plan_->has_work(now_));
  EXPECT_EQ(fail(probe, Failure::timeout).action, Action::again);
  const Task next = take();
  EXPECT_EQ(next.kind, Task::Kind::probe);
  succeed(next);
  EXPECT_EQ(take_window(), window(0, 100));
}

TEST_F(Plan, AProbeThatIsRefusedIsAnAnswer) {
  make({window(0, 100)});
  for (int i = 0; i < 3; ++i) fail(take(), Failure::unreachable);
  fail(take(), Failure::refused);
  EXPECT_EQ(take_window(), window(0, 100));
  EXPECT_FALSE(plan_->stopped_by());
}

TEST_F(Plan, AProbeThatFindsTheTokenRefusedStops) {
  make({window(0, 100)});
  for (int i = 0; i < 3; ++i) fail(take(), Failure::unreachable);
  EXPECT_EQ(fail(take(), Failure::unauthorised).action, Action::stop);
  EXPECT_TRUE(plan_->is_done());
}

TEST_F(Plan, AWindowThatKillsTheServersWorkerWithoutAWordIsSplit) {
  make({window(0, 100)});
  for (int i = 0; i < 3; ++i) fail(take(), Failure::unreachable);
  succeed(take());
  EXPECT_EQ(fail(take(), Failure::unreachable).action, Action::split) << "the server lives: it answered the probe";
}

TEST_F(Plan, AServerThatRefusesEveryWindowAsTooLargeIsProbed) {
  make({window(0, 100)});
  for (int i = 0; i < 3; ++i) fail(take(), Failure::too_large);
  EXPECT_EQ(take().kind, Task::Kind::probe);
}

TEST_F(Plan, DatabaseFailuresAreNotTheServers) {
  make({window(0, 100)});
  for (int i = 0; i < 50; ++i) {
    const Task task = take();
    ASSERT_EQ(task.kind, Task::Kind::window);
    fail(task, Failure::db_unreachable);
  }
}

// --- patience

TEST_F(Plan, HasPatienceForEverUnlessTold) {
  make({window(0, 100)});
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(fail(take(), Failure::unreachable).action, Action::again);
  EXPECT_GT(now_ - kNow, 10h);
}

TEST_F(Plan, GivesUpSoonerBeforeAnythingSucceeded) {
  for (const bool succeeded : {false, true}) {
    now_ = kNow;
    make({window(0, 200)}, {.patience_at_first = 10s, .patience = 1h});
    if (succeeded) succeed(take());
    while (!plan_->is_done()) fail(take(), Failure::unreachable);
    EXPECT_GE(now_ - kNow, succeeded ? 1h : 10s);
    EXPECT_LE(now_ - kNow, succeeded ? 1h + 1s : 11s) << "no wait goes past its end";
    EXPECT_EQ(plan_->stopped_by()->failure, Failure::unreachable);
  }
}

TEST_F(Plan, PatienceBeginsAnewWithEverySuccess) {
  width_ = WindowWidth({.first = 1s, .max = 1s});
  make({window(0, 100)}, {.patience_at_first = 1min, .patience = 1min});
  for (int i = 0; i < 100; ++i) {
    fail(take(), Failure::db_exhausted);
    now_ += 50s;
    succeed(take());
  }
  EXPECT_TRUE(plan_->is_done());
  EXPECT_FALSE(plan_->stopped_by());
}

TEST_F(Plan, NeverGivesUpWhileThrottled) {
  make({window(0, 100)}, {.patience_at_first = 1min, .patience = 1min});
  for (int i = 0; i < 100; ++i) {
    const Task task = take();
    EXPECT_EQ(plan_->failed(task, {Failure::throttled, "429", 60s}, now_, 0.5).action, Action::again);
  }
  fail(take(), Failure::unreachable);
  EXPECT_FALSE(plan_->is_done()) << "nor because of it";
}

// --- the present

TEST_F(Plan, NothingPastTheBoundIsHandedOut) {
  make({window(0, 250), window(300, 400)});
  const Task first = take();
  plan_->limit(at(150));
  succeed(first);
  const Task last = take();
  EXPECT_EQ(last.window, window(100, 150));
  succeed(last);
  EXPECT_TRUE(plan_->is_done());
  EXPECT_EQ(Coverage(plan_->unsettled()), Coverage({window(150, 250), window(300, 400)}));
  EXPECT_EQ(plan_->progress(), 1.0);
}

TEST_F(Plan, NorIsWhatComesBackFromAWorker) {
  make({window(0, 100)});
  const Task task = take();
  plan_->limit(at(70));
  fail(task, Failure::unreachable);
  EXPECT_EQ(take_window(), window(0, 70));
}

TEST_F(Plan, NorTheHalvesOfWhatIsSplit) {
  make({window(0, 100)});
  const Task task = take();
  plan_->limit(at(40));
  fail(task, Failure::timeout);
  const Task half = take();
  EXPECT_EQ(half.window, window(0, 40));
  succeed(half);
  EXPECT_TRUE(plan_->is_done());
  EXPECT_EQ(Coverage(plan_->unsettled()), Coverage({window(40, 100)}));
}

TEST_F(Plan, ALaterBoundBringsNothingBack) {
  make({window(0, 100)});
  plan_->limit(at(50));
  plan_->limit(at(80));
  EXPECT_EQ(take_window(), window(0, 50));
  plan_->limit(at(20));
  EXPECT_FALSE(plan_->has_work(kNow));
}

TEST_F(Plan, WhatWasLoadedOnlyInPartIsUnsettled) {
  make({window(0, 100)});
  plan_->succeeded(take(), at(60), kEmptyAnswer);
  EXPECT_TRUE(plan_->is_done());
  EXPECT_THAT(plan_->unsettled(), ElementsAre(window(60, 100)));
}

// --- windows that were read before

KnownAnswer known(std::int64_t from, std::int64_t to, std::uint64_t rows = 1000) {
  return {window(from, to), {static_cast<std::uint8_t>(from), 1}, rows, rows * 200};
}

// All windows in turn, those that are known with a '!'.
std::vector<std::string> all_windows(WindowPlan& plan) {
  std::vector<std::string> all;
  while (const auto task = plan.next({}).task) {
    all.push_back(std::to_string((task->window.from - kZero).count()) + ".." +
                  std::to_string((task->window.to - kZero).count()) + (task->known ? "!" : ""));
    plan.succeeded(*task, task->window.to, {});
  }
  return all;
}

class KnownWindows : public testing::Test {
 protected:
  std::vector<std::string> windows_of(const Windows& ranges, std::vector<KnownAnswer> answers,
                                      const Windows& poisoned = {}) {
    PlanOptions options;
    options.known_answers = std::move(answers);
    WindowPlan plan(ranges, Coverage(poisoned), width, options);
    return all_windows(plan);
  }
  WindowWidth width{WidthLimits{.first = 100s, .max = 100s, .target_rows = 8000}};
};

TEST_F(KnownWindows, AreAskedForAsTheyWere) {
  EXPECT_THAT(windows_of({window(0, 300)}, {known(40, 130), known(130, 150)}),
              ElementsAre("0..40", "40..130!", "130..150!", "150..250", "250..300"));
}

TEST_F(KnownWindows, LieWithinTheRanges) {
  EXPECT_THAT(windows_of({window(10, 100), window(200, 290)}, {known(0, 50), known(50, 90), known(90, 210), known(210, 290)}),
              ElementsAre("10..50", "50..90!", "90..100", "200..210", "210..290!"));
}

TEST_F(KnownWindows, AreLeftOutWhereTheyAreSmallOrTooWide) {
  EXPECT_THAT(windows_of({window(0, 100)}, {known(10, 20, 999), known(30, 40, 1000)}),
              ElementsAre("0..30", "30..40!", "40..100"));
  EXPECT_THAT(windows_of({window(0, 150)}, {known(10, 111)}), ElementsAre("0..100", "100..150"));
}

TEST_F(KnownWindows, GiveWayToPoison) {
  EXPECT_THAT(windows_of({window(0, 100)}, {known(10, 20), known(30, 40)}, {window(15, 16)}),
              ElementsAre("0..15", "16..30", "30..40!", "40..100"));
}

TEST_F(KnownWindows, AreAskedForAgainAfterAFailureAndNoLongerKnownInHalves) {
  PlanOptions options;
  options.known_answers = {known(0, 50)};
  WindowPlan plan({window(0, 50)}, {}, width, options);
  auto task = plan.next({}).task;
  plan.failed(*task, {Failure::broken_answer, "cut", {}}, {}, 0.0);
  task = plan.next({} ).task;
  ASSERT_TRUE(task);
  EXPECT_TRUE(task->known);
  plan.failed(*task, {Failure::too_large, "large", {}}, {}, 0.0);
  EXPECT_THAT(all_windows(plan), ElementsAre("0..25", "25..50"));
}

TEST_F(KnownWindows, TellOfFractionsSoThatNoTaskIsTight) {
  PlanOptions options;
  options.known_answers = {known(0, 50)};
  for (const bool has_fractions : {false, true}) {
    options.known_answers[0].has_fractions = has_fractions;
    WindowPlan plan({window(50, 90)}, Coverage({window(90, 91)}), width, options);
    EXPECT_EQ(plan.next({}).task->kind, has_fractions ? Task::Kind::window : Task::Kind::tight);
  }
}

TEST_F(KnownWindows, AreNoLongerKnownWhereTheServersClockCutsThem) {
  PlanOptions options;
  options.known_answers = {known(0, 50)};
  WindowPlan plan({window(0, 50)}, {}, width, options);
  plan.limit(at(40));
  EXPECT_THAT(all_windows(plan), ElementsAre("0..40"));
}

}  // namespace
}  // namespace odetl

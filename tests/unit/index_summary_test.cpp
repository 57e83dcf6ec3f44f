#include "daemon/index_summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <vector>

#include "etl/error.hpp"

namespace odetl {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr sys_seconds kJanuary = std::chrono::sys_days(std::chrono::year(2024) / 1 / 1);
constexpr sys_seconds kFebruary = std::chrono::sys_days(std::chrono::year(2024) / 2 / 1);
constexpr sys_seconds kMarch = std::chrono::sys_days(std::chrono::year(2024) / 3 / 1);

// What the warehouse is told, seen from outside of its session.
struct Told {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<sys_seconds> months;
  std::string error;     // thrown by each summary
  bool hangs = false;    // a summary goes on until it is cancelled
  bool cancelled = false;

  void wait_for(std::size_t summaries) {
    std::unique_lock lock(mutex);
    if (!changed.wait_for(lock, 10s, [&] { return months.size() >= summaries; })) ADD_FAILURE() << "no summary";
  }
};

class SummaryWarehouse final : public Warehouse {
 public:
  explicit SummaryWarehouse(Told& told) : told_(told) {}
  StreamState read_state() override { return {}; }
  std::int64_t load(const Batch&, const LoadRequest&, WindowReport&) override { return 0; }
  std::vector<KnownAnswer> known_answers(const TimeWindow&) override { return {}; }
  std::optional<std::int64_t> confirm(const TimeWindow&, const AnswerHash&, WindowReport&) override { return {}; }
  void record(const WindowReport&) override {}
  void set_poll_from(sys_seconds) override {}
  void set_last_recheck(std::chrono::seconds, sys_seconds) override {}
  bool try_lead() override { return false; }
  void summarise(const TimeWindow& range, std::chrono::milliseconds) override {
    std::unique_lock lock(told_.mutex);
    told_.months.push_back(month_begin(range.from));
    told_.changed.notify_all();
    if (told_.hangs) told_.changed.wait(lock, [this] { return told_.cancelled; });
    if (!told_.error.empty()) throw DatabaseError(Failure::db_retry, told_.error);
  }
  void cancel() noexcept override {
    const std::scoped_lock lock(told_.mutex);
    told_.cancelled = true;
    told_.changed.notify_all();
  }

 private:
  Told& told_;
};

class CountedEvents final : public PipelineEvents {
 public:
  void request_done(const Task&, const Exchange&) override { ++requests; }
  void window_done(const WindowReport&) override { ++windows; }
  void failed(const Task&, const TaskFailure&, const WindowPlan::Verdict&) override { ++failures; }
  void idle() override { ++idles; }
  int requests = 0, windows = 0, failures = 0, idles = 0;
};

class IndexSummaryTest : public testing::Test {
 protected:
  static WindowReport loaded(sys_seconds from, std::uint64_t rows) {
    WindowReport report;
    report.window = {from, from + std::chrono::days(1)};
    report.inserted = rows;
    return report;
  }

  Told told_;
  CountedEvents events_;
  IndexSummary summary_{std::make_unique<SummaryWarehouse>(told_), events_};
  std::stop_source stop_;
};

TEST_F(IndexSummaryTest, IsMadeOfTheMonthsThatGotManyRowsWhileOthersAreLoaded) {
  summary_.window_done(loaded(kJanuary, 60'000));
  summary_.window_done(loaded(kMarch, 60'000));
  told_.wait_for(2);
  EXPECT_THAT(told_.months, ElementsAre(kJanuary, kMarch));
  summary_.window_done(loaded(kFebruary - std::chrono::hours(12), 100'000));  // into two months
  told_.wait_for(4);
  EXPECT_THAT(told_.months, ElementsAre(kJanuary, kMarch, kJanuary, kFebruary));
}

TEST_F(IndexSummaryTest, IsMadeOfAllMonthsInTheEnd) {
  summary_.window_done(loaded(kFebruary, 10));
  EXPECT_EQ(summary_.finish({kJanuary, kMarch}, stop_.get_token()), "");
  EXPECT_THAT(told_.months, ElementsAre(kJanuary, kFebruary)) << "an earlier backfill that was stopped left some";
}

TEST_F(IndexSummaryTest, IsNotMadeOfWindowsThatBroughtNothing) {
  WindowReport split = loaded(kJanuary, 200'000);
  split.outcome = Outcome::split;
  summary_.window_done(split);
  summary_.window_done(loaded(kFebruary, 0));
  summary_.window_done(loaded(kMarch, 100'000));
  told_.wait_for(1);
  EXPECT_THAT(told_.months, ElementsAre(kMarch));
}

TEST_F(IndexSummaryTest, ThatFailsIsTriedAgainInTheEndAndTold) {
  told_.error = "statement 'load/summarise': canceling statement due to lock timeout";
  summary_.window_done(loaded(kJanuary, 100'000));
  told_.wait_for(1);
  EXPECT_THAT(summary_.finish({kJanuary, kMarch}, stop_.get_token()), HasSubstr("lock timeout"));
  EXPECT_THAT(told_.months, ElementsAre(kJanuary, kJanuary)) << "nobody waits for one lock after the other";
}

TEST_F(IndexSummaryTest, EndsWhenItIsToldToStop) {
  told_.hangs = true;
  summary_.window_done(loaded(kFebruary - std::chrono::hours(12), 100'000));  // into two months
  told_.wait_for(1);
  auto finished = std::async(std::launch::async, [&] { return summary_.finish({kJanuary, kMarch}, stop_.get_token()); });
  stop_.request_stop();
  ASSERT_EQ(finished.wait_for(10s), std::future_status::ready);
  EXPECT_THAT(told_.months, ElementsAre(kJanuary));
}

TEST_F(IndexSummaryTest, ThatNobodyWaitsForIsBrokenOff) {
  told_.hangs = true;
  {
    IndexSummary other(std::make_unique<SummaryWarehouse>(told_), events_);
    other.window_done(loaded(kJanuary, 100'000));
    told_.wait_for(1);
  }
  EXPECT_TRUE(told_.cancelled);
}

TEST_F(IndexSummaryTest, PassesOnWhatItHears) {
  summary_.request_done({}, {});
  summary_.window_done({});
  summary_.window_done({});
  summary_.failed({}, {}, {});
  summary_.idle();
  EXPECT_EQ(std::vector({events_.requests, events_.windows, events_.failures, events_.idles}), (std::vector{1, 2, 1, 1}));
}

}  // namespace
}  // namespace odetl

#include "etl/worker_limit.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <random>

namespace odetl {
namespace {

using namespace std::chrono_literals;

// Windows of some 5,000 rows, loaded at a speed that depends on how many workers are at work, with 10 % of noise.
class WorkerLimits : public testing::Test {
 protected:
  using RowsASecond = std::function<double(int workers)>;

  void work(WorkerLimit& limit, std::chrono::seconds time, const RowsASecond& speed) {
    const auto end = now_ + time;
    while (now_ < end) {
      const auto rows = static_cast<std::uint64_t>(4'000 + random_() % 2'000);
      const double noise = 0.9 + 0.2 * std::uniform_real_distribution<double>()(random_);
      const double took = static_cast<double>(rows) / (speed(limit.allowed()) * noise);
      now_ += std::chrono::duration_cast<WorkerLimit::Time::duration>(std::chrono::duration<double>(took));
      limit.loaded(rows, now_);
      ++at_work_[limit.allowed()];
    }
  }
  double share(int workers) {
    double all = 0;
    for (const auto& [number, windows] : at_work_) all += windows;
    return at_work_[workers] / all;
  }

  WorkerLimit::Time now_{1h};
  std::mt19937 random_{1};
  std::map<int, int> at_work_;
};

double serial(int) { return 20'000; }                           // a server that answers one at a time
double parallel(int workers) { return 20'000.0 * workers; }     // or all at once
double two_at_most(int workers) { return 20'000.0 * std::min(workers, 2); }

TEST_F(WorkerLimits, AreAllAtWorkAtFirst) {
  WorkerLimit limit(4);
  work(limit, 9s, serial);
  EXPECT_EQ(limit.allowed(), 4);
}

TEST_F(WorkerLimits, StayAtWorkWhereEachBringsItsShare) {
  WorkerLimit limit(4);
  work(limit, 2h, parallel);
  EXPECT_GT(share(4), 0.98) << "but for trials";
  EXPECT_GE(limit.allowed(), 3);
}

TEST_F(WorkerLimits, RestWhereOneAloneBringsAsMuch) {
  WorkerLimit limit(4);
  work(limit, 20min, serial);
  at_work_.clear();
  work(limit, 1h, serial);
  EXPECT_GT(share(1), 0.8);
  EXPECT_EQ(share(4), 0);
}

// A server that takes as long for a window of the night as for one of the day.
TEST_F(WorkerLimits, AreJudgedByWindowsWhereTheirRowsAreUnsteady) {
  WorkerLimit limit(3);
  for (int window = 0; window < 60'000; ++window) {
    now_ += 54ms;  // whoever asks
    const double day = std::sin(window / 300.0);
    limit.loaded(static_cast<std::uint64_t>(2'000 + 1'900 * day), now_);
    if (window > 20'000) ++at_work_[limit.allowed()];
  }
  EXPECT_GT(share(1), 0.8);
}

TEST_F(WorkerLimits, AreAsManyAsBringMore) {
  WorkerLimit limit(6);
  work(limit, 20min, two_at_most);
  at_work_.clear();
  work(limit, 2h, two_at_most);
  EXPECT_GT(share(2) + share(3), 0.9);
  EXPECT_LT(share(1), 0.02);
}

TEST_F(WorkerLimits, ComeBackWhenTheyBringMoreThanBefore) {
  WorkerLimit limit(3);
  work(limit, 20min, serial);
  work(limit, 2h, parallel);
  EXPECT_EQ(limit.allowed(), 3);
}

TEST_F(WorkerLimits, AreNotJudgedByWhatHeldThemUp) {
  WorkerLimit limit(3);
  for (int i = 0; i < 1'000; ++i) {
    work(limit, 5s, serial);
    limit.disturbed();
    EXPECT_EQ(limit.allowed(), 3);
  }
}

TEST_F(WorkerLimits, ThatAreAloneStayAtWork) {
  WorkerLimit limit(1);
  work(limit, 1h, serial);
  EXPECT_EQ(limit.allowed(), 1);
}

}  // namespace
}  // namespace odetl

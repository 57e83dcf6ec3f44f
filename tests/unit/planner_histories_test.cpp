// What a plan does over whole histories: random tenants, faults and workers, in virtual time.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <ostream>

#include "etl/planner.hpp"
#include "tests/simulator/random.hpp"
#include "tests/unit/fake_tenant.hpp"

namespace odetl {

std::ostream& operator<<(std::ostream& out, const Coverage& coverage) {
  return out << to_multirange(coverage.windows());
}

namespace {

using namespace std::chrono_literals;
using simulator::Random;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::FakeTenant;
using test::Said;
using test::VirtualClock;

constexpr sys_seconds kZero{std::chrono::sys_days{std::chrono::year{2024} / 1 / 31}};
constexpr sys_seconds at(std::int64_t s) { return kZero + seconds(s); }

seconds below(Random& random, seconds bound) {
  return seconds(static_cast<seconds::rep>(random.below(static_cast<std::uint64_t>(bound.count()))));
}

double unit(Random& random) { return static_cast<double>(random.next() >> 11) * 0x1p-53; }

Coverage less(Coverage all, const Coverage& taken) {
  for (const TimeWindow& window : taken.windows()) all.remove(window);
  return all;
}

// Works through a plan with any number of workers whose answers overtake one another, one step after the other.
class Workers {
 public:
  struct Faults {
    std::uint64_t database_permille = 0;
    std::optional<sys_seconds> settled;  ///< by the server's clock
    milliseconds latency{300};           ///< at most
  };

  Workers(WindowPlan& plan, FakeTenant& tenant, VirtualClock& clock, std::size_t workers, std::uint64_t seed)
      : plan_(plan), tenant_(tenant), clock_(clock), most_(workers), random_(seed) {}

  Faults faults;

  // Until the plan is done, or `until`.
  void work(std::uint64_t most_steps, std::optional<Timestamp> until = {}) {
    for (std::uint64_t step = 0; step < most_steps; ++step) {
      if (until && clock_.now() >= *until) return;
      if (!work_once()) return;
      if (testing::Test::HasFatalFailure()) return;
    }
    FAIL() << "the plan is not done after " << most_steps << " steps";
  }

  const Coverage& loaded() const { return loaded_; }
  const std::map<Said, int>& rows() const { return rows_; }
  const std::vector<Timestamp>& loaded_at() const { return loaded_at_; }

 private:
  struct Busy {
    Task task;
    std::optional<TaskFailure> failure;
    std::vector<Said> answer;
  };

  bool work_once() {
    if (busy_.size() == most_ || (!busy_.empty() && random_.permille(400))) return deliver();
    const bool has_work = plan_.has_work(clock_.steady());
    const WindowPlan::Next next = plan_.next(clock_.steady());
    EXPECT_EQ(has_work, next.done || next.task || next.not_before);
    if (next.task) return ask(*next.task);
    if (!busy_.empty() && (!next.not_before || random_.permille(500))) return deliver();
    if (next.done) return false;
    if (!next.not_before) {
      ADD_FAILURE() << "nobody works and there is no task";
      return false;
    }
    clock_.advance(std::chrono::ceil<std::chrono::microseconds>(*next.not_before - clock_.steady()));
    return true;
  }

  bool ask(const Task& task) {
    Busy busy{task, {}, {}};
    try {
      busy.answer = tenant_.serve(task.asked());
    } catch (const ApiError& error) {
      busy.failure = TaskFailure{error.failure(), error.what(), error.retry_after()};
    }
    busy_.push_back(std::move(busy));
    return true;
  }

  bool deliver() {
    const auto which = busy_.begin() + static_cast<std::ptrdiff_t>(random_.below(busy_.size()));
    Busy busy = std::move(*which);
    busy_.erase(which);
    clock_.advance(milliseconds(
        static_cast<milliseconds::rep>(random_.below(static_cast<std::uint64_t>(faults.latency.count()) + 1))));
    const bool is_probe = busy.task.kind == Task::Kind::probe;
    if (!busy.failure && !is_probe && random_.permille(faults.database_permille)) {
      constexpr Failure kDatabase[] = {Failure::db_conflict, Failure::db_retry, Failure::db_unreachable};
      busy.failure = TaskFailure{kDatabase[random_.below(3)], "the database", {}};
    }
    if (busy.failure) {
      const auto verdict = plan_.failed(busy.task, *busy.failure, clock_.steady(), unit(random_));
      EXPECT_GE(verdict.wait, 0ms);
    } else {
      succeed(busy, is_probe);
    }
    EXPECT_GE(plan_.progress(), progress_) << "progress goes back";
    progress_ = plan_.progress();
    EXPECT_LE(progress_, 1.0);
    return true;
  }

  void succeed(const Busy& busy, bool is_probe) {
    if (is_probe) return plan_.succeeded(busy.task, busy.task.window.to, {});
    TimeWindow window = busy.task.window;
    if (faults.settled) {
      plan_.limit(*faults.settled);
      window.to = std::max(window.from, std::min(window.to, *faults.settled));
    }
    EXPECT_FALSE(loaded_.overlaps(window)) << to_text(window) << " is loaded twice";
    loaded_.add(window);
    loaded_at_.push_back(clock_.now());
    for (const Said& row : busy.answer) {
      if (window.owns(row.at)) ++rows_[row];
    }
    plan_.succeeded(busy.task, window.to, {busy.answer.size() * 200, busy.answer.size(), 50ms});
  }

  WindowPlan& plan_;
  FakeTenant& tenant_;
  VirtualClock& clock_;
  std::size_t most_;
  Random random_;
  std::vector<Busy> busy_;
  Coverage loaded_;
  std::map<Said, int> rows_;
  std::vector<Timestamp> loaded_at_;
  double progress_ = 0;
};

// Fails one or two requests together now and then, and never one of the four after that.
class Hiccups {
 public:
  Hiccups(std::uint64_t seed, std::uint64_t permille) : random_(seed), permille_(permille) {}

  void operator()(const AskedRange&, const std::stop_token&) {
    if (calm_ > 0) --calm_;
    if (failing_ == 0 && calm_ == 0 && random_.permille(permille_)) failing_ = 1 + random_.below(2);
    if (failing_ == 0) return;
    if (--failing_ == 0) calm_ = 5;
    constexpr Failure kKinds[] = {Failure::server_error, Failure::broken_answer, Failure::timeout,
                                  Failure::unreachable,  Failure::throttled,     Failure::too_large};
    throw ApiError(kKinds[random_.below(std::size(kKinds))], "a hiccup");
  }

 private:
  Random random_;
  std::uint64_t permille_;
  std::uint64_t failing_ = 0;
  int calm_ = 0;
};

// --- random histories --------------------------------------------------------------------------------------------

struct Scenario {
  std::vector<TimeWindow> ranges;
  Coverage known_poison;
  PlanOptions options;
  WidthLimits widths;
  std::size_t workers = 1;
};

Scenario make_scenario(Random& random) {
  Scenario made;
  const seconds widest = random.permille(300) ? seconds(40 * 86400) : seconds(4000);
  sys_seconds from = kZero;
  for (std::uint64_t i = 0, count = 1 + random.below(3); i < count; ++i) {
    from += below(random, 100s);
    made.ranges.push_back({from, from + 1s + below(random, widest)});
    from = made.ranges.back().to + 1s;
  }
  made.workers = 1 + random.below(4);
  made.widths.first = 1s + below(random, 100'000s);
  if (random.permille(200)) made.widths.min = std::min(made.widths.first, 1s + below(random, 60s));
  made.widths.max = std::max(made.widths.first, 31 * 86400s);
  made.widths.target_rows = 10 + random.below(200);
  made.options.retry_poisoned = random.permille(300);
  made.options.pass_poison = random.permille(900);
  return made;
}

// A second of the ranges, more often than not beside an edge of one.
sys_seconds some_second(Random& random, const std::vector<TimeWindow>& ranges) {
  const TimeWindow& range = ranges[random.below(ranges.size())];
  switch (random.below(6)) {
    case 0:
      return range.from;
    case 1:
      return range.to - 1s;
    case 2:
      return range.to;
    default:
      return range.from + below(random, range.width());
  }
}

void fill(FakeTenant& tenant, Random& random, Scenario& scenario) {
  const std::uint64_t rows = random.below(200);
  for (std::uint64_t i = 0; i < rows; ++i) {
    // Often several in one second.
    const sys_seconds second = i > 0 && random.permille(400) ? std::chrono::floor<seconds>(tenant.rows()[0].at)
                                                             : some_second(random, scenario.ranges);
    tenant.say({"user " + std::to_string(random.below(9)), second, "row " + std::to_string(i)});
  }
  for (std::uint64_t i = random.permille(500) ? random.below(7) : 0; i > 0; --i) {
    const sys_seconds second = some_second(random, scenario.ranges);
    tenant.behaviour().poisoned.insert(second);
    if (random.permille(300)) tenant.behaviour().poisoned.insert(second + 1s);
    if (random.permille(300)) scenario.known_poison.add({second, second + 1s});
  }
  if (random.permille(300)) tenant.behaviour().max_rows = 1 + random.below(60);
  if (random.permille(200)) {
    const sys_seconds healed = some_second(random, scenario.ranges);
    if (!tenant.is_poisoned(healed)) scenario.known_poison.add({healed, healed + 1s});
  }
}

void add_outages(FakeTenant& tenant, VirtualClock& clock, Random& random) {
  constexpr Failure kKinds[] = {Failure::unreachable, Failure::server_error, Failure::timeout, Failure::broken_answer,
                                Failure::too_large};
  Timestamp from = clock.now();
  for (std::uint64_t i = random.below(3); i > 0; --i) {
    from += below(random, 30s);
    const Timestamp to = from + 60s + below(random, 3600s);
    tenant.behaviour().outages.push_back({from, to, kKinds[random.below(std::size(kKinds))], below(random, 3s)});
    from = to + 300s;
  }
}

// The seconds of `range` that no request can get.
Coverage truly_poisoned(const FakeTenant& tenant, const Coverage& ranges) {
  Coverage poison;
  const auto add = [&](sys_seconds second) {
    if (ranges.contains({second, second + 1s}) && tenant.is_poisoned(second)) poison.add({second, second + 1s});
  };
  for (const sys_seconds second : tenant.behaviour().poisoned) add(second);
  for (const Said& row : tenant.rows()) add(std::chrono::floor<seconds>(row.at));
  return poison;
}

void expect_each_row_once(const FakeTenant& tenant, const Workers& workers) {
  std::map<Said, int> expected;
  for (const Said& row : tenant.rows()) {
    const sys_seconds second = std::chrono::floor<seconds>(row.at);
    if (workers.loaded().contains({second, second + 1s})) ++expected[row];
  }
  EXPECT_EQ(workers.rows(), expected);
}

// Guarantees 2, 3, 4 and 11 of the contract, as far as they are the plan's.
void check_random_history(std::uint64_t seed) {
  Random random(seed);
  Scenario scenario = make_scenario(random);
  VirtualClock clock(at(100'000'000));
  FakeTenant tenant(clock);
  fill(tenant, random, scenario);
  if (random.permille(500)) tenant.behaviour().interfere = Hiccups(seed, random.below(100));
  if (random.permille(400)) add_outages(tenant, clock, random);

  WindowWidth width(scenario.widths);
  WindowPlan plan(scenario.ranges, scenario.known_poison, width, scenario.options);
  Workers workers(plan, tenant, clock, scenario.workers, seed + 1);
  if (random.permille(300)) workers.faults.database_permille = random.below(300);
  if (random.permille(250)) workers.faults.settled = some_second(random, scenario.ranges);
  workers.work(200'000);
  if (testing::Test::HasFatalFailure()) return;

  expect_each_row_once(tenant, workers);
  const Coverage all(scenario.ranges);
  if (plan.stopped_by()) {
    EXPECT_FALSE(scenario.options.pass_poison) << plan.stopped_by()->message;
    EXPECT_FALSE(plan.poisoned().empty());
    EXPECT_EQ(less(Coverage(plan.poisoned()), truly_poisoned(tenant, all)), Coverage());
    return;
  }
  EXPECT_EQ(plan.progress(), 1.0);
  const bool asks_all = scenario.options.retry_poisoned || !scenario.options.pass_poison;
  const Coverage asked = asks_all ? all : less(all, scenario.known_poison);
  const Coverage unsettled(plan.unsettled());
  const Coverage poisoned(plan.poisoned());
  // Known poison needs no proof to stay what it is, so an outage can hide that it is healed.
  const Coverage sick = truly_poisoned(tenant, less(asked, unsettled));
  EXPECT_EQ(less(poisoned, scenario.known_poison), less(sick, scenario.known_poison));
  EXPECT_EQ(less(sick, poisoned), Coverage());
  EXPECT_EQ(workers.loaded(), less(less(asked, unsettled), poisoned));
  const sys_seconds settled = workers.faults.settled.value_or(scenario.ranges.back().to);
  EXPECT_GE(unsettled.lower().value_or(settled), settled);
  EXPECT_LE(workers.loaded().upper().value_or(settled), settled);
}

TEST(PlanHistories, LoadEverySecondOnceOrFindItPoisonedWhateverFails) {
  for (std::uint64_t seed = 1; seed <= 4000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    check_random_history(seed);
    if (testing::Test::HasFailure()) return;
  }
}

// --- figures -----------------------------------------------------------------------------------------------------

constexpr TimeWindow kMonth{at(0), at(31 * 86400)};

// How many requests it takes to read `range`, with so many rows a second in it and these seconds poisoned.
std::size_t requests_for(const TimeWindow& range, const std::vector<sys_seconds>& poison, std::size_t worker_count,
                         std::uint64_t target_rows, seconds between_rows) {
  VirtualClock clock(at(100'000'000));
  FakeTenant tenant(clock);
  for (sys_seconds second = range.from; between_rows > 0s && second < range.to; second += between_rows) {
    tenant.say({"user", second, ""});
  }
  tenant.behaviour().poisoned.insert(poison.begin(), poison.end());
  WindowWidth width({.target_rows = target_rows});
  WindowPlan plan({range}, {}, width, {});
  Workers workers(plan, tenant, clock, worker_count, 1);
  workers.work(100'000);
  EXPECT_EQ(plan.poisoned().size(), poison.size());
  return tenant.requests().size();
}

TEST(PlanHistories, CrossFiveYearsOfSilenceInTensOfRequests) {
  const std::size_t requests = requests_for({at(0), at(5LL * 365 * 86400)}, {}, 1, 8000, 0s);
  RecordProperty("requests", static_cast<int>(requests));
  EXPECT_LE(requests, 80u);
}

// Two ways down from a month to a second (21 halvings each, to it and to the one before), six last questions, and the
// way up again.
TEST(PlanHistories, FindAPoisonedSecondOfAMonthInTensOfRequests) {
  std::size_t most = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const sys_seconds second = random.permille(200) ? at(31 * 86400 / 2) : kMonth.from + below(random, kMonth.width());
    const std::size_t workers = 1 + random.below(4);
    const seconds between_rows = random.permille(500) ? 0s : 3600s;
    const std::uint64_t target_rows = between_rows > 0s ? 100 : 8000;
    const std::size_t healthy = requests_for(kMonth, {}, workers, target_rows, between_rows);
    const std::size_t sick = requests_for(kMonth, {second}, workers, target_rows, between_rows);
    most = std::max(most, sick - std::min(sick, healthy));
  }
  RecordProperty("requests", static_cast<int>(most));
  EXPECT_LE(most, 100u);
}

TEST(PlanHistories, FindManyPoisonedSecondsAtTheSamePriceEach) {
  std::size_t most = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    std::set<sys_seconds> poison;
    while (poison.size() < 50) poison.insert(kMonth.from + below(random, kMonth.width()));
    most = std::max(most, requests_for(kMonth, {poison.begin(), poison.end()}, 2, 8000, 0s) / poison.size());
  }
  RecordProperty("requests", static_cast<int>(most));
  EXPECT_LE(most, 70u);
}

TEST(PlanHistories, FindNeighbouringPoisonedSecondsCheaply) {
  std::vector<sys_seconds> poison;
  for (int i = 0; i < 100; ++i) poison.push_back(at(1'000'000 + i));
  const std::size_t requests = requests_for(kMonth, poison, 2, 8000, 0s);
  RecordProperty("requests", static_cast<int>(requests / poison.size()));
  EXPECT_LE(requests / poison.size(), 10u);
}

struct Down {
  const char* name;
  Failure as;
  seconds takes;
  std::size_t workers;
};

class Outages : public testing::TestWithParam<Down> {};

// One request a minute is what a poll of a healthy server costs.
TEST_P(Outages, SeeAboutOneRequestAMinuteAndEndSoonAfter) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    VirtualClock clock(at(100'000'000));
    FakeTenant tenant(clock);
    const Timestamp from = clock.now() + 2s;
    const Timestamp to = from + 12h;
    tenant.behaviour().outages = {{from, to, GetParam().as, GetParam().takes}};
    WindowWidth width({.first = 60s, .max = 60s});
    WindowPlan plan({{at(0), at(86400)}}, {}, width, {});
    Workers workers(plan, tenant, clock, GetParam().workers, seed);
    workers.work(100'000);

    EXPECT_TRUE(plan.poisoned().empty());
    EXPECT_EQ(workers.loaded(), Coverage({{at(0), at(86400)}}));
    const auto requests = tenant.requests();
    const auto between = [&](Timestamp begin, Timestamp end) {
      return std::count_if(requests.begin(), requests.end(),
                           [&](const auto& request) { return begin <= request.at && request.at < end; });
    };
    EXPECT_LE(between(from, from + 5min), 40);
    EXPECT_LE(static_cast<double>(between(from + 5min, to)), 1.1 * 60 * 12);
    if (GetParam().takes == 0s) {
      EXPECT_GE(static_cast<double>(between(from + 5min, to)), 0.9 * 60 * 12);
    }
    const auto& loaded_at = workers.loaded_at();
    const auto first_after = std::upper_bound(loaded_at.begin(), loaded_at.end(), to);
    ASSERT_NE(first_after, loaded_at.end());
    EXPECT_LE(*first_after - to, 62s + GetParam().takes);
    if (testing::Test::HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, Outages,
                         testing::Values(Down{"Refused", Failure::unreachable, 0s, 1},
                                         Down{"RefusedFourWorkers", Failure::unreachable, 0s, 4},
                                         Down{"Errors", Failure::server_error, 0s, 1},
                                         Down{"ErrorsFourWorkers", Failure::server_error, 0s, 4},
                                         Down{"TimeOuts", Failure::timeout, 120s, 2},
                                         Down{"LoginPagesOfAProxy", Failure::broken_answer, 0s, 2},
                                         Down{"BadRequests", Failure::too_large, 0s, 3},
                                         Down{"Throttled", Failure::throttled, 0s, 1},
                                         Down{"ThrottledFourWorkers", Failure::throttled, 0s, 4}),
                         [](const auto& row) { return row.param.name; });

TEST(PlanHistories, AnOutageThatBeginsWhileHalvingIsNoticedThoughAProbeWasAnsweredBefore) {
  VirtualClock clock(at(100'000'000));
  FakeTenant tenant(clock);
  bool is_down = false;
  tenant.behaviour().poisoned = {at(0)};  // the left half fails always, so that nothing but the probe succeeds
  tenant.behaviour().interfere = [&](const AskedRange& asked, const auto&) {
    if (is_down) throw ApiError(Failure::server_error, "HTTP status 500", 500);
    is_down = asked.from == sys_seconds(0s);
  };
  WindowWidth width{WidthLimits{}};
  WindowPlan plan({kMonth}, {}, width, {});
  Workers workers(plan, tenant, clock, 2, 1);
  workers.work(100'000, clock.now() + 3h);
  EXPECT_TRUE(plan.poisoned().empty());
  EXPECT_LE(tenant.requests().size(), 240u);
}

TEST(PlanHistories, AServerThatAnswersNothingButTheProbeIsLeftAfterAThousandSeconds) {
  for (const std::size_t worker_count : {1, 4}) {
    VirtualClock clock(at(100'000'000));
    FakeTenant tenant(clock);
    tenant.behaviour().interfere = [](const AskedRange& asked, const auto&) {
      if (asked.from > sys_seconds(0s)) throw ApiError(Failure::server_error, "HTTP status 500", 500);
    };
    WindowWidth width{WidthLimits{}};
    WindowPlan plan({kMonth}, {}, width, {});
    Workers workers(plan, tenant, clock, worker_count, 1);
    workers.work(100'000);
    ASSERT_TRUE(plan.stopped_by());
    EXPECT_EQ(plan.stopped_by()->failure, Failure::server_error);
    EXPECT_EQ(plan.poisoned().size(), 1000u);
    RecordProperty("requests", static_cast<int>(tenant.requests().size()));
    EXPECT_LE(tenant.requests().size(), 9000u);
  }
}

TEST(PlanHistories, OneThatGivesUpInAnOutageLosesNothing) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    VirtualClock clock(at(100'000'000));
    FakeTenant tenant(clock);
    for (int i = 0; i < 100; ++i) tenant.say({"user", at(i * 36), std::to_string(i)});
    tenant.behaviour().outages = {{clock.now() + 3s, clock.now() + 1h, Failure::server_error}};
    WindowWidth width({.first = 60s, .max = 60s});
    WindowPlan plan({{at(0), at(3600)}}, {}, width, {.patience = 10min});
    Workers workers(plan, tenant, clock, 3, seed);
    workers.work(10'000);
    ASSERT_TRUE(plan.stopped_by());
    EXPECT_TRUE(plan.poisoned().empty());
    EXPECT_LT(clock.now(), at(100'000'000) + 13min);
    expect_each_row_once(tenant, workers);
    EXPECT_LT(plan.progress(), 1.0);
  }
}

}  // namespace
}  // namespace odetl

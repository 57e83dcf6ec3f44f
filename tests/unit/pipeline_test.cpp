#include "etl/pipeline.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <latch>
#include <map>
#include <thread>

#include "tests/simulator/random.hpp"
#include "tests/unit/fake_tenant.hpp"
#include "tests/unit/memory_warehouse.hpp"

namespace odetl {
namespace {

using namespace std::chrono_literals;
using simulator::Random;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::FakeTenant;
using test::Hang;
using test::LedgerRow;
using test::MemoryStore;
using test::MemoryTables;
using test::Said;
using test::VirtualClock;
using testing::ElementsAre;
using testing::Gt;
using testing::IsEmpty;
using testing::SizeIs;

constexpr sys_seconds kZero{std::chrono::sys_days{std::chrono::year{2024} / 1 / 31}};
constexpr sys_seconds at(std::int64_t s) { return kZero + seconds(s); }
constexpr TimeWindow window(std::int64_t from, std::int64_t to) { return {at(from), at(to)}; }

// Collects what happened. Called by one thread at a time.
class Events final : public PipelineEvents {
 public:
  void request_done(const Task& task, const Exchange& exchange) override {
    requests.push_back(task.asked());
    statuses.push_back(exchange.status);
  }
  void window_done(const WindowReport& report) override { windows.push_back(report); }
  void failed(const Task&, const TaskFailure& failure, const WindowPlan::Verdict& verdict) override {
    failures.push_back(failure.failure);
    actions.push_back(verdict.action);
  }

  std::vector<AskedRange> requests;
  std::vector<int> statuses;
  std::vector<WindowReport> windows;
  std::vector<Failure> failures;
  std::vector<Action> actions;
};

// A tenant, a warehouse and a pipeline between them, that never waits: chance always says 0.
struct Site {
  void make_plan(const std::vector<TimeWindow>& ranges, const PlanOptions& options = {}) {
    plan.emplace(ranges, store.tables().state.poisoned, width, options);
    const Surroundings surroundings{[this] { return clock.now(); }, [this] { return clock.steady(); },
                                    [] { return 0.0; }};
    pipeline.emplace(*plan, allowance, read_options, surroundings, events, store.tables().state.load_number);
  }

  // One worker in a thread of its own, with what it threw.
  std::future<void> start() {
    return std::async(std::launch::async, [this] {
      const auto client = tenant.connect();
      const auto warehouse = store.connect();
      pipeline->work(*client, *warehouse, stopping.get_token());
    });
  }

  std::vector<std::future<void>> start(std::size_t workers) {
    std::vector<std::future<void>> all;
    for (std::size_t i = 0; i < workers; ++i) all.push_back(start());
    return all;
  }

  void work(std::size_t workers = 1) {
    for (auto& worker : start(workers)) worker.get();
  }

  void say_every(seconds apart, const TimeWindow& range) {
    for (sys_seconds second = range.from; second <= range.to; second += apart) {
      tenant.say({"user", second, "at " + to_wire(second)});
    }
  }

  // Each of the tenant's rows is there once where the warehouse says so, and no other.
  void expect_warehouse_is_true() const {
    const MemoryTables tables = store.tables();
    std::map<Said, int> expected, held;
    for (const Said& row : tenant.rows()) {
      const sys_seconds second = std::chrono::floor<seconds>(row.at);
      if (tables.state.coverage.contains({second, second + 1s})) ++expected[row];
    }
    for (const auto& [key, row] : tables.interactions) {
      if (!row.is_deleted) ++held[{row.user_id, key.first, row.text.value_or("")}];
    }
    EXPECT_EQ(held, expected);
    Coverage loaded;
    for (const LedgerRow& row : tables.ledger) {
      if (row.load_number) loaded.add(row.report.window);
    }
    EXPECT_EQ(loaded, tables.state.coverage);
  }

  Coverage coverage() const { return store.tables().state.coverage; }
  std::vector<Outcome> ledger() const {
    std::vector<Outcome> outcomes;
    for (const LedgerRow& row : store.tables().ledger) outcomes.push_back(row.report.outcome);
    return outcomes;
  }

  VirtualClock clock{at(100'000'000)};
  FakeTenant tenant{clock};
  MemoryStore store;
  WindowWidth width{WidthLimits{.first = 100s, .max = 100s}};
  RateAllowance allowance{0, 0.0};
  ReadOptions read_options{.reason = Reason::backfill};
  Events events;
  std::optional<WindowPlan> plan;
  std::optional<Pipeline> pipeline;
  std::stop_source stopping;
};

class PipelineTest : public testing::Test, protected Site {
 protected:
  // The first `times` loads fail.
  void fail_loads(int times, Failure failure) {
    store.faults().before_load = [left = std::make_shared<std::atomic<int>>(times), failure](const TimeWindow&) {
      if ((*left)-- > 0) throw DatabaseError(failure, "injected");
    };
  }

  // The requests that are counted from `first`, 0 being the first, fail.
  template <typename Error>
  void fail_requests(int first, int times, const Error& error) {
    tenant.behaviour().interfere = [count = std::make_shared<std::atomic<int>>(0), first, times, error](
                                       const AskedRange&, const auto&) {
      const int number = (*count)++;
      if (number >= first && number < first + times) throw error;
    };
  }

  void expect_prompt_stop(std::vector<std::future<void>>& workers) {
    const auto begun = std::chrono::steady_clock::now();
    stopping.request_stop();
    for (auto& worker : workers) worker.get();
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 200ms);
  }
};

TEST_F(PipelineTest, LoadsARangeAndWritesItsLedger) {
  say_every(10s, window(0, 300));
  make_plan({window(0, 250)});
  work();
  EXPECT_EQ(coverage(), Coverage({window(0, 250)}));
  expect_warehouse_is_true();
  ASSERT_THAT(events.windows, SizeIs(3));
  EXPECT_EQ(events.windows[0].window, window(0, 100));
  EXPECT_EQ(events.windows[0].rows_read, 10u) << "the seam's row is the next window's";
  EXPECT_EQ(events.windows[0].inserted, 10u);
  EXPECT_EQ(events.windows[0].reason, Reason::backfill);
  EXPECT_EQ(events.windows[0].attempts, 1);
  EXPECT_GT(events.windows[0].bytes, 100u);
  EXPECT_EQ(pipeline->seen_load(), 3);
}

TEST_F(PipelineTest, AnotherReadingChangesNothing) {
  say_every(10s, window(0, 300));
  for (int i = 0; i < 2; ++i) {
    make_plan({window(0, 250)});
    work();
  }
  expect_warehouse_is_true();
  EXPECT_EQ(events.windows.back().inserted, 0u);
  EXPECT_EQ(events.windows.back().unchanged, 5u);
}

// Windows of so many rows are known again.
class KnownAnswersTest : public PipelineTest {
 protected:
  void read_again() {
    PlanOptions options;
    options.known_answers = store.connect()->known_answers(window(0, 250));
    EXPECT_FALSE(options.known_answers.empty());
    make_plan({window(0, 250)}, options);
    work();
  }
  void SetUp() override {
    width = WindowWidth(WidthLimits{.first = 100s, .max = 100s, .target_rows = 10});
    say_every(10s, window(0, 300));
    make_plan({window(0, 250)});
    work();
  }
  // What the answers of the second reading were parsed for.
  std::size_t loads() const {
    const auto tables = store.tables();
    return static_cast<std::size_t>(std::count_if(tables.ledger.begin(), tables.ledger.end(),
                                                  [](const LedgerRow& row) { return row.request.answer.has_value(); }));
  }
};

TEST_F(KnownAnswersTest, AreConfirmedWithoutALoad) {
  const std::size_t first = loads();
  read_again();
  EXPECT_EQ(loads(), first);
  EXPECT_EQ(events.windows.size(), 2 * first);
  EXPECT_EQ(events.windows.back().unchanged, 5u);
  EXPECT_GT(events.windows.back().bytes, 100u);
  expect_warehouse_is_true();
}

TEST_F(KnownAnswersTest, AreLoadedWhereTheAnswerIsAnother) {
  tenant.say({"user", at(105), "late"});
  read_again();
  EXPECT_EQ(events.windows.back().unchanged, 5u);
  expect_warehouse_is_true();
}

TEST_F(KnownAnswersTest, AreLoadedWhereTheWarehouseLostARow) {
  store.lose_interaction();
  read_again();
  expect_warehouse_is_true();
}

TEST_F(KnownAnswersTest, AreConfirmedWhenTheDatabaseIsBack) {
  store.faults().before_load = [](const TimeWindow&) { FAIL() << "no load is needed"; };
  store.faults().before_confirm = [left = 1](const TimeWindow&) mutable {
    if (left-- > 0) throw DatabaseError(Failure::db_unreachable, "injected");
  };
  read_again();
  expect_warehouse_is_true();
}

TEST_F(KnownAnswersTest, ArePolledAnew) {
  read_options.reason = Reason::poll;
  make_plan({window(0, 250)});
  work();
  EXPECT_FALSE(store.tables().ledger.back().request.answer) << "the next poll asks for other windows";
}

TEST_F(PipelineTest, ARowThatIsNoLongerServedIsMarked) {
  say_every(10s, window(0, 90));
  make_plan({window(0, 100)});
  work();
  FakeTenant without(clock);
  without.say({"user", at(0), "another"});
  const auto client = without.connect();
  const auto warehouse = store.connect();
  make_plan({window(0, 100)});
  pipeline->work(*client, *warehouse, {});
  EXPECT_EQ(events.windows.back().deleted, 10u);
  EXPECT_EQ(events.windows.back().inserted, 1u);
}

TEST_F(PipelineTest, TellsWhatTheTimeWasSpentOn) {
  tenant.behaviour().latency = 7s;
  store.faults().before_load = [this](const TimeWindow&) { clock.advance(2s); };
  make_plan({window(0, 300)});
  work();
  const TimeSpent spent = pipeline->time_spent();
  EXPECT_GE(spent.asking, 3 * 7s);
  EXPECT_GE(spent.loading, 3 * 2s);
  EXPECT_EQ(bottleneck(spent), Bottleneck::server);
}

TEST(Bottlenecks, AreWhatWouldHaveToBeFaster) {
  using Spent = TimeSpent;
  EXPECT_EQ(bottleneck(Spent{.asking = 2s, .reading = 3s, .loading = 6s}), Bottleneck::database);
  EXPECT_EQ(bottleneck(Spent{.asking = 4s, .reading = 3s, .loading = 6s}), Bottleneck::server) << "they add up";
  EXPECT_EQ(bottleneck(Spent{.asking = 3s, .reading = 4s, .loading = 6s}), Bottleneck::processor);
  EXPECT_EQ(bottleneck(Spent{.waiting = 9s, .asking = 4s, .reading = 3s, .loading = 6s}), Bottleneck::waiting);
}

TEST_F(PipelineTest, KnowsTheServersClock) {
  tenant.behaviour().clock_offset = -5s;
  make_plan({window(0, 100)});
  EXPECT_EQ(pipeline->server_clock().at_least(clock.steady()), std::nullopt);
  work();
  EXPECT_EQ(pipeline->server_clock().at_least(clock.steady()), clock.now() - 5s);
}

TEST_F(PipelineTest, TellsTheStateThatThePollLeaves) {
  read_options.reason = Reason::poll;
  make_plan({window(0, 100), window(200, 300), window(400, 500)});
  EXPECT_FALSE(pipeline->state_left());
  work();
  ASSERT_TRUE(pipeline->state_left());
  EXPECT_EQ(pipeline->state_left()->coverage, Coverage({window(0, 100), window(200, 300), window(400, 500)}));
  EXPECT_EQ(pipeline->state_left()->load_number, store.tables().state.load_number);
}

TEST_F(PipelineTest, TellsNoStateThatLacksAPoisonedSecond) {
  read_options.reason = Reason::poll;
  for (const std::int64_t poisoned : {0, 137, 299}) {
    tenant.behaviour().poisoned = {at(poisoned)};
    make_plan({window(poisoned / 100 * 100, poisoned / 100 * 100 + 100)});
    work();
    const auto state = pipeline->state_left().value_or(store.tables().state);
    EXPECT_TRUE(state.poisoned.contains(window(poisoned, poisoned + 1))) << poisoned;
  }
}

TEST_F(PipelineTest, TellsNoStateOfABackfill) {
  read_options.reason = Reason::backfill;
  make_plan({window(0, 100)});
  work();
  EXPECT_FALSE(pipeline->state_left());
}

TEST_F(PipelineTest, WorkersThatAreTooManyRestUntilAllIsDone) {
  read_options.most_workers = 1;
  say_every(1s, window(0, 300));
  make_plan({window(0, 300)});
  work(3);
  expect_warehouse_is_true();
  EXPECT_EQ(coverage(), Coverage({window(0, 300)}));
  EXPECT_EQ(pipeline->workers_at_work(), 1);
}

TEST_F(PipelineTest, BeginsNoWindowAfterThePauseAndGoesOnLater) {
  make_plan({window(0, 300)});
  const auto client = tenant.connect();
  const auto warehouse = store.connect();
  pipeline->work(*client, *warehouse, {}, clock.steady());
  EXPECT_THAT(events.requests, IsEmpty());
  EXPECT_FALSE(plan->is_done());
  work();
  EXPECT_EQ(coverage(), Coverage({window(0, 300)}));
}

// --- whatever fails

// Fails requests, bodies, loads and commits by chance, from any thread.
class Chaos {
 public:
  explicit Chaos(std::uint64_t seed) : random_(seed) {}

  void attach(Site& site) {
    site.tenant.behaviour().interfere = [this](const AskedRange&, const auto&) {
      constexpr Failure kKinds[] = {Failure::server_error, Failure::broken_answer, Failure::timeout,
                                    Failure::too_large};
      if (const auto kind = happens(40, std::size(kKinds))) throw ApiError(kKinds[*kind], "chaos", 500);
    };
    site.tenant.behaviour().spoil = [this](std::string& body) {
      if (happens(30, 1)) body.resize(body.size() / 2);
    };
    site.store.faults().before_load = [this](const TimeWindow&) { fail_load(); };
    site.store.faults().after_commit = [this](const TimeWindow&) { fail_load(); };
    site.store.faults().before_record = [this](const WindowReport&) { fail_load(); };
  }

 private:
  std::optional<std::uint64_t> happens(std::uint64_t permille, std::uint64_t kinds) {
    const std::scoped_lock lock(mutex_);
    const bool calm = calm_ > 0;
    if (calm) --calm_;
    if (calm || !random_.permille(permille)) return std::nullopt;
    calm_ = 4;
    return random_.below(kinds);
  }
  void fail_load() {
    constexpr Failure kKinds[] = {Failure::db_unreachable, Failure::db_retry, Failure::db_conflict,
                                  Failure::db_exhausted};
    if (const auto kind = happens(40, std::size(kKinds))) throw DatabaseError(kKinds[*kind], "chaos");
  }

  std::mutex mutex_;
  Random random_;
  int calm_ = 0;
};

// Guarantees 1, 2, 4 and 11: exactly what is served, in the warehouse once, with any number of workers.
TEST(Pipeline, LoadsARandomHistoryExactlyOnceWhateverFails) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    Site site;
    for (std::uint64_t i = random.below(300); i > 0; --i) {
      const auto second = static_cast<std::int64_t>(random.below(100) * random.below(50));
      site.tenant.say(
          {"user " + std::to_string(random.below(5)), at(second), random.permille(100) ? "twin" : std::to_string(i)});
    }
    const bool is_poisoned = random.permille(300);
    const auto poison = static_cast<std::int64_t>(random.below(5000));
    const TimeWindow second = window(poison, poison + 1);
    if (is_poisoned) site.tenant.behaviour().poisoned = {second.from};
    Chaos chaos(seed);
    if (random.permille(700)) chaos.attach(site);
    site.make_plan({window(0, 5000)});
    site.work(1 + random.below(3));

    EXPECT_FALSE(site.plan->stopped_by()) << site.plan->stopped_by()->message;
    site.expect_warehouse_is_true();
    std::vector<TimeWindow> gaps;
    if (is_poisoned) gaps.push_back(second);
    EXPECT_EQ(site.coverage().gaps(window(0, 5000)), gaps);
    if (testing::Test::HasFailure()) return;
  }
}

struct DatabaseRow {
  Failure failure;
  std::optional<Action> action;  // what follows
};

class DatabaseFailures : public PipelineTest, public testing::WithParamInterface<DatabaseRow> {};

TEST_P(DatabaseFailures, AreFollowedByWhatTheirClassAsksFor) {
  say_every(10s, window(0, 200));
  fail_loads(2, GetParam().failure);
  make_plan({window(0, 200)});
  work();
  expect_warehouse_is_true();
  ASSERT_THAT(events.failures, SizeIs(Gt(0u)));
  EXPECT_EQ(events.failures[0], GetParam().failure);
  EXPECT_EQ(events.actions[0], GetParam().action);
  if (GetParam().action == Action::stop) {
    ASSERT_TRUE(plan->stopped_by());
    EXPECT_EQ(plan->stopped_by()->failure, GetParam().failure);
    EXPECT_THAT(ledger(), testing::Contains(Outcome::failed));
    return;
  }
  EXPECT_FALSE(plan->stopped_by());
  EXPECT_EQ(coverage(), Coverage({window(0, 200)}));
}

INSTANTIATE_TEST_SUITE_P(
    Classes, DatabaseFailures,
    testing::Values(DatabaseRow{Failure::db_unreachable, Action::again}, DatabaseRow{Failure::db_retry, Action::again},
                    DatabaseRow{Failure::db_conflict, Action::again}, DatabaseRow{Failure::db_exhausted, Action::again},
                    DatabaseRow{Failure::db_data, Action::split}, DatabaseRow{Failure::db_denied, Action::stop},
                    DatabaseRow{Failure::db_schema, Action::stop}, DatabaseRow{Failure::not_leader, Action::stop}),
    [](const auto& row) { return std::string(to_text(row.param.failure)); });

TEST_F(PipelineTest, AfterAConflictTheWindowIsLoadedWithCompare) {
  fail_loads(1, Failure::db_conflict);
  make_plan({window(0, 200)});
  work();
  std::map<sys_seconds, bool> compared;
  for (const LedgerRow& row : store.tables().ledger) compared[row.report.window.from] = row.request.compare;
  EXPECT_THAT(compared, ElementsAre(testing::Pair(at(0), true), testing::Pair(at(100), false)));
}

TEST_F(PipelineTest, ACommitThatNobodyHeardOfIsSimplyDoneAgain) {
  say_every(10s, window(0, 100));
  store.faults().after_commit = [left = 1](const TimeWindow&) mutable {
    if (left-- > 0) throw DatabaseError(Failure::db_unreachable, "the answer to COMMIT is lost");
  };
  make_plan({window(0, 100)});
  work();
  expect_warehouse_is_true();
  EXPECT_EQ(events.windows.back().inserted, 0u);
  EXPECT_EQ(events.windows.back().unchanged, 10u);
}

TEST_F(PipelineTest, TheLoadNumberIsTheOneBeforeTheRequest) {
  make_plan({window(0, 100)});
  work();
  make_plan({window(0, 100)});
  work();
  EXPECT_EQ(store.tables().ledger.back().request.seen_load, 1);
}

TEST_F(PipelineTest, ACutBodyIsNeverLoaded) {
  say_every(10s, window(0, 100));
  tenant.behaviour().spoil = [left = 1](std::string& body) mutable {
    if (left-- > 0) body.resize(body.size() - 1);
  };
  make_plan({window(0, 100)});
  work();
  EXPECT_THAT(events.failures, ElementsAre(Failure::broken_answer));
  EXPECT_THAT(events.requests, SizeIs(2));
  expect_warehouse_is_true();
  EXPECT_EQ(coverage(), Coverage({window(0, 100)}));
}

TEST_F(PipelineTest, CountsEveryRequestOnce) {
  fail_requests(0, 1, ApiError(Failure::broken_answer, "an HTML page", 200));
  make_plan({window(0, 100)});
  work();
  EXPECT_THAT(events.statuses, ElementsAre(200, 200));
}

TEST_F(PipelineTest, ARefusedTokenStopsAndIsWrittenDown) {
  fail_requests(1, 1, ApiError(Failure::unauthorised, "the token is not accepted", 401));
  make_plan({window(0, 300)});
  work();
  ASSERT_TRUE(plan->stopped_by());
  EXPECT_EQ(coverage(), Coverage({window(0, 100)}));
  EXPECT_THAT(ledger(), testing::UnorderedElementsAre(Outcome::loaded, Outcome::failed));
  EXPECT_EQ(events.windows.back().error, "the token is not accepted");
}

TEST_F(PipelineTest, RunningOutOfMemoryWhileReadingSplitsTheWindow) {
  say_every(10s, window(0, 100));
  fail_requests(0, 1, std::bad_alloc());
  make_plan({window(0, 100)});
  work();
  expect_warehouse_is_true();
  EXPECT_EQ(coverage(), Coverage({window(0, 100)}));
  EXPECT_THAT(ledger(), testing::UnorderedElementsAre(Outcome::split, Outcome::loaded, Outcome::loaded));
  EXPECT_THAT(events.requests, SizeIs(3)) << "the one that failed counts";
}

TEST_F(PipelineTest, RunningOutOfMemoryWhileLoadingSplitsTheWindow) {
  say_every(10s, window(0, 100));
  store.faults().before_load = [left = 1](const TimeWindow&) mutable {
    if (left-- > 0) throw std::bad_alloc();
  };
  make_plan({window(0, 100)});
  work();
  expect_warehouse_is_true();
  EXPECT_THAT(ledger(), testing::UnorderedElementsAre(Outcome::split, Outcome::loaded, Outcome::loaded));
}

// Guarantee 11.
TEST_F(PipelineTest, APoisonedSecondIsIsolatedAndWrittenDown) {
  say_every(1s, window(0, 100));
  tenant.behaviour().poisoned = {at(37)};
  make_plan({window(0, 100)});
  work(2);
  expect_warehouse_is_true();
  EXPECT_EQ(coverage(), Coverage({window(0, 37), window(38, 100)}));
  EXPECT_EQ(store.tables().state.poisoned, Coverage({window(37, 38)}));
  EXPECT_THAT(ledger(), testing::Contains(Outcome::split));
  EXPECT_THAT(ledger(), testing::Contains(Outcome::poisoned).Times(1));
  EXPECT_THAT(events.windows, testing::Contains(testing::Field(&WindowReport::outcome, Outcome::poisoned)).Times(1));
}

TEST_F(PipelineTest, APoisonedSecondIsWrittenDownWhenTheDatabaseIsBack) {
  say_every(1s, window(0, 100));
  tenant.behaviour().poisoned = {at(37)};
  int failures = 2;
  store.faults().before_record = [&](const WindowReport& report) {
    if (report.outcome == Outcome::poisoned && failures-- > 0) throw DatabaseError(Failure::db_unreachable, "away");
  };
  make_plan({window(0, 100)});
  work();
  expect_warehouse_is_true();
  EXPECT_EQ(store.tables().state.poisoned, Coverage({window(37, 38)}));
  EXPECT_THAT(events.windows, testing::Contains(testing::Field(&WindowReport::outcome, Outcome::poisoned)).Times(1));
}

TEST_F(PipelineTest, AWindowThatFailsAgainAndAgainIsWrittenDownOnceWhileItIsRetried) {
  fail_requests(0, 5, ApiError(Failure::throttled, "too many requests", 429));
  make_plan({window(0, 100)});
  work();
  EXPECT_THAT(ledger(), testing::UnorderedElementsAre(Outcome::failed, Outcome::loaded));
  EXPECT_EQ(events.windows.back().attempts, 6);
}

TEST_F(PipelineTest, ALedgerThatCannotBeWrittenDoesNotStopTheWork) {
  fail_requests(0, 1, ApiError(Failure::timeout, "nothing for two minutes"));
  store.faults().before_record = [](const WindowReport&) { throw DatabaseError(Failure::db_exhausted, "disk full"); };
  make_plan({window(0, 100)});
  work();
  EXPECT_EQ(coverage(), Coverage({window(0, 100)}));
  EXPECT_THAT(events.failures, ElementsAre(Failure::timeout, Failure::db_exhausted));
}

TEST_F(PipelineTest, AnOutageIsProbedAndTheProbeIsNobodysWindow) {
  say_every(10s, window(0, 100));
  fail_requests(0, 5, ApiError(Failure::unreachable, "no connection"));
  make_plan({window(0, 100)});
  work();
  expect_warehouse_is_true();
  EXPECT_THAT(events.requests, testing::Contains(AskedRange{sys_seconds(0s), sys_seconds(0s)}).Times(3));
  EXPECT_THAT(ledger(), testing::UnorderedElementsAre(Outcome::failed, Outcome::loaded));
}

// --- a database that is away

class KeptBatches : public PipelineTest, public testing::WithParamInterface<Failure> {};

TEST_P(KeptBatches, AreLoadedWhenItIsBackAndTheApiIsNotAskedAgain) {
  say_every(10s, window(0, 300));
  fail_loads(50, GetParam());
  make_plan({window(0, 300)});
  work(2);
  expect_warehouse_is_true();
  EXPECT_EQ(coverage(), Coverage({window(0, 300)}));
  EXPECT_THAT(events.requests, SizeIs(3));
  EXPECT_THAT(events.failures, SizeIs(50));
  EXPECT_EQ(events.windows.back().attempts, 1);
}

INSTANTIATE_TEST_SUITE_P(Rows, KeptBatches,
                         testing::Values(Failure::db_unreachable, Failure::db_retry, Failure::db_exhausted),
                         [](const auto& row) { return std::string(to_text(row.param)); });

TEST_F(PipelineTest, AKeptBatchKnowsNoLoadThatCameAfterItWasRead) {
  say_every(10s, window(0, 100));
  make_plan({window(0, 100)});
  work();
  fail_loads(3, Failure::db_unreachable);
  make_plan({window(0, 100)});
  work();
  EXPECT_EQ(store.tables().ledger.back().request.seen_load, 1);
}

TEST_F(PipelineTest, ABatchIsKeptNoLongerThanFiveMinutes) {
  say_every(10s, window(0, 100));
  store.faults().before_load = [this, left = 11](const TimeWindow&) mutable {
    clock.advance(60s);
    if (left-- > 0) throw DatabaseError(Failure::db_unreachable, "injected");
  };
  make_plan({window(0, 100)});
  work();
  expect_warehouse_is_true();
  EXPECT_THAT(events.requests, SizeIs(3)) << "one every five minutes";
}

TEST_F(PipelineTest, ABatchIsNotKeptPastThePause) {
  make_plan({window(0, 100)});
  store.faults().before_load = [this](const TimeWindow&) {
    clock.advance(1s);
    throw DatabaseError(Failure::db_unreachable, "injected");
  };
  const auto client = tenant.connect();
  const auto warehouse = store.connect();
  pipeline->work(*client, *warehouse, {}, clock.steady() + 10s);
  EXPECT_FALSE(plan->is_done());
  EXPECT_EQ(coverage(), Coverage());
}

TEST_F(PipelineTest, PatienceEndsWhileABatchIsKept) {
  store.faults().before_load = [this](const TimeWindow&) {
    clock.advance(1s);
    throw DatabaseError(Failure::db_unreachable, "the database is away");
  };
  PlanOptions options;
  options.patience_at_first = 10s;
  make_plan({window(0, 100)}, options);
  work();
  ASSERT_TRUE(plan->stopped_by());
  EXPECT_EQ(plan->stopped_by()->failure, Failure::db_unreachable);
  EXPECT_THAT(events.requests, SizeIs(1));
}

TEST_F(PipelineTest, StopsAtOnceWhileABatchIsKept) {
  std::promise<void> failed;
  std::once_flag once;
  store.faults().before_load = [&](const TimeWindow&) {
    std::call_once(once, [&] { failed.set_value(); });
    throw DatabaseError(Failure::db_exhausted, "disk full");
  };
  make_plan({window(0, 1000)});
  auto workers = start(1);
  failed.get_future().wait();
  expect_prompt_stop(workers);
  EXPECT_EQ(coverage(), Coverage());
}

// --- the present

// Guarantee 3.
TEST_F(PipelineTest, AServersClockThatIsBehindTrimsTheWindow) {
  say_every(10s, window(0, 300));
  tenant.behaviour().clock_offset = std::chrono::duration_cast<milliseconds>(at(160) - clock.now());
  make_plan({window(0, 250)});
  work();
  EXPECT_EQ(coverage(), Coverage({window(0, 150)})) << "settle is ten seconds";
  EXPECT_EQ(Coverage(plan->unsettled()), Coverage({window(150, 250)}));
  expect_warehouse_is_true();
}

TEST_F(PipelineTest, AServersClockBeforeAllOfTheRangeLoadsNothing) {
  tenant.behaviour().clock_offset = -48h * 365 * 20;
  make_plan({window(0, 250)});
  work(2);
  EXPECT_EQ(coverage(), Coverage());
  EXPECT_EQ(Coverage(plan->unsettled()), Coverage({window(0, 250)}));
  EXPECT_FALSE(plan->stopped_by());
}

TEST_F(PipelineTest, ASlowAnswerIsTrustedUpToWhenItWasAskedFor) {
  clock.advance(-(clock.now() - at(200)));
  tenant.behaviour().latency = 60s;
  make_plan({window(100, 200)});
  work();
  EXPECT_EQ(coverage(), Coverage({window(100, 189)})) << "and a clock may be slow";
}

// --- fractions of seconds

TEST_F(PipelineTest, ARowOfTheSecondBeforePoisonIsNotLostOnAServerThatKeepsFractions) {
  tenant.behaviour().fractions = true;
  tenant.behaviour().poisoned = {at(100)};
  tenant.say({"user", at(10) + 250ms, "early"});
  tenant.say({"user", at(98) + 500ms, "late"});
  make_plan({window(0, 100)});
  work();
  make_plan({window(0, 200)});
  work();
  expect_warehouse_is_true();
  EXPECT_TRUE(coverage().contains(window(0, 99)));
}

// --- stopping

TEST_F(PipelineTest, StopsAtOnceWhileTheServerIsSilent) {
  Hang hang;
  tenant.behaviour().interfere = [&](const AskedRange& asked, const std::stop_token& token) {
    if (asked.from >= at(200)) hang(token);
  };
  say_every(10s, window(0, 300));
  make_plan({window(0, 1000)});
  auto workers = start(2);
  hang.await_arrival();
  expect_prompt_stop(workers);
  expect_warehouse_is_true();
  EXPECT_THAT(events.failures, IsEmpty());
  EXPECT_FALSE(coverage().overlaps(window(200, 1000)));
}

TEST_F(PipelineTest, StopsAtOnceWhileTheDatabaseIsSilent) {
  store.faults().loads_hang = true;
  make_plan({window(0, 1000)});
  auto workers = start(2);
  store.await_hanging_load();
  expect_prompt_stop(workers);
  EXPECT_EQ(coverage(), Coverage());
  EXPECT_THAT(events.failures, IsEmpty()) << "the failure is of our own making";
}

TEST_F(PipelineTest, StopsAtOnceWhileItWaitsForItsAllowance) {
  allowance = RateAllowance(1, 0.0);
  std::latch loaded(1);
  store.faults().after_commit = [&](const TimeWindow&) { loaded.count_down(); };
  make_plan({window(0, 1000)});
  auto workers = start(2);
  loaded.wait();
  expect_prompt_stop(workers);
  EXPECT_EQ(coverage(), Coverage({window(0, 100)}));
}

TEST_F(PipelineTest, StopsAtOnceWhileItWaitsAfterAFailure) {
  std::latch failed(1);
  tenant.behaviour().interfere = [&](const AskedRange&, const auto&) {
    failed.count_down();
    throw ApiError(Failure::throttled, "HTTP status 429", 429, 3600s);
  };
  make_plan({window(0, 1000)});
  auto workers = start(1);
  failed.wait();
  expect_prompt_stop(workers);
}

// Guarantee 1.
TEST(Pipeline, StoppedAnywhereNothingIsHalfAndTheNextRunGoesOn) {
  for (int loads = 1; loads <= 40; ++loads) {
    SCOPED_TRACE("stopped in load " + std::to_string(loads));
    Site site;
    site.say_every(7s, window(0, 4000));
    std::atomic<int> left = loads;
    site.store.faults().before_load = [&](const TimeWindow&) {
      if (--left == 0) site.stopping.request_stop();
    };
    site.make_plan({window(0, 4000)});
    site.work(1 + static_cast<std::size_t>(loads) % 3);
    site.expect_warehouse_is_true();
    EXPECT_TRUE(site.events.failures.empty());

    site.stopping = std::stop_source();
    site.make_plan(site.coverage().gaps(window(0, 4000)));
    site.work(2);
    site.expect_warehouse_is_true();
    EXPECT_EQ(site.coverage(), Coverage({window(0, 4000)}));
  }
}

TEST_F(PipelineTest, AWorkerThatWaitsEndsWithThePlan) {
  std::atomic<int> requests = 0;
  std::latch both(2);
  tenant.behaviour().interfere = [&](const AskedRange&, const auto&) {
    const int number = requests++;
    both.arrive_and_wait();
    if (number == 0) throw ApiError(Failure::throttled, "HTTP status 429", 429, 3600s);
    throw ApiError(Failure::unauthorised, "HTTP status 401", 401);
  };
  make_plan({window(0, 1000)});
  const auto begun = std::chrono::steady_clock::now();
  work(2);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s);
  EXPECT_TRUE(plan->stopped_by());
}

// --- what nobody expects

class Unexpected : public PipelineTest, public testing::WithParamInterface<std::size_t> {
 protected:
  // Works, and counts the workers that threw.
  int count_thrown() {
    int thrown = 0;
    for (auto& worker : start(GetParam())) {
      try {
        worker.get();
      } catch (const std::logic_error&) {
        ++thrown;
      }
    }
    return thrown;
  }
};

TEST_P(Unexpected, ExceptionsOfTheClientComeOutOfTheirWorkerAndTheOthersGoOn) {
  say_every(10s, window(0, 1000));
  fail_requests(3, 1, std::logic_error("nobody expects it"));
  make_plan({window(0, 1000)});
  EXPECT_EQ(count_thrown(), 1);
  expect_warehouse_is_true();
  if (GetParam() > 1) {
    EXPECT_EQ(coverage().gaps(window(0, 1000)).size(), 1u);
  }
}

TEST_P(Unexpected, ExceptionsOfTheWarehouseComeOutOfTheirWorkerAndTheOthersGoOn) {
  say_every(10s, window(0, 1000));
  std::atomic<int> left = 3;
  store.faults().before_load = [&](const TimeWindow&) {
    if (--left == 0) throw std::logic_error("nobody expects it");
  };
  make_plan({window(0, 1000)});
  EXPECT_EQ(count_thrown(), 1);
  expect_warehouse_is_true();
}

TEST_P(Unexpected, ExceptionsOfTheLedgerComeOutOfTheirWorker) {
  fail_requests(2, 1, ApiError(Failure::timeout, "nothing for two minutes"));
  store.faults().before_record = [](const WindowReport&) { throw std::logic_error("nobody expects it"); };
  make_plan({window(0, 1000)});
  EXPECT_EQ(count_thrown(), 1);
  expect_warehouse_is_true();
}

INSTANTIATE_TEST_SUITE_P(Workers, Unexpected, testing::Values(1, 2, 3));

}  // namespace
}  // namespace odetl

// The rounds of daemon/backfill.cpp.
#include <algorithm>

#include "tests/chaos/simulation/simulated_process.hpp"

namespace odetl::chaos {
namespace {

using namespace std::chrono_literals;

constexpr seconds kLongestSettling{120};
constexpr seconds kLookAgain{1};
// What starts a backfill again takes its time, and more each time.
constexpr seconds kBeforeRunAgain{20};
constexpr seconds kLongestBeforeRunAgain{640};

}  // namespace

Act<> SimulatedBackfill::run() {
  if (options_.backfill_window) {
    WidthLimits limits = options_.widths;
    limits.first = limits.max = *options_.backfill_window;
    width_ = WindowWidth(limits);
  }
  for (seconds pause = kBeforeRunAgain;; pause = std::min(2 * pause, kLongestBeforeRunAgain)) {
    bool done = false;
    const auto fault = co_await Attempt(read_all(done));
    claims_.reset();
    if (done && !fault) break;
    co_await time().sleep(actor_, pause);
  }
  expect_done();
}

// Whoever read it.
void SimulatedBackfill::expect_done() const {
  Coverage dealt_with = world_.database.state.coverage;
  for (const TimeWindow& window : world_.database.state.poisoned.windows()) dealt_with.add(window);
  world_.witness.expect(dealt_with.contains(options_.backfill), "a backfill that is done leaves nothing out",
                        [&] { return to_text(dealt_with.gaps(options_.backfill).front()) + " is not read"; });
}

Act<> SimulatedBackfill::read_state() {
  Session session(world_.database, actor_);
  state_ = co_await session.read_state();
}

// Answers whether all was read that can be.
Act<> SimulatedBackfill::read_all(bool& done) {
  is_shared_ = false;
  poisoned_.clear();
  co_await read_state();
  std::vector<TimeWindow> ranges = state_.coverage.gaps(options_.backfill);
  if (options_.reload) ranges = {options_.backfill};
  std::vector<TimeWindow> unsettled;
  if (!options_.reload) claims_.emplace(world_.database, actor_);
  while (!ranges.empty()) {
    unsettled = co_await read(ranges);
    co_await read_state();
    if (unsettled.empty()) {
      ranges = left_to_others();
      if (!ranges.empty()) co_await time().sleep(actor_, kLookAgain);
    } else {
      if (!co_await wait_for(unsettled.back().to)) break;
      co_await read_state();
      ranges = unsettled;
    }
  }
  if (is_shared_) poisoned_ = state_.poisoned.covered(options_.backfill);
  // What is poisoned and could not be written down ends with exit code 1, too: it is run again.
  done = unsettled.empty() && std::all_of(poisoned_.begin(), poisoned_.end(), [&](const TimeWindow& second) {
    return state_.poisoned.contains(second) || state_.coverage.contains(second);
  });
}

std::vector<TimeWindow> SimulatedBackfill::left_to_others() const {
  if (!is_shared_) return {};
  Coverage dealt_with = state_.coverage;
  for (const TimeWindow& window : state_.poisoned.windows()) dealt_with.add(window);
  return dealt_with.gaps(options_.backfill);
}

// Answers what is not settled.
Act<std::vector<TimeWindow>> SimulatedBackfill::read(const std::vector<TimeWindow>& ranges) {
  PlanOptions options = options_.plan;
  options.retry_poisoned = true;
  options.order = Order::newest_first;
  options.pass_poison = true;
  options.patience_at_first = 10s;
  options.patience = 10min;
  if (options_.reload) {
    Session session(world_.database, actor_);
    options.known_answers = co_await session.known_answers(options_.backfill);
  }
  WindowPlan plan(ranges, state_.poisoned, width_, options);
  Pipe pipe(plan, Reason::backfill, state_.load_number, kNever);
  if (claims_) pipe.claims = &*claims_;
  co_await work_in_parallel(pipe);
  poisoned_.insert(poisoned_.end(), plan.poisoned().begin(), plan.poisoned().end());
  is_shared_ = is_shared_ || plan.has_yielded();
  if (plan.stopped_by()) co_await BreakOff{{plan.stopped_by()->failure, "the plan stopped"}};
  co_return Coverage(plan.unsettled()).windows();
}

Act<> SimulatedBackfill::work_in_parallel(Pipe& pipe) {
  std::vector<Act<>> workers;
  for (int i = 0; i < options_.workers; ++i) workers.push_back(work_alone(pipe));
  for (Act<>& worker : workers) worker.start();
  const auto all_over = [&] {
    return std::all_of(workers.begin(), workers.end(), [](const Act<>& worker) { return worker.is_over(); });
  };
  while (!all_over()) co_await time().wait(actor_, pipe.worker_ended);
}

Act<> SimulatedBackfill::work_alone(Pipe& pipe) {
  Session session(world_.database, actor_);
  co_await work(pipe, session);
  time().notify(pipe.worker_ended);
}

Act<bool> SimulatedBackfill::wait_for(sys_seconds until) {
  Timestamp now = world_.local_now();
  if (const auto on_server = server_clock_.at_least(time().steady())) now = std::min(now, *on_server);
  const microseconds wait = until + options_.read.settle + 1s - now;
  if (wait > kLongestSettling) co_return false;
  co_await time().sleep(actor_, std::max<microseconds>(wait, 1s));
  co_return true;
}

}  // namespace odetl::chaos

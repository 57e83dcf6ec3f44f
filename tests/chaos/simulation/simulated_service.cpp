// The turns of daemon/service.cpp.
#include <algorithm>

#include "tests/chaos/simulation/simulated_process.hpp"

namespace odetl::chaos {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;

constexpr seconds kStandbyInterval{5};
constexpr seconds kLongestProbeInterval{300};
constexpr seconds kAfterDatabaseFailed{2};
constexpr int kRecheckPart = 4;

}  // namespace

Act<> SimulatedDaemon::run() {
  session_.emplace(world_.database, actor_);
  while (true) co_await turn();
}

Act<> SimulatedDaemon::turn() {
  const Timestamp begun = time().now();
  Timestamp next = begun + options_.interval;
  if (co_await Attempt(do_turn(begun, next))) {
    leads_ = state_is_fresh_ = false;
    next = begun + std::min(options_.interval, kAfterDatabaseFailed);
  }
  if (next > time().now()) co_await time().sleep(actor_, next - time().now());
}

Act<> SimulatedDaemon::do_turn(Timestamp begun, Timestamp& next) {
  if (!std::exchange(state_is_fresh_, false)) state_ = co_await session_->read_state();
  const bool leads = co_await lead(begun, next);
  if (!leads) co_return;
  const auto stopped_by = co_await poll();
  if (stopped_by && stopped_by->failure == Failure::not_leader) {
    leads_ = false;
    next = begun;
  } else if (stopped_by) {
    const auto rare = std::max(options_.interval, kLongestProbeInterval);
    next = begun + std::min<seconds>(options_.interval * (1 << std::min(fruitless_++, 8)), rare);
  } else {
    fruitless_ = 0;
    co_await recheck(std::max<Timestamp>(next, time().now() + options_.interval / kRecheckPart));
  }
}

Act<bool> SimulatedDaemon::lead(Timestamp begun, Timestamp& next) {
  if (leads_) co_return true;
  leads_ = co_await session_->try_lead();
  if (leads_) {
    recheck_.reset();
    state_ = co_await session_->read_state();
  } else {
    next = co_await next_try(begun);
  }
  co_return leads_;
}

// Every few seconds; but until the leader's session ends, the answer is the same.
Act<Timestamp> SimulatedDaemon::next_try(Timestamp begun) {
  const seconds every = std::min(kStandbyInterval, options_.interval);
  if (world_.database.is_led()) co_await time().wait(actor_, world_.database.lead_ended);
  co_return begun + every * std::max<seconds::rep>(1, (time().now() - begun + every - 1us) / every);
}

Act<sys_seconds> SimulatedDaemon::poll_from() {
  if (options_.start) co_return *options_.start;
  if (state_.poll_from) co_return *state_.poll_from;
  const sys_seconds from = settled() - 24h;
  co_await session_->set_poll_from(from);
  state_.poll_from = from;
  co_return from;
}

Act<std::optional<TaskFailure>> SimulatedDaemon::ask_server_clock() {
  const auto sent = time().steady();
  const AskedRange long_ago{sys_seconds{0s}, sys_seconds{0s}};
  const Answer answer = co_await ask(long_ago);
  learn_clock(answer.exchange, sent);
  const bool answered = !answer.failure || answer.failure == Failure::refused || answer.failure == Failure::throttled;
  if (answered) co_return std::nullopt;
  co_return TaskFailure{*answer.failure, "the API", answer.retry_after};
}

Act<std::vector<TimeWindow>> SimulatedDaemon::ranges_to_poll() {
  const sys_seconds from = co_await poll_from();
  co_return poll_ranges(state_, from, settled(), options_.lookback);
}

Act<> SimulatedDaemon::work_on(WindowPlan& plan, Reason reason, Timestamp pause_at) {
  Pipe pipe(plan, reason, state_.load_number, pause_at);
  co_await work(pipe, *session_);
}

Act<std::optional<TaskFailure>> SimulatedDaemon::poll() {
  if (!options_.start && !state_.poll_from && !server_clock_.at_least(time().steady())) co_await ask_server_clock();
  std::optional<WindowPlan> plan;
  std::vector<TimeWindow> ranges = co_await ranges_to_poll();
  plan.emplace(ranges, state_.poisoned, width_, options_.plan);
  if (plan->is_done()) {
    const auto failure = co_await ask_server_clock();
    ranges = co_await ranges_to_poll();
    plan.emplace(ranges, state_.poisoned, width_, options_.plan);
    if (plan->is_done() && failure) co_return failure;
  }
  session_->take_state_left();
  co_await work_on(*plan, Reason::poll, kNever);
  if (auto left = session_->take_state_left()) {
    state_ = std::move(*left);
  } else {
    state_ = co_await session_->read_state();
  }
  state_is_fresh_ = true;
  co_return plan->stopped_by();
}

Act<> SimulatedDaemon::begin_recheck() {
  const auto now = std::chrono::floor<seconds>(world_.local_now());
  for (const auto& [every, span] : options_.rechecks) {
    const auto last = state_.rechecked.find(span);
    const bool is_first = last == state_.rechecked.end();
    if (!is_first && now - last->second < every && last->second <= now) continue;
    const auto ranges = recheck_ranges(state_, span, options_.lookback);
    PlanOptions plan;
    plan.retry_poisoned = true;
    if (!is_first && !ranges.empty()) {
      plan.known_answers = co_await session_->known_answers({ranges.front().from, ranges.back().to});
    }
    co_await session_->set_last_recheck(span, now);
    state_.rechecked[span] = now;
    if (is_first) continue;
    recheck_.emplace(ranges, state_.poisoned, width_, plan, time().now());
    co_return;
  }
}

Act<> SimulatedDaemon::recheck(Timestamp pause_at) {
  if (!recheck_) co_await begin_recheck();
  if (!recheck_) co_return;
  state_is_fresh_ = false;
  co_await work_on(recheck_->plan, Reason::recheck, pause_at);
  if (!recheck_->plan.is_done()) co_return;
  if (!recheck_->plan.stopped_by()) rechecks_done_.push_back(recheck_->begun);
  leads_ = leads_ && !(recheck_->plan.stopped_by() && recheck_->plan.stopped_by()->failure == Failure::not_leader);
  recheck_.reset();
}

}  // namespace odetl::chaos

// The decisions of etl/pipeline.cpp.
#include "tests/chaos/simulation/simulated_process.hpp"

#include <algorithm>

namespace odetl::chaos {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kRowBytes = 200;

bool passes_by_itself(Failure failure) {
  return failure == Failure::db_unreachable || failure == Failure::db_retry || failure == Failure::db_exhausted;
}

// The rows of an answer that a window owns, as the parser would give them.
std::vector<Interaction> owned_rows(const std::vector<Said>& answer, const TimeWindow& owned) {
  std::vector<Interaction> rows;
  std::int32_t occurrence = 0;
  const Said* before = nullptr;
  for (const Said& said : answer) {
    occurrence = before != nullptr && *before == said ? occurrence + 1 : 0;
    before = &said;
    if (!owned.owns(said.at)) continue;
    Interaction row;
    row.occurred_at = said.at;
    row.occurrence = occurrence;
    row.id = id_of(said, occurrence);
    rows.push_back(row);
  }
  return rows;
}

}  // namespace

Timestamp World::local_now() const {
  microseconds offset{0};
  for (const auto& [from, wrong_by] : local_clock) {
    if (from <= timeline.now()) offset = wrong_by;
  }
  return timeline.now() + offset;
}

void SimulatedProcess::start() {
  main_.emplace(run());
  main_->start();
}

std::optional<Timestamp> SimulatedProcess::learn_clock(const Exchange& exchange,
                                                       std::chrono::steady_clock::time_point sent) {
  return server_clock_.observed(exchange.server_date, sent, time().steady());
}

sys_seconds SimulatedProcess::settled() const {
  return settled_bound(world_.local_now(), server_clock_.at_least(world_.timeline.steady()), options_.read.settle);
}

// A request: on its way, looked at by the server, and on its way back.
Act<Answer> SimulatedProcess::ask(AskedRange asked) {
  requests_.push_back(time().now());
  if (world_.witness.trace) {
    world_.witness.trace("asked for " + to_text(TimeWindow{asked.from, asked.to}) + " when it is " +
                         to_rfc3339(world_.local_now()) + " here and " +
                         to_rfc3339(world_.tenant.clock_at(time().now())) + " there");
  }
  const Timestamp begun = time().now();
  co_await time().sleep(actor_, time().some(world_.latency));
  Answer answer = world_.tenant.answer(asked, time().now(), time().random());
  co_await time().sleep(actor_, time().some(world_.latency));
  const bool tells_clock = world_.tenant.sends_date && answer.failure != Failure::unreachable &&
                           answer.failure != Failure::timeout;
  const Timestamp dated = world_.tenant.clock_at(time().now());
  if (tells_clock) answer.exchange.server_date = std::chrono::floor<seconds>(dated);
  // Unless the clock was set meanwhile.
  const Timestamp looked = world_.tenant.clock_at(answer.seen_at);
  answer.server_clock = dated - looked == time().now() - answer.seen_at ? looked : std::max(dated, looked);
  co_await time().sleep(actor_, time().some(world_.latency));
  answer.exchange.duration = std::chrono::duration_cast<milliseconds>(time().now() - begun);
  answer.exchange.body_bytes = answer.rows.size() * kRowBytes;
  co_return answer;
}

Act<> SimulatedProcess::work(Pipe& pipe, Session& session) {
  Worker worker;
  Act<> fetching = fetch_all(pipe, worker);
  fetching.start();
  while (true) {
    while (worker.items.empty() && !worker.fetching_ended) co_await time().wait(actor_, worker.changed);
    if (worker.items.empty()) break;
    Slot slot = std::move(worker.items.front());
    worker.items.pop_front();
    co_await load(pipe, worker, session, slot);
  }
}

Act<> SimulatedProcess::fetch_all(Pipe& pipe, Worker& worker) {
  while (true) {
    while (worker.free == 0) co_await time().wait(actor_, worker.changed);
    const std::optional<Task> task = co_await take(pipe);
    if (!task) break;
    Slot slot;
    slot.task = *task;
    if (co_await fetch(pipe, worker, slot)) {
      --worker.free;
      worker.items.push_back(std::move(slot));
      time().notify(worker.changed);
    }
  }
  worker.fetching_ended = true;
  time().notify(worker.changed);
}

Act<std::optional<Task>> SimulatedProcess::take(Pipe& pipe) {
  while (time().now() < pipe.pause_at) {
    const auto now = time().steady();
    WindowPlan::Next next;
    if (const auto delay = pipe.allowance.delay(now); delay > delay.zero() && !pipe.plan.is_done()) {
      next.not_before = now + delay;
    } else {
      next = pipe.plan.next(now);
    }
    if (next.done) break;
    if (next.task) {
      pipe.allowance.sent(now);
      co_return next.task;
    }
    std::optional<Timestamp> until;
    if (pipe.pause_at != kNever) until = pipe.pause_at;
    if (next.not_before) until = std::min(time().of(*next.not_before), pipe.pause_at);
    co_await time().wait(actor_, pipe.changed, until);
  }
  co_return std::nullopt;
}

Act<bool> SimulatedProcess::fetch(Pipe& pipe, Worker& worker, Slot& slot) {
  slot.sent = world_.local_now();
  slot.seen_load = pipe.seen_load;
  bool is_mine = true;
  if (const auto fault = co_await Attempt(claim(pipe, slot.task, is_mine))) {
    failed(pipe, worker, slot.task, {fault->failure, fault->why, {}});
    co_return false;
  }
  if (!is_mine) co_return false;
  const auto sent = time().steady();
  slot.answer = co_await ask(slot.task.asked());
  pipe.allowance.observed(slot.answer.exchange.rate_limit, time().steady(), slot.answer.exchange.server_date);
  slot.server_sent = learn_clock(slot.answer.exchange, sent);
  if (slot.answer.failure) {
    failed(pipe, worker, slot.task, {*slot.answer.failure, "the API", slot.answer.retry_after});
    co_return false;
  }
  co_return parse(pipe, worker, slot);
}

Act<> SimulatedProcess::claim(Pipe& pipe, Task& task, bool& is_mine) {
  if (pipe.claims == nullptr || task.kind == Task::Kind::probe) co_return;
  const auto mine = co_await pipe.claims->claim(task.window, task.widest);
  is_mine = mine.has_value();
  if (is_mine) {
    pipe.plan.narrow(task, *mine);
  } else {
    pipe.plan.yielded(task);
    pipe.allowance.not_sent(time().steady());
  }
  time().notify(pipe.changed);
}

bool SimulatedProcess::parse(Pipe& pipe, Worker& worker, Slot& slot) {
  const Exchange& exchange = slot.answer.exchange;
  if (slot.task.kind == Task::Kind::probe) {
    succeeded(pipe, slot.task, slot.task.window.to, {});
    return false;
  }
  const sys_seconds bound = settled_bound(slot.sent, slot.server_sent, options_.read.settle);
  pipe.plan.limit(bound);
  const TimeWindow owned{slot.task.window.from, std::min(slot.task.window.to, bound)};
  if (owned.empty()) {
    succeeded(pipe, slot.task, slot.task.window.from, {exchange.body_bytes, 0, exchange.duration});
    return false;
  }
  const bool has_fractions = world_.tenant.fractions && !slot.answer.rows.empty();
  if (has_fractions) pipe.plan.saw_fractions();
  if (has_fractions && slot.task.kind == Task::Kind::tight) {
    failed(pipe, worker, slot.task, {Failure::broken_answer, "fractions", {}});
    return false;
  }
  Reading reading{owned, owned_rows(slot.answer.rows, owned), slot.answer.seen_at, {}, pipe.reason, {}};
  if (world_.tenant.sends_date) reading.settled_until = slot.answer.server_clock - options_.read.settle;
  if (pipe.reason != Reason::poll) reading.hash = hash_of(slot.answer.rows, slot.task.asked(), owned);
  slot.is_known = reading.hash && slot.task.known == reading.hash && slot.task.conflicts == 0;
  slot.reading = std::make_shared<const Reading>(std::move(reading));
  return true;
}

void SimulatedProcess::succeeded(Pipe& pipe, const Task& task, sys_seconds loaded_to, const AnswerSize& size) {
  pipe.plan.succeeded(task, loaded_to, size);
  time().notify(pipe.changed);
}

void SimulatedProcess::failed(Pipe& pipe, Worker& worker, const Task& task, const TaskFailure& failure) {
  const auto verdict = pipe.plan.failed(task, failure, time().steady(), time().unit());
  world_.witness.expect(verdict.wait >= 0ms, "waits end", [] { return "a negative wait"; });
  if (world_.witness.trace) world_.witness.trace(to_text(task.window) + ": " + to_text(failure.failure));
  time().notify(pipe.changed);
  if (!verdict.poisoned && verdict.action != Action::split) return;
  Slot note;
  note.task = task;
  note.poisoned = verdict.poisoned;
  worker.items.push_back(std::move(note));
  time().notify(worker.changed);
}

Act<> SimulatedProcess::write(Pipe& pipe, Session& session, const Slot& slot) {
  if (slot.poisoned) {
    co_await session.record_poisoned(slot.task.window);
  } else if (!slot.reading) {
    co_await session.record();
  } else {
    const std::int64_t number = co_await load_once(session, slot);
    pipe.seen_load = std::max(pipe.seen_load, number);
  }
}

Act<std::int64_t> SimulatedProcess::load_once(Session& session, const Slot& slot) {
  std::int64_t number = 0;
  if (slot.is_known) number = co_await session.confirm(slot.reading);
  if (number == 0) number = co_await session.load(slot.reading, slot.task.conflicts > 0, slot.seen_load);
  co_return number;
}

Act<> SimulatedProcess::load(Pipe& pipe, Worker& worker, Session& session, Slot& slot) {
  if (!slot.reading) co_return co_await write_down(pipe, session, slot);
  const Timestamp until = std::min<Timestamp>(time().now() + kLongestKept, pipe.pause_at);
  std::optional<Fault> fault;
  for (int failures = 1;; ++failures) {
    fault = co_await Attempt(write(pipe, session, slot));
    if (!fault || !co_await wait_in_hand(pipe, *fault, failures, until)) break;
  }
  ++worker.free;
  time().notify(worker.changed);
  if (fault) {
    failed(pipe, worker, slot.task, {fault->failure, fault->why, {}});
    co_return;
  }
  const TimeWindow& window = slot.reading->window;
  world_.witness.expect(!pipe.loaded.overlaps(window), "the windows of a plan are disjoint",
                        [&] { return to_text(window); });
  pipe.loaded.add(window);
  AnswerSize size{slot.answer.exchange.body_bytes, slot.answer.rows.size(), slot.answer.exchange.duration};
  if (window == slot.task.window) size.rows_by_hour = rows_by_hour(window, slot.reading->rows);
  succeeded(pipe, slot.task, window.to, size);
}

// Waits while a batch is kept; false when it is not to be tried again.
Act<bool> SimulatedProcess::wait_in_hand(Pipe& pipe, const Fault& fault, int failures, Timestamp until) {
  if (!passes_by_itself(fault.failure)) co_return false;
  const auto wait = pipe.plan.wait_in_hand({fault.failure, fault.why, {}}, failures, time().steady(), time().unit());
  if (!wait || time().now() + *wait >= until || pipe.plan.is_done()) co_return false;
  for (const Timestamp again = time().now() + *wait; time().now() < again && !pipe.plan.is_done();) {
    co_await time().wait(actor_, pipe.changed, again);
  }
  co_return true;
}

// A poisoned second that nobody wrote down is one that no recheck looks for.
Act<> SimulatedProcess::write_down(Pipe& pipe, Session& session, const Slot& slot) {
  const Timestamp until = time().now() + kLongestKept;
  for (int failures = 1;; ++failures) {
    const auto fault = co_await Attempt(write(pipe, session, slot));
    if (!fault || !slot.poisoned || !passes_by_itself(fault->failure)) co_return;
    FailedAttempt failed;
    failed.failure = fault->failure;
    failed.consecutive = failures;
    const auto wait = decide(failed, time().unit()).wait;
    if (time().now() + wait >= until) co_return;
    co_await time().sleep(actor_, wait);
  }
}

}  // namespace odetl::chaos

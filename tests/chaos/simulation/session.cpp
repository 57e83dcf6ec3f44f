// The steps of etl/warehouse.cpp, on the simulated database.
#include <algorithm>

#include "etl/vanished.hpp"
#include "tests/chaos/simulation/simulated_warehouse.hpp"

namespace odetl::chaos {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;

constexpr auto kLockTimeout = 10s;  // of sql/session.sql
constexpr auto kIdleInTransaction = 1min;

std::function<void()> nothing() { return {}; }

}  // namespace

Session::~Session() {
  if (backend_ != nullptr) database_.lose(*backend_);
}

void Session::lose() {
  database_.lose(*backend_);
  backend_ = nullptr;
}

// What a session does that the server has ended, or whose statement failed.
BreakOff Session::fail(Failure failure, const char* why) {
  if (!backend_->is_alive) {
    backend_ = nullptr;
  } else if (failure == Failure::db_unreachable) {
    lose();
  } else {
    database_.roll_back(*backend_);
  }
  return {{failure, why}};
}

// A statement: it takes time, and fails as the times are.
Act<> Session::step() {
  Timeline& time = database_.timeline();
  const Timestamp begun = time.now();
  co_await time.sleep(who_, time.some(time.random().permille(20) ? 3s : 5ms));
  if (!backend_->is_alive) co_await fail(Failure::db_unreachable, "the session was terminated");
  if (backend_->in_transaction && time.now() - begun > kIdleInTransaction) {
    co_await fail(Failure::db_unreachable, "idle in transaction for too long");
  }
  const std::uint64_t faults = database_.fault_permille(begun);
  if (faults == 0 || !time.random().permille(faults)) co_return;
  constexpr Failure kFailures[] = {Failure::db_unreachable, Failure::db_unreachable, Failure::db_retry,
                                   Failure::db_exhausted, Failure::db_data};
  const Failure failure = kFailures[time.random().below(std::size(kFailures))];
  co_await fail(faults >= 1000 ? Failure::db_unreachable : failure, "a fault of the database");
}

// What a new session must do before it is used.
Act<> Session::make_whole() {
  co_await step();
  if (owner_ != 0) co_await own();
  if (!leads_) co_return;
  co_await step();
  leads_ = !database_.is_led_by_other(*backend_);
  lost_lead_ = !leads_;
  backend_->leads = leads_;
}

// A session that could not be made whole is none.
Act<> Session::connect() {
  backend_ = database_.connect();
  const auto fault = co_await Attempt(make_whole());
  if (!fault) co_return;
  if (backend_ != nullptr) lose();
  co_await BreakOff{*fault};
}

Act<> Session::begin() {
  if (backend_ == nullptr) co_await connect();
  co_await step();
  backend_->in_transaction = true;
}

// What the former leader must not do before it has asked for the lead again.
Act<> Session::begin_writing() {
  state_left_.reset();
  co_await begin();
  if (lost_lead_) co_await fail(Failure::not_leader, "another process leads now");
}

Act<> Session::commit(std::function<void()> change) {
  backend_->at_commit = std::move(change);
  backend_->is_committing = true;
  Timeline& time = database_.timeline();
  co_await time.sleep(who_, time.some(20ms));
  if (!backend_->is_alive) co_await fail(Failure::db_unreachable, "the session was terminated");
  if (time.random().permille(database_.fault_permille(time.now()))) {
    co_await fail(Failure::db_unreachable, "the reply to COMMIT is lost");  // and it may have been done, or be done later
  }
  database_.commit(*backend_);
}

Act<StreamState> Session::read_state() {
  co_await begin();
  co_await step();
  const StreamState state = database_.state;
  co_await commit(nothing());
  co_return state;
}

Act<> Session::await_end_of(const Backend* other) {
  Timeline& time = database_.timeline();
  for (const Backend* each = other; each != nullptr; each = each->waits_for) {
    if (each == backend_.get()) co_await fail(Failure::db_retry, "a deadlock");
  }
  backend_->waits_for = other;
  const Timestamp deadline = time.now() + kLockTimeout;
  co_await time.wait(who_, database_.transaction_ended, deadline);
  if (backend_->is_alive) backend_->waits_for = nullptr;
  co_await step();
  if (time.now() >= deadline) co_await fail(Failure::db_retry, "lock_timeout");
}

Act<> Session::insert(const Reading& reading, const std::vector<std::uint32_t>& fresh) {
  for (const std::uint32_t i : fresh) {
    const Uuid id = reading.rows[i].id;
    while (const Backend* other = database_.inserter_of(id, *backend_)) co_await await_end_of(other);
    if (database_.rows.contains(id)) co_await fail(Failure::db_conflict, "the key is there already");
    backend_->inserted.push_back(id);  // which the answer has in the order of their ids
    if (database_.timeline().random().permille(100)) co_await step();
  }
}

Act<> Session::lock_state() {
  co_await step();
  while (const Backend* other = database_.state_holder()) co_await await_end_of(other);
  backend_->holds_state = true;
}

void Session::judge(const TimeWindow& window, const WindowDiff& diff) {
  backend_->judges = true;
  Vanished vanished = judge_vanished(diff.gone, database_.doubted(window), diff.held + diff.gone.size());
  backend_->gone = std::move(vanished.believed);
  backend_->doubted = std::move(vanished.doubted);
}

Act<> Session::load_in_transaction(const Reading& reading, bool compare, std::int64_t seen_load) {
  co_await step();
  const std::int64_t begun = database_.state.load_number;
  const bool has_doubts = !database_.doubted(reading.window).empty();
  compare = compare || database_.state.coverage.overlaps(reading.window);
  HeldIds held;
  if (compare) {
    co_await step();
    held = database_.held(reading.window);
  }
  const WindowDiff diff = difference(reading.rows, held);
  co_await insert(reading, diff.fresh);
  co_await step();
  co_await lock_state();
  if (database_.is_loaded_since(reading.window, begun)) co_await fail(Failure::db_conflict, "loaded by another meanwhile");
  const bool marks = has_doubts || !diff.gone.empty();
  if (marks || !diff.revived.empty()) co_await step();
  if (!database_.is_loaded_since(reading.window, seen_load)) {
    if (marks) judge(reading.window, diff);
    backend_->revived = diff.revived;
  } else {
    backend_->defers_marks = marks || !diff.revived.empty();
  }
  co_await step();
}

Act<std::int64_t> Session::load(std::shared_ptr<const Reading> reading, bool compare, std::int64_t seen_load) {
  co_await begin_writing();
  backend_->reading = reading;
  co_await load_in_transaction(*reading, compare, seen_load);
  co_return co_await commit_load();
}

Act<std::int64_t> Session::commit_load() {
  const std::int64_t number = database_.state.load_number + 1;
  const std::function<void()> change = [database = &database_, backend = backend_.get()] { database->apply(*backend); };
  co_await commit(change);
  state_left_ = database_.state;
  co_return number;
}

Act<> Session::record_poisoned(TimeWindow window) {
  co_await begin_writing();
  co_await lock_state();
  const std::function<void()> change = [database = &database_, window] {
    for (const TimeWindow& part : database->state.coverage.gaps(window)) database->state.poisoned.add(part);
  };
  co_await commit(change);
}

Act<> Session::record() {
  co_await begin_writing();
  co_await step();
  co_await commit(nothing());
}

Act<> Session::set_poll_from(sys_seconds from) {
  co_await begin_writing();
  co_await lock_state();
  const std::function<void()> change = [database = &database_, from] { database->state.poll_from = from; };
  co_await commit(change);
}

Act<> Session::set_last_recheck(seconds span, sys_seconds begun) {
  co_await begin_writing();
  co_await lock_state();
  const std::function<void()> change = [database = &database_, span, begun] { database->state.rechecked[span] = begun; };
  co_await commit(change);
}

Act<bool> Session::try_lead() {
  leads_ = lost_lead_ = false;
  co_await begin();
  co_await step();
  backend_->leads = leads_ = !database_.is_led_by_other(*backend_);
  const bool leads = leads_;
  co_await commit(nothing());
  co_return leads;
}

}  // namespace odetl::chaos

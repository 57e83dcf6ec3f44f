#include "etl/pipeline.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <new>
#include <thread>

namespace odetl {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kKeptBody = std::size_t{2} << 20;  // of a body's memory, from window to window
constexpr std::chrono::seconds kSignOfLife{10};         // no wait is longer without one
constexpr int kAttemptsBeforeLedger = 3;                 // a window that failed so often is worth a row

TaskFailure as_failure(const ApiError& error) { return {error.failure(), error.what(), error.retry_after()}; }
TaskFailure as_failure(const DatabaseError& error) { return {error.failure(), error.what(), std::nullopt}; }

TaskFailure out_of_memory(const std::string& operation, const TimeWindow& window) {
  return {Failure::too_large, operation + " window '" + to_text(window) + "': out of memory; it is split", std::nullopt};
}

// The same batch can be loaded when it is over.
bool passes_by_itself(Failure failure) {
  return failure == Failure::db_unreachable || failure == Failure::db_retry || failure == Failure::db_exhausted;
}

// What a failure means for the ledger: nothing (yet), or how the window ended.
std::optional<Outcome> ledger_outcome(const Task& task, const WindowPlan::Verdict& verdict) {
  if (task.kind == Task::Kind::probe) return std::nullopt;
  if (verdict.poisoned) return Outcome::poisoned;
  if (verdict.action == Action::split) return Outcome::split;
  const bool lasting = task.attempts + 1 == kAttemptsBeforeLedger;
  if (verdict.action == Action::stop || lasting) return Outcome::failed;
  return std::nullopt;
}

}  // namespace

// Adds what passes until its end to the time spent.
class Pipeline::Timing {
 public:
  Timing(Pipeline& pipeline, TimeSpent::Duration TimeSpent::*on)
      : pipeline_(pipeline), on_(on), begun_(pipeline.surroundings_.steady()) {}
  ~Timing() {
    const auto passed = pipeline_.surroundings_.steady() - begun_;
    const std::scoped_lock lock(pipeline_.time_mutex_);
    pipeline_.time_spent_.*on_ += passed;
  }
  Timing(const Timing&) = delete;

 private:
  Pipeline& pipeline_;
  TimeSpent::Duration TimeSpent::*on_;
  std::chrono::steady_clock::time_point begun_;
};

// One worker: this thread loads, a second one fetches and parses.
class Pipeline::Worker {
 public:
  Worker(Pipeline& pipeline, ApiClient& client, Warehouse& warehouse, std::chrono::steady_clock::time_point pause_at)
      : pipeline_(pipeline), client_(client), warehouse_(warehouse), pause_at_(pause_at) {
    for (Slot& slot : slots_) {
      slot.parser.emplace(index_);
      free_.push_back(&slot);
    }
  }

  void run(const std::stop_token& stop);

 private:
  // A window on its way through this worker.
  struct Slot {
    Task task;
    Answer answer;
    Exchange exchange;
    ParseOptions reading;              // how the answer is to be read
    std::optional<AnswerHash> hash;    // of an answer that is to be known again
    Body body;
    std::optional<ResponseParser> parser;
    const Batch* batch = nullptr;      // none while the answer is the one that is known
    std::vector<std::uint32_t> rows_by_hour;
    std::optional<Timestamp> server_sent;  // at least so late it was for the server when it was asked
    WindowReport report;
    std::int64_t seen_load = 0;
  };
  // From the fetching to the loading thread: a window to load, or one to write down as not loaded.
  struct Item {
    Slot* slot = nullptr;
    std::optional<WindowReport> note;
  };

  void fetch_all();
  bool fetch(Slot& slot);
  void ask(Slot& slot);
  bool read(Slot& slot);
  bool is_known(Slot& slot, const TimeWindow& owned);
  void parse(Slot& slot, ResponseParser& parser);
  void load_all();
  void load(Slot& slot);
  std::optional<TaskFailure> try_to_load(Slot& slot);
  std::int64_t commit(Slot& slot);
  void failed(const Slot& slot, const TaskFailure& failure);
  void write_down(const WindowReport& report);
  std::optional<TaskFailure> try_to_record(const WindowReport& report);
  bool wait_to_record(const TaskFailure& failure, int failures, std::chrono::steady_clock::time_point until);

  bool is_stopping() const { return ending_.stop_requested(); }
  Slot* take_free_slot();
  std::optional<Item> take_item();
  void put(Item item);
  void give_back(Slot* slot);

  Pipeline& pipeline_;
  ApiClient& client_;
  Warehouse& warehouse_;
  int number_ = pipeline_.workers_++;
  std::stop_source ending_;  // told to stop, or broken
  std::chrono::steady_clock::time_point pause_at_;
  std::shared_ptr<JsonIndex> index_ = make_json_index();  // of the fetching thread
  std::optional<ResponseParser> late_parser_;             // of the loading thread
  std::array<Slot, 2> slots_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Slot*> free_;
  std::deque<Item> items_;
  bool fetching_ended_ = false;
  std::exception_ptr fetching_failed_;
};

void Pipeline::Worker::run(const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [this] {
    ending_.request_stop();
    warehouse_.cancel();
    if (pipeline_.claims_ != nullptr) pipeline_.claims_->cancel();
  });
  std::jthread fetching([this] { fetch_all(); });
  try {
    load_all();
  } catch (...) {
    ending_.request_stop();
    while (const auto item = take_item()) {
      if (item->slot != nullptr) pipeline_.abandoned(item->slot->task);
    }
    throw;  // nobody expects it: what was in hand is left, and the caller ends the others
  }
  fetching.join();
  if (fetching_failed_) std::rethrow_exception(fetching_failed_);
}

void Pipeline::Worker::load_all() {
  while (const auto item = take_item()) {
    if (item->note) {
      write_down(*item->note);
    } else {
      load(*item->slot);
      give_back(item->slot);
    }
  }
}

void Pipeline::Worker::fetch_all() {
  try {
    while (Slot* slot = take_free_slot()) {
      const auto task = pipeline_.take(number_, ending_.get_token(), pause_at_);
      if (!task) break;
      slot->task = *task;
      if (fetch(*slot)) {
        put({slot, std::nullopt});
      } else {
        give_back(slot);
      }
    }
  } catch (...) {
    fetching_failed_ = std::current_exception();  // rethrown by run()
  }
  const std::scoped_lock lock(mutex_);
  fetching_ended_ = true;
  changed_.notify_all();
}

// True when there is a batch to load.
bool Pipeline::Worker::fetch(Slot& slot) {
  slot.report = WindowReport{};
  slot.report.window = slot.task.window;
  slot.report.reason = pipeline_.options_.reason;
  slot.report.attempts = slot.task.attempts + 1;
  slot.report.started_at = pipeline_.surroundings_.now();
  slot.seen_load = pipeline_.seen_load_;
  slot.exchange = Exchange{};
  try {
    if (!pipeline_.claim(slot.task)) return false;
    slot.report.window = slot.task.window;
    ask(slot);
    const Timing timing(pipeline_, &TimeSpent::reading);
    return read(slot);
  } catch (const ApiError& error) {
    failed(slot, as_failure(error));
  } catch (const DatabaseError& error) {  // nothing could be claimed
    failed(slot, as_failure(error));
  } catch (const std::bad_alloc&) {
    failed(slot, out_of_memory("read", slot.task.window));
  } catch (const Stopped&) {
    pipeline_.abandoned(slot.task);
  } catch (...) {
    pipeline_.abandoned(slot.task);
    throw;
  }
  return false;
}

// A request counts however it ends, unless it was us who ended it.
void Pipeline::Worker::ask(Slot& slot) {
  const Timing timing(pipeline_, &TimeSpent::asking);
  const auto sent = pipeline_.surroundings_.steady();
  const auto answered = [&] {
    slot.report.http = slot.exchange.duration;
    slot.server_sent = pipeline_.request_ended(slot.task, slot.exchange, sent);
  };
  try {
    client_.fetch(slot.task.asked(), slot.answer, slot.exchange, ending_.get_token());
  } catch (const Stopped&) {
    throw;
  } catch (...) {
    answered();
    throw;
  }
  answered();
}

// True when there is something to load.
bool Pipeline::Worker::read(Slot& slot) {
  const Task& task = slot.task;
  const ReadOptions& options = pipeline_.options_;
  if (task.kind == Task::Kind::probe) {
    client_.decode(task.asked(), slot.answer, slot.body, slot.exchange);
    pipeline_.succeeded(task, task.window.to, {});
    return false;
  }
  const sys_seconds bound = settled_bound(slot.report.started_at, slot.server_sent, options.settle);
  pipeline_.limit(bound);
  const TimeWindow owned{task.window.from, std::min(task.window.to, bound)};
  slot.reading = {task.asked(), owned, options.echo, options.trust_record_user_id, options.surrogate_unknown_users};
  slot.batch = nullptr;
  slot.rows_by_hour.clear();
  slot.report.window = owned;
  if (is_known(slot, owned)) return true;
  client_.decode(task.asked(), slot.answer, slot.body, slot.exchange);
  slot.report.bytes = slot.exchange.body_bytes;
  if (owned.empty()) {
    pipeline_.succeeded(task, task.window.from, {slot.exchange.body_bytes, 0, slot.exchange.duration});
    return false;
  }
  parse(slot, *slot.parser);
  return true;
}

// Whether these are the bytes that were loaded for this window before. Polls ask for other windows each time.
bool Pipeline::Worker::is_known(Slot& slot, const TimeWindow& owned) {
  slot.hash.reset();
  const Reason reason = pipeline_.options_.reason;
  if (owned.empty() || (reason != Reason::backfill && reason != Reason::recheck)) return false;
  slot.hash = answer_hash(slot.answer.bytes.view(), slot.reading);
  return slot.task.known == slot.hash && slot.task.conflicts == 0;
}

void Pipeline::Worker::parse(Slot& slot, ResponseParser& parser) {
  slot.batch = &parser.parse(slot.body, slot.reading);
  if (slot.batch->has_fractions) pipeline_.saw_fractions();
  if (slot.batch->has_fractions && slot.task.kind == Task::Kind::tight) {
    throw ApiError(Failure::broken_answer,
                   "read window '" + to_text(slot.task.window) +
                       "': the server keeps fractions of seconds and was not asked for the last one; it is asked again");
  }
  slot.report.echo_differs = slot.batch->echo_differs;
  // Where the clock cut the window short, its last hours look emptier than they are.
  if (slot.report.window == slot.task.window) {
    slot.rows_by_hour = rows_by_hour(slot.task.window, slot.batch->interactions);
  }
}

void Pipeline::Worker::load(Slot& slot) {
  const auto until = std::min(pipeline_.surroundings_.steady() + kLongestKept, pause_at_);
  for (int failures = 1; const auto failure = try_to_load(slot); ++failures) {
    if (pipeline_.wait_in_hand(slot.task, *failure, failures, until, ending_.get_token())) continue;
    return failed(slot, *failure);
  }
}

// Answers what failed; nothing when the window is loaded or dropped.
std::optional<TaskFailure> Pipeline::Worker::try_to_load(Slot& slot) {
  if (is_stopping()) {
    pipeline_.abandoned(slot.task);
    return std::nullopt;
  }
  try {
    const Timing timing(pipeline_, &TimeSpent::loading);
    const std::int64_t number = commit(slot);
    for (std::int64_t seen = pipeline_.seen_load_; seen < number;) {
      if (pipeline_.seen_load_.compare_exchange_weak(seen, number)) break;
    }
    {
      const std::scoped_lock lock(pipeline_.mutex_);
      pipeline_.events_.window_done(slot.report);
    }
    pipeline_.succeeded(slot.task, slot.report.window.to,
                        {slot.report.bytes, slot.report.rows_read + slot.report.rejected, slot.report.http,
                         std::move(slot.rows_by_hour)});
    return std::nullopt;
  } catch (const DatabaseError& error) {
    return as_failure(error);
  } catch (const ApiError& error) {  // of an answer that was not read before
    return as_failure(error);
  } catch (const std::bad_alloc&) {
    return out_of_memory("load", slot.task.window);
  } catch (...) {
    pipeline_.abandoned(slot.task);
    throw;
  }
}

std::int64_t Pipeline::Worker::commit(Slot& slot) {
  if (slot.batch == nullptr) {
    if (const auto number = warehouse_.confirm(slot.report.window, *slot.hash, slot.report)) return *number;
    client_.decode(slot.task.asked(), slot.answer, slot.body, slot.exchange);
    slot.report.bytes = slot.body.size();
    if (!late_parser_) late_parser_.emplace();
    parse(slot, *late_parser_);
  }
  const bool compare = slot.task.conflicts > 0;
  const auto remembered = slot.report.echo_differs ? std::nullopt : slot.hash;
  LoadRequest request{.compare = compare, .seen_load = slot.seen_load, .answer = remembered};
  StreamState state;
  if (pipeline_.ends_poll()) request.state = &state;
  const std::int64_t number = warehouse_.load(*slot.batch, request, slot.report);
  if (request.state != nullptr) {
    const std::scoped_lock lock(pipeline_.mutex_);
    pipeline_.state_left_ = std::move(state);
  }
  return number;
}

void Pipeline::Worker::failed(const Slot& slot, const TaskFailure& failure) {
  if (is_stopping()) return pipeline_.abandoned(slot.task);  // the failure is of our own making
  const WindowPlan::Verdict verdict = pipeline_.failed(slot.task, failure);
  const auto outcome = ledger_outcome(slot.task, verdict);
  if (!outcome) return;
  WindowReport report = slot.report;
  report.window = slot.task.window;
  report.outcome = *outcome;
  report.error = failure.message;
  put({nullptr, report});
}

// The ledger only tells about these: when it cannot be written, the work goes on. But a poisoned second that nobody wrote
// down is one that no recheck looks for.
void Pipeline::Worker::write_down(const WindowReport& report) {
  {
    const std::scoped_lock lock(pipeline_.mutex_);
    pipeline_.events_.window_done(report);
    pipeline_.state_left_.reset();
  }
  const auto until = pipeline_.surroundings_.steady() + kLongestKept;
  for (int failures = 1; const auto failure = try_to_record(report); ++failures) {
    if (report.outcome != Outcome::poisoned || !wait_to_record(*failure, failures, until)) return;
  }
}

std::optional<TaskFailure> Pipeline::Worker::try_to_record(const WindowReport& report) {
  try {
    warehouse_.record(report);
    return std::nullopt;
  } catch (const DatabaseError& error) {
    const std::scoped_lock lock(pipeline_.mutex_);
    Task task;
    task.window = report.window;
    pipeline_.events_.failed(task, as_failure(error), {Action::again, milliseconds(0), false});
    return as_failure(error);
  }
}

// False when it is not to be tried again.
bool Pipeline::Worker::wait_to_record(const TaskFailure& failure, int failures,
                                      std::chrono::steady_clock::time_point until) {
  if (!passes_by_itself(failure.failure)) return false;
  std::unique_lock lock(pipeline_.mutex_);
  FailedAttempt attempt;
  attempt.failure = failure.failure;
  attempt.consecutive = failures;
  const auto wait = decide(attempt, pipeline_.surroundings_.random()).wait;
  if (pipeline_.surroundings_.steady() + wait >= until) return false;
  pipeline_.changed_.wait_for(lock, ending_.get_token(), wait, [] { return false; });
  return !is_stopping();
}

Pipeline::Worker::Slot* Pipeline::Worker::take_free_slot() {
  std::unique_lock lock(mutex_);
  if (!changed_.wait(lock, ending_.get_token(), [this] { return !free_.empty(); })) return nullptr;
  Slot* slot = free_.front();
  free_.pop_front();
  return slot;
}

std::optional<Pipeline::Worker::Item> Pipeline::Worker::take_item() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !items_.empty() || fetching_ended_; });
  if (items_.empty()) return std::nullopt;
  Item item = std::move(items_.front());
  items_.pop_front();
  return item;
}

void Pipeline::Worker::put(Item item) {
  const std::scoped_lock lock(mutex_);
  items_.push_back(std::move(item));
  changed_.notify_all();
}

void Pipeline::Worker::give_back(Slot* slot) {
  slot->body.clear();
  const bool is_answer = slot->answer.coding == ContentCoding::identity && slot->body.capacity() > slot->answer.bytes.capacity();
  if (is_answer) std::swap(slot->body, slot->answer.bytes);  // the next one's room: a second would only lie there
  slot->body.shrink(kKeptBody);
  slot->answer.bytes.shrink(kKeptBody);
  const std::scoped_lock lock(mutex_);
  free_.push_back(slot);
  changed_.notify_all();
}

Pipeline::Pipeline(WindowPlan& plan, RateAllowance& allowance, const ReadOptions& options,
                   const Surroundings& surroundings, PipelineEvents& events, std::int64_t seen_load,
                   WindowClaims* claims, const ServerClock& server_clock)
    : plan_(plan),
      allowance_(allowance),
      options_(options),
      surroundings_(surroundings),
      events_(events),
      seen_load_(seen_load),
      claims_(claims),
      server_clock_(server_clock) {
  if (options.most_workers > 0) worker_limit_.emplace(options.most_workers);
}

void Pipeline::work(ApiClient& client, Warehouse& warehouse, std::stop_token stop,
                    std::chrono::steady_clock::time_point pause_at) {
  Worker(*this, client, warehouse, pause_at).run(stop);
}

// Whether the window that is loaded is all that is left of a poll. Before, the state would be read in vain.
bool Pipeline::ends_poll() const {
  const std::scoped_lock lock(mutex_);
  return options_.reason == Reason::poll && plan_.is_last_in_hand();
}

bool Pipeline::is_at_work(int worker) const { return !worker_limit_ || worker < worker_limit_->allowed(); }

// The next task, as soon as the plan has one and the allowance lets it be sent; nothing at the end.
std::optional<Task> Pipeline::take(int worker, std::stop_token stop, std::chrono::steady_clock::time_point pause_at) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto now = surroundings_.steady();
    if (now >= pause_at) break;
    WindowPlan::Next next;
    const bool rests = !is_at_work(worker) && !plan_.is_done();
    const auto delay = allowance_.delay(now);
    if (!rests && delay > delay.zero() && !plan_.is_done()) {
      next.not_before = now + delay;
      if (worker_limit_) worker_limit_->disturbed();
    } else if (!rests) {
      next = plan_.next(now, worker);
    }
    if (next.done) break;
    if (next.task) {
      allowance_.sent(now);
      return next.task;
    }
    const auto until = std::min({next.not_before.value_or(pause_at), pause_at, now + kSignOfLife});
    std::optional<Timing> timing;
    if (next.not_before) timing.emplace(*this, &TimeSpent::waiting);
    if (rests) timing.emplace(*this, &TimeSpent::resting);
    // Another worker that comes back, or (for not_before) the plan's end, can end the wait earlier.
    changed_.wait_for(lock, stop, until - now, [&] {
      if (rests) return plan_.is_done() || is_at_work(worker);
      return plan_.is_done() || (!next.not_before && plan_.has_work(now));
    });
    events_.idle();
  }
  return std::nullopt;
}

// Makes the task this process's, or the part of it that is free; false where another reads it, or has read it.
bool Pipeline::claim(Task& task) {
  if (claims_ == nullptr || task.kind == Task::Kind::probe) return true;
  const auto mine = claims_->claim(task.window, task.widest);
  const std::scoped_lock lock(mutex_);
  if (mine) {
    plan_.narrow(task, *mine);
  } else {
    plan_.yielded(task);
    allowance_.not_sent(surroundings_.steady());
  }
  changed_.notify_all();
  return mine.has_value();
}

// Answers what the server's clock showed at least when it was asked, where that is known.
std::optional<Timestamp> Pipeline::request_ended(const Task& task, const Exchange& exchange,
                                                 std::chrono::steady_clock::time_point sent) {
  const auto received = surroundings_.steady();
  const std::scoped_lock lock(mutex_);
  allowance_.observed(exchange.rate_limit, received, exchange.server_date);
  events_.request_done(task, exchange);
  return server_clock_.observed(exchange.server_date, sent, received);
}

void Pipeline::succeeded(const Task& task, sys_seconds loaded_to, const AnswerSize& answer) {
  const std::scoped_lock lock(mutex_);
  plan_.succeeded(task, loaded_to, answer);
  if (worker_limit_) worker_limit_->loaded(answer.rows, surroundings_.steady());
  changed_.notify_all();
}

WindowPlan::Verdict Pipeline::failed(const Task& task, const TaskFailure& failure) {
  const std::scoped_lock lock(mutex_);
  const auto verdict = plan_.failed(task, failure, surroundings_.steady(), surroundings_.random());
  events_.failed(task, failure, verdict);
  if (worker_limit_) worker_limit_->disturbed();
  changed_.notify_all();
  return verdict;
}

// Waits while a batch is kept; false when it is not to be tried again.
bool Pipeline::wait_in_hand(const Task& task, const TaskFailure& failure, int failures,
                            std::chrono::steady_clock::time_point until, const std::stop_token& stop) {
  if (!passes_by_itself(failure.failure) || stop.stop_requested()) return false;
  std::unique_lock lock(mutex_);
  const auto now = surroundings_.steady();
  const auto wait = plan_.wait_in_hand(failure, failures, now, surroundings_.random());
  if (!wait || now + *wait >= until || plan_.is_done()) return false;
  Task told = task;
  told.attempts += failures - 1;
  events_.failed(told, failure, {Action::again, *wait});
  for (std::chrono::nanoseconds rest = *wait; rest > rest.zero(); rest = now + *wait - surroundings_.steady()) {
    if (changed_.wait_for(lock, stop, std::min<std::chrono::nanoseconds>(rest, kSignOfLife),
                          [&] { return stop.stop_requested() || plan_.is_done(); })) {
      break;
    }
    events_.idle();
  }
  return true;
}

void Pipeline::abandoned(const Task& task) {
  const std::scoped_lock lock(mutex_);
  plan_.abandoned(task);
  changed_.notify_all();
}

void Pipeline::limit(sys_seconds bound) {
  const std::scoped_lock lock(mutex_);
  plan_.limit(bound);
}

void Pipeline::saw_fractions() {
  const std::scoped_lock lock(mutex_);
  plan_.saw_fractions();
}

TimeSpent Pipeline::time_spent() const {
  const std::scoped_lock lock(time_mutex_);
  return time_spent_;
}

std::optional<int> Pipeline::workers_at_work() const {
  const std::scoped_lock lock(mutex_);
  return worker_limit_ ? std::optional(worker_limit_->allowed()) : std::nullopt;
}

double Pipeline::progress() const {
  const std::scoped_lock lock(mutex_);
  return plan_.progress();
}

milliseconds Pipeline::rate_wait() const {
  const std::scoped_lock lock(mutex_);
  if (plan_.is_done()) return milliseconds(0);
  return std::chrono::ceil<milliseconds>(allowance_.delay(surroundings_.steady()));
}

std::optional<StreamState> Pipeline::state_left() const {
  const std::scoped_lock lock(mutex_);
  return state_left_;
}

ServerClock Pipeline::server_clock() const {
  const std::scoped_lock lock(mutex_);
  return server_clock_;
}

}  // namespace odetl

#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>

#include "etl/api_client.hpp"
#include "etl/planner.hpp"
#include "etl/rate_allowance.hpp"
#include "etl/response_parser.hpp"
#include "etl/server_clock.hpp"
#include "etl/time_spent.hpp"
#include "etl/warehouse.hpp"
#include "etl/window_claims.hpp"
#include "etl/worker_limit.hpp"

namespace odetl {

/// How a window is read, the same for every window of a plan.
struct ReadOptions {
  Reason reason = Reason::poll;
  int most_workers = 0;  ///< of which no more are at work than bring more, see WorkerLimit; 0: all that there are
  std::chrono::seconds settle{10};
  EchoRule echo = EchoRule::warn;
  bool trust_record_user_id = true;
  bool surrogate_unknown_users = true;
};

/// Time and chance, given from outside.
struct Surroundings {
  std::function<Timestamp()> now;                                  ///< the local clock
  std::function<std::chrono::steady_clock::time_point()> steady;   ///< never jumps
  std::function<double()> random;                                  ///< uniform in [0, 1)
};

/// What happened, for logs and metrics. Called from the workers' threads, one call at a time.
class PipelineEvents {
 public:
  virtual ~PipelineEvents() = default;
  virtual void request_done(const Task& task, const Exchange& exchange) = 0;  ///< answered or not
  virtual void window_done(const WindowReport& report) = 0;                   ///< loaded, split, poisoned or failed
  virtual void failed(const Task& task, const TaskFailure& failure, const WindowPlan::Verdict& verdict) = 0;
  virtual void idle() {}  ///< still waiting, for a reason with a known end; at least every ten seconds
};

/// So long a batch waits for a database that fails. Far less than any sensible windows.lookback: what appears late
/// meanwhile is in the next poll.
inline constexpr std::chrono::minutes kLongestKept{5};

/// The way of the data: window from the plan, answer from the API, batch from the parser, commit into the warehouse, and
/// what was learned back to the plan. Polls, rechecks and backfills differ only in the plan.
///
/// Any number of workers, each in a thread of its own with its own client and warehouse, share one Pipeline. Inside a
/// worker, fetching and parsing a window overlaps with loading the one before; no more than two windows of a worker are in
/// memory. While the database is away, both are kept and loaded when it is back, so that the API is not asked again; only
/// after kLongestKept they are dropped and read anew.
class Pipeline {
 public:
  /// `seen_load`: StreamState::load_number as read before the plan was made. `claims`: where other processes read the
  /// same ranges; what is theirs is left out, see WindowPlan::has_yielded(). `server_clock`: what is known of it already.
  Pipeline(WindowPlan& plan, RateAllowance& allowance, const ReadOptions& options, const Surroundings& surroundings,
           PipelineEvents& events, std::int64_t seen_load, WindowClaims* claims = nullptr,
           const ServerClock& server_clock = {});

  /// Works until the plan is done or stopped, or `stop` is requested: then the window in hand is rolled back. After
  /// `pause_at` no new window is begun; work() can be called again to go on.
  /// Expected failures go to the plan; throws only what nobody expects, and leaves the windows in hand unread then.
  void work(ApiClient& client, Warehouse& warehouse, std::stop_token stop,
            std::chrono::steady_clock::time_point pause_at = std::chrono::steady_clock::time_point::max());

  double progress() const;  ///< of the plan, see there
  /// Until the rate limit lets the next request go: zero unless that is what is waited for.
  std::chrono::milliseconds rate_wait() const;
  std::int64_t seen_load() const { return seen_load_; }
  TimeSpent time_spent() const;
  std::optional<int> workers_at_work() const;  ///< where they have a limit
  ServerClock server_clock() const;  ///< with what the answers told
  /// Of a poll: what its last load left, where that was the last of all that was written.
  std::optional<StreamState> state_left() const;

 private:
  class Worker;
  class Timing;

  std::optional<Task> take(int worker, std::stop_token stop, std::chrono::steady_clock::time_point pause_at);
  bool is_at_work(int worker) const;
  bool ends_poll() const;
  bool claim(Task& task);
  std::optional<Timestamp> request_ended(const Task& task, const Exchange& exchange,
                                         std::chrono::steady_clock::time_point sent);
  void succeeded(const Task& task, sys_seconds loaded_to, const AnswerSize& answer);
  WindowPlan::Verdict failed(const Task& task, const TaskFailure& failure);
  bool wait_in_hand(const Task& task, const TaskFailure& failure, int failures,
                    std::chrono::steady_clock::time_point until, const std::stop_token& stop);
  void abandoned(const Task& task);
  void limit(sys_seconds bound);
  void saw_fractions();

  WindowPlan& plan_;
  RateAllowance& allowance_;
  ReadOptions options_;
  Surroundings surroundings_;
  PipelineEvents& events_;
  std::atomic<std::int64_t> seen_load_;
  WindowClaims* claims_;
  std::atomic<int> workers_ = 0;  // that ever worked
  ServerClock server_clock_;
  std::optional<StreamState> state_left_;
  std::optional<WorkerLimit> worker_limit_;
  mutable std::mutex mutex_;  // guards plan, allowance, events, the server's clock, the state and the limit
  std::condition_variable_any changed_;
  TimeSpent time_spent_;
  mutable std::mutex time_mutex_;  // guards it
};

}  // namespace odetl

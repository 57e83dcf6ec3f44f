#pragma once
#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "etl/api_client.hpp"
#include "etl/coverage.hpp"
#include "etl/known_answer.hpp"
#include "etl/retry_policy.hpp"
#include "etl/weekly_rhythm.hpp"

namespace odetl {

/// Why a window is read.
enum class Reason { poll, backfill, recheck, verify };
const char* to_text(Reason reason);

// --- what to read ------------------------------------------------------------------------------------------------

/// What is known to be loaded, as the warehouse tells it.
struct StreamState {
  std::optional<sys_seconds> watermark;
  Coverage coverage;
  Coverage poisoned;                     ///< seconds that the server could not serve
  std::optional<sys_seconds> poll_from;  ///< where live polling began
  std::int64_t load_number = 0;          ///< of the last committed load
  std::map<std::chrono::seconds, sys_seconds> rechecked;  ///< when each recheck was last begun, by its span
  std::int64_t rejected = 0;             ///< records in quarantine
};

/// What one poll reads: all gaps of [from, settled), and everything since `lookback` before the watermark, in which rows
/// can still appear late.
std::vector<TimeWindow> poll_ranges(const StreamState& state, sys_seconds from, sys_seconds settled,
                                    std::chrono::seconds lookback);

/// What a recheck reads: the covered part of the `span` before the watermark that polls no longer look back at, and all
/// poisoned seconds of it, which polls leave out.
std::vector<TimeWindow> recheck_ranges(const StreamState& state, std::chrono::seconds span,
                                       std::chrono::seconds lookback);

/// Up to where an answer may be trusted: the earlier of the local clock and of the server's (see ServerClock), both when the
/// request was sent, less `settle`, cut to a whole second.
sys_seconds settled_bound(Timestamp local_sent, std::optional<Timestamp> server_sent, std::chrono::seconds settle);

// --- how wide a window is ----------------------------------------------------------------------------------------

struct WidthLimits {
  std::chrono::seconds first{3600};
  std::chrono::seconds min{1};
  std::chrono::seconds max{31 * 86400};
  std::uint64_t target_bytes = std::uint64_t{2} << 20;  ///< of a decompressed answer; servers die near 15,000 rows
  std::uint64_t target_rows = 8'000;
  std::chrono::milliseconds target_time{10'000};        ///< of a request
};

/// What an answer was like.
struct AnswerSize {
  std::uint64_t bytes = 0;
  std::uint64_t rows = 0;
  std::chrono::milliseconds duration{0};
  std::vector<std::uint32_t> rows_by_hour = {};  ///< as WeeklyRhythm learns them; empty where the rows were not looked at
};

/// Learns how wide windows may be: so that answers as dense as any of late come near the targets (the time it takes counts
/// only where there is something to serve), at most eight times wider from one answer to the next, at most half of what
/// just failed, and back to a width that failed the slower, the more often that failed (down to a hundredth an answer).
/// Where it knows the hours of the week, as many of them as fill an answer; fewer while answers are more than twice as full
/// as that foretells.
class WindowWidth {
 public:
  explicit WindowWidth(const WidthLimits& limits) : limits_(limits), current_(limits.first) {}

  /// Of windows anywhere.
  std::chrono::seconds current() const { return current_; }
  /// Of the window that begins at `edge`, or (newest first) ends there.
  std::chrono::seconds at(sys_seconds edge, Order order) const;
  void learn(std::chrono::seconds width, const AnswerSize& answer);
  void learn(const TimeWindow& window, const AnswerSize& answer);
  void failed(std::chrono::seconds width);
  /// What failed lately failed at any width.
  void not_to_blame();
  /// Whether a window that was like this is worth reading as it is: an eighth of a full answer, and no wider than allowed.
  bool suits(const KnownAnswer& known) const;

 private:
  double fits_by_size(const AnswerSize& answer) const;
  double fits_by_time(const AnswerSize& answer, double by_size) const;
  void learn_rhythm(const TimeWindow& window, const AnswerSize& answer);
  double densest_lately(std::chrono::seconds width, double fits);
  void raise_ceiling(bool nearly_empty);

  WidthLimits limits_;
  std::chrono::seconds current_;
  std::chrono::seconds widest_next_{0};  // by the last answer: growth, and the time it took
  WeeklyRhythm rhythm_;
  double surprise_ = 1;  // how much fuller answers are than the rhythm foretold, decaying
  double densest_ = 0;  // share of a full answer that a second takes, decaying
  std::optional<std::chrono::duration<double>> ceiling_;  // a width that failed lately, growing
  std::chrono::seconds failed_width_{0};                  // where it began
  bool last_failed_ = false;
  int caution_ = 0;        // doubles with failures; so many nearly empty answers are awaited before the ceiling doubles
  int nearly_empty_ = 0;   // how many there were
};

// --- in which order ----------------------------------------------------------------------------------------------

/// One thing to ask the API.
struct Task {
  enum class Kind {
    window,  ///< [from, to], both inclusive, of which [from, to) is owned
    tight,   ///< [from, to - 1 s]: the second `to` is known to be poisoned, or is suspected; right on servers that store
             ///< whole seconds, as all known ones do
    probe,   ///< one second long ago: whether the server answers at all
  };
  Kind kind = Kind::window;
  TimeWindow window;
  std::chrono::seconds widest{0};  ///< that one request asks for: less than the window where it looks ahead
  int attempts = 0;         ///< that failed so far
  int conflicts = 0;        ///< of them with another loader: then compare with what is there
  bool half = false;        ///< part of a window that failed
  bool suspect = false;     ///< one second that failed and is tried for the last times
  int controls = 0;         ///< how often it failed alone, each time followed by a probe that was answered
  std::uint64_t throttles = 0;  ///< that the plan knew of when it handed the task out
  std::optional<AnswerHash> known = {};  ///< of the answer that was loaded for this very window

  AskedRange asked() const;
};

struct PlanOptions {
  bool pass_poison = true;           ///< leave a second that cannot be served and go on; else stop there
  bool retry_poisoned = false;       ///< ask for seconds that are known to be poisoned again
  /// Newest first, each user is written once, with the newest profile, and only looked up after (where months are apart:
  /// once a month at the most). Not for where reading stops at poison.
  Order order = Order::oldest_first;
  /// Several workers read different months, as long as there are: their rows go to different partitions, where they do not
  /// wait for each other's pages. No window crosses months then.
  bool months_apart = false;
  /// Disjoint, in order: where the ranges were read before, the same windows are asked for again, so that an answer that
  /// has not changed is known by its hash.
  std::vector<KnownAnswer> known_answers = {};
  std::size_t max_poisoned = 1000;   ///< so many new poisoned seconds are no bad rows but a broken server: stop
  /// How long everything may fail before the plan gives up; none: never.
  std::optional<std::chrono::milliseconds> patience_at_first = {};  ///< before anything has succeeded
  std::optional<std::chrono::milliseconds> patience = {};           ///< after
};

/// What failed, for the plan.
struct TaskFailure {
  Failure failure;
  std::string message;
  std::optional<std::chrono::seconds> retry_after;
};

/// The windows of some ranges, handed out one by one to any number of workers, until each is loaded, poisoned or given
/// up. Pure: clocks and randomness come in as arguments. Not thread-safe.
///
/// The windows that succeed are disjoint and make up the ranges, less what is poisoned, not settled or left when the
/// plan stops. A second that cannot be served is put aside until all else was read (or many are), then asked for again,
/// alone, and twice more, each time after the server has answered a probe: only failing all the time makes it poisoned,
/// and what failed before an outage does not count. Where everything fails, one worker asks the probe until it is
/// answered, and the others wait. After a throttle one worker asks at a time until one is answered.
class WindowPlan {
 public:
  using Clock = std::chrono::steady_clock;

  WindowPlan(const std::vector<TimeWindow>& ranges, const Coverage& poisoned, WindowWidth& width,
             const PlanOptions& options);

  /// What a worker should do now.
  struct Next {
    std::optional<Task> task;
    bool done = false;
    /// When neither: wait until then, or (none) until another worker has come back.
    std::optional<Clock::time_point> not_before;
  };
  Next next(Clock::time_point now, int worker = 0);  ///< `worker`: who asks
  /// Whether next() has something other to say than to wait for another worker.
  bool has_work(Clock::time_point now) const;
  /// Everything is dealt with, or the plan stopped.
  bool is_done() const;
  /// Nothing is left but one task that a worker has in hand.
  bool is_last_in_hand() const;

  /// The task's window was loaded up to `loaded_to`, which is its end or, where the server's clock was behind, earlier.
  void succeeded(const Task& task, sys_seconds loaded_to, const AnswerSize& answer);

  struct Verdict {
    Action action = Action::again;
    std::chrono::milliseconds wait{0};
    bool poisoned = false;  ///< the window is left out: record it
  };
  Verdict failed(const Task& task, const TaskFailure& failure, Clock::time_point now, double random);

  /// A load that fails for a while, its batch kept and its task in hand: how long to wait before it is tried again, or
  /// nothing when patience has ended; then tell failed(). `failures`: of this load.
  std::optional<std::chrono::milliseconds> wait_in_hand(const TaskFailure& failure, int failures, Clock::time_point now,
                                                        double random);

  /// A worker drops its task, e.g. because it is told to stop.
  void abandoned(const Task& task);

  /// Of the task only `part`, which lies within its window, is read here: what stands before it is another process's, and
  /// what follows is handed out later.
  void narrow(Task& task, const TimeWindow& part);
  /// All of the task is another process's. Each time in a row the next one looks twice as far ahead, so that what others
  /// have read is not gone through in the small steps that the server may have forced on this one.
  void yielded(const Task& task);
  /// Whether anything was left to another process.
  bool has_yielded() const { return has_yielded_; }

  /// Nothing past `bound` is handed out from now on: the server's clock, less settle.
  void limit(sys_seconds bound);

  /// An answer had a fraction of a second: from now on no task is tight.
  void saw_fractions() { fractions_seen_ = true; }

  const std::vector<TimeWindow>& poisoned() const { return poisoned_found_; }
  const std::vector<TimeWindow>& unsettled() const { return unsettled_; }
  /// Why it stopped before its end.
  const std::optional<TaskFailure>& stopped_by() const { return stopped_by_; }
  /// The share of the ranges' seconds that is dealt with, 0 to 1.
  double progress() const;
  std::uint64_t successes() const { return successes_; }

 private:
  std::optional<Task> take(int worker);
  std::deque<Task>::iterator part_for(int worker);
  sys_seconds month_of(const Task& part) const;
  bool suspects_are_due() const;
  bool is_one_at_a_time() const { return probe_in_flight_ || (throttled_ && in_flight_ > 0); }
  void add(const TimeWindow& part);
  void add_suspects(const TimeWindow& part);
  Task cut(Task& part) const;
  Task::Kind kind_of(const Task& task) const;
  void answered(const Task& task);
  void count(const Task& task, Failure failure);
  Verdict judge(const Task& task, const TaskFailure& failure, double random) const;
  Verdict judge_probe(const TaskFailure& failure, double random);
  void follow(Verdict& verdict, const Task& task);
  void split(const TimeWindow& window);
  void isolate(Task task, Verdict& verdict);
  void give_up_second(const TimeWindow& second);
  bool is_newest_first() const { return options_.order == Order::newest_first; }
  void put_back(Task task);
  void settle(Task& task);
  void stop(const TaskFailure& failure);
  bool looks_like_outage(Failure failure) const;
  bool gives_up(const TaskFailure& failure, Clock::time_point now);
  std::chrono::milliseconds patience_left(Clock::time_point now) const;
  std::chrono::seconds remaining() const;

  WindowWidth& width_;
  PlanOptions options_;
  Coverage known_poison_;
  std::deque<Task> queue_;  // what comes first in front
  std::map<int, sys_seconds> reads_month_;  // each worker, where they keep apart: by the month's first instant
  std::deque<Task> suspects_;
  std::size_t most_suspects_ = 0;
  std::size_t most_poisoned_ = 0;
  int in_flight_ = 0;
  bool probe_wanted_ = false;
  bool probe_in_flight_ = false;
  bool probed_since_success_ = false;
  bool fractions_seen_ = false;
  bool has_yielded_ = false;
  std::int64_t look_ahead_ = 1;  // widths
  bool throttled_ = false;       // and not answered since
  std::uint64_t throttles_ = 0;  // all of them
  int consecutive_ = 0;
  int failed_probes_ = 0;  // since the last success
  std::uint64_t successes_ = 0;
  std::chrono::seconds total_{0};
  std::chrono::seconds in_flight_width_{0};
  std::optional<Clock::time_point> not_before_;
  std::optional<Clock::time_point> failing_since_;
  std::optional<sys_seconds> bound_;
  std::vector<TimeWindow> poisoned_found_;
  std::vector<TimeWindow> unsettled_;
  std::optional<TaskFailure> stopped_by_;
};

}  // namespace odetl

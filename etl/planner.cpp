#include "etl/planner.hpp"

#include <algorithm>
#include <cmath>

namespace odetl {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;

constexpr double kMaxGrowth = 8.0;
constexpr std::chrono::duration<double> kDensityHalfLife = 72h;  // nights and week-ends must not hide the days between
constexpr double kDensityDecay = 0.96;                            // an answer, at least: nor one burst the silence after
constexpr double kTelling = 4.0;  // a quarter of a full answer
constexpr double kMaxShrink = 0.25;
constexpr double kWellFilled = 0.9;  // of a full answer: no week is like the one before
constexpr double kSurprising = 2.0;  // times fuller than foretold; a burst of an hour is less
constexpr double kMostSurprise = 64.0;
constexpr double kSurpriseDecay = 0.9;  // an answer
constexpr double kGrowthWhereSlow = 2.0;
constexpr double kMostCeilingGrowth = 0.1;
constexpr double kLeastCeilingGrowth = 0.01;
constexpr double kBelowCeiling = 0.75;
constexpr int kMostCaution = 64;
constexpr int kFailuresBeforeProbe = 3;
constexpr int kFailuresBeforeNextProbe = 24;  // as deep as halving goes, from a month to a second
constexpr std::size_t kMostSuspects = 64;
constexpr int kControls = 2;
constexpr std::uint64_t kKnownShare = 8;
constexpr std::int64_t kMostLookAhead = 1 << 30;  // of the narrowest windows: decades

template <typename Target, typename Actual>
double times(Target target, Actual actual) {
  return static_cast<double>(target) / std::max(1.0, static_cast<double>(actual));
}

bool hints_at_outage(Failure failure) { return !is_database(failure) && failure != Failure::throttled; }

}  // namespace

const char* to_text(Reason reason) {
  switch (reason) {
    case Reason::poll: return "poll";
    case Reason::backfill: return "backfill";
    case Reason::recheck: return "recheck";
    case Reason::verify: return "verify";
  }
  return "";
}

std::vector<TimeWindow> poll_ranges(const StreamState& state, sys_seconds from, sys_seconds settled,
                                    seconds lookback) {
  Coverage ranges(state.coverage.gaps({from, settled}));
  if (state.watermark) ranges.add({std::max(from, *state.watermark - lookback), settled});
  return ranges.windows();
}

std::vector<TimeWindow> recheck_ranges(const StreamState& state, seconds span, seconds lookback) {
  if (!state.watermark) return {};
  const sys_seconds from = *state.watermark - span;
  Coverage ranges(state.coverage.covered({from, *state.watermark - lookback}));
  for (const TimeWindow& second : state.poisoned.covered({from, *state.watermark})) ranges.add(second);
  return ranges.windows();
}

sys_seconds settled_bound(Timestamp local_sent, std::optional<Timestamp> server_sent, seconds settle) {
  const Timestamp now = server_sent ? std::min(local_sent, *server_sent) : local_sent;
  return std::chrono::floor<seconds>(now - settle);
}

seconds WindowWidth::at(sys_seconds edge, Order order) const {
  if (last_failed_) return current_;
  seconds most = std::max(current_, widest_next_);
  if (ceiling_) most = std::min(most, std::chrono::floor<seconds>(*ceiling_ * kBelowCeiling));
  const auto full = rhythm_.holds(kWellFilled / surprise_, edge, order, std::max(most, limits_.min));
  return full ? std::max(*full, limits_.min) : current_;
}

void WindowWidth::learn(const TimeWindow& window, const AnswerSize& answer) {
  learn(window.width(), answer);
  if (!answer.rows_by_hour.empty()) learn_rhythm(window, answer);
}

void WindowWidth::learn_rhythm(const TimeWindow& window, const AnswerSize& answer) {
  const double by_size = fits_by_size(answer);
  // The time of a nearly empty answer is not that of its rows.
  const double fits = by_size >= kMaxGrowth ? by_size : std::min(by_size, fits_by_time(answer, by_size));
  const auto foretold = rhythm_.foretold(window);
  surprise_ = std::max(1.0, surprise_ * kSurpriseDecay);
  if (foretold && *foretold > 0 && fits < kTelling) {
    const double times_fuller = 1.0 / (fits * *foretold);
    if (times_fuller > kSurprising) surprise_ = std::max(surprise_, std::min(times_fuller, kMostSurprise));
  }
  rhythm_.learn(window, answer.rows_by_hour, 1.0 / fits);
}

// How many answers like this one make a full one.
double WindowWidth::fits_by_size(const AnswerSize& answer) const {
  return std::min(times(limits_.target_bytes, answer.bytes), times(limits_.target_rows, answer.rows));
}

// A server that takes long over next to nothing takes no less over a part of it, and narrow windows would never catch up.
double WindowWidth::fits_by_time(const AnswerSize& answer, double by_size) const {
  const double by_time = times(limits_.target_time.count(), answer.duration.count());
  if (by_size < kMaxGrowth) return by_time;
  return std::max(by_time, by_time > kMaxShrink ? kGrowthWhereSlow : 1.0);
}

void WindowWidth::learn(seconds width, const AnswerSize& answer) {
  const double by_size = fits_by_size(answer);
  const double by_time = fits_by_time(answer, by_size);
  const auto widest_next = width * std::clamp(by_time, kMaxShrink, kMaxGrowth);
  widest_next_ = std::chrono::floor<seconds>(std::min<std::chrono::duration<double>>(limits_.max, widest_next));
  const double by_density = 1.0 / (densest_lately(width, by_size) * static_cast<double>(width.count()));
  const double factor = std::clamp(std::min({by_size, by_time, by_density}), kMaxShrink, kMaxGrowth);
  last_failed_ = false;
  if (2 * width >= 3 * failed_width_) caution_ = 0;  // it was no limit
  const auto proposed = seconds(std::max<seconds::rep>(1, std::llround(static_cast<double>(width.count()) * factor)));
  // A narrow rest of a range says little about wider windows, unless it was full already.
  if (width < current_ && factor > 1.0 && proposed < current_) return;
  seconds next = proposed;
  if (ceiling_) {
    raise_ceiling(by_size >= kMaxGrowth);
    next = std::min(next, std::chrono::floor<seconds>(*ceiling_ * kBelowCeiling));
    if (*ceiling_ > limits_.max * 2) ceiling_.reset();
  }
  current_ = std::clamp(next, limits_.min, limits_.max);
}

// The largest share of a full answer that a second has lately taken; `fits` answers like this one make a full one.
// A few rows of a narrow window say nothing.
double WindowWidth::densest_lately(seconds width, double fits) {
  densest_ *= std::min(kDensityDecay, std::exp2(-(width / kDensityHalfLife)));
  if (fits <= kTelling) densest_ = std::max(densest_, 1.0 / (fits * static_cast<double>(width.count())));
  return densest_;
}

// What failed is past, or it is a limit of the server's: the more often it failed, the slower we come near it again.
// Nearly empty answers speak for the former.
void WindowWidth::raise_ceiling(bool nearly_empty) {
  nearly_empty_ = nearly_empty ? nearly_empty_ + 1 : 0;
  const double growth = std::max(kLeastCeilingGrowth, kMostCeilingGrowth / std::max(1, caution_));
  *ceiling_ *= nearly_empty_ > caution_ ? 2.0 : 1.0 + growth;
}

void WindowWidth::failed(seconds width) {
  if (!last_failed_) caution_ = std::clamp(caution_ * 2, 1, kMostCaution);
  last_failed_ = true;
  nearly_empty_ = 0;
  failed_width_ = width;
  ceiling_ = std::min<std::chrono::duration<double>>(ceiling_.value_or(width), width);
  current_ = std::clamp(std::min(current_, width / 2), limits_.min, limits_.max);
}

void WindowWidth::not_to_blame() {
  ceiling_.reset();
  caution_ = 0;
}

bool WindowWidth::suits(const KnownAnswer& known) const {
  const bool large = known.rows * kKnownShare >= limits_.target_rows || known.bytes * kKnownShare >= limits_.target_bytes;
  return large && known.window.width() <= limits_.max;
}

AskedRange Task::asked() const {
  switch (kind) {
    case Kind::tight: return {window.from, window.to - 1s};
    case Kind::probe: return {sys_seconds(0s), sys_seconds(0s)};
    case Kind::window: break;
  }
  return {window.from, window.to};
}

WindowPlan::WindowPlan(const std::vector<TimeWindow>& ranges, const Coverage& poisoned, WindowWidth& width,
                       const PlanOptions& options)
    : width_(width), options_(options), known_poison_(options.pass_poison ? poisoned : Coverage()) {
  fractions_seen_ = std::any_of(options.known_answers.begin(), options.known_answers.end(),
                                [](const KnownAnswer& known) { return known.has_fractions; });
  for (const TimeWindow& range : ranges) {
    for (const TimeWindow& part : known_poison_.gaps(range)) {
      for (const TimeWindow& piece : options.months_apart ? by_month(part) : std::vector{part}) add(piece);
    }
    if (!options.retry_poisoned) continue;
    for (const TimeWindow& part : known_poison_.covered(range)) add_suspects(part);
  }
  if (is_newest_first()) std::reverse(queue_.begin(), queue_.end());
  most_suspects_ = suspects_.size() + kMostSuspects;
  most_poisoned_ = suspects_.size() + options.max_poisoned;
  total_ = remaining();
}

// As it was cut before, where that is known.
void WindowPlan::add(const TimeWindow& part) {
  Task task;
  sys_seconds from = part.from;
  const auto& all = options_.known_answers;
  auto known = std::lower_bound(all.begin(), all.end(), from,
                                [](const KnownAnswer& a, sys_seconds at) { return a.window.from < at; });
  for (; known != all.end() && known->window.to <= part.to; ++known) {
    if (!width_.suits(*known)) continue;
    task.window = {from, known->window.from};
    if (!task.window.empty()) queue_.push_back(task);
    Task again;
    again.window = known->window;
    again.known = known->hash;
    queue_.push_back(again);
    from = known->window.to;
  }
  task.window = {from, part.to};
  if (!task.window.empty()) queue_.push_back(task);
}

void WindowPlan::add_suspects(const TimeWindow& part) {
  for (sys_seconds at = part.from; at < part.to; at += 1s) {
    Task task;
    task.window = {at, at + 1s};
    task.suspect = true;
    task.controls = kControls;  // it was found poisoned before
    suspects_.push_back(task);
  }
}

seconds WindowPlan::remaining() const {
  seconds sum = in_flight_width_;
  for (const auto* tasks : {&queue_, &suspects_}) {
    for (const Task& task : *tasks) sum += task.window.width();
  }
  return sum;
}

double WindowPlan::progress() const {
  if (total_ == 0s) return 1.0;
  return 1.0 - static_cast<double>(remaining().count()) / static_cast<double>(total_.count());
}

// A window that ends before a poisoned second must not ask for that second.
Task::Kind WindowPlan::kind_of(const Task& task) const {
  if (fractions_seen_) return Task::Kind::window;
  const bool ends_before_poison = known_poison_.contains({task.window.to, task.window.to + 1s});
  const bool is_tight = ends_before_poison || (task.suspect && task.kind == Task::Kind::tight);
  return is_tight ? Task::Kind::tight : Task::Kind::window;
}

// Takes a window off that end of `part` which comes first.
Task WindowPlan::cut(Task& part) const {
  Task task = part;
  const sys_seconds edge = is_newest_first() ? part.window.to : part.window.from;
  task.widest = task.known ? part.window.width() : width_.at(edge, options_.order);
  // What is read of a look ahead may lie anywhere in it.
  if (look_ahead_ > 1 && !task.known) task.widest = std::min(task.widest, width_.current());
  if (is_newest_first()) {
    task.window.from = std::max(part.window.from, part.window.to - task.widest * look_ahead_);
    part.window.to = task.window.from;
  } else {
    task.window.to = std::min(part.window.to, part.window.from + task.widest * look_ahead_);
    part.window.from = task.window.to;
  }
  return task;
}

bool WindowPlan::is_done() const {
  const bool nothing_left = queue_.empty() && suspects_.empty() && !probe_wanted_;
  return stopped_by_ || (nothing_left && in_flight_ == 0);
}

bool WindowPlan::is_last_in_hand() const {
  return queue_.empty() && suspects_.empty() && !probe_wanted_ && in_flight_ == 1;
}

bool WindowPlan::has_work(Clock::time_point now) const {
  if (is_done() || (not_before_ && now < *not_before_)) return true;
  if (is_one_at_a_time()) return false;
  return probe_wanted_ || !queue_.empty() || suspects_are_due();
}

// When all else is read, or there are so many that they must not become more.
bool WindowPlan::suspects_are_due() const {
  if (suspects_.empty()) return false;
  return suspects_.size() >= most_suspects_ || (queue_.empty() && in_flight_ == 0);
}

WindowPlan::Next WindowPlan::next(Clock::time_point now, int worker) {
  Next next;
  if (is_done()) {
    next.done = true;
  } else if (not_before_ && now < *not_before_) {
    next.not_before = not_before_;
  } else if (!is_one_at_a_time()) {
    next.task = take(worker);
  }
  return next;
}

// The month in which the part's next window lies.
sys_seconds WindowPlan::month_of(const Task& part) const {
  return month_begin(is_newest_first() ? part.window.to - 1s : part.window.from);
}

// The first part; where workers keep apart, the first of the month that this one reads, or else of one that no other reads.
// But what failed and was put back comes next, whoever asks.
std::deque<Task>::iterator WindowPlan::part_for(int worker) {
  const Task& first = queue_.front();
  if (!options_.months_apart || first.suspect || first.attempts > 0) return queue_.begin();
  const auto find = [&](auto suits) { return std::find_if(queue_.begin(), queue_.end(), suits); };
  const auto own = reads_month_.find(worker);
  auto part = own == reads_month_.end() ? queue_.end() : find([&](const Task& task) { return month_of(task) == own->second; });
  if (part == queue_.end()) {
    part = find([&](const Task& task) {
      return std::none_of(reads_month_.begin(), reads_month_.end(),
                          [&](const auto& read) { return read.first != worker && read.second == month_of(task); });
    });
  }
  if (part == queue_.end()) part = queue_.begin();
  reads_month_[worker] = month_of(*part);
  return part;
}

std::optional<Task> WindowPlan::take(int worker) {
  Task task;
  if (probe_wanted_) {
    probe_wanted_ = false;
    probe_in_flight_ = true;
    task.kind = Task::Kind::probe;
  } else if (suspects_are_due()) {
    // The last first: what stands before a poisoned second can then be asked for without it.
    task = suspects_.back();
    task.widest = task.window.width();
    suspects_.pop_back();
  } else if (!queue_.empty()) {
    const auto part = part_for(worker);
    task = cut(*part);
    if (part->window.empty()) queue_.erase(part);
  } else {
    return std::nullopt;
  }
  if (task.kind != Task::Kind::probe) task.kind = kind_of(task);
  task.throttles = throttles_;
  ++in_flight_;
  in_flight_width_ += task.window.width();
  return task;
}

void WindowPlan::abandoned(const Task& task) {
  --in_flight_;
  in_flight_width_ -= task.window.width();
  if (task.kind == Task::Kind::probe) probe_in_flight_ = false;
}

void WindowPlan::narrow(Task& task, const TimeWindow& part) {
  look_ahead_ = 1;
  if (task.window.from < part.from) has_yielded_ = true;
  in_flight_width_ -= task.window.width() - part.width();
  if (part != task.window) task.known.reset();
  Task rest = task;
  rest.window.from = part.to;
  task.window = part;
  if (rest.window.empty()) return;
  put_back(rest);
  task.kind = kind_of(task);
}

void WindowPlan::yielded(const Task& task) {
  abandoned(task);
  has_yielded_ = true;
  look_ahead_ = std::min(2 * look_ahead_, kMostLookAhead);
}

void WindowPlan::succeeded(const Task& task, sys_seconds loaded_to, const AnswerSize& answer) {
  abandoned(task);
  answered(task);
  if (task.kind == Task::Kind::probe) return;
  width_.learn(task.window, answer);
  if (loaded_to < task.window.to) unsettled_.push_back({std::max(loaded_to, task.window.from), task.window.to});
}

void WindowPlan::answered(const Task& task) {
  ++successes_;
  throttled_ = false;
  consecutive_ = 0;
  failed_probes_ = 0;
  failing_since_.reset();
  probed_since_success_ = task.kind == Task::Kind::probe;
}

// Workers that ran into the same throttle at once are one failure, and the wait after it is as long as after one.
void WindowPlan::count(const Task& task, Failure failure) {
  const bool is_throttle = failure == Failure::throttled;
  if (!is_throttle || task.throttles == throttles_) ++consecutive_;
  if (!is_throttle) return;
  ++throttles_;
  throttled_ = true;
}

bool WindowPlan::gives_up(const TaskFailure& failure, Clock::time_point now) {
  if (failure.failure == Failure::throttled) {
    failing_since_.reset();  // a server that says when to come back is not failing
    return false;
  }
  if (!failing_since_) failing_since_ = now;
  return patience_left(now) <= 0ms;
}

// Nothing waits longer than that: the last try comes when patience ends, not a whole back-off later.
std::chrono::milliseconds WindowPlan::patience_left(Clock::time_point now) const {
  const auto& patience = successes_ == 0 ? options_.patience_at_first : options_.patience;
  if (!patience || !failing_since_) return std::chrono::milliseconds::max();
  return std::chrono::ceil<std::chrono::milliseconds>(*failing_since_ + *patience - now);
}

WindowPlan::Verdict WindowPlan::failed(const Task& task, const TaskFailure& failure, Clock::time_point now,
                                       double random) {
  abandoned(task);
  const bool is_probe = task.kind == Task::Kind::probe;
  if (is_probe && failure.failure == Failure::refused) {
    answered(task);  // by a server that lives
    return {};
  }
  count(task, failure.failure);
  Task again = task;
  ++again.attempts;
  if (failure.failure == Failure::db_conflict) ++again.conflicts;

  Verdict verdict = is_probe ? judge_probe(failure, random) : judge(again, failure, random);
  if (verdict.action == Action::stop || (verdict.action == Action::again && gives_up(failure, now))) {
    verdict.action = Action::stop;
    stop(failure);
    return verdict;
  }
  if (verdict.action == Action::again) verdict.wait = std::min(verdict.wait, patience_left(now));
  follow(verdict, again);
  if (looks_like_outage(failure.failure)) probe_wanted_ = true;
  not_before_ = std::max(not_before_.value_or(now), now + verdict.wait);
  return verdict;
}

std::optional<std::chrono::milliseconds> WindowPlan::wait_in_hand(const TaskFailure& failure, int failures,
                                                                  Clock::time_point now, double random) {
  if (gives_up(failure, now)) return std::nullopt;
  FailedAttempt attempt;
  attempt.failure = failure.failure;
  attempt.consecutive = failures;
  return std::min(decide(attempt, random).wait, patience_left(now));
}

WindowPlan::Verdict WindowPlan::judge(const Task& task, const TaskFailure& failure, double random) const {
  FailedAttempt attempt{.failure = failure.failure,
                        .retry_after = failure.retry_after,
                        .attempts = task.attempts,
                        .conflicts = task.conflicts,
                        .consecutive = consecutive_,
                        .splittable = task.window.width() > 1s,
                        .half = task.half || task.suspect};
  // A server that answers a probe and drops this without a word is not away: it dies of it.
  if (failure.failure == Failure::unreachable && probed_since_success_) attempt.failure = Failure::server_error;
  const Decision decision = decide(attempt, random);
  return {decision.action, decision.wait, false};
}

// The server answers nothing at all: an outage, in which no window and no width is to blame.
WindowPlan::Verdict WindowPlan::judge_probe(const TaskFailure& failure, double random) {
  width_.not_to_blame();
  for (Task& task : queue_) task.controls = 0;  // what failed before may have failed of it
  FailedAttempt attempt;
  attempt.failure = failure.failure;
  attempt.retry_after = failure.retry_after;
  attempt.consecutive = ++failed_probes_;
  const Decision decision = decide(attempt, random);
  if (decision.action == Action::stop) return {Action::stop, decision.wait, false};
  attempt.failure = Failure::unreachable;
  return {Action::again, std::max(decision.wait, decide(attempt, random).wait), false};
}

bool WindowPlan::looks_like_outage(Failure failure) const {
  return hints_at_outage(failure) &&
         consecutive_ >= (probed_since_success_ ? kFailuresBeforeNextProbe : kFailuresBeforeProbe);
}

void WindowPlan::follow(Verdict& verdict, const Task& task) {
  if (task.kind == Task::Kind::probe) {
    probe_wanted_ = true;
  } else if (verdict.action == Action::again) {
    put_back(task);
  } else if (verdict.action == Action::isolate) {
    isolate(task, verdict);
  } else {
    split(task.window);
  }
}

void WindowPlan::split(const TimeWindow& window) {
  width_.failed(window.width());
  auto [first, second] = window.split();
  if (is_newest_first()) std::swap(first, second);
  for (const TimeWindow& half : {second, first}) {
    Task part;
    part.window = half;
    part.half = true;
    put_back(part);
  }
}

// One second that cannot be served.
void WindowPlan::isolate(Task task, Verdict& verdict) {
  width_.not_to_blame();
  if (!task.suspect) {
    task.suspect = true;
    if (options_.pass_poison) {
      suspects_.insert(is_newest_first() ? suspects_.begin() : suspects_.end(), task);  // the server gets time
    } else {
      put_back(task);
    }
  } else if (task.kind == Task::Kind::window && !fractions_seen_) {
    task.kind = Task::Kind::tight;  // the fault may sit in the second after
    put_back(task);
  } else if (task.controls < kControls) {
    ++task.controls;
    probe_wanted_ = true;
    put_back(task);
  } else {
    verdict.poisoned = true;
    give_up_second(task.window);
  }
}

void WindowPlan::give_up_second(const TimeWindow& second) {
  poisoned_found_.push_back(second);
  known_poison_.add(second);
  if (!options_.pass_poison) {
    stop({Failure::server_error,
          "read window '" + to_text(second) +
              "': the server cannot serve it; reading stops there (windows.on_poison: hold)",
          std::nullopt});
  } else if (poisoned_found_.size() >= most_poisoned_) {
    stop({Failure::server_error,
          "read window '" + to_text(second) + "': the server answers others and not this one, nor " +
              std::to_string(poisoned_found_.size() - 1) + " before it; reading stops for now",
          std::nullopt});
  }
}

void WindowPlan::stop(const TaskFailure& failure) {
  if (!stopped_by_) stopped_by_ = failure;
}

void WindowPlan::put_back(Task task) {
  settle(task);
  if (!task.window.empty()) queue_.push_front(task);
}

// Leaves out what is past the bound.
void WindowPlan::settle(Task& task) {
  if (!bound_ || task.window.to <= *bound_) return;
  unsettled_.push_back({std::max(task.window.from, *bound_), task.window.to});
  task.window.to = *bound_;
  task.known.reset();
}

void WindowPlan::limit(sys_seconds bound) {
  if (bound_ && bound >= *bound_) return;
  bound_ = bound;
  for (auto* tasks : {&queue_, &suspects_}) {
    for (Task& task : *tasks) settle(task);
    std::erase_if(*tasks, [](const Task& task) { return task.window.empty(); });
  }
}

}  // namespace odetl

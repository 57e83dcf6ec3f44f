#include "daemon/backfill.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <utility>

#include "daemon/index_summary.hpp"
#include "daemon/log.hpp"
#include "daemon/progress.hpp"
#include "daemon/startup_pages.hpp"
#include "daemon/workers.hpp"

namespace odetl {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr auto kLongestSettling = 120s;  // waited for the end of a range to settle
constexpr double kWorthExplaining = 5.0;  // seconds
constexpr auto kLookAgain = 1s;          // for what other backfills of the same range have left

seconds width_of(const std::vector<TimeWindow>& windows) {
  seconds sum{0};
  for (const TimeWindow& window : windows) sum += window.width();
  return sum;
}

void rest(std::chrono::microseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
}

class Backfill {
 public:
  Backfill(Wiring& wiring, const Invocation& invocation, Metrics& metrics, Telemetry& telemetry,
           const Surroundings& surroundings)
      : wiring_(wiring),
        invocation_(invocation),
        metrics_(metrics),
        telemetry_(telemetry),
        surroundings_(surroundings),
        width_(limits()),
        begun_(surroundings.steady()) {}

  ExitCode run(std::stop_token stop);

 private:
  int workers() const { return invocation_.workers.value_or(wiring_.config().backfill_workers); }
  WidthLimits limits() const;
  std::vector<TimeWindow> ranges_to_read(const StreamState& state) const;
  void print_plan(const std::vector<TimeWindow>& ranges) const;
  std::vector<TimeWindow> read_all(std::stop_token stop);
  std::vector<TimeWindow> read(const std::vector<TimeWindow>& ranges, const StreamState& state, std::stop_token stop);
  std::vector<TimeWindow> left_to_others(const StreamState& state) const;
  void wait_for_others(std::stop_token stop);
  bool wait_for(sys_seconds settled, std::stop_token stop);
  void summarise(const std::stop_token& stop);
  void print_bottleneck() const;
  void print_summary(const std::vector<TimeWindow>& unsettled, bool stopped) const;

  Wiring& wiring_;
  const Invocation& invocation_;
  Metrics& metrics_;
  Telemetry& telemetry_;
  Surroundings surroundings_;
  WindowWidth width_;
  SteadyTime begun_;
  ServerClock server_clock_;
  std::vector<TimeWindow> poisoned_;
  std::unique_ptr<WindowClaims> claims_;  // none with --reload, which reads what is covered
  bool is_shared_ = false;                // another process reads the same range
  bool others_told_ = false;
  TimeSpent spent_;
  int workers_at_work_ = 0;  // in the end
  std::optional<IndexSummary> index_summary_;  // while it runs
};

WidthLimits Backfill::limits() const {
  WidthLimits limits = wiring_.width_limits();
  if (invocation_.window) {
    limits.first = limits.max = *invocation_.window;
    limits.min = std::min(limits.min, limits.first);
  }
  return limits;
}

std::vector<TimeWindow> Backfill::ranges_to_read(const StreamState& state) const {
  const TimeWindow range{invocation_.from, invocation_.to};
  if (invocation_.reload) return {range};
  return state.coverage.gaps(range);
}

void Backfill::print_plan(const std::vector<TimeWindow>& ranges) const {
  const auto requests = [&](seconds width) {
    std::int64_t count = 0;
    for (const TimeWindow& range : ranges) count += (range.width() + width - 1s) / width;
    return count;
  };
  for (const TimeWindow& range : ranges) {
    fmt::print("gap {} {}\n", to_text(range), to_text(range.width()));
  }
  fmt::print("{} gaps, {} to load; about {} requests if windows stay {} wide, {} if they grow to {}\n", ranges.size(),
             to_text(width_of(ranges)), requests(limits().first), to_text(limits().first), requests(limits().max),
             to_text(limits().max));
}

ExitCode Backfill::run(std::stop_token stop) {
  if (invocation_.dry_run) {
    print_plan(ranges_to_read(wiring_.warehouse()->read_state()));
    return ExitCode::done;
  }
  index_summary_.emplace(wiring_.warehouse(), telemetry_);
  const std::vector<TimeWindow> unsettled = read_all(stop);
  if (telemetry_.totals().inserted > 0 && !stop.stop_requested()) summarise(stop);
  print_summary(unsettled, stop.stop_requested());
  if (stop.stop_requested()) return ExitCode::done;
  if (!unsettled.empty()) {
    throw CommandError(ExitCode::temporary,
                       fmt::format("backfill: {} is not settled yet by the server's clock; run the same command later",
                                   to_text(unsettled.front())));
  }
  return poisoned_.empty() ? ExitCode::done : ExitCode::no;
}

// Reads all that is to be read, waiting for what settles soon and for what other processes have in hand; answers what is
// not settled in the end.
std::vector<TimeWindow> Backfill::read_all(std::stop_token stop) {
  StreamState state = wiring_.warehouse()->read_state();
  std::vector<TimeWindow> ranges = ranges_to_read(state);
  std::vector<TimeWindow> unsettled;
  if (!invocation_.reload) claims_ = wiring_.window_claims();
  give_back_startup_pages();  // answers take their place
  while (!ranges.empty() && !stop.stop_requested()) {
    unsettled = read(ranges, state, stop);
    if (stop.stop_requested()) break;
    state = wiring_.warehouse()->read_state();
    if (unsettled.empty()) {
      ranges = left_to_others(state);
      if (!ranges.empty()) wait_for_others(stop);
    } else {
      // First: it stays claimed until this process has read it or ended, and others wait for it as this one would for theirs.
      if (!wait_for(unsettled.back().to, stop)) break;
      state = wiring_.warehouse()->read_state();
      ranges = unsettled;
    }
  }
  if (is_shared_) poisoned_ = state.poisoned.covered({invocation_.from, invocation_.to});  // whoever found it
  return unsettled;
}

void Backfill::wait_for_others(std::stop_token stop) {
  if (!std::exchange(others_told_, true)) {
    log(Event::waiting_for_others, {{"what", "another backfill reads the rest of the range"}});
  }
  rest(kLookAgain, stop);
}

// What another process read or reads, and is not there yet: it is asked for again, for that process may have ended.
std::vector<TimeWindow> Backfill::left_to_others(const StreamState& state) const {
  if (!is_shared_) return {};
  Coverage dealt_with = state.coverage;
  for (const TimeWindow& window : state.poisoned.windows()) dealt_with.add(window);
  return dealt_with.gaps({invocation_.from, invocation_.to});
}

// Reads the ranges; answers what lies past the server's clock, in order.
std::vector<TimeWindow> Backfill::read(const std::vector<TimeWindow>& ranges, const StreamState& state,
                                       std::stop_token stop) {
  PlanOptions options = command_plan_options();
  options.retry_poisoned = true;
  options.order = Order::newest_first;
  options.months_apart = workers() > 1;
  if (invocation_.reload) options.known_answers = wiring_.warehouse()->known_answers({invocation_.from, invocation_.to});
  WindowPlan plan(ranges, state.poisoned, width_, options);
  RateAllowance allowance = wiring_.rate_allowance(Reason::backfill);
  ReadOptions reading = wiring_.read_options(Reason::backfill);
  reading.most_workers = workers();
  Pipeline pipeline(plan, allowance, reading, surroundings_, *index_summary_,
                    state.load_number, claims_.get(), server_clock_);
  {
    const auto progress = show_progress([&] {
      const double ratio = pipeline.progress();
      metrics_.backfill_progress(ratio);
      return ProgressReading{ratio, telemetry_.totals(), telemetry_.requests(),
                             std::chrono::duration_cast<std::chrono::milliseconds>(surroundings_.steady() - begun_),
                             std::chrono::ceil<seconds>(pipeline.rate_wait())};
    });
    const auto seen_users = std::make_shared<SeenUsers>();
    work_in_parallel(wiring_, pipeline, workers(), [&] { return wiring_.warehouse(seen_users); }, stop);
  }
  poisoned_.insert(poisoned_.end(), plan.poisoned().begin(), plan.poisoned().end());
  is_shared_ = is_shared_ || plan.has_yielded();
  server_clock_ = pipeline.server_clock();
  spent_ += pipeline.time_spent();
  workers_at_work_ = pipeline.workers_at_work().value_or(workers());
  if (plan.stopped_by() && !stop.stop_requested()) {
    throw CommandError(exit_code_of(plan.stopped_by()->failure),
                       plan.stopped_by()->message + "; what was loaded stays, run the same command again to go on");
  }
  return Coverage(plan.unsettled()).windows();
}

// The end of a range that reaches to now settles within moments; a server whose clock is far behind is not waited for.
bool Backfill::wait_for(sys_seconds settled, std::stop_token stop) {
  Timestamp now = surroundings_.now();
  if (const auto on_server = server_clock_.at_least(surroundings_.steady())) now = std::min(now, *on_server);
  const auto wait = settled + wiring_.config().windows.settle + 1s - now;
  if (wait > kLongestSettling) return false;
  log(Event::waiting_to_settle, {{"until", to_rfc3339(settled)}});
  rest(std::max<std::chrono::microseconds>(wait, 1s), stop);
  return !stop.stop_requested();
}

void Backfill::summarise(const std::stop_token& stop) {
  claims_.reset();
  const std::string error = index_summary_->finish({invocation_.from, invocation_.to}, stop);
  // Only reading gets slower by that, until autovacuum comes by.
  if (!error.empty() && !stop.stop_requested()) log(Event::indexes_not_summarised, {{"error", error}});
}

// What to change to be faster.
void Backfill::print_bottleneck() const {
  const auto whole = (surroundings_.steady() - begun_) * workers() - spent_.resting;
  const auto share = [&](TimeSpent::Duration part) { return std::llround(100.0 * (part / 1.0s) / (whole / 1.0s)); };
  const char* what = "";
  switch (bottleneck(spent_)) {
    case Bottleneck::database: what = "the database"; break;
    case Bottleneck::server: what = "the server of the API, or the way to it"; break;
    case Bottleneck::processor: what = "this machine's processor"; break;
    case Bottleneck::waiting: what = "the rate limit, or pauses after failures"; break;
  }
  fmt::print("bottleneck: {}; of a worker's time loading took {} %, the server {} %, reading {} %, waiting to ask {} %\n",
             what, share(spent_.loading), share(spent_.asking), share(spent_.reading), share(spent_.waiting));
  if (workers_at_work_ < workers()) {
    fmt::print("workers: {} of {} were at work in the end; more brought no more\n", workers_at_work_, workers());
  }
}

void Backfill::print_summary(const std::vector<TimeWindow>& unsettled, bool stopped) const {
  const WindowReport totals = telemetry_.totals();
  const double elapsed = std::chrono::duration<double>(surroundings_.steady() - begun_).count();
  fmt::print("backfill {} [{}, {}): {} interactions read, {} inserted, {} updated, {} unchanged, {} deleted, {} rejected; "
             "{} requests, {:.1f} s\n",
             stopped ? "interrupted in" : "of", to_rfc3339(invocation_.from), to_rfc3339(invocation_.to),
             with_commas(totals.rows_read), with_commas(totals.inserted), with_commas(totals.updated),
             with_commas(totals.unchanged), with_commas(totals.deleted), with_commas(totals.rejected),
             telemetry_.requests(), elapsed);
  if (elapsed > kWorthExplaining) print_bottleneck();
  if (totals.vanished_doubted > 0) {
    fmt::print("{} interactions vanished at once; they stay until another reading (a recheck, or the same command) misses "
               "them, too\n",
               with_commas(totals.vanished_doubted));
  }
  for (const TimeWindow& window : poisoned_) {
    fmt::print("poisoned {}: the server cannot serve it; it is left out and tried again by rechecks and backfills\n",
               to_text(window));
  }
  for (const TimeWindow& window : unsettled) fmt::print("not settled {}\n", to_text(window));
  std::fflush(stdout);
}

}  // namespace

ExitCode backfill(Wiring& wiring, const Invocation& invocation, Metrics& metrics, Telemetry& telemetry,
                  const Surroundings& surroundings, std::stop_token stop) {
  return Backfill(wiring, invocation, metrics, telemetry, surroundings).run(stop);
}

}  // namespace odetl

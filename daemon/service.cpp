#include "daemon/service.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "daemon/log.hpp"
#include "daemon/startup_pages.hpp"
#include "daemon/workers.hpp"

namespace odetl {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr auto kStandbyInterval = seconds(5);    // between two tries to lead, at the most
constexpr auto kDeadSessionLasts = 3s;          // at the most, until the server finds out that its process was killed
constexpr auto kDeadSessionInterval = 100ms;    // between two tries to lead meanwhile
constexpr auto kLongestProbeInterval = seconds(300);  // between two tries while a human must act
constexpr int kRecheckPart = 4;                       // of the poll interval, the least time that rechecks get
constexpr auto kDefaultPast = 24h;               // a first run begins so long before now

// What `run --once` makes of a plan that was stopped.
[[noreturn]] void give_up(const TaskFailure& failure) {
  throw CommandError(exit_code_of(failure.failure), failure.message);
}

}  // namespace

class Service::Impl {
 public:
  Impl(Wiring& wiring, Metrics& metrics, Telemetry& telemetry, ServiceManager& manager,
       const Surroundings& surroundings, std::function<Config()> reload)
      : wiring_(wiring),
        metrics_(metrics),
        telemetry_(telemetry),
        manager_(manager),
        surroundings_(surroundings),
        reload_(std::move(reload)),
        width_(wiring.width_limits()) {}

  void run(std::stop_token stop);
  void run_once(std::stop_token stop);
  void request_reload() {
    const std::scoped_lock lock(mutex_);
    reload_wanted_ = true;
    changed_.notify_all();
  }
  Status status() const {
    const std::scoped_lock lock(mutex_);
    return status_;
  }

 private:
  // A recheck that is under way, between polls.
  struct Recheck {
    Recheck(const std::vector<TimeWindow>& ranges, const StreamState& state, WindowWidth& width,
            const PlanOptions& options)
        : plan(ranges, state.poisoned, width, options) {}
    WindowPlan plan;
  };

  void open_warehouse(std::stop_token stop);
  bool start(std::stop_token stop);
  void turn(std::stop_token stop);
  bool lead(std::stop_token stop);
  bool lead_at_last(std::stop_token stop);
  std::optional<TaskFailure> poll(std::stop_token stop, const PlanOptions& options);
  void recheck(std::stop_token stop, SteadyTime pause_at);
  void begin_recheck();
  std::optional<StreamState> work(WindowPlan& plan, Reason reason, std::stop_token stop, SteadyTime pause_at);
  sys_seconds poll_from();
  std::optional<TaskFailure> ask_server_clock(std::stop_token stop);
  std::vector<TimeWindow> ranges_to_poll();
  sys_seconds settled() const;
  void refresh_state();
  void take_up_reload();
  bool take_up_token();
  bool wait_until(SteadyTime until, std::stop_token stop);
  void wait_for_token(SteadyTime until, std::stop_token stop);
  void show();

  Wiring& wiring_;
  Metrics& metrics_;
  Telemetry& telemetry_;
  ServiceManager& manager_;
  Surroundings surroundings_;
  std::function<Config()> reload_;
  WindowWidth width_;
  std::unique_ptr<Warehouse> warehouse_;
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;  // cuts short what the warehouse is doing
  std::unique_ptr<ApiClient> client_;
  std::string token_;
  StreamState state_;
  ServerClock server_clock_;
  std::optional<Recheck> recheck_;
  bool leads_ = false;
  // Known from the end of the last turn, since when only others wrote: what a backfill loaded meanwhile is read once more, and
  // that the session was lost is found when the next answer is loaded.
  bool state_is_fresh_ = false;
  bool ready_told_ = false;
  bool has_polled_ = false;
  int fruitless_ = 0;  // turns that ended because a human must act

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool reload_wanted_ = false;
  Status status_;
};

sys_seconds Service::Impl::settled() const {
  return settled_bound(surroundings_.now(), server_clock_.at_least(surroundings_.steady()), wiring_.config().windows.settle);
}

void Service::Impl::refresh_state() {
  state_ = warehouse_->read_state();
  show();
}

void Service::Impl::show() {
  seconds gaps{0};
  if (state_.watermark && state_.coverage.lower()) {
    for (const TimeWindow& gap : state_.coverage.gaps({*state_.coverage.lower(), *state_.watermark})) gaps += gap.width();
  }
  metrics_.watermark(state_.watermark, gaps);
  metrics_.window_width(width_.at(settled(), Order::oldest_first));
  metrics_.rejected_records(static_cast<std::uint64_t>(state_.rejected));
  metrics_.leader(leads_);
  const std::scoped_lock lock(mutex_);
  status_ = {leads_, state_, std::nullopt};
}

// Where live polling begins: as configured, else where it began, else a day ago on the server's clock.
sys_seconds Service::Impl::poll_from() {
  const auto& configured = wiring_.config().windows.start;
  if (configured) return *configured;
  if (state_.poll_from) return *state_.poll_from;
  const sys_seconds from = settled() - kDefaultPast;
  warehouse_->set_poll_from(from);
  state_.poll_from = from;
  return from;
}

// Asks for next to nothing: any answer has a clock. Answers why there was none.
std::optional<TaskFailure> Service::Impl::ask_server_clock(std::stop_token stop) {
  Answer answer;
  Exchange exchange;
  std::optional<TaskFailure> failure;
  const sys_seconds long_ago{0s};
  const SteadyTime sent = surroundings_.steady();
  try {
    client_->fetch({long_ago, long_ago}, answer, exchange, stop);
  } catch (const ApiError& error) {
    const bool answered = error.failure() == Failure::refused || error.failure() == Failure::throttled;
    if (!answered) failure = {error.failure(), error.what(), error.retry_after()};
  }
  server_clock_.observed(exchange.server_date, sent, surroundings_.steady());
  return failure;
}

std::vector<TimeWindow> Service::Impl::ranges_to_poll() {
  return poll_ranges(state_, poll_from(), settled(), wiring_.config().windows.lookback);
}

// Answers the state that is left, where that is known.
std::optional<StreamState> Service::Impl::work(WindowPlan& plan, Reason reason, std::stop_token stop, SteadyTime pause_at) {
  RateAllowance allowance = wiring_.rate_allowance(reason);
  Pipeline pipeline(plan, allowance, wiring_.read_options(reason), surroundings_, telemetry_, state_.load_number, nullptr,
                    server_clock_);
  pipeline.work(*client_, *warehouse_, stop, pause_at);
  server_clock_ = pipeline.server_clock();
  return pipeline.state_left();
}

// One poll: everything from the first gap to the settled present. Answers what stopped it.
std::optional<TaskFailure> Service::Impl::poll(std::stop_token stop, const PlanOptions& options) {
  // A first run begins a day before the server's now, so one must be known.
  const bool knows_clock = server_clock_.at_least(surroundings_.steady()).has_value();
  const bool begins_by_clock = !wiring_.config().windows.start && !state_.poll_from && !knows_clock;
  if (begins_by_clock) ask_server_clock(stop);  // the poll that follows tells what is wrong
  std::optional<WindowPlan> plan;
  plan.emplace(ranges_to_poll(), state_.poisoned, width_, options);
  if (plan->is_done()) {
    // What was learned of the clocks may be wrong by now, and nothing but an answer would tell.
    const auto failure = ask_server_clock(stop);
    plan.emplace(ranges_to_poll(), state_.poisoned, width_, options);
    if (plan->is_done() && failure) return failure;
  }
  const auto left = work(*plan, Reason::poll, stop, SteadyTime::max());
  if (left) {
    state_ = *left;
    show();
  } else {
    refresh_state();
  }
  state_is_fresh_ = true;
  if (stop.stop_requested()) return std::nullopt;
  if (!plan->stopped_by()) telemetry_.all_well();
  return plan->stopped_by();
}

// Begins the most urgent recheck that is due.
void Service::Impl::begin_recheck() {
  const auto now = std::chrono::floor<seconds>(surroundings_.now());
  for (const auto& [every, span] : wiring_.config().windows.rechecks) {
    const auto last = state_.rechecked.find(span);
    const bool is_first = last == state_.rechecked.end();
    if (!is_first && now - last->second < every && last->second <= now) continue;
    const auto ranges = recheck_ranges(state_, span, wiring_.config().windows.lookback);
    PlanOptions options;
    options.retry_poisoned = true;
    if (!is_first && !ranges.empty()) {
      options.known_answers = warehouse_->known_answers({ranges.front().from, ranges.back().to});
    }
    warehouse_->set_last_recheck(span, now);
    state_.rechecked[span] = now;
    if (is_first) continue;  // what was read just now needs no second look
    recheck_.emplace(ranges, state_, width_, options);
    log(Event::recheck_begun, {{"span", to_text(span)}});
    return;
  }
}

// Rechecks in the time that polls leave.
void Service::Impl::recheck(std::stop_token stop, SteadyTime pause_at) {
  if (!recheck_) begin_recheck();
  if (!recheck_) return;
  state_is_fresh_ = false;
  work(recheck_->plan, Reason::recheck, stop, pause_at);
  if (!recheck_->plan.is_done()) return;
  const auto& stopped_by = recheck_->plan.stopped_by();
  if (stopped_by && stopped_by->failure == Failure::not_leader) leads_ = false;
  recheck_.reset();
}

bool Service::Impl::lead(std::stop_token stop) {
  if (leads_) return true;
  leads_ = warehouse_->try_lead();
  if (leads_) {
    metrics_.leader(true);
    log(Event::leading, {{"warehouse", wiring_.database_name()}});
    recheck_.reset();
    refresh_state();  // with what the former leader did last
    return true;
  }
  log(Event::standing_by, {{"why", "another process polls this warehouse"}});
  telemetry_.all_well();
  refresh_state();
  manager_.status("standing by: another process polls this warehouse");
  wait_until(surroundings_.steady() + std::min(kStandbyInterval, wiring_.config().windows.poll_interval), stop);
  return false;
}

// The same for a command, which may follow upon one that was just killed.
bool Service::Impl::lead_at_last(std::stop_token stop) {
  leads_ = warehouse_->try_lead();
  if (leads_) return true;
  log(Event::standing_by, {{"why", "another process polls this warehouse, or was just killed"}});
  const SteadyTime end = surroundings_.steady() + kDeadSessionLasts;
  while (!leads_ && surroundings_.steady() < end && wait_until(surroundings_.steady() + kDeadSessionInterval, stop)) {
    leads_ = warehouse_->try_lead();
  }
  if (stop.stop_requested()) throw Stopped();
  return leads_;
}

// The token's file may have been replaced meanwhile: then true.
bool Service::Impl::take_up_token() {
  std::string token = wiring_.token();
  const bool replaced = client_ && token != token_;
  if (!client_) client_ = make_api_client(wiring_.api_options(), token);
  if (replaced) {
    client_->set_token(token);
    log(Event::token_replaced);
  }
  token_ = std::move(token);
  return replaced;
}

void Service::Impl::take_up_reload() {
  {
    const std::scoped_lock lock(mutex_);
    if (!reload_wanted_) return;
    reload_wanted_ = false;
  }
  manager_.reloading();
  try {
    const Config config = reload_();
    wiring_.reconfigure(config);
    set_log_level(config.log_level);
    width_ = WindowWidth(wiring_.width_limits());
    recheck_.reset();
    client_.reset();
    server_clock_ = ServerClock();  // it may be another server
    metrics_.configuration_loaded(true);
    log(Event::configuration_reloaded);
  } catch (const ConfigError& error) {
    metrics_.configuration_loaded(false);
    log(Event::configuration_kept, {{"why", "the new one is not valid"}, {"error", error.what()}});
  }
  manager_.ready();
}

// False when it was cut short.
bool Service::Impl::wait_until(SteadyTime until, std::stop_token stop) {
  while (!stop.stop_requested() && surroundings_.steady() < until) {
    telemetry_.idle();
    std::unique_lock lock(mutex_);
    const auto rest = std::min<std::chrono::nanoseconds>(until - surroundings_.steady(), 10s);
    if (changed_.wait_for(lock, stop, rest, [this] { return reload_wanted_; })) return false;
  }
  return !stop.stop_requested();
}

// The API is asked rarely while it refuses the token; but another token is seen within a poll interval.
void Service::Impl::wait_for_token(SteadyTime until, std::stop_token stop) {
  const auto interval = wiring_.config().windows.poll_interval;
  try {
    while (surroundings_.steady() < until) {
      if (!wait_until(std::min(until, surroundings_.steady() + interval), stop) || take_up_token()) return;
    }
  } catch (const ConfigError&) {
    wait_until(until, stop);  // it is just being replaced, or told by the next turn
  }
}

void Service::Impl::open_warehouse(std::stop_token stop) {
  wiring_.start_database(stop);
  wiring_.prepare_schema(stop);
  warehouse_ = wiring_.warehouse();
  on_stop_.emplace(stop, [this] { warehouse_->cancel(); });
}

// Opens what is needed; false while another process leads.
bool Service::Impl::start(std::stop_token stop) {
  if (!warehouse_) open_warehouse(stop);
  take_up_token();
  if (!std::exchange(state_is_fresh_, false)) refresh_state();
  if (!ready_told_) {
    ready_told_ = true;
    manager_.ready();
  }
  return lead(stop);
}

// One poll and the rechecks until the next one is due.
void Service::Impl::turn(std::stop_token stop) {
  take_up_reload();
  const SteadyTime begun = surroundings_.steady();
  const auto interval = wiring_.config().windows.poll_interval;
  SteadyTime next = begun + interval;
  bool refused = false;
  try {
    if (!start(stop)) return;
    PlanOptions options;
    options.pass_poison = wiring_.config().windows.on_poison == OnPoison::pass;
    const auto stopped_by = poll(stop, options);
    if (stopped_by && stopped_by->failure == Failure::not_leader) {
      leads_ = false;
      next = begun;
    } else if (stopped_by) {
      telemetry_.trouble(Event::poll_stopped, stopped_by->failure, stopped_by->message);
      manager_.status(stopped_by->message);
      // A human must act: ask rarely, and read the token again each time.
      next = begun + std::min<seconds>(interval * (1 << std::min(fruitless_++, 8)), std::max(interval, kLongestProbeInterval));
      refused = stopped_by->failure == Failure::unauthorised;
    } else {
      fruitless_ = 0;
      if (!std::exchange(has_polled_, true)) give_back_startup_pages();
      const auto until_next = std::chrono::floor<std::chrono::microseconds>(next - surroundings_.steady());
      next = server_clock_.tick(next, surroundings_.now() + until_next);
      if (state_.watermark) manager_.status("loaded up to " + to_rfc3339(*state_.watermark));
      // Polls that take all the time there is must not shut rechecks out.
      recheck(stop, std::max(next, surroundings_.steady() + interval / kRecheckPart));
    }
  } catch (const DatabaseError& error) {
    if (stop.stop_requested()) return;  // it was cut short
    leads_ = state_is_fresh_ = false;
    metrics_.leader(false);
    const bool a_human_must_act = error.failure() == Failure::db_denied || error.failure() == Failure::db_schema;
    if (a_human_must_act && !ready_told_) throw;  // a start that cannot succeed; later it is waited out
    telemetry_.trouble(Event::database_failed, error.failure(), error.what());
    manager_.status(error.what());
    next = begun + std::min<seconds>(interval, 2s);
  } catch (const ConfigError& error) {
    if (!ready_told_) throw;
    telemetry_.trouble(Event::token_unusable, Failure::unauthorised, error.what());
  } catch (const Stopped&) {
    return;
  }
  if (refused) {
    wait_for_token(next, stop);
  } else {
    wait_until(next, stop);
  }
}

void Service::Impl::run(std::stop_token stop) {
  log(Event::started, {{"api", wiring_.config().api.base_url}});
  while (!stop.stop_requested()) turn(stop);
  manager_.stopping();
  log(Event::stopped,
      {{"watermark", state_.watermark ? to_rfc3339(*state_.watermark) : std::string("none")}});
}

void Service::Impl::run_once(std::stop_token stop) {
  open_warehouse(stop);
  take_up_token();
  if (!lead_at_last(stop)) {
    throw CommandError(ExitCode::temporary, "run --once: another process polls this warehouse; nothing was done");
  }
  refresh_state();
  PlanOptions options = command_plan_options();
  options.pass_poison = wiring_.config().windows.on_poison == OnPoison::pass;
  if (const auto stopped_by = poll(stop, options)) give_up(*stopped_by);
}

Service::Service(Wiring& wiring, Metrics& metrics, Telemetry& telemetry, ServiceManager& manager,
                 const Surroundings& surroundings, std::function<Config()> reload)
    : impl_(std::make_unique<Impl>(wiring, metrics, telemetry, manager, surroundings, std::move(reload))) {}
Service::~Service() = default;
void Service::run(std::stop_token stop) { impl_->run(stop); }
void Service::run_once(std::stop_token stop) { impl_->run_once(stop); }
void Service::request_reload() { impl_->request_reload(); }
Service::Status Service::status() const { return impl_->status(); }

}  // namespace odetl

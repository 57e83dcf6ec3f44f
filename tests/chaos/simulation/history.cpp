#include "tests/chaos/simulation/history.hpp"

#include <algorithm>

#include "tests/chaos/simulation/oracle.hpp"

namespace odetl::chaos {
namespace {

using namespace std::chrono_literals;

constexpr seconds kLongestAway{20 * 60};       // of a process that was killed
constexpr seconds kLongestRecheck{2 * 86400};  // on a server that is slow and serves little at once
constexpr std::uint64_t kMostSteps = 3'000'000;

class History {
 public:
  History(std::uint64_t seed, const std::function<void(const std::string&)>& trace);
  Verdict run();

 private:
  void at(const Moment& moment, std::function<void()> what);
  void plan(const std::vector<Strike>& strikes, std::vector<Trouble>& troubles);
  void plan_deaths();
  void plan_death_of(std::unique_ptr<SimulatedProcess>& process, bool is_backfill, const Moment& moment);
  void start(std::unique_ptr<SimulatedProcess>& process, bool is_backfill);
  bool go_on_until(Timestamp end);
  void go_on_until_rechecked(Timestamp from, Timestamp end);
  bool is_wrong() const { return !witness_.wrong.empty(); }
  bool is_rechecked_since(Timestamp when) const;
  void trace(const char* what) const {
    if (witness_.trace) witness_.trace(what);
  }
  std::uint64_t requests() const;

  Random random_;
  Witness witness_;
  Timeline timeline_;
  SimulatedTenant tenant_;
  SimulatedDatabase database_;
  World world_;
  const Scenario scenario_;
  Processes daemons_;
  Processes backfills_;
  const Oracle oracle_;
};

History::History(std::uint64_t seed, const std::function<void(const std::string&)>& trace)
    : random_(seed),
      timeline_(simulator::scramble(seed, 1), kStart),
      database_(timeline_, witness_),
      world_{timeline_, tenant_, database_, witness_, {}, 100ms},
      scenario_(make_scenario(random_, world_)),
      daemons_(scenario_.daemons),
      backfills_(scenario_.backfills),
      oracle_(world_, scenario_, daemons_, backfills_) {
  if (trace) {
    witness_.trace = [this, trace](const std::string& what) { trace(to_rfc3339(timeline_.now()) + " " + what); };
  }
}

// Nothing strikes any more once the quiet has begun.
void History::at(const Moment& moment, std::function<void()> what) {
  const auto strike = [this, what = std::move(what)] {
    if (timeline_.now() <= scenario_.end_of_trouble()) what();
  };
  timeline_.call(moment.from, [this, steps = moment.steps, strike] {
    if (steps == 0) return strike();
    timeline_.call_in_steps(steps, strike);
  });
}

void History::plan(const std::vector<Strike>& strikes, std::vector<Trouble>& troubles) {
  for (const Strike& strike : strikes) {
    at(strike.at, [this, &strike, &troubles] {
      Trouble& trouble = troubles.emplace_back(strike.trouble);
      trouble.from = timeline_.now();
      trouble.to = std::min<Timestamp>(trouble.from + strike.length, scenario_.end_of_trouble());
    });
  }
}

void History::start(std::unique_ptr<SimulatedProcess>& process, bool is_backfill) {
  if (is_backfill) {
    process = std::make_unique<SimulatedBackfill>(world_, scenario_.options);
  } else {
    process = std::make_unique<SimulatedDaemon>(world_, scenario_.options);
  }
  process->start();
}

void History::plan_death_of(std::unique_ptr<SimulatedProcess>& process, bool is_backfill, const Moment& moment) {
  const auto pause = random_.permille(300) ? from_to(random_, 1s, 10min) : 0s;
  const auto away = random_.permille(500) ? 1s : from_to(random_, 0s, kLongestAway);
  at(moment, [this, &process, is_backfill, pause, away] {
    if (process == nullptr) return;
    trace(pause > 0s ? "a process is stopped for a while" : is_backfill ? "a backfill is killed" : "a daemon is killed");
    if (pause > 0s) return process->pause(pause);
    process.reset();
    timeline_.call(timeline_.now() + away, [this, &process, is_backfill] { start(process, is_backfill); });
  });
}

void History::plan_deaths() {
  const auto some = [&](std::uint64_t bound) { return scenario_.outage ? 0 : random_.below(bound); };
  for (auto& daemon : daemons_) {
    for (std::uint64_t i = some(8); i > 0; --i) plan_death_of(daemon, false, some_moment(random_, scenario_));
  }
  Timestamp begin = scenario_.outage ? Timestamp(kStart) : some_time(random_, scenario_);
  for (auto& backfill : backfills_) {
    timeline_.call(begin, [this, &backfill] { start(backfill, true); });
    for (std::uint64_t i = some(4); i > 0; --i) {
      Moment moment = some_moment(random_, scenario_);
      moment.from = begin + (moment.steps > 0 ? from_to(random_, 0s, 5s) : from_to(random_, 0s, 5min));
      plan_death_of(backfill, true, moment);
    }
    // Of one range, most often at the same time.
    if (!scenario_.outage) begin = random_.permille(700) ? begin + from_to(random_, 0s, 10s) : some_time(random_, scenario_);
  }
  for (std::uint64_t i = some(6); i > 0; --i) {
    const std::uint64_t share = 200 + random_.below(801);
    at(some_moment(random_, scenario_), [this, share] { database_.terminate(share); });
  }
}

bool History::go_on_until(Timestamp end) {
  for (std::uint64_t step = 0; step < kMostSteps; ++step) {
    if (is_wrong()) return false;
    if (!timeline_.step(end)) return true;
  }
  witness_.expect(false, "progress", "no end of steps");
  return false;
}

// What vanished too much at once takes a second one.
bool History::is_rechecked_since(Timestamp when) const {
  std::ptrdiff_t count = 0;
  for (const auto& process : daemons_) {
    const auto* daemon = dynamic_cast<const SimulatedDaemon*>(process.get());
    if (daemon == nullptr) continue;
    const auto& done = daemon->rechecks_done();
    count += std::count_if(done.begin(), done.end(), [&](Timestamp begun) { return begun >= when; });
  }
  return count >= (database_.doubts.empty() ? 1 : 2);
}

// Only then all must be as it is served.
void History::go_on_until_rechecked(Timestamp from, Timestamp end) {
  const seconds every = scenario_.options.rechecks.front().first;
  const Timestamp latest = end + kLongestRecheck + 3 * every;
  const seconds part = std::max<seconds>(30min, scenario_.options.interval);
  while (go_on_until(end) && !is_rechecked_since(from) && end < latest) end += part;
  witness_.expect(is_rechecked_since(from), "progress", "no recheck comes to its end");
}

Verdict History::run() {
  plan(scenario_.of_the_api, tenant_.troubles);
  plan(scenario_.of_the_database, database_.troubles);
  plan(scenario_.lies, tenant_.lies);
  plan_deaths();
  for (auto& daemon : daemons_) start(daemon, false);
  const Timestamp quiet_from = scenario_.end_of_trouble() + kLongestAway + 1min;  // the last that was killed is back
  const Timestamp right_from = quiet_from + scenario_.clock_catches_up;
  if (go_on_until(right_from + oracle_.grace())) oracle_.expect_progress();
  if (!daemons_.empty()) go_on_until_rechecked(right_from, quiet_from + scenario_.quiet);
  if (!is_wrong()) oracle_.expect_all();
  return {witness_.wrong, scenario_.pace, std::chrono::duration<double, std::ratio<86400>>(timeline_.now() - kStart).count(),
          requests(), static_cast<std::uint64_t>(database_.state.load_number)};
}

std::uint64_t History::requests() const {
  std::uint64_t sum = 0;
  for (const auto* processes : {&daemons_, &backfills_}) {
    for (const auto& process : *processes) sum += process ? process->requests().size() : 0;
  }
  return sum;
}

}  // namespace

Verdict live_through(std::uint64_t seed, const std::function<void(const std::string&)>& trace) {
  return History(seed, trace).run();
}

}  // namespace odetl::chaos

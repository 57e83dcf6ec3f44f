#include "tests/chaos/simulation/history.hpp"

#include <algorithm>
#include <memory>
#include <set>

#include "tests/chaos/simulation/simulated_process.hpp"

namespace odetl::chaos {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;

constexpr sys_seconds kStart{std::chrono::sys_days{std::chrono::year{2024} / 1 / 31}};
constexpr seconds kRecheckSpan{7 * 86400};
constexpr seconds kGrace{1800};         // from the end of all faults to being up to date
constexpr seconds kLeastQuiet{75 * 60};
constexpr seconds kQuickPoll{60};       // what a poll may take
constexpr seconds kSlowPoll{2400};       // and where each request takes 15 s, or there may be ten a minute
constexpr seconds kLongestRecheck{2 * 86400};  // of a week, on a server that is slow and serves little at once
constexpr seconds kBackoffRamp{180};    // of an outage, before its requests come at their usual pace
constexpr int kBackoffSteps = 12;       // which they do later where nothing was to be asked for at its beginning
constexpr std::uint64_t kMostSteps = 3'000'000;

seconds from_to(Random& random, seconds least, seconds most) {
  return least + seconds(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>((most - least).count()) + 1)));
}

class History {
 public:
  History(std::uint64_t seed, const std::function<void(const std::string&)>& trace);
  Verdict run();

 private:
  void make_clocks();
  void make_rows();
  void make_poison();
  void make_troubles();
  void make_options();
  void plan_deaths();
  void plan_death_of(std::unique_ptr<SimulatedProcess>& process, bool is_backfill, Timestamp at);
  void start(std::unique_ptr<SimulatedProcess>& process, bool is_backfill);
  bool go_on_until(Timestamp end);
  bool is_wrong() const { return !witness_.wrong.empty(); }
  bool is_rechecked_since(Timestamp when) const;
  Trouble some_trouble(seconds longest);
  Timestamp some_time() { return kStart + from_to(random_, 0s, troubled_); }
  std::uint64_t requests() const;

  void judge();
  void expect_progress();
  void expect_coverage();
  void expect_rows();
  void expect_polite_outage();

  Random random_;
  Witness witness_;
  Timeline timeline_;
  SimulatedTenant tenant_;
  SimulatedDatabase database_;
  World world_;
  ProcessOptions options_;
  seconds troubled_;  // how long faults go on
  seconds quiet_;     // how long none do, after
  std::vector<std::unique_ptr<SimulatedProcess>> daemons_;
  std::vector<std::unique_ptr<SimulatedProcess>> backfills_;
  std::optional<Trouble> outage_;                          // in which nothing answers and nothing else happens
};

History::History(std::uint64_t seed, const std::function<void(const std::string&)>& trace)
    : random_(seed),
      timeline_(simulator::scramble(seed, 1), kStart),
      database_(timeline_, witness_),
      world_{timeline_, tenant_, database_, witness_, {}, 100ms},
      troubled_(from_to(random_, 1h, 5h)),
      quiet_(kLeastQuiet) {
  if (trace) {
    witness_.trace = [this, trace](const std::string& what) { trace(to_rfc3339(timeline_.now()) + " " + what); };
  }
  make_options();
  make_clocks();
  make_rows();
  make_poison();
  make_troubles();
}

void History::make_options() {
  constexpr seconds kIntervals[] = {60s, 60s, 300s, 900s};
  options_.interval = kIntervals[random_.below(std::size(kIntervals))];
  options_.lookback = from_to(random_, 0s, 30min);
  if (random_.permille(500)) options_.start = kStart - from_to(random_, 1h, 3 * 24h);
  options_.widths.first = from_to(random_, 1s, 24h);
  options_.widths.target_rows = 20 + random_.below(200);
  options_.rechecks = {{random_.permille(700) ? 30min : 5h, kRecheckSpan}};
  world_.latency = std::chrono::milliseconds(random_.permille(800) ? 100 : random_.permille(700) ? 2000 : 10'000);
  options_.backfill.from = kStart - from_to(random_, 25h, 5 * 24h);
  options_.backfill.to = std::min(options_.backfill.from + from_to(random_, 1h, 5 * 24h), kStart - 1h);
  options_.workers = static_cast<int>(1 + random_.below(4));
  if (random_.permille(300)) tenant_.requests_a_minute = static_cast<std::int64_t>(10 + random_.below(60));
}

// Both clocks can be wrong, and set right or wrong at any time; at the end they stand as they will.
void History::make_clocks() {
  const auto wrong_by = [&]() -> microseconds {
    constexpr seconds kSizes[] = {2s, 60s, 1h, 3h};
    const seconds size = kSizes[random_.below(std::size(kSizes))];
    return from_to(random_, -size, size);
  };
  for (auto* clock : {&tenant_.clock, &world_.local_clock}) {
    if (!random_.permille(400)) continue;
    clock->emplace_back(kStart - 30 * 24h, wrong_by());
    for (std::uint64_t i = random_.below(3); i > 0; --i) clock->emplace_back(some_time(), wrong_by());
    std::sort(clock->begin(), clock->end());
  }
  // A local clock that is behind holds everything up, as it must; so it is right in the end.
  if (!world_.local_clock.empty()) world_.local_clock.emplace_back(kStart + troubled_, random_.permille(500) ? 0us : 1h);
  // Where a clock was ahead and is no more, what happens now is dated where all is covered, until that time has come.
  for (const auto* clock : {&tenant_.clock, &world_.local_clock}) {
    microseconds most{0};
    for (const auto& [from, offset] : *clock) most = std::max(most, offset);
    quiet_ += std::chrono::ceil<seconds>(most - (clock->empty() ? 0us : clock->back().second));
  }
  tenant_.sends_date = random_.permille(900);
  tenant_.fractions = random_.permille(150);
}

void History::make_rows() {
  const seconds past = 6 * 24h;
  const std::uint64_t count = 20 + random_.below(300);
  for (std::uint64_t i = 0; i < count; ++i) {
    Timestamp saved = random_.permille(500) ? Timestamp(kStart - from_to(random_, 0s, past)) : some_time();
    saved += microseconds(static_cast<std::int64_t>(random_.below(1'000'000)));
    Timestamp dated = tenant_.clock_at(saved);
    if (!tenant_.fractions) dated = std::chrono::floor<seconds>(dated);
    TenantRow row{{dated, static_cast<std::uint32_t>(random_.below(1000))}, saved};
    const Timestamp end = kStart + troubled_;
    if (random_.permille(100)) row.seen_from = std::min<Timestamp>(saved + from_to(random_, 0s, 2h), end);
    if (random_.permille(100)) row.seen_to = std::min<Timestamp>(row.seen_from + from_to(random_, 0s, 4h), end);
    const std::uint64_t alike = random_.permille(100) ? 1 + random_.below(4) : 1;
    for (std::uint64_t twin = 0; twin < alike; ++twin) tenant_.rows.push_back(row);
  }
  std::sort(tenant_.rows.begin(), tenant_.rows.end(),
            [](const TenantRow& a, const TenantRow& b) { return a.said < b.said; });
  if (random_.permille(200)) tenant_.max_rows = 3 + random_.below(30);
}

void History::make_poison() {
  if (!random_.permille(300)) return;
  for (std::uint64_t i = 1 + random_.below(3); i > 0; --i) {
    const Timestamp at = random_.permille(500) ? tenant_.rows[random_.below(tenant_.rows.size())].said.at : some_time();
    SimulatedTenant::Poison poison{random_.permille(700) ? Timestamp{} : some_time(), kNever};
    if (random_.permille(400)) poison.to = some_time();
    tenant_.poisoned[std::chrono::floor<seconds>(at)] = poison;
    if (random_.permille(200)) tenant_.poisoned[std::chrono::floor<seconds>(at) + 1s] = poison;
  }
}

Trouble History::some_trouble(seconds longest) {
  Trouble trouble;
  trouble.from = some_time();
  trouble.to = std::min<Timestamp>(trouble.from + from_to(random_, 0s, longest), kStart + troubled_);
  return trouble;
}

void History::make_troubles() {
  constexpr Failure kKinds[] = {Failure::unreachable, Failure::server_error, Failure::timeout, Failure::unauthorised,
                                Failure::broken_answer};
  for (std::uint64_t i = random_.below(4); i > 0; --i) {
    Trouble trouble = some_trouble(40min);
    trouble.permille = random_.permille(500) ? 1000 : random_.below(500);
    if (random_.permille(600)) trouble.as = kKinds[random_.below(std::size(kKinds))];
    tenant_.troubles.push_back(trouble);
  }
  for (std::uint64_t i = random_.below(4); i > 0; --i) {
    Trouble trouble = some_trouble(40min);
    trouble.permille = random_.permille(300) ? 1000 : random_.below(200);
    database_.troubles.push_back(trouble);
  }
  if (random_.permille(200)) tenant_.lies.push_back(some_trouble(30min));
  if (random_.permille(100)) {
    outage_ = Trouble{kStart + 20min, kStart + 50min, Failure::unreachable};
    tenant_.troubles = {*outage_};
    database_.troubles.clear();
    options_.interval = 60s;
  }
}

void History::start(std::unique_ptr<SimulatedProcess>& process, bool is_backfill) {
  if (is_backfill) {
    process = std::make_unique<SimulatedBackfill>(world_, options_);
  } else {
    process = std::make_unique<SimulatedDaemon>(world_, options_);
  }
  process->start();
}

void History::plan_death_of(std::unique_ptr<SimulatedProcess>& process, bool is_backfill, Timestamp at) {
  const auto pause = random_.permille(300) ? from_to(random_, 1s, 10min) : 0s;
  const auto away = random_.permille(500) ? 1s : from_to(random_, 0s, 20min);
  timeline_.call(at, [this, &process, is_backfill, pause, away] {
    if (process == nullptr) return;
    if (pause > 0s) return process->pause(pause);
    if (witness_.trace) witness_.trace(is_backfill ? "a backfill is killed" : "a daemon is killed");
    process.reset();
    timeline_.call(timeline_.now() + away, [this, &process, is_backfill] { start(process, is_backfill); });
  });
}

void History::plan_deaths() {
  for (auto& daemon : daemons_) {
    for (std::uint64_t i = outage_ ? 0 : random_.below(8); i > 0; --i) plan_death_of(daemon, false, some_time());
  }
  for (auto& backfill : backfills_) {
    const Timestamp begin = outage_ ? Timestamp(kStart) : some_time();
    timeline_.call(begin, [this, &backfill] { start(backfill, true); });
    for (std::uint64_t i = outage_ ? 0 : random_.below(4); i > 0; --i) {
      plan_death_of(backfill, true, std::min<Timestamp>(begin + from_to(random_, 0s, 5min), kStart + troubled_));
    }
  }
  for (std::uint64_t i = outage_ ? 0 : random_.below(6); i > 0; --i) {
    const std::uint64_t share = 200 + random_.below(801);
    timeline_.call(some_time(), [this, share] { database_.terminate(share); });
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

bool History::is_rechecked_since(Timestamp when) const {
  return std::any_of(daemons_.begin(), daemons_.end(), [&](const auto& process) {
    const auto* daemon = dynamic_cast<const SimulatedDaemon*>(process.get());
    return daemon != nullptr && daemon->recheck_done() && *daemon->recheck_done() >= when;
  });
}

Verdict History::run() {
  daemons_.resize(random_.permille(400) ? 2 : 1);
  backfills_.resize(random_.below(3));
  plan_deaths();
  for (auto& daemon : daemons_) start(daemon, false);
  const Timestamp quiet_from = kStart + troubled_ + 21min;  // the last that was killed is back
  const seconds clock_catches_up = quiet_ - kLeastQuiet;
  if (go_on_until(quiet_from + kGrace + clock_catches_up)) expect_progress();
  Timestamp end = quiet_from + quiet_;
  const Timestamp rechecked_from = quiet_from + clock_catches_up;
  while (go_on_until(end) && !is_rechecked_since(rechecked_from) && end < quiet_from + kLongestRecheck) end += 30min;
  witness_.expect(is_rechecked_since(rechecked_from), "progress", "no recheck comes to its end");
  if (!is_wrong()) judge();
  return {witness_.wrong, std::chrono::duration<double, std::ratio<86400>>(timeline_.now() - kStart).count(), requests(),
          static_cast<std::uint64_t>(database_.state.load_number)};
}

std::uint64_t History::requests() const {
  std::uint64_t sum = 0;
  for (const auto* processes : {&daemons_, &backfills_}) {
    for (const auto& process : *processes) sum += process ? process->requests().size() : 0;
  }
  return sum;
}

void History::judge() {
  expect_progress();
  expect_coverage();
  expect_rows();
  expect_polite_outage();
}

void History::expect_progress() {
  const Timestamp server = tenant_.sends_date ? tenant_.clock_at(timeline_.now()) : world_.local_now();
  const Timestamp settled = std::min(server, world_.local_now()) - options_.read.settle;
  const bool is_slow = world_.latency > 1s || tenant_.requests_a_minute > 0;
  const Timestamp due = settled - options_.interval - (is_slow ? kSlowPoll : kQuickPoll);
  const auto& watermark = database_.state.watermark;
  witness_.expect(watermark && *watermark >= due, "progress",
                  "the watermark is " + (watermark ? to_rfc3339(*watermark) : std::string("none")) + " and " +
                      to_rfc3339(due) + " is due");
  for (const auto& backfill : backfills_) {
    witness_.expect(backfill && backfill->is_over(), "progress", "a backfill does not end");
  }
}

// Everything is covered but what cannot be served.
void History::expect_coverage() {
  const StreamState& state = database_.state;
  Coverage loaded;
  for (const auto& [number, window] : database_.loads) loaded.add(window);
  witness_.expect(loaded == state.coverage, "coverage is what was loaded", "it is not");
  const auto from = options_.start ? options_.start : state.poll_from;
  std::vector<TimeWindow> due;
  if (from && state.watermark) due.push_back({*from, *state.watermark});
  if (!backfills_.empty()) due.push_back(options_.backfill);
  for (const TimeWindow& range : due) {
    for (const TimeWindow& gap : state.coverage.gaps(range)) {
      for (sys_seconds second = gap.from; second < gap.to && !is_wrong(); second += 1s) {
        const bool sick = tenant_.is_sick(second, timeline_.now());
        const bool before_sick = tenant_.fractions && tenant_.is_sick(second + 1s, timeline_.now());
        witness_.expect(sick || before_sick, "nothing lost", to_rfc3339(second) + " was never loaded");
      }
    }
  }
}

// What is covered holds what is served now.
void History::expect_rows() {
  std::multiset<Said> held;
  for (const auto& [id, row] : database_.rows) {
    if (!row.marked) held.insert(said_by(id));
  }
  for (const TimeWindow& window : database_.state.coverage.windows()) {
    const auto served = tenant_.served(window.from, window.to - microseconds(1), timeline_.now());
    std::multiset<Said> expected(served.begin(), served.end());
    std::multiset<Said> found(held.lower_bound(Said{window.from, 0}), held.lower_bound(Said{window.to, 0}));
    for (auto* rows : {&expected, &found}) {
      std::erase_if(*rows, [&](const Said& said) {
        const auto second = std::chrono::floor<seconds>(said.at);
        return tenant_.is_sick(second, timeline_.now()) ||
               (tenant_.fractions && tenant_.is_sick(second + 1s, timeline_.now()));
      });
    }
    if (expected == found) continue;
    std::vector<Said> missing, surplus;
    std::set_difference(expected.begin(), expected.end(), found.begin(), found.end(), std::back_inserter(missing));
    std::set_difference(found.begin(), found.end(), expected.begin(), expected.end(), std::back_inserter(surplus));
    witness_.expect(missing.empty(), "nothing lost", missing.empty() ? "" : to_rfc3339(missing[0].at) + " is missing");
    witness_.expect(surplus.empty(), "nothing twice", surplus.empty() ? "" : to_rfc3339(surplus[0].at) + " is too many");
  }
}

// One request a minute, and each process counts alone.
void History::expect_polite_outage() {
  if (!outage_) return;
  const Timestamp from = outage_->from + kBackoffRamp;
  const auto minutes = std::chrono::duration<double, std::ratio<60>>(outage_->to - from).count();
  for (const auto& daemon : daemons_) {
    if (!daemon) continue;
    const auto asked = std::count_if(daemon->requests().begin(), daemon->requests().end(),
                                     [&](Timestamp at) { return at >= from && at < outage_->to; });
    witness_.expect(static_cast<double>(asked) <= 1.1 * minutes + kBackoffSteps, "an outage sees no more requests than usual",
                    std::to_string(asked) + " in " + std::to_string(minutes) + " minutes");
  }
}

}  // namespace

Verdict live_through(std::uint64_t seed, const std::function<void(const std::string&)>& trace) {
  return History(seed, trace).run();
}

}  // namespace odetl::chaos

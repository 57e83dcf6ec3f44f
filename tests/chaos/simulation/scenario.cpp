#include "tests/chaos/simulation/scenario.hpp"

#include <algorithm>

namespace odetl::chaos {
namespace {

using namespace std::chrono_literals;

constexpr seconds kPast{6 * 86400};  // of conversations before the history
constexpr seconds kLeastQuiet{75 * 60};
constexpr seconds kLongestDatabaseTrouble{40 * 60};
constexpr std::uint64_t kLongestAmbush = 200;  // steps: a few windows

// A few long ones, many short ones.
seconds some_length(Random& random, seconds longest) { return from_to(random, 0s, longest / (1 << random.below(11))); }

class Making {
 public:
  Making(Random& random, World& world) : random_(random), world_(world), tenant_(world.tenant) {}
  Scenario make();

 private:
  void make_pace();
  void make_options();
  void make_clocks();
  void make_rechecks();
  void make_rows();
  void erase_many();
  void make_poison();
  void make_troubles();
  Timestamp time() { return some_time(random_, made_); }
  seconds paced(seconds span) const { return span * made_.pace; }

  Random& random_;
  World& world_;
  SimulatedTenant& tenant_;
  Scenario made_;
};

Scenario Making::make() {
  make_pace();
  make_options();
  make_clocks();
  make_rechecks();
  make_rows();
  make_poison();
  make_troubles();
  made_.daemons = random_.permille(400) ? 2 : 1;
  made_.backfills = random_.below(3);
  if (made_.backfills == 2 && !made_.outage && random_.permille(200)) made_.daemons = 0;
  return std::move(made_);
}

void Making::make_pace() {
  constexpr int kPaces[] = {1, 1, 4, 24, 96};
  const bool is_outage = random_.permille(100);
  made_.pace = is_outage ? 1 : kPaces[random_.below(std::size(kPaces))];
  made_.troubled = paced(from_to(random_, 1h, 5h));
  if (is_outage) made_.outage = Trouble{kStart + 20min, kStart + 50min, Failure::unreachable};
}

void Making::make_options() {
  constexpr seconds kIntervals[] = {60s, 60s, 300s, 900s};
  ProcessOptions& options = made_.options;
  options.interval = made_.outage ? 60s : paced(kIntervals[random_.below(std::size(kIntervals))]);
  options.lookback = paced(from_to(random_, 0s, 30min));
  if (random_.permille(500)) options.start = kStart - from_to(random_, 1h, 3 * 24h);
  options.widths.first = from_to(random_, 1s, 24h);
  options.widths.target_rows = 20 + random_.below(200);
  world_.latency = std::chrono::milliseconds(random_.permille(800) ? 100 : random_.permille(700) ? 2000 : 10'000);
  options.backfill.from = kStart - from_to(random_, 25h, 5 * 24h);
  options.backfill.to = std::min(options.backfill.from + from_to(random_, 1h, 5 * 24h), kStart - 1h);
  if (random_.permille(250)) options.backfill.to = kStart + from_to(random_, 0s, made_.troubled / 2);  // not settled yet
  if (random_.permille(500)) {
    const auto windows = static_cast<std::int64_t>(2 + random_.below(60));
    options.backfill_window = (options.backfill.to - options.backfill.from) / windows + 1s;
  }
  options.reload = random_.permille(300);
  options.workers = static_cast<int>(1 + random_.below(4));
  if (random_.permille(300)) tenant_.requests_a_minute = static_cast<std::int64_t>(10 + random_.below(60));
}

// Both clocks can be wrong, and set right or wrong at any time; at the end they stand as they will.
void Making::make_clocks() {
  const auto wrong_by = [&]() -> microseconds {
    constexpr seconds kSizes[] = {2s, 60s, 1h, 3h};
    seconds size = kSizes[random_.below(std::size(kSizes))];
    if (random_.permille(500)) size = paced(size);
    return from_to(random_, -size, size);
  };
  for (auto* clock : {&tenant_.clock, &world_.local_clock}) {
    if (!random_.permille(400)) continue;
    clock->emplace_back(kStart - 30 * 24h, wrong_by());
    for (std::uint64_t i = random_.below(3); i > 0; --i) clock->emplace_back(time(), wrong_by());
    std::sort(clock->begin(), clock->end());
  }
  // A local clock that is behind holds everything up, as it must; so it is right in the end.
  if (!world_.local_clock.empty()) {
    world_.local_clock.emplace_back(made_.end_of_trouble(), random_.permille(500) ? 0us : 1h);
  }
  // Where a clock was ahead and is no more, what happens now is dated where all is covered, until that time has come.
  for (const auto* clock : {&tenant_.clock, &world_.local_clock}) {
    microseconds most{0};
    for (const auto& [from, offset] : *clock) most = std::max(most, offset);
    made_.clock_catches_up += std::chrono::ceil<seconds>(most - (clock->empty() ? 0us : clock->back().second));
  }
  tenant_.sends_date = random_.permille(900);
  tenant_.fractions = random_.permille(150);
}

// They reach back to the first conversation, even from the end.
void Making::make_rechecks() {
  const seconds every = paced(random_.permille(700) ? 30min : 5h);
  made_.quiet = std::max(kLeastQuiet, 3 * made_.options.interval) + made_.clock_catches_up;
  const seconds history = made_.troubled + made_.quiet + 2 * every;
  made_.options.rechecks = {{every, kPast + 24h + history + paced(3h)}};
}

void Making::make_rows() {
  const Timestamp end = made_.end_of_trouble();
  const std::uint64_t count = 20 + random_.below(300);
  for (std::uint64_t i = 0; i < count; ++i) {
    Timestamp saved = random_.permille(500) ? Timestamp(kStart - from_to(random_, 0s, kPast)) : time();
    saved += microseconds(static_cast<std::int64_t>(random_.below(1'000'000)));
    Timestamp dated = tenant_.clock_at(saved);
    if (!tenant_.fractions) dated = std::chrono::floor<seconds>(dated);
    TenantRow row{{dated, static_cast<std::uint32_t>(random_.below(1000))}, saved};
    if (random_.permille(100)) row.seen_from = std::min<Timestamp>(saved + paced(from_to(random_, 0s, 2h)), end);
    if (random_.permille(100)) row.seen_to = std::min<Timestamp>(row.seen_from + paced(from_to(random_, 0s, 4h)), end);
    const std::uint64_t alike = random_.permille(100) ? 1 + random_.below(4) : 1;
    for (std::uint64_t twin = 0; twin < alike; ++twin) tenant_.rows.push_back(row);
  }
  std::sort(tenant_.rows.begin(), tenant_.rows.end(),
            [](const TenantRow& a, const TenantRow& b) { return a.said < b.said; });
  if (random_.permille(150)) erase_many();
  if (random_.permille(200)) tenant_.max_rows = 3 + random_.below(30);
}

// What was said in some time is gone all at once, as when a tenant takes a scenario away.
void Making::erase_many() {
  const Timestamp when = time();
  const Timestamp from = kStart - from_to(random_, 0s, kPast);
  const Timestamp to = from + from_to(random_, 1h, kPast);
  for (TenantRow& row : tenant_.rows) {
    if (from <= row.said.at && row.said.at < to) row.seen_to = std::min(row.seen_to, when);
  }
}

void Making::make_poison() {
  if (!random_.permille(300)) return;
  for (std::uint64_t i = 1 + random_.below(3); i > 0; --i) {
    const Timestamp at = random_.permille(500) ? tenant_.rows[random_.below(tenant_.rows.size())].said.at : time();
    SimulatedTenant::Poison poison{random_.permille(700) ? Timestamp{} : time(), kNever};
    if (random_.permille(400)) poison.to = time();
    tenant_.poisoned[std::chrono::floor<seconds>(at)] = poison;
    if (random_.permille(200)) tenant_.poisoned[std::chrono::floor<seconds>(at) + 1s] = poison;
  }
}

void Making::make_troubles() {
  constexpr Failure kKinds[] = {Failure::unreachable, Failure::server_error, Failure::timeout, Failure::unauthorised,
                                Failure::broken_answer};
  if (made_.outage) {
    tenant_.troubles = {*made_.outage};
    return;
  }
  const seconds longest = std::min<seconds>(paced(40min), 24h);
  for (std::uint64_t i = random_.below(4); i > 0; --i) {
    Strike& strike = made_.of_the_api.emplace_back();
    strike = {some_moment(random_, made_), some_length(random_, longest), {}};
    strike.trouble.permille = random_.permille(500) ? 1000 : random_.below(500);
    if (random_.permille(600)) strike.trouble.as = kKinds[random_.below(std::size(kKinds))];
  }
  for (std::uint64_t i = random_.below(4); i > 0; --i) {
    Strike& strike = made_.of_the_database.emplace_back();
    strike = {some_moment(random_, made_), some_length(random_, kLongestDatabaseTrouble), {}};
    strike.trouble.permille = random_.permille(300) ? 1000 : random_.below(200);
  }
  for (std::uint64_t i = random_.permille(300) ? 1 + random_.below(2) : 0; i > 0; --i) {
    Strike& lie = made_.lies.emplace_back();
    lie = {some_moment(random_, made_), some_length(random_, paced(2h)), {}};
    lie.trouble.permille = random_.permille(400) ? 1000 : random_.below(1000);
  }
}

}  // namespace

seconds from_to(Random& random, seconds least, seconds most) {
  return least + seconds(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>((most - least).count()) + 1)));
}

Timestamp some_time(Random& random, const Scenario& scenario) { return kStart + from_to(random, 0s, scenario.troubled); }

Moment some_moment(Random& random, const Scenario& scenario) {
  Moment moment{some_time(random, scenario)};
  if (random.permille(500)) moment.steps = 1 + random.below(kLongestAmbush);
  return moment;
}

Scenario make_scenario(Random& random, World& world) { return Making(random, world).make(); }

}  // namespace odetl::chaos

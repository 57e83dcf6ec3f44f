#include "tests/chaos/simulation/oracle.hpp"

#include <algorithm>

namespace odetl::chaos {
namespace {

using namespace std::chrono_literals;

constexpr seconds kGrace{1800};
constexpr seconds kSlowGrace{3 * 3600};  // of a server that takes 15 s for a few rows, and dies of more
constexpr seconds kQuickPoll{60};    // what a poll may take
constexpr seconds kSlowPoll{3600};   // and where each request takes 15 s, poisoned seconds some of them, or there may be ten a minute
constexpr seconds kBackoffRamp{180};  // of an outage, before its requests come at their usual pace
constexpr int kBackoffSteps = 12;    // which they do later where nothing was to be asked for at its beginning

}  // namespace

seconds Oracle::grace() const {
  const bool serves_little = is_slow() && world_.tenant.max_rows;
  return std::max(serves_little ? kSlowGrace : kGrace, 2 * scenario_.options.interval);
}

bool Oracle::is_slow() const { return world_.latency > 1s || world_.tenant.requests_a_minute > 0; }

void Oracle::expect_all() const {
  expect_progress();
  expect_coverage();
  if (!daemons_.empty()) expect_rows();
  expect_polite_outage();
}

void Oracle::expect_progress() const {
  for (const auto& backfill : backfills_) {
    world_.witness.expect(backfill && backfill->is_over(), "progress", "a backfill does not end");
  }
  if (!daemons_.empty()) expect_watermark();
}

void Oracle::expect_watermark() const {
  const SimulatedTenant& tenant = world_.tenant;
  const ProcessOptions& options = scenario_.options;
  const Timestamp server = tenant.sends_date ? tenant.clock_at(world_.timeline.now()) : world_.local_now();
  const Timestamp settled = std::min(server, world_.local_now()) - options.read.settle;
  const Timestamp due = settled - options.interval - (is_slow() ? kSlowPoll : kQuickPoll);
  const auto& watermark = world_.database.state.watermark;
  world_.witness.expect(watermark && *watermark >= due, "progress", [&] {
    return "the watermark is " + (watermark ? to_rfc3339(*watermark) : std::string("none")) + " and " + to_rfc3339(due) +
           " is due";
  });
}

// Where fractions are kept, the second before a sick one cannot be asked for without it.
bool Oracle::cannot_be_served(sys_seconds second) const {
  const Timestamp now = world_.timeline.now();
  return world_.tenant.is_sick(second, now) || (world_.tenant.fractions && world_.tenant.is_sick(second + 1s, now));
}

// Everything is covered but what cannot be served. What could not be and can be now is for a recheck to find out.
void Oracle::expect_coverage() const {
  const StreamState& state = world_.database.state;
  Coverage loaded;
  for (const auto& [number, window] : world_.database.loads) loaded.add(window);
  world_.witness.expect(loaded == state.coverage, "coverage is what was loaded", "it is not");
  const auto from = scenario_.options.start ? scenario_.options.start : state.poll_from;
  if (!daemons_.empty() && from && state.watermark) expect_covered({*from, *state.watermark});
  if (!backfills_.empty()) expect_covered(scenario_.options.backfill);
}

void Oracle::expect_covered(const TimeWindow& range) const {
  for (const TimeWindow& gap : world_.database.state.coverage.gaps(range)) {
    for (sys_seconds second = gap.from; second < gap.to && world_.witness.wrong.empty(); second += 1s) {
      const bool awaits_recheck = daemons_.empty() && world_.database.state.poisoned.contains({second, second + 1s});
      world_.witness.expect(awaits_recheck || cannot_be_served(second), "nothing lost",
                            [&] { return to_rfc3339(second) + " was never loaded"; });
    }
  }
}

// What is covered holds what is served now.
void Oracle::expect_rows() const {
  std::vector<Said> held;  // in the order of their ids, which is theirs
  for (const auto& [id, row] : world_.database.rows) {
    if (!row.marked) held.push_back(said_by(id));
  }
  for (const TimeWindow& window : world_.database.state.coverage.windows()) expect_rows_of(window, held);
}

void Oracle::expect_rows_of(const TimeWindow& window, const std::vector<Said>& held) const {
  const auto first = [&](sys_seconds at) { return std::lower_bound(held.begin(), held.end(), Said{at, 0}); };
  std::vector<Said> found(first(window.from), first(window.to));
  std::vector<Said> expected = world_.tenant.served(window.from, window.to - microseconds(1), world_.timeline.now());
  for (auto* rows : {&expected, &found}) {
    std::erase_if(*rows, [&](const Said& said) { return cannot_be_served(std::chrono::floor<seconds>(said.at)); });
  }
  if (expected == found) return;
  std::vector<Said> missing, surplus;
  std::set_difference(expected.begin(), expected.end(), found.begin(), found.end(), std::back_inserter(missing));
  std::set_difference(found.begin(), found.end(), expected.begin(), expected.end(), std::back_inserter(surplus));
  world_.witness.expect(missing.empty(), "nothing lost", [&] { return to_rfc3339(missing[0].at) + " is missing"; });
  world_.witness.expect(surplus.empty(), "nothing twice", [&] { return to_rfc3339(surplus[0].at) + " is too many"; });
}

// One request a minute, and each process counts alone.
void Oracle::expect_polite_outage() const {
  if (!scenario_.outage) return;
  const Timestamp from = scenario_.outage->from + kBackoffRamp;
  const Timestamp to = scenario_.outage->to;
  const auto minutes = std::chrono::duration<double, std::ratio<60>>(to - from).count();
  for (const auto& daemon : daemons_) {
    if (!daemon) continue;
    const auto asked = std::count_if(daemon->requests().begin(), daemon->requests().end(),
                                     [&](Timestamp at) { return at >= from && at < to; });
    world_.witness.expect(static_cast<double>(asked) <= 1.1 * minutes + kBackoffSteps,
                          "an outage sees no more requests than usual",
                          [&] { return std::to_string(asked) + " in " + std::to_string(minutes) + " minutes"; });
  }
}

}  // namespace odetl::chaos

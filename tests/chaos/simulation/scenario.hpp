#pragma once
#include "tests/chaos/simulation/simulated_process.hpp"

namespace odetl::chaos {

inline constexpr sys_seconds kStart{std::chrono::sys_days{std::chrono::year{2024} / 1 / 31}};

/// When something strikes: at a time, or (steps) in the midst of what is done from then on.
struct Moment {
  Timestamp from;
  std::uint64_t steps = 0;
};

/// A trouble that begins then and lasts so long. Its own times are not set yet.
struct Strike {
  Moment at;
  seconds length;
  Trouble trouble;
};

/// What a history is made of. Where its pace is 1, polls come every minute, or every fifteen, and troubles for some hours;
/// at a pace of 96 polls come every hour or every day, and troubles for weeks.
struct Scenario {
  int pace = 1;
  seconds troubled;  ///< how long faults go on
  seconds quiet;     ///< how long none do, after; longer where a clock was ahead
  seconds clock_catches_up{0};
  ProcessOptions options;
  std::size_t daemons = 1;  ///< with none, nobody comes to a backfill's aid, nor corrects what appears late
  std::size_t backfills = 0;
  std::vector<Strike> of_the_api, of_the_database, lies;
  std::optional<Trouble> outage;  ///< in which nothing answers and nothing else happens

  Timestamp end_of_trouble() const { return kStart + troubled; }
};

/// Of at least `least` and at most `most`.
seconds from_to(Random& random, seconds least, seconds most);
Timestamp some_time(Random& random, const Scenario& scenario);
/// Half of them in the midst of something: most of the time nothing is done.
Moment some_moment(Random& random, const Scenario& scenario);

/// Fills the tenant and the world, too.
Scenario make_scenario(Random& random, World& world);

}  // namespace odetl::chaos

#pragma once
#include <chrono>
#include <optional>

#include "etl/timestamp.hpp"

namespace odetl {

/// What the dates of answers tell of the server's clock. They are whole seconds, cut, and an answer is on its way for a
/// while: one alone leaves open more than a second. Of several, the one that came soonest after the clock had ticked
/// tells most of what it shows at least, and one that was asked for just before it ticked tells what it shows at the most.
/// Both hold for later ones, less and less. Pure: `steady` clocks never jump.
class ServerClock {
 public:
  using SteadyTime = std::chrono::steady_clock::time_point;

  /// An answer with this Date (or none) to a request that was on its way from `sent` to `received`. Answers what the
  /// server's clock showed at least when the request was sent, and never more than `date`, so that a clock that was set back
  /// counts at once; nothing where no answer has told yet.
  std::optional<Timestamp> observed(std::optional<sys_seconds> date, SteadyTime sent, SteadyTime received);

  /// What it shows at least; none before any answer. Two clocks part by less than 0.1 ms a second; where one is set or slewed
  /// faster than that, the dates of answers tell.
  std::optional<Timestamp> at_least(SteadyTime when) const;

  /// The moment within half a second of `due` at which another second has just begun on the earlier of the server's clock
  /// and the local one, which shows `local` when it is due: what is asked for then is as new as can be. Where too little is
  /// known of the server's clock, an answer to what is asked for then halves it.
  SteadyTime tick(SteadyTime due, Timestamp local) const;

 private:
  // What the clock showed at least, or at the most, at a moment.
  struct Bound {
    sys_seconds date;
    SteadyTime at;
  };
  enum class Drift { slow = -1, fast = 1 };
  static Timestamp later(const Bound& bound, SteadyTime when, Drift drift);

  std::optional<Bound> least_;  // either both are known, or none
  std::optional<Bound> most_;
};

}  // namespace odetl

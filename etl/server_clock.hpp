#pragma once
#include <chrono>
#include <optional>

#include "etl/timestamp.hpp"

namespace odetl {

/// What the dates of answers tell of the server's clock. They are whole seconds, cut, and an answer is on its way for a
/// while: one alone leaves open more than a second. Of several, the one that came soonest after the clock had ticked
/// tells most, and holds for later ones. Pure: `steady` clocks never jump.
class ServerClock {
 public:
  using Steady = std::chrono::steady_clock::time_point;

  /// An answer with this Date to a request that was on its way from `sent` to `received`. Answers what the server's clock
  /// showed at least when the request was sent, and never more than `date`, so that a clock that was set back counts at
  /// once.
  Timestamp observed(sys_seconds date, Steady sent, Steady received);

  /// What it shows at least; none before any answer. Two clocks part by less than 1 ms a second.
  std::optional<Timestamp> at_least(Steady when) const;

 private:
  std::optional<sys_seconds> date_;  // of the answer that tells most
  Steady received_{};
};

}  // namespace odetl

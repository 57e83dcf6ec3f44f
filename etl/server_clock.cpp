#include "etl/server_clock.hpp"

#include <algorithm>

namespace odetl {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

constexpr int kDrift = 10'000;       // two clocks that are kept part by less than one in so many
constexpr auto kTooUncertain = 400ms;
constexpr auto kAfterTick = 1ms;

microseconds since(ServerClock::SteadyTime begin, ServerClock::SteadyTime when) {
  return std::chrono::floor<microseconds>(when - begin);
}

}  // namespace

Timestamp ServerClock::later(const Bound& least, SteadyTime when) {
  const microseconds passed = since(least.at, when);
  return least.date + passed - std::chrono::abs(passed) / kDrift;
}

Timestamp ServerClock::later_at_most(const Bound& most, SteadyTime when) {
  const microseconds passed = since(most.at, when);
  return most.date + passed + std::chrono::abs(passed) / kDrift;
}

Timestamp ServerClock::observed(sys_seconds date, SteadyTime sent, SteadyTime received) {
  const Bound least{date, received};
  const Bound most{date + 1s, sent};
  // Against what was known, the clock was set back; of an answer that was long on its way, two seconds tell that.
  const bool is_less = least_ && (later(*least_, sent) >= most.date || later(*least_, received) >= date + 2s);
  const bool is_more = most_ && later_at_most(*most_, received) < date;
  if (!least_ || is_less || later(*least_, received) <= date) least_ = least;
  if (!most_ || is_more || later_at_most(*most_, sent) >= most.date) most_ = most;
  // The date may have been written at the very end.
  return std::min<Timestamp>({later(*least_, sent), date, most.date - since(sent, received)});
}

std::optional<Timestamp> ServerClock::at_least(SteadyTime when) const {
  return least_ ? std::optional(later(*least_, when)) : std::nullopt;
}

ServerClock::SteadyTime ServerClock::tick(SteadyTime due, Timestamp local) const {
  Timestamp shown = local;
  if (const auto on_server = at_least(due); on_server && *on_server < local) {
    const microseconds uncertain = later_at_most(*most_, due) - *on_server;
    shown = uncertain > kTooUncertain ? *on_server + uncertain / 2 : *on_server;
  }
  const microseconds old = shown - std::chrono::floor<std::chrono::seconds>(shown);
  return due - old + (old < 500ms ? 0s : 1s) + kAfterTick;
}

}  // namespace odetl

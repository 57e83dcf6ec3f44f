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

Timestamp ServerClock::later(const Bound& bound, SteadyTime when, Drift drift) {
  const microseconds passed = since(bound.at, when);
  return bound.date + passed + static_cast<int>(drift) * (std::chrono::abs(passed) / kDrift);
}

std::optional<Timestamp> ServerClock::observed(std::optional<sys_seconds> date, SteadyTime sent, SteadyTime received) {
  if (!date) return at_least(sent);
  const Bound least{*date, received};
  const Bound most{*date + 1s, sent};
  // Against what was known, the clock was set back; of an answer that was long on its way, two seconds tell that.
  const bool is_less = least_ && (*at_least(sent) >= most.date || *at_least(received) >= *date + 2s);
  const bool is_more = most_ && later(*most_, received, Drift::fast) < *date;
  if (!least_ || is_less || *at_least(received) <= *date) least_ = least;
  if (!most_ || is_more || later(*most_, sent, Drift::fast) >= most.date) most_ = most;
  // The date may have been written at the very end.
  return std::min<Timestamp>({*at_least(sent), *date, most.date - since(sent, received)});
}

std::optional<Timestamp> ServerClock::at_least(SteadyTime when) const {
  return least_ ? std::optional(later(*least_, when, Drift::slow)) : std::nullopt;
}

ServerClock::SteadyTime ServerClock::tick(SteadyTime due, Timestamp local) const {
  Timestamp shown = local;
  if (const auto on_server = at_least(due); on_server && *on_server < local) {
    const microseconds uncertain = later(*most_, due, Drift::fast) - *on_server;
    shown = uncertain > kTooUncertain ? *on_server + uncertain / 2 : *on_server;
  }
  const microseconds old = shown - std::chrono::floor<std::chrono::seconds>(shown);
  return due - old + (old < 500ms ? 0s : 1s) + kAfterTick;
}

}  // namespace odetl

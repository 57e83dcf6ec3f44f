#include "etl/server_clock.hpp"

#include <algorithm>

namespace odetl {
namespace {

using namespace std::chrono_literals;

constexpr int kDrift = 1000;  // a clock may be slow by one part in so many: twice what NTP corrects at most

}  // namespace

Timestamp ServerClock::observed(sys_seconds date, Steady sent, Steady received) {
  const bool tells_more = !date_ || *at_least(received) <= date;
  const bool was_set_back = date_ && *at_least(sent) >= date + 1s;
  if (tells_more || was_set_back) {
    date_ = date;
    received_ = received;
  }
  return std::min<Timestamp>(*at_least(sent), date);
}

std::optional<Timestamp> ServerClock::at_least(Steady when) const {
  if (!date_) return std::nullopt;
  const auto since = std::chrono::floor<std::chrono::microseconds>(when - received_);
  return *date_ + since - std::chrono::abs(since) / kDrift;
}

}  // namespace odetl

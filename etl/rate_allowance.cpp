#include "etl/rate_allowance.hpp"

#include <algorithm>

namespace odetl {
namespace {

using std::chrono::seconds;
using Duration = RateAllowance::Clock::duration;

constexpr std::chrono::minutes kMinute{1};
constexpr double kMostReserved = 0.9;
/// Answers to parallel requests overtake one another, so the remainder can rise a little within a minute.
constexpr std::int64_t kRisePart = 10;

}  // namespace

RateAllowance::RateAllowance(int configured, double reserved_share)
    : configured_(configured), reserved_share_(std::clamp(reserved_share, 0.0, kMostReserved)) {}

void RateAllowance::sent(Clock::time_point now) {
  if (!minute_ends_ || now >= *minute_ends_) begin_minute(now);
  if (left_) --*left_;
  if (configured_ <= 0) return;
  const std::chrono::duration<double> spacing = std::chrono::minutes{1} / (configured_ * (1 - reserved_share_));
  next_slot_ = now + std::chrono::duration_cast<Duration>(spacing);
}

void RateAllowance::not_sent(Clock::time_point now) {
  if (left_) ++*left_;
  if (next_slot_) next_slot_ = now;
}

void RateAllowance::observed(const RateLimit& announced, Clock::time_point now,
                             std::optional<sys_seconds> server_date) {
  if (announced.limit && *announced.limit > 0) limit_ = announced.limit;
  if (announced.remaining) {
    const std::int64_t usual_rise = limit_.value_or(0) / kRisePart;
    if (remaining_ && *announced.remaining - *remaining_ > usual_rise) begin_minute(now);
    remaining_ = left_ = announced.remaining;
  }
  if (announced.reset && server_date) {
    minute_ends_ = now + std::clamp(*announced.reset - *server_date, seconds{0}, seconds{kMinute});
  }
}

RateAllowance::Clock::duration RateAllowance::delay(Clock::time_point now) const {
  Duration wait = Duration::zero();
  if (next_slot_) wait = *next_slot_ - now;
  if (is_used_up() && minute_ends_) wait = std::max(wait, *minute_ends_ - now);
  return std::clamp<Duration>(wait, Duration::zero(), kMinute);
}

void RateAllowance::begin_minute(Clock::time_point now) {
  minute_ends_ = now + kMinute;
  left_ = limit_;
}

bool RateAllowance::is_used_up() const {
  return left_ && static_cast<double>(*left_) <= reserved_share_ * static_cast<double>(limit_.value_or(0));
}

}  // namespace odetl

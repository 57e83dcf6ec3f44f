#pragma once
#include <chrono>
#include <optional>

#include "etl/api_client.hpp"

namespace odetl {

/// When the next request may be sent, so that the server's throttle is not hit and a live poll is never starved by
/// a backfill. Pure: instants come in as arguments. Known servers count 60 requests a minute for an address, in
/// windows of one minute that begin with their first request, and announce limit and remainder with each answer.
/// Not thread-safe.
class RateAllowance {
 public:
  using Clock = std::chrono::steady_clock;

  /// `configured`: requests a minute (api.rate_limit), 0 to follow what the server announces.
  /// `reserved_share`: the part of the allowance left to others, 0 for a live poll, 1/3 for a backfill.
  RateAllowance(int configured, double reserved_share);

  /// A request is about to be sent at `now`.
  void sent(Clock::time_point now);
  /// It turned out not to be needed.
  void not_sent(Clock::time_point now);
  /// An answer announced this. Missing fields change nothing. The announced reset is a time of the server's
  /// clock, so it counts only together with the Date of the same answer.
  void observed(const RateLimit& announced, Clock::time_point now, std::optional<sys_seconds> server_date = {});

  /// How long to wait before the next request: zero when it may be sent at once, never more than a minute.
  Clock::duration delay(Clock::time_point now) const;

  /// The last announced remainder, for metrics.
  std::optional<std::int64_t> remaining() const { return remaining_; }

 private:
  void begin_minute(Clock::time_point now);
  bool is_used_up() const;

  int configured_;
  double reserved_share_;
  std::optional<std::int64_t> limit_;
  std::optional<std::int64_t> remaining_;         ///< as last announced
  std::optional<std::int64_t> left_;              ///< the same, less what was sent since
  std::optional<Clock::time_point> minute_ends_;  ///< when the server starts to count anew, at the latest
  std::optional<Clock::time_point> next_slot_;
};

}  // namespace odetl

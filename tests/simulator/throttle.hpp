#pragma once

#include <mutex>

#include "tests/simulator/calendar.hpp"

namespace odetl::simulator {

// The framework's limiter: a window of one minute opens with the first request, and so many requests pass in it.
// One window for all clients, as they all come from one address. Thread-safe.
class Throttle {
 public:
  explicit Throttle(unsigned per_minute) : limit_(per_minute) {}

  struct Verdict {
    bool passes = true;
    unsigned limit = 0;  // 0: no throttle, and no headers about it
    unsigned remaining = 0;
    std::chrono::seconds retry_after{0};
    Second reset{};
  };

  // Counts a request made at `now`, which is the simulator's own clock: a clock that stands still never lets a
  // window pass, and one set back opens a new window.
  Verdict count(Instant now) {
    const std::lock_guard lock(mutex_);
    if (limit_ == 0) return {};
    const Second second = std::chrono::floor<std::chrono::seconds>(now);
    if (second >= opened_ + kWindow || second < opened_) {
      opened_ = second;
      used_ = 0;
    }
    const Second reset = opened_ + kWindow;
    if (used_ >= limit_) return {.passes = false, .limit = limit_, .retry_after = reset - second, .reset = reset};
    ++used_;
    return {.passes = true, .limit = limit_, .remaining = limit_ - used_, .retry_after = {}, .reset = reset};
  }

  void set_limit(unsigned per_minute) {
    const std::lock_guard lock(mutex_);
    limit_ = per_minute;
  }

 private:
  static constexpr std::chrono::seconds kWindow{60};

  std::mutex mutex_;
  unsigned limit_;
  unsigned used_ = 0;
  Second opened_{};
};

}  // namespace odetl::simulator

#pragma once

#include <mutex>
#include <optional>

#include "tests/simulator/calendar.hpp"

namespace odetl::simulator {

// The application server's clock: the machine's, moved by an offset, or standing still at a set instant.
// Everything of the simulator that depends on the time of day reads it; waits do not. Thread-safe.
class Clock {
 public:
  Instant now() const {
    const std::lock_guard lock(mutex_);
    if (fixed_) return *fixed_;
    return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()) + offset_;
  }

  void move_by(std::chrono::microseconds offset) {
    const std::lock_guard lock(mutex_);
    fixed_.reset();
    offset_ = offset;
  }

  void stand_at(Instant instant) {
    const std::lock_guard lock(mutex_);
    fixed_ = instant;
  }

 private:
  mutable std::mutex mutex_;
  std::chrono::microseconds offset_{0};
  std::optional<Instant> fixed_;
};

}  // namespace odetl::simulator

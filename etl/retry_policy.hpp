#pragma once
#include <chrono>
#include <optional>

#include "etl/error.hpp"

namespace odetl {

/// All that decides what follows a failure.
struct FailedAttempt {
  Failure failure = Failure::unreachable;
  std::optional<std::chrono::seconds> retry_after;  ///< what the server asked for
  int attempts = 1;        ///< of this window, this one counted
  int conflicts = 0;       ///< of them with another loader
  int consecutive = 1;     ///< failures of any window since the last success, this one counted
  bool splittable = true;  ///< the window is wider than a second
  bool half = false;       ///< it is part of a window that failed before
};

enum class Action {
  again,    ///< the same window
  split,    ///< its two halves
  isolate,  ///< it cannot be made smaller: the planner finds out whether the server can ever serve it
  stop,     ///< no retry can help before a human acts
};

struct Decision {
  Action action;
  std::chrono::milliseconds wait;  ///< before anything is asked again
};

inline constexpr std::chrono::milliseconds kFirstBackoff{500};
inline constexpr std::chrono::milliseconds kApiBackoffCap{60'000};
inline constexpr std::chrono::milliseconds kDatabaseBackoffCap{1'000};
inline constexpr std::chrono::milliseconds kExhaustedBackoffCap{5'000};  ///< nothing tells when there is room again
inline constexpr std::chrono::milliseconds kFirstRetryCap{100};   ///< of a window that failed among answers
inline constexpr std::chrono::milliseconds kSplitBackoffCap{250};
inline constexpr std::chrono::milliseconds kConflictBackoff{20};  ///< times the number of conflicts
inline constexpr int kAttemptsBeforeSplit = 2;
inline constexpr int kMaxConflicts = 20;

/// The one place where retries are decided. `random` is uniform in [0, 1): waits have full jitter, that is between
/// nothing and a bound that doubles with each consecutive failure up to a cap; what the server asked for is a floor.
/// Once the bound has come to kApiBackoffCap, a wait is the last tenth of it: an outage sees one request a minute.
Decision decide(const FailedAttempt& attempt, double random);

/// The bound that jitter is drawn below.
std::chrono::milliseconds backoff_bound(int consecutive, std::chrono::milliseconds cap);

}  // namespace odetl

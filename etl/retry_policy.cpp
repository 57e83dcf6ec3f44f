#include "etl/retry_policy.hpp"

#include <algorithm>

namespace odetl {
namespace {

using std::chrono::milliseconds;

constexpr double kJitterAtApiCap = 0.1;

milliseconds share(milliseconds bound, double part) {
  return milliseconds(static_cast<milliseconds::rep>(static_cast<double>(bound.count()) * part));
}

Action smaller(const FailedAttempt& attempt) { return attempt.splittable ? Action::split : Action::isolate; }

}  // namespace

milliseconds backoff_bound(int consecutive, milliseconds cap) {
  const int doublings = std::clamp(consecutive - 1, 0, 20);
  return std::min(cap, kFirstBackoff * (1 << doublings));
}

Decision decide(const FailedAttempt& attempt, double random) {
  const auto after = [&](milliseconds cap) {
    const milliseconds bound = backoff_bound(attempt.consecutive, cap);
    return share(bound, bound == kApiBackoffCap ? 1.0 - kJitterAtApiCap * (1.0 - random) : random);
  };
  switch (attempt.failure) {
    case Failure::unreachable:
      return {Action::again, after(kApiBackoffCap)};
    case Failure::throttled:
      return {Action::again, std::max<milliseconds>(attempt.retry_after.value_or(std::chrono::seconds(0)),
                                                    after(kApiBackoffCap))};
    case Failure::server_error:
    case Failure::broken_answer:
      // One failure among answers is most often a window that was too much: little is waited for it.
      if (!attempt.half && attempt.attempts < kAttemptsBeforeSplit) {
        return {Action::again, after(attempt.consecutive == 1 ? kFirstRetryCap : kApiBackoffCap)};
      }
      return {smaller(attempt), attempt.consecutive <= kAttemptsBeforeSplit ? milliseconds(0) : after(kSplitBackoffCap)};
    case Failure::timeout:
    case Failure::too_large:
      return {smaller(attempt), milliseconds(0)};
    case Failure::db_unreachable:
    case Failure::db_retry:
      return {Action::again, after(kDatabaseBackoffCap)};
    case Failure::db_conflict:
      if (attempt.conflicts >= kMaxConflicts) return {Action::stop, milliseconds(0)};
      return {Action::again, share(kConflictBackoff * attempt.conflicts, random)};
    case Failure::db_exhausted:
      return {Action::again, after(kExhaustedBackoffCap)};
    case Failure::db_data:
      return {smaller(attempt), milliseconds(0)};
    case Failure::unauthorised:
    case Failure::refused:
    case Failure::db_denied:
    case Failure::db_schema:
    case Failure::not_leader:
      break;
  }
  return {Action::stop, milliseconds(0)};
}

}  // namespace odetl

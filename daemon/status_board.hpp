#pragma once
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "daemon/status.hpp"

namespace odetl {

/// The status for many readers: read from the warehouse by one of them at a time and shown to the others for a while,
/// so that however often it is asked for, the database works on it for no more than a twentieth of the time.
/// Thread-safe.
class StatusBoard {
 public:
  /// `read` may throw; then the last status stays, with the reason. `now`, `steady`: the clocks.
  StatusBoard(std::function<StatusFacts(Timestamp)> read, std::function<Timestamp()> now,
              std::function<std::chrono::steady_clock::time_point()> steady)
      : read_(std::move(read)), now_(std::move(now)), steady_(std::move(steady)) {}

  struct Reading {
    std::shared_ptr<const StatusFacts> status;  ///< null before it could be read
    Timestamp read_at{};                        ///< when that was
    std::optional<std::string> trouble;         ///< why it could not be read since
  };
  /// Waits only while nothing was ever read.
  Reading look();

 private:
  void renew(std::unique_lock<std::mutex>& lock);

  std::function<StatusFacts(Timestamp)> read_;
  std::function<Timestamp()> now_;
  std::function<std::chrono::steady_clock::time_point()> steady_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool being_read_ = false;
  std::optional<std::chrono::steady_clock::time_point> good_until_;
  Reading reading_;
};

}  // namespace odetl

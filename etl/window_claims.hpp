#pragma once
#include <cstdint>
#include <memory>
#include <optional>

#include "etl/database_session.hpp"
#include "etl/time_window.hpp"

namespace odetl {

/// Which of several processes, on any hosts, reads which window of a range that they share. Thread-safe.
class WindowClaims {
 public:
  virtual ~WindowClaims() = default;

  /// The window's first part that is neither covered nor claimed by another process, as much of it as is not wider than
  /// `widest`: this one's from now on, until it is covered or the process ends, however it ends. Nothing where there is none.
  /// Throws DatabaseError.
  virtual std::optional<TimeWindow> claim(const TimeWindow& window, std::chrono::seconds widest) = 0;

  /// From another thread: ends what claim() waits for.
  virtual void cancel() noexcept = 0;
};

/// `owner`: a random number that no other process has.
std::unique_ptr<WindowClaims> make_window_claims(DatabaseFactory connect, std::int64_t owner);

}  // namespace odetl

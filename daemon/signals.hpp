#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

#include "daemon/exit_code.hpp"

namespace odetl {

/// What signals ask of the process, turned into a stop token and a callback. Made once, in main(), before any other
/// thread: it blocks the signals, and threads inherit that.
///
/// SIGTERM, SIGINT  the first requests a stop; a second of either ends the process at once, exit code 128 + signal
/// SIGHUP           calls the reload callback; one that comes before there is a callback is kept for it
/// SIGPIPE, SIGXFSZ ignored: writes fail with EPIPE and EFBIG instead
/// SIGUSR1, SIGUSR2 ignored: they mean nothing here and must not end the process
///
/// All of this stays so after its end, when nothing listens any more: a late SIGTERM cannot spoil the exit code. A
/// child process inherits the mask and the ignored signals, so who starts one has to reset both.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  std::stop_token token() const;
  /// Called in the listening thread (one kept for it: at once, in the caller's), one call at a time. It must not throw
  /// nor take long, for no signal is heard meanwhile.
  void on_reload(std::function<void()> callback);

  /// From a stop to the end of a process that cannot end by itself, because it waits for something that never comes.
  static constexpr std::chrono::seconds kPatience{2};
  /// How such a process is ended; nothing: not at all.
  void end_with(std::optional<ExitCode> code);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// While it lives a stop takes no longer than StopSignals::kPatience: then the process ends with this code. To the database
/// that is a client that died: what it had in hand is rolled back.
class EndsInTime {
 public:
  EndsInTime(StopSignals& signals, ExitCode code) : signals_(signals) { signals_.end_with(code); }
  ~EndsInTime() { signals_.end_with(std::nullopt); }
  EndsInTime(const EndsInTime&) = delete;
  EndsInTime& operator=(const EndsInTime&) = delete;

 private:
  StopSignals& signals_;
};

}  // namespace odetl

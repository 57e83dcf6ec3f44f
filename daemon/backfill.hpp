#pragma once
#include <stop_token>

#include "daemon/command_line.hpp"
#include "daemon/metrics.hpp"
#include "daemon/telemetry.hpp"
#include "daemon/wiring.hpp"

namespace odetl {

/// Loads the range of `invocation`, less what is covered, with several workers, and prints a summary. Answers `no` when
/// seconds are left that the server cannot serve, `done` otherwise, also when `stop` was requested: what is loaded stays
/// loaded, and the same command goes on where it ended. Throws CommandError.
ExitCode backfill(Wiring& wiring, const Invocation& invocation, Metrics& metrics, Telemetry& telemetry,
                  const Surroundings& surroundings, std::stop_token stop);

}  // namespace odetl

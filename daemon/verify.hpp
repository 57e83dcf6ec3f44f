#pragma once
#include <stop_token>

#include "daemon/command_line.hpp"
#include "daemon/telemetry.hpp"
#include "daemon/wiring.hpp"

namespace odetl {

/// Reads the range of `invocation` from the API again and compares it with the warehouse, window by window; with `repair`
/// loads what differs. Prints each difference, up to a limit, and a summary. Answers `done` only when all of the range was
/// compared and is (now) equal, `no` where something differs or cannot be served. Throws CommandError, `temporary` when a
/// part of the range could not be compared yet.
ExitCode verify(Wiring& wiring, const Invocation& invocation, Telemetry& telemetry, const Surroundings& surroundings,
                std::stop_token stop);

}  // namespace odetl

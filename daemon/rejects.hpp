#pragma once
#include <stop_token>

#include "daemon/command_line.hpp"
#include "daemon/telemetry.hpp"
#include "daemon/wiring.hpp"

namespace odetl {

/// Prints the records in quarantine, a line each or as JSON, without what they say.
ExitCode list_rejects(const Wiring& wiring, const Invocation& invocation);

/// Reads the windows of the records in quarantine, or of those of `invocation`, again. Answers `no` when some are still
/// there. Throws CommandError.
ExitCode retry_rejects(Wiring& wiring, const Invocation& invocation, Telemetry& telemetry,
                       const Surroundings& surroundings, std::stop_token stop);

/// Deletes records from the quarantine, after asking on a terminal unless told so (`yes`). Throws CommandError.
ExitCode purge_rejects(const Wiring& wiring, const Invocation& invocation);

}  // namespace odetl

#pragma once
#include "daemon/command_line.hpp"
#include "daemon/signals.hpp"

namespace odetl {

/// Runs what the user asked for. Everything expected that goes wrong is told on standard error and becomes an exit code.
ExitCode execute(const Invocation& invocation, StopSignals& signals);

}  // namespace odetl

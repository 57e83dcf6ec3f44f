#pragma once
#include <stop_token>

#include "daemon/wiring.hpp"

namespace odetl {

/// Checks token, API, clock and database, one line each on standard output: `ok` and what was found, or `FAIL`, what is
/// wrong and what to do. Answers the exit code of the first failure. `offline`: connects to nothing.
ExitCode check(Wiring& wiring, bool offline, const Surroundings& surroundings, std::stop_token stop);

}  // namespace odetl

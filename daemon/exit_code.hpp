#pragma once
#include "etl/error.hpp"

namespace odetl {

/// What the process says when it ends, after sysexits.h.
enum class ExitCode {
  done = 0,
  no = 1,               ///< ran, but the answer is "no"
  usage = 64,
  unavailable = 69,     ///< API or database unreachable
  internal = 70,
  temporary = 75,       ///< retry later
  permission = 77,      ///< authentication or permission refused
  configuration = 78,
};

/// How a one-shot command ends that this failure stopped.
constexpr ExitCode exit_code_of(Failure failure) {
  switch (failure) {
    case Failure::unreachable:
    case Failure::db_unreachable: return ExitCode::unavailable;
    case Failure::unauthorised:
    case Failure::db_denied: return ExitCode::permission;
    case Failure::refused:
    case Failure::db_schema: return ExitCode::configuration;
    case Failure::throttled:
    case Failure::server_error:
    case Failure::broken_answer:
    case Failure::timeout:
    case Failure::too_large:
    case Failure::db_retry:
    case Failure::db_conflict:
    case Failure::db_exhausted:
    case Failure::not_leader: return ExitCode::temporary;
    case Failure::db_data: break;
  }
  return ExitCode::internal;
}

}  // namespace odetl

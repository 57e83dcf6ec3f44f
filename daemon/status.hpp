#pragma once
#include <string>

#include "daemon/wiring.hpp"

namespace odetl {

/// What `status` and `/status.json` tell.
struct StatusFacts {
  StreamState state;
  std::chrono::seconds lag{0};               ///< now less the watermark
  bool leader = false;                       ///< some process polls
  std::optional<std::string> last_success;   ///< when a window was last loaded, ISO 8601
  std::optional<std::string> last_error;
  std::optional<std::string> last_error_at;
  std::string windows = "[]";                ///< the latest rows of the ledger, a JSON list
  std::int64_t rejected = 0, users = 0, interactions = 0;
  std::int64_t vanished = 0;                 ///< interactions that one reading missed, too many at once to be believed
  bool interactions_estimated = false;       ///< too many to count at once
  std::optional<std::string> not_ready;      ///< why not, in words
  std::string psql;                          ///< how to reach the embedded PostgreSQL
};

/// Reads them from the warehouse. Throws DatabaseError.
StatusFacts read_status(const Wiring& wiring, Timestamp now);

std::string status_json(const StatusFacts& facts);
std::string status_text(const StatusFacts& facts);

}  // namespace odetl

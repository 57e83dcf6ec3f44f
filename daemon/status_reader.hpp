#pragma once
#include <stop_token>

#include "daemon/status.hpp"

namespace odetl {

/// Reads what `status` tells from the warehouse, in one short transaction that waits for nobody. Remembers how many
/// rows each day of the ledger has brought, so that reading again costs little. Not thread-safe.
class StatusReader {
 public:
  explicit StatusReader(const Wiring& wiring) : wiring_(wiring) {}

  /// Throws DatabaseError, also when it takes too long, and soon after `stop` is requested.
  StatusFacts read(Timestamp now, std::stop_token stop);

 private:
  void read_days(Database& database, StatusFacts& facts, Timestamp now);
  const RowsByDay& add_up_ledger(Database& database, std::int64_t load_number);

  const Wiring& wiring_;
  RowsByDay logged_;  ///< by loads up to…
  std::int64_t logged_up_to_ = 0;
};

}  // namespace odetl

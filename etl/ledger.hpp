#pragma once
#include <chrono>
#include <cstdint>
#include <optional>

#include "etl/database.hpp"
#include "etl/warehouse.hpp"

namespace odetl {

/// Writes a window's row of the ledger and answers how long its transaction took so far. `load_number`: of the load that
/// the row stands for; none where nothing was loaded.
std::chrono::milliseconds write_ledger(Database& db, const WindowReport& report,
                                       std::optional<std::int64_t> load_number);

/// Whether a load of any of the window was committed after load number `last`.
bool is_loaded_since(Database& db, const TimeWindow& window, std::int64_t last);

}  // namespace odetl

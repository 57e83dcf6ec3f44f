#pragma once
#include <string>

#include "daemon/status.hpp"

namespace odetl {

/// The calendar for a terminal: a line a month, a character a day, a legend below; of a long history the last months.
/// Empty without history.
std::string calendar_text(const Calendar& calendar, Marks marks);

}  // namespace odetl

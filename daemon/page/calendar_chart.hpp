#pragma once
#include <string>

#include "daemon/calendar.hpp"

namespace odetl::page {

/// A drawing a year, newest first: a row a month, a square a day, each telling in words what is known of it.
std::string calendar_chart(const Calendar& calendar);
/// What its squares mean.
std::string calendar_legend();

}  // namespace odetl::page

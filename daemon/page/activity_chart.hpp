#pragma once
#include <string>

#include "daemon/status.hpp"

namespace odetl::page {

/// The last kActivitySpan by minute: rows that were new, then a lane for every reason that windows were read for, with
/// a mark a minute as high as its longest window took, coloured by the worst outcome. Each mark tells itself in words.
std::string activity_chart(const std::vector<Activity>& activity, sys_seconds now);

}  // namespace odetl::page

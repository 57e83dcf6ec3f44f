#pragma once
#include <string>

namespace odetl {

/// The libraries that do the work and their versions, a line each.
std::string library_versions();

}  // namespace odetl

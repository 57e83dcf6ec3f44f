#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace odetl::bench {

/// What one process took from its start to its end.
struct Cost {
  double wall_s = 0;
  double cpu_s = 0;             ///< of user and system, children that it waited for included
  std::uint64_t peak_rss = 0;   ///< bytes
};

/// Runs `argv` to its end, its standard output thrown away. Throws std::runtime_error unless it exits with 0.
Cost timed(const std::vector<std::string>& argv);

}  // namespace odetl::bench

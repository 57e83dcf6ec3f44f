#pragma once
#include <sys/types.h>

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

/// Seconds of CPU that a running process has used so far, with those children that it has waited for.
double cpu_so_far(pid_t process);
/// Its resident memory now, in bytes.
double rss_now(pid_t process);

}  // namespace odetl::bench

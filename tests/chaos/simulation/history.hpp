#pragma once
#include <cstdint>
#include <functional>
#include <string>

namespace odetl::chaos {

/// What a history came to.
struct Verdict {
  std::string wrong;  ///< the guarantee that was broken and how; empty when all were kept
  int pace = 1;       ///< 1: polls came every minute, up to every 15; else so many times longer, as did all that befell it
  double days = 0;    ///< of virtual time
  std::uint64_t requests = 0;
  std::uint64_t loads = 0;
};

/// Makes a tenant, a database, daemons, backfills and all that befalls them from the seed, lets hours or weeks go by, then
/// quiet ones, and judges: at every commit and at the end. Does the same for the same seed. `trace` is told what happens.
Verdict live_through(std::uint64_t seed, const std::function<void(const std::string&)>& trace = {});

}  // namespace odetl::chaos

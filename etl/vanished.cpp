#include "etl/vanished.hpp"

#include <algorithm>

namespace odetl {

bool is_plausible(std::uint64_t vanished, std::uint64_t live) {
  return vanished <= kPlausiblyVanished || vanished * 2 <= live;
}

Vanished judge_vanished(const std::vector<Uuid>& gone, std::vector<Uuid> doubted_before, std::uint64_t live) {
  std::sort(doubted_before.begin(), doubted_before.end());
  Vanished vanished;
  for (const Uuid& id : gone) {
    const bool again = std::binary_search(doubted_before.begin(), doubted_before.end(), id);
    (again ? vanished.believed : vanished.doubted).push_back(id);
  }
  if (!is_plausible(vanished.doubted.size(), live)) return vanished;
  vanished.believed = gone;
  vanished.doubted.clear();
  return vanished;
}

}  // namespace odetl

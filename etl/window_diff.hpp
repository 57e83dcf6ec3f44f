#pragma once
#include <cstdint>
#include <vector>

#include "etl/interaction.hpp"

namespace odetl {

/// The interactions that the warehouse holds for a window, by id.
struct HeldIds {
  std::vector<Uuid> live;             ///< without extra
  std::vector<Uuid> live_with_extra;
  std::vector<Uuid> marked;           ///< seen not to be served any more
};

/// What a load has to change so that the warehouse holds what was served.
struct WindowDiff {
  std::vector<std::uint32_t> fresh;       ///< indexes of interactions that are not held
  std::vector<std::uint32_t> with_extra;  ///< indexes of held interactions of which either side has an extra
  std::vector<Uuid> revived;              ///< marked, and served again
  std::vector<Uuid> gone;                 ///< live, and not served
  std::uint64_t held = 0;                 ///< served and live
};

/// Pure. Fresh rows keep the order of the answer.
WindowDiff difference(const std::vector<Interaction>& served, const HeldIds& held);

}  // namespace odetl

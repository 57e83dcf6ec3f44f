#pragma once
#include <cstdint>
#include <vector>

#include "etl/interaction.hpp"

namespace odetl {

/// When more of a window's live interactions than this number, and than half of them, are no longer served, the answer is
/// not believed at once: people are erased one by one, but a server that answers `[]` by mistake erases all.
inline constexpr std::uint64_t kPlausiblyVanished = 20;
bool is_plausible(std::uint64_t vanished, std::uint64_t live);

/// The interactions that an answer no longer has.
struct Vanished {
  std::vector<Uuid> believed;  ///< plausible, or missed by an earlier reading as well
  std::vector<Uuid> doubted;   ///< too many at once: kept until a second reading misses them, too
};

/// `live`: the window's live interactions, those that are gone counted; `doubted_before`: what an earlier reading missed.
Vanished judge_vanished(const std::vector<Uuid>& gone, std::vector<Uuid> doubted_before, std::uint64_t live);

}  // namespace odetl

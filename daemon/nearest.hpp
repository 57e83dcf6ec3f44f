#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace odetl {

/// The candidate that was most likely meant: the least Damerau-Levenshtein distance, at most a third of
/// the word's length (at least 1, at most 3). Nothing when none is near.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace odetl

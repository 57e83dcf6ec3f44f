#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config.hpp"

namespace odetl {

/// Bytes; a larger file is refused.
inline constexpr std::size_t kLargestConfigFile = std::size_t{1} << 20;
/// So many lines of problems are shown; tabs beyond that are not looked for.
inline constexpr std::size_t kMostProblems = 100;

/// A node of the configuration file, free of the library that read it.
struct ConfigNode {
  enum class Kind {
    null,
    scalar,
    list,
    map,
    refused,  ///< an alias: reported when it was read, without a value
  };
  Kind kind = Kind::null;
  std::string text{};  ///< of a scalar, not yet expanded
  bool quoted = false;
  std::string where{};              ///< `FILE:LINE:COL` or `--set KEY`
  std::vector<ConfigNode> keys{};   ///< of a map, one for each item, in the order of the file
  std::vector<ConfigNode> items{};  ///< of a list or map
};

/// The YAML document `raw` as a tree, its places in `name`. Adds what it refuses to `problems`: what config.hpp
/// rules out, limits of size and depth, and syntax. Nothing when the document cannot be read to its end; a tree may
/// come with problems of anchors, aliases and tags. Does not look for keys that are given twice.
std::optional<ConfigNode> read_tree(std::string_view raw, const std::string& name,
                                    std::vector<ConfigProblem>& problems);

}  // namespace odetl

#include "daemon/nearest.hpp"

#include <algorithm>
#include <cctype>

#include "daemon/config_keys.hpp"

namespace odetl {
namespace {

constexpr std::size_t kLongestWord = 128;

/// Optimal string alignment: insert, delete, replace, or swap two neighbours, each for one.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + change});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string leaf(const std::string& path) { return path.substr(path.rfind('.') + 1); }

/// Paths of keys, and of sections, at or below `section`.
std::vector<std::string> paths_below(const std::string& section) {
  std::vector<std::string> paths;
  for (const KeyRow& each : key_rows()) {
    if (!each.key.path.starts_with(section.empty() ? "" : section + ".")) continue;
    paths.push_back(each.key.path);
    const std::string above = each.key.path.substr(0, each.key.path.find('.'));
    const bool fresh = std::find(paths.begin(), paths.end(), above) == paths.end();
    if (section.empty() && fresh) paths.push_back(above);
  }
  return paths;
}

/// The path whose last name is nearest to `name`.
std::optional<std::string> nearest_leaf(const std::string& name, const std::vector<std::string>& paths) {
  std::vector<std::string> leaves;
  for (const std::string& path : paths) leaves.push_back(leaf(path));
  const auto near = nearest(name, leaves);
  if (!near) return {};
  return paths[static_cast<std::size_t>(std::find(leaves.begin(), leaves.end(), *near) - leaves.begin())];
}

}  // namespace

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.empty() || word.size() > kLongestWord) return {};
  std::optional<std::string> best;
  std::size_t limit = std::clamp<std::size_t>(word.size() / 3, 1, 3) + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.empty() || candidate.size() > kLongestWord) continue;
    const std::size_t found = distance(word, candidate);
    if (found >= limit) continue;
    limit = found;
    best = candidate;
  }
  return best;
}

std::string accepted_keys(const std::string& section) {
  std::string keys;
  for (const std::string& path : paths_below(section)) {
    const bool top = path.find('.') == std::string::npos;
    if (top == section.empty()) keys += (keys.empty() ? "" : ", ") + leaf(path);
  }
  return keys;
}

std::string suggest_key(const std::string& section, const std::string& name) {
  const std::string word = lower(name);
  const auto everywhere = paths_below("");
  const bool known = std::find(everywhere.begin(), everywhere.end(), word) != everywhere.end();
  if (known && word == name) return "write " + leaf(name) + " below " + name.substr(0, name.find('.')) + ":";
  auto near = nearest_leaf(word, paths_below(section));
  if (!near) near = nearest(word, everywhere);
  if (!near) near = nearest_leaf(leaf(word), everywhere);
  return near ? "did you mean " + *near + "?" : accepted_keys(section) + " are accepted";
}

}  // namespace odetl

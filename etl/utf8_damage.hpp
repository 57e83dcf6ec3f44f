#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "etl/body.hpp"

namespace odetl {

/// The length of the valid UTF-8 sequence that `text` begins with; 0 when there is none. Not for empty texts.
std::size_t utf8_length(std::string_view text);

/// Where an answer is not UTF-8, so that only the records that hold the bad bytes need to be refused.
class Utf8Damage {
 public:
  void clear() { bad_.clear(); }
  bool empty() const { return bad_.empty(); }

  /// Replaces every byte that is not part of valid UTF-8 by `?` and remembers it. False when there are more than
  /// `kMaxBadBytes` of them: then this is no text at all.
  bool repair(Body& body);

  /// Whether the part of the body that `text` views held such bytes.
  bool touches(std::string_view text) const { return count(text) > 0; }
  std::size_t count(std::string_view text) const;

  /// `text`, a view into the body, with U+FFFD for every bad byte.
  std::string restored(std::string_view text) const;

  static constexpr std::size_t kMaxBadBytes = 100'000;

 private:
  std::vector<const char*> bad_;  // sorted
};

}  // namespace odetl

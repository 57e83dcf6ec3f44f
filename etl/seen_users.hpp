#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "etl/timestamp.hpp"

namespace odetl {

/// Users that a session wrote or found in windows of the past, and how old their profiles were at the most: for what is read
/// newest first, which meets the same users again and again with older profiles. Forgets one where another takes its place
/// (12 bytes each, 768 KiB in all); never says more than it was told, as far as 80 bits of a cryptographic hash tell users
/// apart.
class SeenUsers {
 public:
  struct Entry {
    std::uint64_t tag;
    std::uint32_t date;  // 1: no profile; 2: one from before 1970; else seconds since then, and 3
    std::uint16_t slot;
  };
  /// `observed_at`: the age of the profile; none where there is none.
  static Entry entry_of(std::string_view user_id, std::optional<Timestamp> observed_at);

  void add(const Entry& user);
  /// Whether the user was seen with a profile that is newer by a second at least or, where this has none, at all.
  bool has_newer(const Entry& user) const;
  void clear();

 private:
  std::vector<std::uint64_t> tags_;   // empty until the first is added
  std::vector<std::uint32_t> dates_;  // 0: nobody
};

}  // namespace odetl

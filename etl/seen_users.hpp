#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "etl/timestamp.hpp"

namespace odetl {

/// Users that the sessions of one backfill wrote or found in windows of the past, and how old their profiles were at the most:
/// for what is read newest first, which meets the same users again and again with older profiles. Forgets some where others
/// take their places (12 bytes each, 1.5 MiB in all); never says more than it was told, as far as 80 bits of a cryptographic
/// hash tell users apart. Thread-safe.
class SeenUsers {
 public:
  struct Entry {
    std::uint64_t tag;
    std::uint32_t date;  // 1: no profile; 2: one from before 1970; else seconds since then, and 3
    std::uint16_t place;
  };
  /// `observed_at`: the age of the profile; none where there is none.
  static Entry entry_of(std::string_view user_id, std::optional<Timestamp> observed_at);

  /// What a session has to show. It opens nothing once another session found another server, or the same one started anew.
  using Key = std::uint64_t;
  /// For a new session. `server_run`: see Database::server_run().
  Key key_for(std::string_view server_run);
  void forget();  ///< all of them

  void add(Key key, const Entry& user);
  /// Whether the user was seen with a profile that is newer by a second at least or, where this has none, at all.
  bool has_newer(Key key, const Entry& user) const;

 private:
  static constexpr std::size_t kPlaces = std::size_t{1} << std::numeric_limits<decltype(Entry::place)>::digits;
  static constexpr std::size_t kWays = 2;  // users at one place, the last added first
  struct Place {
    std::array<std::uint64_t, kWays> tags;
    std::array<std::uint32_t, kWays> dates;  // 0: nobody
  };

  mutable std::mutex mutex_;
  std::string server_run_;
  Key key_ = 0;
  std::vector<Place> places_;  // empty until the first is added
};

}  // namespace odetl

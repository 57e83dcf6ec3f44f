#pragma once
#include <compare>
#include <map>
#include <optional>
#include <vector>

#include "etl/api_client.hpp"
#include "etl/coverage.hpp"
#include "tests/chaos/simulation/timeline.hpp"

namespace odetl::chaos {

inline constexpr Timestamp kNever = Timestamp::max();

/// What was said: by whom and what, in one number. Equal ones in one instant are twins.
struct Said {
  Timestamp at;
  std::uint32_t what = 0;
  auto operator<=>(const Said&) const = default;
};

/// A row of the tenant, which can be seen only between two true instants: late ones, vanished ones.
struct TenantRow {
  Said said;
  Timestamp seen_from;
  Timestamp seen_to = kNever;
};

/// A true time in which requests fail so; none: they fail all ways.
struct Trouble {
  Timestamp from, to;
  std::optional<Failure> as;
  std::uint64_t permille = 1000;  ///< of the requests
  bool slow = false;              ///< each takes up to 30 s
};

/// What one request comes to.
struct Answer {
  std::optional<Failure> failure;
  std::optional<std::chrono::seconds> retry_after;
  std::vector<Said> rows;  ///< sorted
  Timestamp seen_at;       ///< the true time of the database's view it shows
  Timestamp server_clock;  ///< then
  Exchange exchange;
};

/// A tenant of the Interaction API as far as the core can tell one from another: inclusive bounds, a clock of its own, rows
/// that come late and vanish, seconds that cannot be served, answers too large, a throttle, and troubles by time.
struct SimulatedTenant {
  struct Poison {
    Timestamp from, to;  ///< true times
  };

  std::vector<TenantRow> rows;  ///< sorted by what was said
  bool fractions = false;       ///< dates have them
  bool sends_date = true;
  std::optional<std::size_t> max_rows;
  std::map<sys_seconds, Poison> poisoned;
  std::vector<Trouble> troubles;
  std::vector<Trouble> lies;  ///< times in which answers leave so many of the rows out
  std::vector<std::pair<Timestamp, microseconds>> clock;  ///< from when on it is wrong by how much; sorted
  std::int64_t requests_a_minute = 0;                     ///< 0: no throttle

  /// The server's own clock.
  Timestamp clock_at(Timestamp now) const;
  /// What can be seen of [from, to], sorted.
  std::vector<Said> served(Timestamp from, Timestamp to, Timestamp now) const;
  /// Whether the second cannot be served even alone.
  bool is_sick(sys_seconds second, Timestamp now) const;

  /// What a request comes to that the server begins to work on now.
  Answer answer(const AskedRange& asked, Timestamp now, Random& random);

 private:
  bool throttles(Timestamp now, Answer& answer);
  std::optional<Failure> trouble(Timestamp now, Random& random) const;
  void leave_out(Answer& answer, Timestamp now, Random& random) const;

  Timestamp minute_ends_{};
  std::int64_t asked_in_minute_ = 0;
};

}  // namespace odetl::chaos

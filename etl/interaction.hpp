#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "etl/time_window.hpp"

namespace odetl {

/// 16 bytes in network order.
using Uuid = std::array<std::uint8_t, 16>;

/// What the API says of one user in one answer. The text columns stand in the order of kProfileColumns.
inline constexpr std::array<std::string_view, 12> kProfileColumns = {
    "first_name", "last_name",        "email", "external_id", "platform", "ip_address",
    "country",    "browser_language", "os",    "browser",     "timezone", "selected_scenario"};

inline constexpr std::string_view kLostIdentity = "unknown:";

struct User {
  std::string_view user_id;
  /// What stands for the user in the ids of interactions: the user id, or kLostIdentity where the server lost it and only
  /// the profile, which is another one in another window, tells whose they are.
  std::string_view identity;
  /// The date of the message the profile was listed with; empty when no profile came (null, `[]`,
  /// `{}` or nothing but empty values), which then never replaces one that did.
  std::optional<Timestamp> observed_at;
  std::array<std::optional<std::string_view>, kProfileColumns.size()> columns;
  std::string_view custom;  ///< canonical JSON; empty for SQL NULL
  std::string_view extra;   ///< canonical JSON object of all keys without a column; empty for SQL NULL
  bool id_lost = false;     ///< the server sent a list in place of the id
};

/// One thing a user said.
struct Interaction {
  std::uint32_t user = 0;  ///< index into Batch::users
  std::int32_t occurrence = 0;
  Timestamp occurred_at;
  std::string_view type;
  std::optional<std::string_view> text;
  std::optional<std::string_view> value;        ///< lifted from `data` when scalar
  std::optional<std::string_view> callback_id;  ///< lifted from `data` when scalar
  std::string_view data;                        ///< canonical JSON; empty for SQL NULL
  std::string_view extra;                       ///< canonical JSON object; empty for SQL NULL
  Uuid id{};
};

/// A record that cannot be loaded, as it stood in the answer.
struct Reject {
  std::string_view user_id;
  std::string_view reason;
  std::string_view record;
  Uuid id{};
};

/// All that one answer says about one window. The views point into the ResponseParser that made it
/// and into the body that it read: they hold until either is used again.
struct Batch {
  TimeWindow window;  ///< what the batch owns
  std::vector<User> users;
  std::vector<Interaction> interactions;
  std::vector<Reject> rejects;
  std::uint64_t seam_rows = 0;         ///< dated at or past the window's end; the next window's
  std::uint64_t users_without_id = 0;
  bool echo_differs = false;           ///< the answer repeats other bounds than were asked for
  bool has_fractions = false;          ///< some date has a fraction of a second
};

}  // namespace odetl

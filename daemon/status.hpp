#pragma once
#include <string>
#include <vector>

#include "daemon/calendar.hpp"
#include "daemon/wiring.hpp"

namespace odetl {

/// One row of the ledger.
struct LedgerRow {
  std::string json;  ///< all of it
  TimeWindow window;
  std::string reason, outcome;
  std::int64_t rows_read = 0, inserted = 0;
  std::chrono::milliseconds took{0};
  sys_seconds finished{};
  std::string error;
};

/// What was done in one minute, for one reason and with one outcome.
struct Activity {
  sys_seconds minute{};
  std::string reason, outcome;
  std::int64_t windows = 0, rows_read = 0, inserted = 0;
  std::chrono::milliseconds longest{0};
  std::chrono::seconds span{0};  ///< of history
  sys_seconds reached{};         ///< where the last of its windows ends
};

/// A thing that went wrong lately, in words, and how often.
struct Complaint {
  std::string what;
  std::int64_t count = 0;
  sys_seconds last{};
};

inline constexpr auto kActivitySpan = std::chrono::hours(3);

/// What `status`, `/status.json` and the status page tell.
struct StatusFacts {
  StreamState state;
  std::chrono::seconds lag{0};              ///< now less the watermark
  bool leader = false;                      ///< some process polls
  std::optional<std::string> last_success;  ///< when a window was last loaded, ISO 8601
  std::optional<std::string> last_error;
  std::optional<std::string> last_error_at;
  std::vector<LedgerRow> windows;  ///< the latest, newest first
  std::int64_t rejected = 0, users = 0, interactions = 0;
  std::int64_t vanished = 0;     ///< interactions that one reading missed, too many at once to be believed
  bool users_estimated = false;  ///< too many to count at once
  bool interactions_estimated = false;
  std::optional<std::string> not_ready;  ///< why not, in words
  std::string psql;                      ///< how to reach the embedded PostgreSQL
  Calendar calendar;
  bool rows_spread = false;               ///< the calendar's rows are from the ledger: a wide window's lie evenly in it
  std::vector<Activity> activity;         ///< of the last kActivitySpan
  std::vector<Complaint> errors;          ///< the latest, newest first
  std::vector<Complaint> reject_reasons;  ///< the same of rejects
};

/// The gaps between the first and the last instant that is covered.
std::vector<TimeWindow> gaps_of(const StreamState& state);

/// What the ledger shows of a backfill: it works in a process of its own.
struct BackfillPace {
  double rows_per_second = 0;
  double history_per_second = 0;                  ///< seconds of history in one of work
  sys_seconds reached{};                          ///< the newest instant it has read lately
  std::optional<std::chrono::seconds> time_left;  ///< until all gaps are filled at this pace
};
/// Nothing unless one was at work in the last minutes.
std::optional<BackfillPace> backfill_pace(const StatusFacts& facts, Timestamp now);

std::string status_json(const StatusFacts& facts);

/// `marks`: how the calendar is drawn.
enum class Marks { plain, colour };
std::string status_text(const StatusFacts& facts, Marks marks = Marks::plain);

}  // namespace odetl

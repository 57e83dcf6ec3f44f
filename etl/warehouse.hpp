#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "etl/database_session.hpp"
#include "etl/interaction.hpp"
#include "etl/known_answer.hpp"
#include "etl/planner.hpp"
#include "etl/seen_users.hpp"

namespace odetl {

inline constexpr const char* kStream = "interactions";

/// What becomes of an interaction that the API no longer returns.
enum class OnMissing { keep, mark, remove };

enum class Outcome { loaded, failed, split, poisoned };
const char* to_text(Outcome outcome);

/// How one window was read: what goes to the ledger, the log and the metrics.
struct WindowReport {
  TimeWindow window;
  Reason reason = Reason::poll;
  Outcome outcome = Outcome::loaded;
  std::uint64_t rows_read = 0, inserted = 0, updated = 0, unchanged = 0, deleted = 0, rejected = 0;
  std::uint64_t users_inserted = 0, users_updated = 0, users_unchanged = 0, users_without_id = 0;
  std::uint64_t bytes = 0;
  std::chrono::milliseconds http{0};
  std::chrono::milliseconds load{0};
  int attempts = 1;
  std::string error;
  Timestamp started_at{};
  std::vector<std::chrono::seconds> lateness;  ///< of polls: how old each inserted interaction was when it was asked for
  bool echo_differs = false;
  std::uint64_t rejects_cleared = 0;  ///< records that were in quarantine and are loaded now, or gone
  std::uint64_t vanished_doubted = 0; ///< interactions that vanished, too many at once to be believed: nothing is done
  bool marks_deferred = false;  ///< another load came in between: a recheck decides about vanished rows
};

/// The part of a load that the answer does not tell.
struct LoadRequest {
  bool compare = false;        ///< look at what is there even if the window was never covered
  std::int64_t seen_load = 0;  ///< the last committed load when the API was asked
  std::optional<AnswerHash> answer = {};  ///< to know it again by; none: not kept
  /// Where the state that the load leaves goes, so that nobody has to ask for it. Only of loads: audits leave it as it is.
  StreamState* state = nullptr;
  /// Of a repair: served interactions that are held with another content or twice, and users whose stored profile is not
  /// the one that its hash was made of. They are written anew.
  std::vector<Uuid> rewrite = {};
  std::vector<std::string> rewrite_users = {};
};

/// Where rows and progress are kept. One session; not thread-safe but for cancel(). Connects when first used and again
/// after a failure. Everything throws DatabaseError.
class Warehouse {
 public:
  virtual ~Warehouse() = default;

  virtual StreamState read_state() = 0;

  /// Makes the warehouse hold, for the batch's window, exactly what the batch says, and writes rows, ledger, coverage and
  /// watermark in one transaction. Completes `report` (window, reason, bytes, http, attempts and started_at are the
  /// caller's) and returns the number of this load. Doing it again changes nothing, but for what vanished: where that is
  /// too much at once (see is_plausible), only a second reading that misses it as well marks it. db_conflict: another loader wrote some
  /// of the rows meanwhile; read the window again and load it with `compare`.
  virtual std::int64_t load(const Batch& batch, const LoadRequest& request, WindowReport& report) = 0;

  /// What is known of windows within `range`, in order.
  virtual std::vector<KnownAnswer> known_answers(const TimeWindow& range) = 0;

  /// Instead of load(), for a window whose answer has the hash of the known one: where nothing of the window was changed
  /// since, writes ledger and coverage and returns the number of this load. Nothing where that cannot be said: then load
  /// it. Completes `report` as load() does, its bytes as well.
  virtual std::optional<std::int64_t> confirm(const TimeWindow& window, const AnswerHash& answer, WindowReport& report) = 0;

  /// Writes the ledger's row of a window that was not loaded; a poisoned one is kept apart in the state as well.
  virtual void record(const WindowReport& report) = 0;

  virtual void set_poll_from(sys_seconds from) = 0;
  virtual void set_last_recheck(std::chrono::seconds span, sys_seconds begun) = 0;

  /// Tries to become the one daemon that polls. Holds until this object ends, or until a session broke and another took
  /// the lead before the next one stood: then whatever would write throws not_leader until this is tried again.
  virtual bool try_lead() = 0;

  /// Brings the indexes of a range up to date after much was loaded. `patience`: so long it waits for a lock, such as
  /// autovacuum's.
  virtual void summarise(const TimeWindow& range, std::chrono::milliseconds patience) = 0;

  /// From another thread: ends the statement that runs.
  virtual void cancel() noexcept = 0;
};

/// `seen_users`: one for all warehouses that load at the same time.
std::unique_ptr<Warehouse> make_warehouse(DatabaseFactory connect, OnMissing on_missing,
                                          std::shared_ptr<SeenUsers> seen_users = std::make_shared<SeenUsers>());

}  // namespace odetl

#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "etl/known_answer.hpp"
#include "etl/planner.hpp"
#include "etl/window_diff.hpp"
#include "tests/chaos/simulation/act.hpp"
#include "tests/chaos/simulation/simulated_tenant.hpp"
#include "tests/chaos/simulation/timeline.hpp"

namespace odetl::chaos {

/// The id of an interaction: its date, what was said and its number among twins, so that ids sort by date.
Uuid id_of(const Said& said, std::int32_t occurrence);
Said said_by(const Uuid& id);

/// The first thing that went against a guarantee.
struct Witness {
  std::string wrong;
  std::function<void(const std::string&)> trace;  ///< called, when set, with what happens

  /// `what`: how it was broken, or what answers that, asked only then.
  template <typename What>
  void expect(bool is_so, const char* guarantee, const What& what) {
    if (is_so || !wrong.empty()) return;
    wrong = std::string(guarantee) + ": ";
    if constexpr (std::is_invocable_v<What>) {
      wrong += what();
    } else {
      wrong += what;
    }
  }
};

/// A window to load.
struct Reading {
  TimeWindow window;
  std::vector<Interaction> rows;
  Timestamp seen_at;                       ///< the true time the answer shows
  std::optional<Timestamp> settled_until;  ///< by the server's clock then, if it tells, less settle
  Reason reason = Reason::poll;
  std::optional<AnswerHash> hash;  ///< to know the answer by; none for polls
};

/// Of all that an answer has and of what was asked and is owned, as etl/known_answer.hpp has it.
AnswerHash hash_of(const std::vector<Said>& answer, const AskedRange& asked, const TimeWindow& owned);

/// The database of a warehouse: what is committed, and backends with transactions under way, in which every statement sees
/// what was committed before it, a key waits for another's, and locks are held to the end.
class SimulatedDatabase {
 public:
  struct Held {
    bool marked = false;
    Timestamp told;       ///< the true time shown by the newest answer that said so
    bool missed = false;  ///< by the last reading that could tell, and not believed
  };
  struct Claim {
    TimeWindow window;
    std::int64_t owner;
  };
  /// A session as the server has it. It can outlive its client for a moment.
  struct Backend : std::enable_shared_from_this<Backend> {
    bool is_alive = true;
    bool leads = false;
    bool in_transaction = false;
    bool is_committing = false;
    bool holds_state = false;
    bool holds_claims = false;
    std::int64_t owner = 0;  ///< of claims, which hold as long as this session; 0: of none
    const Backend* waits_for = nullptr;
    std::shared_ptr<const Reading> reading;  ///< being loaded
    std::vector<Uuid> inserted;              ///< of its rows, sorted
    bool judges = false;                     ///< nothing newer is known: what is gone is gone
    bool defers_marks = false;               ///< something is: a later reading judges
    bool confirms = false;                   ///< the answer is the one that is known, and changes nothing
    std::vector<Uuid> gone, doubted, revived;
    std::function<void()> at_commit;
  };

  SimulatedDatabase(Timeline& timeline, Witness& witness) : timeline_(timeline), witness_(witness) {}

  StreamState state;
  std::map<Uuid, Held> rows;
  std::set<Uuid> doubts;  ///< vanished_interactions
  std::map<sys_seconds, KnownAnswer> known_answers;  ///< by their window's beginning
  std::vector<std::pair<std::int64_t, TimeWindow>> loads;
  std::vector<Claim> claims;

  /// Times of faults, and how likely a step fails then; an outage fails all.
  std::vector<Trouble> troubles;
  std::uint64_t fault_permille(Timestamp now) const;

  std::shared_ptr<Backend> connect();
  void commit(Backend& backend);
  void roll_back(Backend& backend);
  void end(Backend& backend);
  /// Ends some sessions, as an operator does.
  void terminate(std::uint64_t permille);
  /// The client is gone without a word: the server finds out later, and what was being committed may still be.
  void lose(Backend& backend);

  bool is_loaded_since(const TimeWindow& window, std::int64_t last) const;
  bool is_known(const Reading& reading) const;
  HeldIds held(const TimeWindow& window) const;
  std::vector<Uuid> doubted(const TimeWindow& window) const;
  Backend* inserter_of(const Uuid& id, const Backend& other_than);
  bool is_led_by_other(const Backend& than) const;
  bool is_led() const;
  Backend* state_holder();
  Backend* claims_holder();
  const Backend* session_of(std::int64_t owner) const;

  /// The claims that still count when `owner` claims parts of a window anew: sql/claims/clean.sql.
  std::vector<Claim> cleaned_claims(const TimeWindow& window, std::int64_t owner) const;
  /// Writes them with one more.
  void write_claims(std::vector<Claim> counting, const std::optional<Claim>& fresh);

  void apply(const Backend& backend);

  Timeline& timeline() { return timeline_; }
  Witness& witness() { return witness_; }
  Signal transaction_ended;
  Signal lead_ended;

 private:
  void check(const Backend& backend, const Reading& reading) const;
  void check_vanished(const Backend& backend, const Reading& reading) const;
  void change_rows(const Backend& backend, const Reading& reading);
  void change_doubts(const Backend& backend, const TimeWindow& window);
  void check_confirmed(const Reading& reading) const;
  void remember(const Backend& backend, const Reading& reading);

  Timeline& timeline_;
  Witness& witness_;
  std::vector<std::shared_ptr<Backend>> backends_;
};

/// One client's session: the steps of etl/warehouse.cpp and of its SQL, each of which takes time, can fail, and can be
/// where its process is killed, breaking off of what the database said.
class Session {
 public:
  /// `owner`: of claims; 0 where none are made.
  Session(SimulatedDatabase& database, Actor& who, std::int64_t owner = 0)
      : database_(database), who_(who), owner_(owner) {}
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Act<StreamState> read_state();
  Act<std::vector<KnownAnswer>> known_answers(TimeWindow range);
  /// The number of the load; 0 where the answer is not the one that is known.
  Act<std::int64_t> confirm(std::shared_ptr<const Reading> reading);
  Act<std::int64_t> load(std::shared_ptr<const Reading> reading, bool compare, std::int64_t seen_load);
  Act<> record_poisoned(TimeWindow window);
  Act<> record();
  Act<> set_poll_from(sys_seconds from);
  Act<> set_last_recheck(std::chrono::seconds span, sys_seconds begun);
  Act<bool> try_lead();
  /// What the last load left, unless something else was written since; once.
  std::optional<StreamState> take_state_left() { return std::exchange(state_left_, std::nullopt); }
  Act<std::optional<TimeWindow>> claim(TimeWindow window, seconds widest);

 private:
  using Backend = SimulatedDatabase::Backend;

  Act<> connect();
  Act<> begin();
  Act<> begin_writing();
  Act<> step();
  Act<> commit(std::function<void()> change);
  Act<> insert(const Reading& reading, const std::vector<std::uint32_t>& fresh);
  Act<> await_end_of(const Backend* other);
  Act<> lock_state();
  Act<std::int64_t> commit_load();
  std::optional<StreamState> state_left_;
  void judge(const TimeWindow& window, const WindowDiff& diff);
  Act<> load_in_transaction(const Reading& reading, bool compare, std::int64_t seen_load);
  Act<> make_whole();
  Act<> own();
  BreakOff fail(Failure failure, const char* why);
  void lose();

  SimulatedDatabase& database_;
  Actor& who_;
  std::shared_ptr<Backend> backend_;
  const std::int64_t owner_;
  bool leads_ = false;
  bool lost_lead_ = false;
};

/// The claims of one process: etl/window_claims.cpp.
class SimulatedClaims {
 public:
  SimulatedClaims(SimulatedDatabase& database, Actor& who)
      : timeline_(database.timeline()),
        who_(who),
        session_(database, who, static_cast<std::int64_t>(1 + database.timeline().random().below(1ULL << 62))) {}

  /// One of the process's workers at a time.
  Act<std::optional<TimeWindow>> claim(TimeWindow window, seconds widest);

 private:
  Act<> claim_alone(TimeWindow window, seconds widest, std::optional<TimeWindow>& part);

  Timeline& timeline_;
  Actor& who_;
  Session session_;
  bool is_busy_ = false;
  Signal is_free_;
};

}  // namespace odetl::chaos

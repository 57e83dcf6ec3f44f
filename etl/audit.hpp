#pragma once
#include <memory>
#include <string>
#include <vector>

#include "etl/coverage.hpp"
#include "etl/warehouse.hpp"

namespace odetl {

/// One difference between what the API serves and what the warehouse holds.
struct Finding {
  enum class Kind {
    missing,    ///< an interaction is served and neither held nor in quarantine
    surplus,    ///< it is held and not served
    marked,     ///< it is served, and marked as if it were not
    differing,  ///< it is held with another content, twice, or without its user
    profile,    ///< a user's profile was altered since it was loaded; told where the same one is served again
  };
  static constexpr std::size_t kKinds = 5;

  Kind kind = Kind::missing;
  std::string interaction_id;  ///< empty for profiles
  std::string user_id;
  Timestamp occurred_at{};
  std::string fields;  ///< which columns differ, or how
};
const char* to_text(Finding::Kind kind);

/// How many findings of each kind, by Finding::Kind.
struct FindingCounts {
  std::array<std::uint64_t, Finding::kKinds> of{};
  std::uint64_t& operator[](Finding::Kind kind) { return of[static_cast<std::size_t>(kind)]; }
  std::uint64_t operator[](Finding::Kind kind) const { return of[static_cast<std::size_t>(kind)]; }
  std::uint64_t sum() const;
};

/// So many findings of one window are told one by one; all are counted and repaired.
inline constexpr std::size_t kMaxFindings = 100;

/// What comparing one window found.
struct WindowAudit {
  TimeWindow window;
  std::uint64_t compared = 0;     ///< interactions served
  std::uint64_t quarantined = 0;  ///< served records that are in quarantine, and right to be there
  FindingCounts found;
  FindingCounts left;             ///< after the repair; without one the same as `found`
  std::vector<Finding> findings;  ///< at most kMaxFindings
  /// The window was loaded while it was compared, or so much of it vanished that a second reading must confirm it: ask
  /// again. What that will tell is left out of all the above.
  bool again = false;
};

/// Where audits go. Called from the workers' threads.
class AuditSink {
 public:
  virtual ~AuditSink() = default;
  virtual void audited(WindowAudit audit) = 0;
};

struct AuditOptions {
  bool repair = false;
  Coverage reload = {};  ///< where a repair loads also what does not differ: what coverage or ledger do not vouch for
};

/// A warehouse for a pipeline that verifies: its load() compares the batch with what `inner` holds, tells `sink`, and
/// writes nothing but the ledger's row; with `repair` a window that differs is loaded by `inner`, rewritten where its
/// content was altered, and compared once more. An interaction's id is made of its content, so comparing the content of
/// each id with the content that was served proves the stored ids as well. Everything else is `inner`'s.
std::unique_ptr<Warehouse> make_auditing_warehouse(DatabaseFactory connect, std::unique_ptr<Warehouse> inner,
                                                   const AuditOptions& options, AuditSink& sink);

/// Where coverage and ledger contradict each other within a range.
struct LedgerAudit {
  std::vector<TimeWindow> unexplained;  ///< covered, but no load in the ledger says so
  std::vector<TimeWindow> forgotten;    ///< loaded by the ledger, but not covered
  bool purged = false;                  ///< rows of the ledger are gone: what is unexplained is not known
};
LedgerAudit audit_ledger(Database& db, const TimeWindow& range);

}  // namespace odetl

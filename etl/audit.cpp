#include "etl/audit.hpp"

#include <algorithm>
#include <set>

#include "etl/identity.hpp"
#include "etl/ledger.hpp"
#include "etl/load_rows.hpp"
#include "etl/quarantine.hpp"
#include "etl/window_diff.hpp"

namespace odetl {
namespace {

using Kind = Finding::Kind;

constexpr std::size_t kRowsCompared = 5000;        // in one statement
constexpr const char* kMaxQuarantined = "100000";  // rejects of one window that are looked at

struct Comparison {
  WindowAudit audit;
  std::vector<Uuid> rewrite;
  std::vector<std::string> rewrite_users;
  std::int64_t load_number = 0;
};

std::vector<Uuid> sorted_ids(const Batch& batch) {
  std::vector<Uuid> ids;
  ids.reserve(batch.interactions.size());
  for (const Interaction& row : batch.interactions) ids.push_back(row.id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::string summary(const FindingCounts& counts) {
  std::string text;
  for (std::size_t i = 0; i < Finding::kKinds; ++i) {
    if (counts.of[i] == 0) continue;
    text += (text.empty() ? "" : ", ") + std::to_string(counts.of[i]) + ' ' + to_text(static_cast<Kind>(i));
  }
  return text;
}

// Compares one batch with what is held, in one transaction.
class Comparing {
 public:
  Comparing(Database& db, const Batch& batch)
      : db_(db), batch_(batch), from_(to_rfc3339(batch.window.from)), to_(to_rfc3339(batch.window.to)) {
    result_.audit.window = batch.window;
    result_.audit.compared = batch.interactions.size();
    result_.audit.quarantined = batch.rejects.size();
  }

  Comparison run() {
    const auto held = db_.run_binary("audit/held", {kStream, from_, to_});
    result_.load_number = held->integer(0, 0);
    const WindowDiff diff =
        difference(batch_.interactions, {ids_of(held->text(0, 1)), {}, ids_of(held->text(0, 2))});
    find_missing(diff);
    find_marked(diff);
    find_surplus(diff);
    find_differing(diff);
    find_profiles();
    result_.rewrite.assign(rewrite_.begin(), rewrite_.end());
    return std::move(result_);
  }

 private:
  void found(Finding finding) {
    ++result_.audit.found[finding.kind];
    if (result_.audit.findings.size() < kMaxFindings) result_.audit.findings.push_back(std::move(finding));
  }
  void found(Kind kind, const Interaction& row, const std::string& fields = {}) {
    found({kind, to_text(row.id), std::string(batch_.users[row.user].user_id), row.occurred_at, fields});
  }

  std::set<std::string, std::less<>> quarantine() {
    const auto rows = db_.run("audit/rejects", {kStream, from_, to_, kMaxQuarantined});
    std::set<std::string, std::less<>> ids;
    for (std::size_t row = 0; row < rows->size(); ++row) ids.emplace(rows->text(row, 0));
    return ids;
  }

  void find_missing(const WindowDiff& diff) {
    if (diff.fresh.empty()) return;
    const auto quarantined = quarantine();
    for (const std::uint32_t i : diff.fresh) {
      const bool is_refused =
          !quarantined.empty() && quarantined.contains(to_text(refused_record(batch_, i, "").id));
      if (is_refused) {
        ++result_.audit.quarantined;
      } else {
        found(Kind::missing, batch_.interactions[i]);
      }
    }
  }

  void find_marked(const WindowDiff& diff) {
    if (diff.revived.empty()) return;
    std::vector<Uuid> marked = diff.revived;
    std::sort(marked.begin(), marked.end());
    for (const Interaction& row : batch_.interactions) {
      if (std::binary_search(marked.begin(), marked.end(), row.id)) found(Kind::marked, row);
    }
  }

  // What is held and not served; or served, and held more than once.
  void find_surplus(const WindowDiff& diff) {
    if (diff.gone.empty()) return;
    const std::vector<Uuid> served = sorted_ids(batch_);
    std::vector<Uuid> surplus;
    for (const Uuid& id : diff.gone) {
      const bool is_served = std::binary_search(served.begin(), served.end(), id);
      if (!is_served) {
        surplus.push_back(id);
      } else if (rewrite_.insert(id).second) {
        found({Kind::differing, to_text(id), "", {}, "it is there more than once"});
      }
    }
    describe_surplus(surplus);
  }

  void describe_surplus(std::vector<Uuid> surplus) {
    if (surplus.empty()) return;
    const std::uint64_t all = surplus.size();
    surplus.resize(std::min(surplus.size(), kMaxFindings));
    const auto rows = db_.run("audit/rows", {from_, to_, uuid_array(surplus)});
    for (std::size_t row = 0; row < rows->size(); ++row) {
      found({Kind::surplus, std::string(rows->text(row, 0)), std::string(rows->text(row, 1)),
             Timestamp(std::chrono::microseconds(rows->integer(row, 2))), ""});
    }
    result_.audit.found[Kind::surplus] = all;
  }

  void find_differing(const WindowDiff& diff) {
    std::vector<std::uint32_t> rows(batch_.interactions.size());
    for (std::uint32_t i = 0; i < rows.size(); ++i) rows[i] = i;
    for (const std::uint32_t i : diff.fresh) rows[i] = static_cast<std::uint32_t>(rows.size());
    std::erase(rows, static_cast<std::uint32_t>(rows.size()));
    for (std::span<const std::uint32_t> rest = rows; !rest.empty();) {
      const auto some = rest.first(std::min(rest.size(), kRowsCompared));
      rest = rest.subspan(some.size());
      compare(some);
    }
  }

  void compare(std::span<const std::uint32_t> some) {
    const auto differing = db_.run("audit/compare", {from_, to_, interactions_json(batch_, some)});
    for (std::size_t row = 0; row < differing->size(); ++row) {
      const Interaction& served = batch_.interactions.at(static_cast<std::size_t>(differing->integer(row, 0)));
      if (rewrite_.insert(served.id).second) found(Kind::differing, served, std::string(differing->text(row, 1)));
    }
  }

  void find_profiles() {
    const std::vector<std::uint32_t> users = distinct_users(batch_, {}, {});
    if (users.empty()) return;
    const auto differing = db_.run("audit/profiles", user_arrays(batch_, users));
    for (std::size_t row = 0; row < differing->size(); ++row) {
      result_.rewrite_users.emplace_back(differing->text(row, 0));
      found({Kind::profile, "", result_.rewrite_users.back(), {}, std::string(differing->text(row, 1))});
    }
  }

  Database& db_;
  const Batch& batch_;
  std::string from_, to_;
  std::set<Uuid> rewrite_;
  Comparison result_;
};

// Leaves what a second reading will find again to it.
void leave_to_second_reading(WindowAudit& audit) {
  audit.again = true;
  std::erase_if(audit.findings, [&](const Finding& finding) { return audit.left[finding.kind] > 0; });
  for (std::size_t i = 0; i < Finding::kKinds; ++i) {
    audit.found.of[i] -= std::min(audit.found.of[i], audit.left.of[i]);
  }
  audit.left = {};
}

class AuditingWarehouse final : public Warehouse {
 public:
  AuditingWarehouse(DatabaseFactory connect, std::unique_ptr<Warehouse> inner, const AuditOptions& options,
                    AuditSink& sink)
      : session_(std::move(connect)), inner_(std::move(inner)), options_(options), sink_(sink) {}

  std::int64_t load(const Batch& batch, const LoadRequest& request, WindowReport& report) override;
  void record(const WindowReport& report) override;

  std::vector<KnownAnswer> known_answers(const TimeWindow&) override { return {}; }  // every row is compared
  std::optional<std::int64_t> confirm(const TimeWindow&, const AnswerHash&, WindowReport&) override { return std::nullopt; }
  StreamState read_state() override { return inner_->read_state(); }
  void set_poll_from(sys_seconds from) override { inner_->set_poll_from(from); }
  void set_last_recheck(std::chrono::seconds span, sys_seconds begun) override {
    inner_->set_last_recheck(span, begun);
  }
  bool try_lead() override { return inner_->try_lead(); }
  void summarise(const TimeWindow& range, std::chrono::milliseconds patience) override { inner_->summarise(range, patience); }
  void cancel() noexcept override {
    session_.cancel();
    inner_->cancel();
  }

 private:
  Comparison compare(const Batch& batch, const LoadRequest& request, WindowReport& report);
  std::int64_t repair(const Batch& batch, LoadRequest request, Comparison found, WindowReport& report);
  bool is_repaired(const Comparison& found) const {
    return options_.repair && !found.audit.again &&
           (found.audit.found.sum() > 0 || options_.reload.overlaps(found.audit.window));
  }

  DatabaseSession session_;
  std::unique_ptr<Warehouse> inner_;
  AuditOptions options_;
  AuditSink& sink_;
};

std::int64_t AuditingWarehouse::load(const Batch& batch, const LoadRequest& request, WindowReport& report) {
  Comparison found = compare(batch, request, report);
  if (is_repaired(found)) return repair(batch, request, std::move(found), report);
  found.audit.left = found.audit.found;
  const std::int64_t number = found.load_number;
  sink_.audited(std::move(found.audit));
  return number;
}

// Writes the ledger's row as well, unless a repair follows, which writes its own.
Comparison AuditingWarehouse::compare(const Batch& batch, const LoadRequest& request, WindowReport& report) {
  return session_.transaction([&](Database& db) {
    Comparison found = Comparing(db, batch).run();
    // What another load changed since the API was asked is no difference.
    if (found.audit.found.sum() > 0 && is_loaded_since(db, batch.window, request.seen_load)) {
      found.audit = {};
      found.audit.window = batch.window;
      found.audit.again = true;
    }
    if (is_repaired(found)) return found;
    report.rows_read = report.unchanged = batch.interactions.size();
    report.unchanged -= std::min(report.unchanged, found.audit.found[Kind::missing] + found.audit.found[Kind::marked]);
    report.inserted = report.updated = report.deleted = 0;
    report.rejected = batch.rejects.size();
    report.outcome = Outcome::loaded;
    report.error = summary(found.audit.found);
    report.load = write_ledger(db, report, std::nullopt);
    return found;
  });
}

std::int64_t AuditingWarehouse::repair(const Batch& batch, LoadRequest request, Comparison found,
                                       WindowReport& report) {
  request.compare = true;
  request.rewrite = std::move(found.rewrite);
  request.rewrite_users = std::move(found.rewrite_users);
  const std::int64_t number = inner_->load(batch, request, report);
  found.audit.left =
      session_.transaction([&](Database& db) { return Comparing(db, batch).run(); }).audit.found;
  if (report.marks_deferred || report.vanished_doubted > 0) leave_to_second_reading(found.audit);
  sink_.audited(std::move(found.audit));
  return number;
}

// A verification leaves the state alone.
void AuditingWarehouse::record(const WindowReport& report) {
  if (options_.repair) return inner_->record(report);
  session_.transaction([&](Database& db) { return write_ledger(db, report, std::nullopt); });
}

}  // namespace

std::uint64_t FindingCounts::sum() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : of) sum += count;
  return sum;
}

const char* to_text(Finding::Kind kind) {
  switch (kind) {
    case Kind::missing: return "missing";
    case Kind::surplus: return "surplus";
    case Kind::marked: return "marked";
    case Kind::differing: return "differing";
    case Kind::profile: return "profile";
  }
  return "";
}

std::unique_ptr<Warehouse> make_auditing_warehouse(DatabaseFactory connect, std::unique_ptr<Warehouse> inner,
                                                   const AuditOptions& options, AuditSink& sink) {
  return std::make_unique<AuditingWarehouse>(std::move(connect), std::move(inner), options, sink);
}

LedgerAudit audit_ledger(Database& db, const TimeWindow& range) {
  const auto rows = db.run("audit/coverage", {kStream, to_rfc3339(range.from), to_rfc3339(range.to)});
  LedgerAudit audit;
  for (std::size_t row = 0; row < rows->size(); ++row) {
    const auto second = [&](int column) { return sys_seconds(std::chrono::seconds(rows->integer(row, column))); };
    if (rows->text(row, 0) == "purged") {
      audit.purged = true;
    } else {
      (rows->text(row, 0) == "forgotten" ? audit.forgotten : audit.unexplained).push_back({second(1), second(2)});
    }
  }
  return audit;
}

}  // namespace odetl

#include "etl/warehouse.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "etl/copy_rows.hpp"
#include "etl/hex.hpp"
#include "etl/ledger.hpp"
#include "etl/load_rows.hpp"
#include "etl/quarantine.hpp"
#include "etl/user_writer.hpp"
#include "etl/vanished.hpp"
#include "etl/window_diff.hpp"

namespace odetl {
namespace {

constexpr std::size_t kCopyBuffer = 64 << 10;
constexpr std::size_t kMaxRefused = 100;  // records of one window that the database may refuse one by one

// For the quarantine: names alone, never values.
std::string why_refused(const DatabaseError& error) {
  std::string what = "the database refuses it";
  if (!error.constraint().empty()) what += ": constraint '" + error.constraint() + "'";
  const bool is_column = std::find(kInteractionColumns.begin(), kInteractionColumns.end(), error.column()) != kInteractionColumns.end();
  if (is_column) what += ": column '" + error.column() + "'";
  if (error.sqlstate().starts_with("P0")) what += ": a trigger or function raised an error";
  return what + " (SQLSTATE " + error.sqlstate() + ")";
}

// `a b a b …` as sql/state/read.sql writes pairs of seconds.
std::vector<std::pair<std::chrono::seconds, std::chrono::seconds>> read_pairs(std::string_view text) {
  std::vector<std::pair<std::chrono::seconds, std::chrono::seconds>> pairs;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    long long first = 0;
    long long second = 0;
    at = std::from_chars(at, end, first).ptr + 1;
    at = std::from_chars(at, end, second).ptr;
    if (at != end) ++at;
    pairs.emplace_back(first, second);
  }
  return pairs;
}

Coverage read_ranges(std::string_view text) {
  Coverage coverage;
  for (const auto& [from, to] : read_pairs(text)) coverage.add({sys_seconds(from), sys_seconds(to)});
  return coverage;
}

std::optional<sys_seconds> read_instant(const SqlRows& rows, int column) {
  if (rows.size() == 0 || !rows.get(0, column)) return std::nullopt;
  return sys_seconds(std::chrono::seconds(rows.integer(0, column)));
}

class PostgresWarehouse final : public Warehouse {
 public:
  PostgresWarehouse(DatabaseFactory connect, OnMissing on_missing, std::shared_ptr<SeenUsers> seen_users)
      : session_(std::move(connect), [this](Database& db) { opened(db); }),
        on_missing_(on_missing),
        users_(std::move(seen_users)) {}

  StreamState read_state() override;
  std::int64_t load(const Batch& batch, const LoadRequest& request, WindowReport& report) override;
  std::vector<KnownAnswer> known_answers(const TimeWindow& range) override;
  std::optional<std::int64_t> confirm(const TimeWindow& window, const AnswerHash& answer, WindowReport& report) override;
  void record(const WindowReport& report) override;
  void set_poll_from(sys_seconds from) override;
  void set_last_recheck(std::chrono::seconds span, sys_seconds begun) override;
  bool try_lead() override;
  void summarise(const TimeWindow& range, std::chrono::milliseconds patience) override;
  void cancel() noexcept override { session_.cancel(); }

 private:
  template <typename Work>
  auto write(Work work);
  using Refused = std::map<std::uint32_t, std::string>;  // interactions of the batch, and why
  static StreamState state_of(Database& db);
  static bool take_lead(Database& db);
  void opened(Database& db);

  void ensure_partitions(const Batch& batch);
  std::int64_t load_once(Database& db, const Batch& batch, const LoadRequest& request, const Refused& refused,
                         WindowReport& report);
  static std::unique_ptr<SqlRows> begin(Database& db, const TimeWindow& window);
  static void lock_state(Database& db, const TimeWindow& window, std::int64_t compared_at);
  static void remember(Database& db, const Batch& batch, const LoadRequest& request, const WindowReport& report);
  static std::int64_t finish(Database& db, const TimeWindow& window, WindowReport& report);
  HeldIds held(Database& db, const TimeWindow& window);
  template <typename Meanwhile>
  void copy(Database& db, const Batch& batch, const std::vector<std::uint32_t>& rows, Meanwhile meanwhile);
  std::vector<Uuid> write_rejects(Database& db, const Batch& batch, const Refused& refused, const std::string& now,
                     WindowReport& report);
  void apply_marks(Database& db, const Batch& batch, const WindowDiff& diff, const LoadRequest& request, bool has_doubts,
                   const std::string& now, WindowReport& report);
  void take_away(Database& db, const TimeWindow& window, const WindowDiff& diff, bool has_doubts, const std::string& now,
                 WindowReport& report);
  void clear_rejects(Database& db, const Batch& batch, const LoadRequest& request, const std::vector<Uuid>& present,
                     WindowReport& report);
  Refused::value_type find_refused(const Batch& batch, const Refused& refused);
  std::optional<DatabaseError> refusal_of(const Batch& batch, const std::vector<std::uint32_t>& rows);

  DatabaseSession session_;
  OnMissing on_missing_;
  CopyRows rows_;
  UserWriter users_;
  bool leads_ = false;                // this or a former session took the lead
  bool lost_lead_ = false;            // and another has it since: nothing is written before try_lead()
  std::set<sys_seconds> partitions_;  // months known to be there, by their first instants
};

// What a new session must do before it is used: nothing is known of its server, and the lock of who leads went with the
// old session; another may have it now.
void PostgresWarehouse::opened(Database& db) {
  partitions_.clear();
  users_.opened(db);
  if (!leads_) return;
  db.begin();
  leads_ = take_lead(db);
  db.commit();
  lost_lead_ = !leads_;
}

// A transaction that only the leader may do, where there was one.
template <typename Work>
auto PostgresWarehouse::write(Work work) {
  session_.database();
  if (lost_lead_) {
    throw DatabaseError(Failure::not_leader,
                        "write to the warehouse: another process polls it now; this one stands by");
  }
  return session_.transaction(std::move(work));
}

StreamState PostgresWarehouse::read_state() { return session_.transaction(state_of); }

StreamState PostgresWarehouse::state_of(Database& db) {
  const auto rows = db.run("state/read", {kStream});
  if (rows->size() != 1) {
    throw DatabaseError(Failure::db_schema,
                        "read stream_state: the row 'interactions' is missing; insert it, or restore the schema");
  }
  StreamState state;
  state.watermark = read_instant(*rows, 0);
  state.coverage = read_ranges(rows->text(0, 1));
  state.poisoned = read_ranges(rows->text(0, 2));
  state.poll_from = read_instant(*rows, 3);
  state.load_number = rows->integer(0, 4);
  state.rejected = rows->integer(0, 5);
  for (const auto& [span, begun] : read_pairs(rows->text(0, 6))) {
    state.rechecked.emplace(span, std::chrono::seconds(begun));
  }
  return state;
}

void PostgresWarehouse::ensure_partitions(const Batch& batch) {
  session_.database();  // a new session has forgotten all
  std::vector<sys_seconds> missing;
  for (const TimeWindow& part : by_month(batch.window)) {
    const sys_seconds month = month_begin(part.from);
    if (partitions_.contains(month)) continue;
    const auto& rows = batch.interactions;
    if (std::any_of(rows.begin(), rows.end(), [&](const Interaction& row) { return part.owns(row.occurred_at); })) {
      missing.push_back(month);
    }
  }
  if (missing.empty()) return;
  write([&](Database& db) {
    for (const sys_seconds month : missing) db.run("load/ensure_partition", {to_rfc3339(month)});
    return true;
  });
  partitions_.insert(missing.begin(), missing.end());
}

std::int64_t PostgresWarehouse::load(const Batch& batch, const LoadRequest& request, WindowReport& report) {
  Refused refused;
  for (bool partitions_are_sure = false;;) {
    ensure_partitions(batch);
    try {
      const std::int64_t number = write([&](Database& db) { return load_once(db, batch, request, refused, report); });
      users_.committed();
      return number;
    } catch (const DatabaseError& error) {
      if (error.failure() != Failure::db_data || refused.size() >= kMaxRefused) throw;
    }
    if (partitions_are_sure) {
      refused.insert(find_refused(batch, refused));
    } else {
      partitions_.clear();  // a month that somebody dropped refuses its rows, too
      partitions_are_sure = true;
    }
  }
}

std::unique_ptr<SqlRows> PostgresWarehouse::begin(Database& db, const TimeWindow& window) {
  auto begun = db.run("load/begin", {kStream, to_rfc3339(window.from), to_rfc3339(window.to)});
  if (begun->size() == 1) return begun;
  throw DatabaseError(Failure::db_schema, "load window: stream_state has no row 'interactions'; insert it");
}

std::int64_t PostgresWarehouse::load_once(Database& db, const Batch& batch, const LoadRequest& request,
                                          const Refused& refused, WindowReport& report) {
  const std::string from = to_rfc3339(batch.window.from);
  const std::string to = to_rfc3339(batch.window.to);
  const auto begun = begin(db, batch.window);
  const std::string now(begun->text(0, 0));

  if (!request.rewrite.empty()) db.run("load/delete", {from, to, uuid_array(request.rewrite)});
  if (!request.rewrite_users.empty()) db.run("load/forget_profiles", {text_list_json(request.rewrite_users)});
  // Where nothing was ever loaded there is nothing to compare with; the primary key catches what should not be.
  const bool compare = begun->boolean(0, 1) || request.compare;
  WindowDiff diff = difference(batch.interactions, compare ? held(db, batch.window) : HeldIds{});
  std::erase_if(diff.fresh, [&](std::uint32_t row) { return refused.contains(row); });

  report.rows_read = batch.interactions.size() - refused.size();
  report.updated = std::min(request.rewrite.size(), diff.fresh.size());
  report.inserted = diff.fresh.size() - report.updated;
  report.unchanged = diff.held;
  report.deleted = 0;
  report.marks_deferred = false;
  report.vanished_doubted = 0;
  report.error.clear();
  report.lateness.clear();
  if (report.reason == Reason::poll) {
    for (const std::uint32_t i : diff.fresh) {
      const auto late = report.started_at - batch.interactions[i].occurred_at;
      report.lateness.push_back(std::chrono::duration_cast<std::chrono::seconds>(late));
    }
  }
  std::set<std::uint32_t> refused_rows;
  for (const auto& [row, why] : refused) refused_rows.insert(row);
  report.users_without_id = batch.users_without_id;
  const auto first_visit = begun->boolean(0, 5) ? UserWriter::Visit::past : UserWriter::Visit::newest;
  const auto visit = compare ? UserWriter::Visit::again : first_visit;
  copy(db, batch, diff.fresh, [&] { users_.choose(batch, distinct_users(batch, refused_rows, diff.fresh), visit); });
  users_.write(db, batch, diff.fresh, now, report);
  const std::vector<Uuid> rejects = write_rejects(db, batch, refused, now, report);

  lock_state(db, batch.window, begun->integer(0, 2));
  apply_marks(db, batch, diff, request, begun->boolean(0, 4), now, report);
  report.rejects_cleared = 0;
  if (begun->boolean(0, 3)) clear_rejects(db, batch, request, rejects, report);
  remember(db, batch, request, report);
  const std::int64_t number = finish(db, batch.window, report);
  if (request.state != nullptr) *request.state = state_of(db);
  return number;
}

// What the window looked like, or no longer looks like.
void PostgresWarehouse::remember(Database& db, const Batch& batch, const LoadRequest& request,
                                 const WindowReport& report) {
  const std::string from = to_rfc3339(batch.window.from);
  const std::string to = to_rfc3339(batch.window.to);
  const bool all_done = report.rejected == 0 && report.vanished_doubted == 0 && !report.marks_deferred;
  if (request.answer && all_done) {
    db.run("load/remember_answer",
           {kStream, from, to, "\\x" + hex_of(*request.answer), std::to_string(report.rows_read),
            std::to_string(report.users_inserted + report.users_updated + report.users_unchanged),
            std::to_string(report.bytes), batch.has_fractions ? "t" : "f"});
  } else if (!all_done || report.inserted + report.updated + report.deleted + report.users_updated > 0) {
    db.run("load/forget_answers", {kStream, from, to});
  }
}

std::int64_t PostgresWarehouse::finish(Database& db, const TimeWindow& window, WindowReport& report) {
  const std::int64_t number =
      db.run("load/finish", {kStream, to_rfc3339(window.from), to_rfc3339(window.to), std::to_string(report.users_inserted)})
          ->integer(0, 0);
  report.outcome = Outcome::loaded;
  report.load = write_ledger(db, report, number);
  return number;
}

// From here on one loader at a time, for a moment. What was compared before must not have changed since: the key would
// not tell of rows that were taken away, nor of those whose lost user got another surrogate.
void PostgresWarehouse::lock_state(Database& db, const TimeWindow& window, std::int64_t compared_at) {
  const std::int64_t last_load = db.run("load/lock_state", {kStream})->integer(0, 0);
  if (last_load == compared_at || !is_loaded_since(db, window, compared_at)) return;
  throw DatabaseError(Failure::db_conflict, "load window '" + to_text(window) +
                                                "': it was loaded by another meanwhile; it is read again");
}

std::vector<KnownAnswer> PostgresWarehouse::known_answers(const TimeWindow& range) {
  return write([&](Database& db) {
    if (db.run("load/are_users_missing", {kStream})->boolean(0, 0)) {
      db.run("load/lock_state", {kStream});  // a loader that counts its users meanwhile would be counted half
      db.run("load/count_users", {kStream});
    }
    const auto rows = db.run("load/known_answers", {kStream, to_rfc3339(range.from), to_rfc3339(range.to)});
    std::vector<KnownAnswer> known(rows->size());
    for (std::size_t row = 0; row < known.size(); ++row) {
      const auto instant = [&](int column) { return sys_seconds(std::chrono::seconds(rows->integer(row, column))); };
      known[row].window = {instant(0), instant(1)};
      bytes_of_hex(rows->text(row, 2), known[row].hash);
      known[row].rows = static_cast<std::uint64_t>(rows->integer(row, 3));
      known[row].bytes = static_cast<std::uint64_t>(rows->integer(row, 4));
      known[row].has_fractions = rows->boolean(row, 5);
    }
    return known;
  });
}

std::optional<std::int64_t> PostgresWarehouse::confirm(const TimeWindow& window, const AnswerHash& answer,
                                                       WindowReport& report) {
  return write([&](Database& db) -> std::optional<std::int64_t> {
    const std::string from = to_rfc3339(window.from);
    const std::string to = to_rfc3339(window.to);
    const auto begun = begin(db, window);
    const bool has_rejects = begun->boolean(0, 3);
    const bool has_doubts = begun->boolean(0, 4);
    if (has_rejects || has_doubts) return std::nullopt;
    const auto known = db.run("load/confirm", {kStream, from, to, "\\x" + hex_of(answer)});
    if (known->size() == 0) return std::nullopt;
    const auto number = [&](int column) { return static_cast<std::uint64_t>(known->integer(0, column)); };
    report.rows_read = report.unchanged = number(0);
    report.users_unchanged = number(1);
    report.bytes = number(2);
    lock_state(db, window, begun->integer(0, 2));
    return finish(db, window, report);
  });
}

HeldIds PostgresWarehouse::held(Database& db, const TimeWindow& window) {
  const auto rows = db.run_binary("load/held", {to_rfc3339(window.from), to_rfc3339(window.to)});
  return {ids_of(rows->text(0, 0)), ids_of(rows->text(0, 1)), ids_of(rows->text(0, 2))};
}

// While the database is at work on what is on its way to it, `meanwhile` is done.
template <typename Meanwhile>
void PostgresWarehouse::copy(Database& db, const Batch& batch, const std::vector<std::uint32_t>& rows,
                             Meanwhile meanwhile) {
  if (rows.empty()) return meanwhile();
  rows_.clear();
  db.copy_begin("interactions", kInteractionColumns);
  for (const std::uint32_t i : rows) {
    append_interaction(rows_, batch, i);
    if (rows_.bytes().size() < kCopyBuffer) continue;
    db.copy(rows_.bytes());
    rows_.clear();
  }
  db.copy(rows_.bytes());
  meanwhile();
  db.copy_end();
}

// Answers their ids.
std::vector<Uuid> PostgresWarehouse::write_rejects(Database& db, const Batch& batch, const Refused& refused,
                                                   const std::string& now, WindowReport& report) {
  std::vector<Reject> rejects = batch.rejects;
  std::vector<RefusedRecord> records;  // what the rejects' views point to
  records.reserve(refused.size());
  for (const auto& [row, why] : refused) {
    const RefusedRecord& record = records.emplace_back(refused_record(batch, row, why));
    rejects.push_back({record.user_id, record.reason, record.record, record.id});
  }
  report.rejected = rejects.size();
  if (!rejects.empty()) {
    db.run("load/rejects",
           {kStream, to_rfc3339(batch.window.from), to_rfc3339(batch.window.to), rejects_json(rejects), now});
  }
  std::vector<Uuid> ids;
  for (const Reject& reject : rejects) ids.push_back(reject.id);
  return ids;
}

void PostgresWarehouse::clear_rejects(Database& db, const Batch& batch, const LoadRequest& request,
                                      const std::vector<Uuid>& present, WindowReport& report) {
  if (is_loaded_since(db, batch.window, request.seen_load)) return;  // that load may know better
  report.rejects_cleared =
      db.run("load/clear_rejects",
             {kStream, to_rfc3339(batch.window.from), to_rfc3339(batch.window.to), uuid_array(present)})
          ->affected();
}

void PostgresWarehouse::apply_marks(Database& db, const Batch& batch, const WindowDiff& diff,
                                    const LoadRequest& request, bool has_doubts, const std::string& now,
                                    WindowReport& report) {
  const std::string from = to_rfc3339(batch.window.from);
  const std::string to = to_rfc3339(batch.window.to);
  const bool marks = on_missing_ != OnMissing::keep && (has_doubts || !diff.gone.empty());
  if (!marks && diff.revived.empty() && diff.with_extra.empty()) return;

  // An older answer must not bury what a newer one brought.
  if (is_loaded_since(db, batch.window, request.seen_load)) {
    report.marks_deferred = true;
    return;
  }
  if (marks) take_away(db, batch.window, diff, has_doubts, now, report);
  if (!diff.with_extra.empty()) {
    const auto changed = db.run("load/set_extra", {from, to, extras_json(batch, diff.with_extra)});
    for (std::size_t row = 0; row < changed->size(); ++row) {
      if (!changed->boolean(row, 0)) continue;  // marked: revived below, and counted there
      ++report.updated;
      --report.unchanged;
    }
  }
  if (!diff.revived.empty()) {
    report.updated += db.run("load/revive", {from, to, uuid_array(diff.revived)})->affected();
  }
}

// Marks or deletes what vanished, or remembers it where that is too much at once.
void PostgresWarehouse::take_away(Database& db, const TimeWindow& window, const WindowDiff& diff, bool has_doubts,
                                  const std::string& now, WindowReport& report) {
  const std::string from = to_rfc3339(window.from);
  const std::string to = to_rfc3339(window.to);
  std::vector<Uuid> doubted_before;
  if (has_doubts) doubted_before = ids_of(db.run_binary("load/doubted", {from, to})->text(0, 0));
  const std::uint64_t live = diff.held + diff.gone.size();
  const Vanished vanished = judge_vanished(diff.gone, std::move(doubted_before), live);
  if (has_doubts) db.run("load/drop_doubts", {from, to});
  if (!vanished.believed.empty() && on_missing_ == OnMissing::mark) {
    report.deleted = db.run("load/mark", {from, to, uuid_array(vanished.believed), now})->affected();
  } else if (!vanished.believed.empty()) {
    report.deleted = db.run("load/delete", {from, to, uuid_array(vanished.believed)})->affected();
  }
  if (vanished.doubted.empty()) return;
  db.run("load/doubt", {from, to, uuid_array(vanished.doubted), now});
  report.vanished_doubted = vanished.doubted.size();
  report.error = fmt::format("{} of {} interactions vanished at once; they stay until another reading misses them, too",
                             report.vanished_doubted, live);
}

// Tries the rows without keeping them. Nothing when the database takes them.
std::optional<DatabaseError> PostgresWarehouse::refusal_of(const Batch& batch, const std::vector<std::uint32_t>& rows) {
  Database& db = session_.database();
  try {
    db.begin();
    copy(db, batch, rows, [] {});
    db.roll_back();
    return std::nullopt;
  } catch (const DatabaseError& error) {
    db.roll_back();
    if (error.failure() == Failure::db_data) return error;
    if (error.failure() == Failure::db_unreachable) session_.drop();
    throw;
  } catch (...) {
    session_.drop();
    throw;
  }
}

// Halves the rows that are not held until one is left that the database refuses.
PostgresWarehouse::Refused::value_type PostgresWarehouse::find_refused(const Batch& batch, const Refused& refused) {
  auto rows =
      session_.transaction([&](Database& db) { return difference(batch.interactions, held(db, batch.window)).fresh; });
  std::erase_if(rows, [&](std::uint32_t row) { return refused.contains(row); });
  auto refusal = refusal_of(batch, rows);
  if (!refusal) {
    throw DatabaseError(Failure::db_schema, "load window: the database refuses what no single interaction explains; look "
                                            "at its log and at the constraints on users and rejected_records");
  }
  while (rows.size() > 1) {
    const auto middle = rows.begin() + static_cast<std::ptrdiff_t>(rows.size() / 2);
    const std::vector<std::uint32_t> first(rows.begin(), middle);
    if (const auto of_first = refusal_of(batch, first)) {
      rows = first;
      refusal = of_first;
    } else {
      rows.erase(rows.begin(), middle);
      refusal.reset();
    }
  }
  if (!refusal) refusal = refusal_of(batch, rows);
  return {rows.front(), refusal ? why_refused(*refusal) : "the database refuses it"};
}

void PostgresWarehouse::record(const WindowReport& report) {
  write([&](Database& db) {
    if (report.outcome == Outcome::poisoned) {
      db.run("load/poison", {kStream, to_rfc3339(report.window.from), to_rfc3339(report.window.to)});
    }
    write_ledger(db, report, std::nullopt);
    return true;
  });
}

void PostgresWarehouse::set_poll_from(sys_seconds from) {
  write([&](Database& db) { return db.run("state/set_poll_from", {kStream, to_rfc3339(from)}); });
}

void PostgresWarehouse::set_last_recheck(std::chrono::seconds span, sys_seconds begun) {
  write([&](Database& db) {
    return db.run("state/set_rechecked", {kStream, std::to_string(span.count()), to_rfc3339(begun)});
  });
}

bool PostgresWarehouse::take_lead(Database& db) {
  return db.run("state/lead", {db.schema() + "." + kStream})->boolean(0, 0);
}

bool PostgresWarehouse::try_lead() {
  leads_ = lost_lead_ = false;
  leads_ = session_.transaction([](Database& db) { return take_lead(db); });
  return leads_;
}

void PostgresWarehouse::summarise(const TimeWindow& range, std::chrono::milliseconds patience) {
  session_.transaction([&](Database& db) {
    db.run("load/lock_timeout", {fmt::format("{}ms", patience.count())});
    return db.run("load/summarise", {to_rfc3339(range.from), to_rfc3339(range.to)});
  });
}

}  // namespace

const char* to_text(Outcome outcome) {
  switch (outcome) {
    case Outcome::loaded: return "loaded";
    case Outcome::failed: return "failed";
    case Outcome::split: return "split";
    case Outcome::poisoned: return "poisoned";
  }
  return "";
}

std::unique_ptr<Warehouse> make_warehouse(DatabaseFactory connect, OnMissing on_missing,
                                          std::shared_ptr<SeenUsers> seen_users) {
  return std::make_unique<PostgresWarehouse>(std::move(connect), on_missing, std::move(seen_users));
}

}  // namespace odetl

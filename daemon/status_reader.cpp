#include "daemon/status_reader.hpp"

#include <spdlog/fmt/fmt.h>

#include <charconv>

#include "etl/migrations.hpp"

namespace odetl {
namespace {

constexpr int kWindows = 20;
constexpr int kActivityWindows = 20'000;
constexpr int kComplaintRows = 500;
constexpr int kComplaints = 5;
constexpr std::int64_t kCounted = 5'000'000;       // more rows are estimated
constexpr std::int64_t kCountedByDay = 2'000'000;  // of more, the ledger tells the days
constexpr std::int64_t kLoadsAtOnce = 100'000;

sys_seconds instant(const SqlRows& rows, std::size_t row, int column) {
  return sys_seconds(std::chrono::seconds(rows.integer(row, column)));
}

std::optional<std::string> text_or_nothing(const SqlRows& rows, int column) {
  const auto value = rows.get(0, column);
  return value ? std::optional<std::string>(*value) : std::nullopt;
}

void refuse_other_schema(Database& database) {
  const auto pending = pending_migrations(database);
  if (pending.empty()) return;
  throw DatabaseError(Failure::db_schema, fmt::format("read status: the schema '{}' lacks migration '{}'; run "
                                                      "`opendialog-etl migrate`, or load something first",
                                                      database.schema(), pending.front().name));
}

void read_summary(Database& database, StatusFacts& facts) {
  const auto rows =
      database.run("status/summary", {kStream, database.schema() + "." + kStream, std::to_string(kCounted)});
  facts.last_success = text_or_nothing(*rows, 0);
  facts.last_error = text_or_nothing(*rows, 1);
  facts.last_error_at = text_or_nothing(*rows, 2);
  facts.rejected = rows->integer(0, 3);
  facts.users = rows->integer(0, 4);
  facts.users_estimated = rows->boolean(0, 5);
  facts.interactions = rows->integer(0, 6);
  facts.interactions_estimated = rows->boolean(0, 7);
  facts.leader = rows->boolean(0, 8);
  facts.vanished = rows->integer(0, 9);
}

std::vector<LedgerRow> read_windows(Database& database) {
  const auto rows = database.run("status/windows", {kStream, std::to_string(kWindows)});
  std::vector<LedgerRow> windows;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    windows.push_back({std::string(rows->text(i, 0)),
                       {instant(*rows, i, 1), instant(*rows, i, 2)},
                       std::string(rows->text(i, 3)),
                       std::string(rows->text(i, 4)),
                       rows->integer(i, 5),
                       rows->integer(i, 6),
                       std::chrono::milliseconds(rows->integer(i, 7)),
                       instant(*rows, i, 8),
                       std::string(rows->text(i, 9))});
  }
  return windows;
}

std::vector<Activity> read_activity(Database& database, Timestamp now) {
  const auto rows =
      database.run("status/activity", {kStream, to_rfc3339(now - kActivitySpan), std::to_string(kActivityWindows)});
  std::vector<Activity> activity;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    activity.push_back({instant(*rows, i, 0), std::string(rows->text(i, 1)), std::string(rows->text(i, 2)),
                        rows->integer(i, 3), rows->integer(i, 4), rows->integer(i, 5),
                        std::chrono::milliseconds(rows->integer(i, 6)), std::chrono::seconds(rows->integer(i, 7)),
                        instant(*rows, i, 8)});
  }
  return activity;
}

std::vector<Complaint> read_complaints(Database& database, std::string_view file) {
  const auto rows = database.run(file, {kStream, std::to_string(kComplaintRows), std::to_string(kComplaints)});
  std::vector<Complaint> complaints;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    complaints.push_back({std::string(rows->text(i, 0)), rows->integer(i, 1), instant(*rows, i, 2)});
  }
  return complaints;
}

void add_days(const SqlRows& rows, RowsByDay& days) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string_view digits = rows.text(i, 1);
    double count = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), count);
    days[std::chrono::sys_days(std::chrono::days(rows.integer(i, 0)))] += count;
  }
}

std::optional<std::string> why_not_ready(const StatusFacts& facts, const WindowsConfig& windows) {
  if (!facts.state.watermark) return "nothing was loaded yet";
  if (facts.lag <= 3 * windows.poll_interval + windows.settle) return std::nullopt;
  if (facts.last_error && facts.last_error_at && (!facts.last_success || *facts.last_error_at >= *facts.last_success)) {
    return facts.last_error;
  }
  return fmt::format("the watermark is {} behind{}", to_text(facts.lag), facts.leader ? "" : " and no process polls");
}

}  // namespace

// What the ledger has grown by since the last time. A ledger that shrank is another one.
const RowsByDay& StatusReader::add_up_ledger(Database& database, std::int64_t load_number) {
  if (load_number < logged_up_to_) {
    logged_.clear();
    logged_up_to_ = 0;
  }
  while (logged_up_to_ < load_number) {
    const std::int64_t up_to = std::min(load_number, logged_up_to_ + kLoadsAtOnce);
    const auto rows =
        database.run("status/days_logged", {kStream, std::to_string(logged_up_to_), std::to_string(up_to)});
    add_days(*rows, logged_);
    logged_up_to_ = up_to;
  }
  return logged_;
}

void StatusReader::read_days(Database& database, StatusFacts& facts, Timestamp now) {
  facts.rows_spread = facts.interactions > kCountedByDay;
  RowsByDay rows;
  if (facts.rows_spread) {
    rows = add_up_ledger(database, facts.state.load_number);
  } else {
    add_days(*database.run("status/days_counted"), rows);
  }
  // Where nothing ever polled, backfills alone decide how far history goes.
  const bool polled = facts.leader || facts.state.poll_from;
  facts.calendar = make_calendar(facts.state, rows, polled ? now : Timestamp{});
}

StatusFacts StatusReader::read(Timestamp now, std::stop_token stop) {
  StatusFacts facts;
  const auto database = wiring_.connect();
  const std::stop_callback on_stop(stop, [&database] { database->cancel(); });
  refuse_other_schema(*database);
  facts.state = wiring_.warehouse()->read_state();
  database->begin();
  database->run_script("status/begin");
  read_summary(*database, facts);
  facts.windows = read_windows(*database);
  facts.activity = read_activity(*database, now);
  facts.errors = read_complaints(*database, "status/errors");
  facts.reject_reasons = read_complaints(*database, "status/rejects");
  read_days(*database, facts, now);
  database->roll_back();
  if (facts.state.watermark) facts.lag = std::chrono::duration_cast<std::chrono::seconds>(now - *facts.state.watermark);
  facts.not_ready = why_not_ready(facts, wiring_.config().windows);
  facts.psql = wiring_.psql_command();
  return facts;
}

}  // namespace odetl

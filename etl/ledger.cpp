#include "etl/ledger.hpp"

namespace odetl {
namespace {

std::string number(std::uint64_t value) { return std::to_string(value); }

}  // namespace

std::chrono::milliseconds write_ledger(Database& db, const WindowReport& report,
                                       std::optional<std::int64_t> load_number) {
  const auto logged = db.run(
      "load/log", {load_number ? SqlParam(std::to_string(*load_number)) : std::nullopt, kStream,
                   to_rfc3339(report.window.from), to_rfc3339(report.window.to), to_text(report.reason),
                   to_text(report.outcome), number(report.rows_read), number(report.inserted), number(report.updated),
                   number(report.unchanged), number(report.deleted), number(report.rejected), number(report.bytes),
                   std::to_string(report.http.count()), std::to_string(report.attempts),
                   report.error.empty() ? std::nullopt : SqlParam(report.error), to_rfc3339(report.started_at)});
  return std::chrono::milliseconds(logged->integer(0, 0));
}

bool is_loaded_since(Database& db, const TimeWindow& window, std::int64_t last) {
  return db.run("load/overlapping", {kStream, std::to_string(last), to_rfc3339(window.from), to_rfc3339(window.to)})
      ->boolean(0, 0);
}

}  // namespace odetl

#include "daemon/status.hpp"

#include <spdlog/fmt/fmt.h>

#include "daemon/progress.hpp"
#include "daemon/version.hpp"
#include "etl/canonical_json.hpp"
#include "etl/migrations.hpp"

namespace odetl {
namespace {

constexpr int kWindows = 20;
constexpr const char* kCountedInteractions = "5000000";

std::string quoted(const std::string& text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

std::string quoted_or_null(const std::optional<std::string>& text) { return text ? quoted(*text) : "null"; }

std::string json_ranges(const std::vector<TimeWindow>& windows) {
  std::string list = "[";
  for (const TimeWindow& window : windows) {
    if (list.size() > 1) list += ',';
    list += fmt::format(R"(["{}","{}"])", to_rfc3339(window.from), to_rfc3339(window.to));
  }
  return list + ']';
}

std::vector<TimeWindow> gaps_of(const StreamState& state) {
  const auto& coverage = state.coverage;
  if (!coverage.lower()) return {};
  return coverage.gaps({*coverage.lower(), *coverage.upper()});
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

StatusFacts read_status(const Wiring& wiring, Timestamp now) {
  StatusFacts facts;
  const auto database = wiring.connect();
  const auto pending = pending_migrations(*database);
  if (!pending.empty()) {
    throw DatabaseError(Failure::db_schema, fmt::format("read status: the schema '{}' lacks migration '{}'; run "
                                                        "`opendialog-etl migrate`, or load something first",
                                                        database->schema(), pending.front().name));
  }
  facts.state = wiring.warehouse()->read_state();
  database->begin();
  const auto summary =
      database->run("status/summary", {kStream, database->schema() + "." + kStream, kCountedInteractions});
  const auto text = [&](int column) -> std::optional<std::string> {
    const auto value = summary->get(0, column);
    return value ? std::optional<std::string>(*value) : std::nullopt;
  };
  facts.last_success = text(0);
  facts.last_error = text(1);
  facts.last_error_at = text(2);
  facts.rejected = summary->integer(0, 3);
  facts.users = summary->integer(0, 4);
  facts.interactions = summary->integer(0, 5);
  facts.interactions_estimated = summary->boolean(0, 6);
  facts.leader = summary->boolean(0, 7);
  facts.vanished = summary->integer(0, 8);
  facts.windows = database->run("status/windows", {kStream, std::to_string(kWindows)})->text(0, 0);
  database->roll_back();
  if (facts.state.watermark) facts.lag = std::chrono::duration_cast<std::chrono::seconds>(now - *facts.state.watermark);
  facts.not_ready = why_not_ready(facts, wiring.config().windows);
  facts.psql = wiring.psql_command();
  return facts;
}

std::string status_json(const StatusFacts& facts) {
  const auto& watermark = facts.state.watermark;
  return fmt::format(
      R"({{"version":"{}","commit":"{}","stream":"{}","watermark":{},"lag_seconds":{},"coverage":{},"gaps":{},"poisoned":{},)"
      R"("leader":{},"last_success":{},"last_error":{},"last_error_at":{},"windows":{},"rejected_records":{},"vanished_unconfirmed":{},)"
      R"("rows":{{"users":{},"interactions":{},"interactions_estimated":{}}},"ready":{}}})",
      kVersion, kCommit, kStream, watermark ? quoted(to_rfc3339(*watermark)) : "null",
      watermark ? std::to_string(facts.lag.count()) : "null", json_ranges(facts.state.coverage.windows()),
      json_ranges(gaps_of(facts.state)), json_ranges(facts.state.poisoned.windows()), facts.leader,
      quoted_or_null(facts.last_success), quoted_or_null(facts.last_error), quoted_or_null(facts.last_error_at),
      facts.windows, facts.rejected, facts.vanished, facts.users, facts.interactions, facts.interactions_estimated,
      facts.not_ready ? quoted(*facts.not_ready) : "true");
}

std::string status_text(const StatusFacts& facts) {
  const auto& watermark = facts.state.watermark;
  std::string text;
  const auto line = [&text](std::string_view name, const std::string& value) {
    text += fmt::format("{:<14}{}\n", name, value);
  };
  line("watermark", watermark ? fmt::format("{} (lag {})", to_rfc3339(*watermark), to_text(facts.lag)) : "none yet");
  line("ready", facts.not_ready ? "no: " + *facts.not_ready : "yes");
  line("leader", facts.leader ? "a process polls" : "no process polls");
  for (const TimeWindow& window : facts.state.coverage.windows()) line("covered", to_text(window));
  for (const TimeWindow& gap : gaps_of(facts.state)) {
    line("gap", to_text(gap) + (facts.state.poisoned.overlaps(gap) ? " (the server cannot serve it)" : ""));
  }
  line("users", with_commas(static_cast<std::uint64_t>(facts.users)));
  line("interactions", (facts.interactions_estimated ? "about " : "") +
                           with_commas(static_cast<std::uint64_t>(facts.interactions)));
  line("rejected", with_commas(static_cast<std::uint64_t>(facts.rejected)));
  if (facts.vanished > 0) {
    line("vanished", with_commas(static_cast<std::uint64_t>(facts.vanished)) +
                         " at once; they stay until another reading misses them, too");
  }
  line("last success", facts.last_success.value_or("none"));
  if (facts.last_error) line("last error", fmt::format("{} {}", facts.last_error_at.value_or(""), *facts.last_error));
  if (!facts.psql.empty()) line("psql", facts.psql);
  return text;
}

}  // namespace odetl

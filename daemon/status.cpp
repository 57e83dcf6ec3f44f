#include "daemon/status.hpp"

#include <spdlog/fmt/fmt.h>

#include "daemon/calendar_text.hpp"
#include "daemon/printable.hpp"
#include "daemon/progress.hpp"
#include "daemon/version.hpp"
#include "etl/canonical_json.hpp"

namespace odetl {
namespace {

using namespace std::chrono_literals;

constexpr auto kPaceSpan = 10min;  // the pace is that of so long
constexpr auto kAtWork = 90s;      // a backfill that wrote nothing for longer has ended
constexpr std::size_t kGapsInWords = 10;

std::string quoted_or_null(const std::optional<std::string>& text) { return text ? json_string(*text) : "null"; }

std::string json_ranges(const std::vector<TimeWindow>& windows) {
  std::string list = "[";
  for (const TimeWindow& window : windows) {
    if (list.size() > 1) list += ',';
    list += fmt::format(R"(["{}","{}"])", to_rfc3339(window.from), to_rfc3339(window.to));
  }
  return list + ']';
}

std::string json_windows(const std::vector<LedgerRow>& windows) {
  std::string list = "[";
  for (const LedgerRow& window : windows) {
    if (list.size() > 1) list += ',';
    list += window.json;
  }
  return list + ']';
}

std::string json_calendar(const Calendar& calendar) {
  std::string list = "[";
  for (const CalendarDay& day : calendar.days) {
    if (list.size() > 1) list += ',';
    list += fmt::format(R"({{"day":"{}","state":"{}","covered":{:.4g},"rows":{}}})", to_rfc3339(day.day).substr(0, 10),
                        to_text(day.state), day.covered, day.rows ? std::to_string(*day.rows) : "null");
  }
  return list + ']';
}

std::string json_complaints(const std::vector<Complaint>& complaints) {
  std::string list = "[";
  for (const Complaint& complaint : complaints) {
    if (list.size() > 1) list += ',';
    list += fmt::format(R"({{"what":{},"count":{},"last":"{}"}})", json_string(complaint.what), complaint.count,
                        to_rfc3339(complaint.last));
  }
  return list + ']';
}

std::string counted(std::int64_t count, bool estimated) {
  return (estimated ? "about " : "") + with_commas(static_cast<std::uint64_t>(std::max<std::int64_t>(0, count)));
}

// `name          value` lines.
class Lines {
 public:
  void add(std::string_view name, const std::string& value) {
    text_ += fmt::format("{:<14}{}\n", name, printable(value));
  }
  std::string& text() { return text_; }

 private:
  std::string text_;
};

void add_ranges(Lines& lines, const StreamState& state) {
  for (const TimeWindow& window : state.coverage.windows()) {
    if (state.coverage.windows().size() <= kGapsInWords) lines.add("covered", to_text(window));
  }
  const auto gaps = gaps_of(state);
  if (gaps.size() >= kGapsInWords) {
    lines.add("covered", to_text(TimeWindow{*state.coverage.lower(), *state.coverage.upper()}) + " but for the gaps");
  }
  for (std::size_t i = 0; i < std::min(gaps.size(), kGapsInWords); ++i) {
    lines.add("gap", to_text(gaps[i]) + (state.poisoned.overlaps(gaps[i]) ? " (the server cannot serve it)" : ""));
  }
  if (gaps.size() > kGapsInWords)
    lines.add("gaps", fmt::format("and {} more: see status --json", gaps.size() - kGapsInWords));
}

}  // namespace

std::vector<TimeWindow> gaps_of(const StreamState& state) {
  const auto& coverage = state.coverage;
  if (!coverage.lower()) return {};
  return coverage.gaps({*coverage.lower(), *coverage.upper()});
}

std::optional<BackfillPace> backfill_pace(const StatusFacts& facts, Timestamp now) {
  std::int64_t rows = 0;
  std::chrono::seconds history{0};
  std::optional<sys_seconds> first, last;
  BackfillPace pace;
  for (const Activity& part : facts.activity) {
    if (part.reason != "backfill" || part.outcome != "loaded" || part.minute < now - kPaceSpan) continue;
    if (!first) first = part.minute;
    last = part.minute;
    rows += part.rows_read;
    history += part.span;
    pace.reached = std::max(pace.reached, part.reached);
  }
  if (!last || *last + 1min < now - kAtWork) return std::nullopt;
  const double worked =
      std::max(1.0, std::chrono::duration<double>(std::min<Timestamp>(now, *last + 1min) - *first).count());
  pace.rows_per_second = static_cast<double>(rows) / worked;
  pace.history_per_second = static_cast<double>(history.count()) / worked;
  std::chrono::seconds left{0};
  for (const TimeWindow& gap : gaps_of(facts.state)) {
    if (!facts.state.poisoned.overlaps(gap)) left += gap.width();
  }
  if (left > 0s && pace.history_per_second > 0) {
    pace.time_left =
        std::chrono::seconds(static_cast<std::int64_t>(static_cast<double>(left.count()) / pace.history_per_second));
  }
  return pace;
}

std::string status_json(const StatusFacts& facts) {
  const auto& watermark = facts.state.watermark;
  return fmt::format(
      R"({{"version":"{}","commit":"{}","stream":"{}","watermark":{},"lag_seconds":{},"coverage":{},"gaps":{},"poisoned":{},)"
      R"("leader":{},"last_success":{},"last_error":{},"last_error_at":{},"windows":{},"rejected_records":{},"vanished_unconfirmed":{},)"
      R"("rows":{{"users":{},"interactions":{},"interactions_estimated":{}}},"ready":{},)"
      R"("errors":{},"rejects":{},"calendar":{}}})",
      kVersion, kCommit, kStream, watermark ? json_string(to_rfc3339(*watermark)) : "null",
      watermark ? std::to_string(facts.lag.count()) : "null", json_ranges(facts.state.coverage.windows()),
      json_ranges(gaps_of(facts.state)), json_ranges(facts.state.poisoned.windows()), facts.leader,
      quoted_or_null(facts.last_success), quoted_or_null(facts.last_error), quoted_or_null(facts.last_error_at),
      json_windows(facts.windows), facts.rejected, facts.vanished, facts.users, facts.interactions, facts.interactions_estimated,
      facts.not_ready ? json_string(*facts.not_ready) : "true", json_complaints(facts.errors),
      json_complaints(facts.reject_reasons), json_calendar(facts.calendar));
}

std::string status_text(const StatusFacts& facts, Marks marks) {
  const auto& watermark = facts.state.watermark;
  Lines lines;
  lines.add("watermark",
            watermark ? fmt::format("{} (lag {})", to_rfc3339(*watermark), to_text(facts.lag)) : "none yet");
  lines.add("ready", facts.not_ready ? "no: " + *facts.not_ready : "yes");
  lines.add("leader", facts.leader ? "a process polls" : "no process polls");
  add_ranges(lines, facts.state);
  lines.add("users", counted(facts.users, facts.users_estimated));
  lines.add("interactions", counted(facts.interactions, facts.interactions_estimated));
  lines.add("rejected", counted(facts.rejected, false));
  for (const Complaint& reject : facts.reject_reasons) lines.add("", fmt::format("{} x {}", reject.count, reject.what));
  if (facts.vanished > 0) {
    lines.add("vanished", counted(facts.vanished, false) + " at once; they stay until another reading misses them, too");
  }
  lines.add("last success", facts.last_success.value_or("none"));
  if (facts.last_error)
    lines.add("last error", fmt::format("{} {}", facts.last_error_at.value_or(""), *facts.last_error));
  if (!facts.psql.empty()) lines.add("psql", facts.psql);
  return lines.text() + calendar_text(facts.calendar, marks);
}

}  // namespace odetl

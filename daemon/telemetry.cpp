#include "daemon/telemetry.hpp"

#include <spdlog/fmt/fmt.h>

namespace odetl {
namespace {

using namespace std::chrono_literals;

constexpr auto kAtOnce = 5s;            // what is tried again within that time
constexpr auto kTellAgainAfter = 5min;  // a failure that goes on is told again so often, with a count

std::string ms(std::chrono::milliseconds duration) { return fmt::format("{}ms", duration.count()); }

LogField window_field(const TimeWindow& window) {
  return {"window", fmt::format("{}/{}", to_rfc3339(window.from), to_rfc3339(window.to))};
}

Event event_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::loaded:
      return Event::window_loaded;
    case Outcome::split:
      return Event::window_split;
    case Outcome::failed:
      return Event::window_failed;
    case Outcome::poisoned:
      break;
  }
  return Event::window_poisoned;
}

std::vector<LogField> fields_of(const WindowReport& report, std::uint64_t request) {
  std::vector<LogField> fields = {{"reason", to_text(report.reason)}, window_field(report.window)};
  if (request > 0) fields.push_back({"request", std::to_string(request)});
  if (report.outcome != Outcome::loaded) {
    fields.push_back({"error", report.error});
    return fields;
  }
  const auto add = [&fields](std::string_view key, std::uint64_t count, bool always) {
    if (always || count > 0) fields.push_back({key, std::to_string(count)});
  };
  add("rows", report.rows_read, true);
  add("inserted", report.inserted, true);
  add("updated", report.updated, false);
  add("deleted", report.deleted, false);
  add("rejected", report.rejected, false);
  add("rejects_cleared", report.rejects_cleared, false);
  add("users_without_id", report.users_without_id, false);
  add("bytes", report.bytes, true);
  fields.push_back({"http", ms(report.http)});
  fields.push_back({"load", ms(report.load)});
  if (report.marks_deferred) fields.push_back({"vanished_rows", "left to a recheck"});
  return fields;
}

}  // namespace

Telemetry::Telemetry(Metrics& metrics, const Surroundings& surroundings, bool quiet_windows)
    : metrics_(metrics), surroundings_(surroundings), quiet_windows_(quiet_windows) {}

void Telemetry::request_done(const Task& task, const Exchange& exchange) {
  metrics_.request(exchange);
  {
    const std::scoped_lock lock(mutex_);
    request_of_[task.window.from] = ++requests_;
    ++requests_by_code_[exchange.status];
  }
  idle();
}

void Telemetry::window_done(const WindowReport& report) {
  metrics_.window(report);
  LogLevel level = LogLevel::warn;
  if (report.outcome == Outcome::failed) level = LogLevel::debug;  // request_failed tells
  if (report.outcome == Outcome::loaded || report.outcome == Outcome::split) {
    const bool changed = report.inserted + report.updated + report.deleted > 0;
    level = changed && !quiet_windows_ ? LogLevel::info : LogLevel::debug;
    if (report.rejected > 0) level = LogLevel::warn;
  }
  std::unique_lock lock(mutex_);
  const std::uint64_t request = request_of(report.window);
  if (report.outcome != Outcome::failed) request_of_.erase(report.window.from);
  lock.unlock();
  log(level, event_of(report.outcome), fields_of(report, request));
  if (report.vanished_doubted > 0) {
    log(Event::vanished_at_once,
        {{"from", to_rfc3339(report.window.from)}, {"to", to_rfc3339(report.window.to)}, {"what", report.error}});
  }
  if (report.echo_differs && !echo_told_) {
    echo_told_ = true;
    log(Event::echo_differs,
        {{"what",
          "the answer repeats other bounds than were asked for; the server may read them in another time zone"}});
  }
  lock.lock();
  totals_.rows_read += report.rows_read;
  totals_.inserted += report.inserted;
  totals_.updated += report.updated;
  totals_.unchanged += report.unchanged;
  totals_.deleted += report.deleted;
  totals_.rejected += report.rejected;
  totals_.vanished_doubted += report.vanished_doubted;
  totals_.bytes += report.bytes;
  if (report.outcome != Outcome::loaded) return;
  reached_ = surroundings_.steady();
  if (failing_) log(Event::recovered, {{"after_failures", std::to_string(repeated_)}});
  failing_ = false;
  repeated_ = 0;
  told_.clear();
}

void Telemetry::failed(const Task& task, const TaskFailure& failure, const WindowPlan::Verdict& verdict) {
  metrics_.retry(failure.failure);
  if (verdict.action == Action::split) return;  // window_split tells
  std::vector<LogField> fields = {{"cause", to_text(failure.failure)}, {"error", failure.message}};
  if (task.kind != Task::Kind::probe) fields.push_back(window_field(task.window));
  if (verdict.action == Action::again) fields.push_back({"again_in", ms(verdict.wait)});
  const std::scoped_lock lock(mutex_);
  if (const auto request = request_of(task.window)) fields.push_back({"request", std::to_string(request)});
  last_error_ = failure.message;
  // A first failure that is tried again at once is no news; but a probe is not asked before others have failed.
  const bool is_first = task.attempts == 0 && task.kind != Task::Kind::probe;
  const bool passing = verdict.action == Action::again && verdict.wait <= kAtOnce && is_first && !failing_;
  tell(passing ? LogLevel::debug : LogLevel::warn, Event::request_failed, failure.failure, std::move(fields));
}

void Telemetry::trouble(Event event, Failure failure, const std::string& message) {
  metrics_.retry(failure);
  const std::scoped_lock lock(mutex_);
  last_error_ = message;
  tell(kind_of(event).level, event, failure, {{"cause", to_text(failure)}, {"error", message}});
}

std::uint64_t Telemetry::request_of(const TimeWindow& window) const {
  const auto found = request_of_.find(window.from);
  return found == request_of_.end() ? 0 : found->second;
}

// Tells a failure once and then rarely, with a count, each cause by itself, until something succeeds.
void Telemetry::tell(LogLevel level, Event event, Failure cause, std::vector<LogField> fields) {
  ++repeated_;
  if (level == LogLevel::debug) return log(level, event, fields);
  failing_ = true;
  const auto now = surroundings_.steady();
  const auto told = told_.find(cause);
  if (told != told_.end() && now - told->second < kTellAgainAfter) return log(LogLevel::debug, event, fields);
  told_[cause] = now;
  if (repeated_ > 1) fields.push_back({"failures", std::to_string(repeated_)});
  log(level, event, fields);
}

void Telemetry::idle() {
  const std::scoped_lock lock(mutex_);
  if (feed_) feed_();
}

void Telemetry::on_progress(std::function<void()> feed) {
  const std::scoped_lock lock(mutex_);
  feed_ = std::move(feed);
}

void Telemetry::all_well() {
  const std::scoped_lock lock(mutex_);
  reached_ = surroundings_.steady();
}

std::optional<std::string> Telemetry::not_ready(std::chrono::seconds allowed) const {
  const std::scoped_lock lock(mutex_);
  if (!reached_) return last_error_.empty() ? "nothing was loaded yet" : last_error_;
  if (surroundings_.steady() - *reached_ <= allowed) return std::nullopt;
  return last_error_.empty() ? fmt::format("nothing was loaded for {}", to_text(allowed)) : last_error_;
}

std::string Telemetry::last_error() const {
  const std::scoped_lock lock(mutex_);
  return last_error_;
}

std::map<int, std::uint64_t> Telemetry::requests_by_code() const {
  const std::scoped_lock lock(mutex_);
  return requests_by_code_;
}

WindowReport Telemetry::totals() const {
  const std::scoped_lock lock(mutex_);
  return totals_;
}

}  // namespace odetl

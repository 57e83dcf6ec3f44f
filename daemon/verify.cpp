#include "daemon/verify.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdio>
#include <mutex>

#include "daemon/progress.hpp"
#include "daemon/workers.hpp"
#include "etl/audit.hpp"
#include "etl/canonical_json.hpp"

namespace odetl {
namespace {

using Kind = Finding::Kind;

constexpr int kPasses = 5;  // over what was loaded meanwhile

// Collects what the workers find.
class Findings final : public AuditSink {
 public:
  void audited(WindowAudit audit) override {
    const std::scoped_lock lock(mutex_);
    compared += audit.again ? 0 : audit.compared;
    quarantined += audit.again ? 0 : audit.quarantined;
    for (std::size_t i = 0; i < Finding::kKinds; ++i) {
      found.of[i] += audit.found.of[i];
      left.of[i] += audit.left.of[i];
    }
    if (audit.again) again.add(audit.window);
    for (Finding& finding : audit.findings) {
      if (shown.size() < kMaxFindings) shown.push_back(std::move(finding));
    }
  }

  std::uint64_t compared = 0, quarantined = 0;
  FindingCounts found, left;
  Coverage again;
  std::vector<Finding> shown;

 private:
  std::mutex mutex_;
};

void print(const Finding& finding) {
  fmt::print("{:<9}", to_text(finding.kind));
  if (!finding.interaction_id.empty()) fmt::print(" {}", finding.interaction_id);
  if (finding.occurred_at != Timestamp{}) fmt::print(" {}", to_rfc3339(finding.occurred_at));
  if (!finding.user_id.empty()) fmt::print(" user {}", json_string(finding.user_id));
  if (!finding.fields.empty()) fmt::print(": {}", finding.fields);
  fmt::print("\n");
}

class Verification {
 public:
  Verification(Wiring& wiring, const Invocation& invocation, Telemetry& telemetry, const Surroundings& surroundings)
      : wiring_(wiring),
        telemetry_(telemetry),
        surroundings_(surroundings),
        range_{invocation.from, invocation.to},
        repair_(invocation.repair),
        width_(wiring.width_limits()),
        begun_(surroundings.steady()) {}

  ExitCode run(std::stop_token stop);

 private:
  void read(const std::vector<TimeWindow>& ranges, std::stop_token stop);
  LedgerAudit look_at_ledger() const;
  void print_parts(const char* what, const std::vector<TimeWindow>& parts, const char* meaning) const;
  void print_findings() const;
  void print_summary(bool stopped) const;
  ExitCode result(bool stopped) const;
  bool differs() const {
    return findings_.left.sum() > 0 || !ledger_.unexplained.empty() || !ledger_.forgotten.empty() || !poisoned_.empty();
  }

  Wiring& wiring_;
  Telemetry& telemetry_;
  Surroundings surroundings_;
  TimeWindow range_;
  bool repair_;
  WindowWidth width_;
  std::chrono::steady_clock::time_point begun_;
  StreamState state_;
  LedgerAudit ledger_;
  Findings findings_;
  std::vector<TimeWindow> poisoned_;
  Coverage unsettled_;
};

LedgerAudit Verification::look_at_ledger() const {
  DatabaseSession session([this] { return wiring_.connect(); });
  return session.transaction([this](Database& db) { return audit_ledger(db, range_); });
}

ExitCode Verification::run(std::stop_token stop) {
  ledger_ = look_at_ledger();
  std::vector<TimeWindow> ranges = {range_};
  for (int pass = 0; pass < kPasses && !ranges.empty() && !stop.stop_requested(); ++pass) {
    state_ = wiring_.warehouse()->read_state();
    findings_.again = Coverage();
    read(ranges, stop);
    ranges = findings_.again.windows();
  }
  if (repair_) ledger_ = look_at_ledger();
  state_ = wiring_.warehouse()->read_state();
  const bool stopped = stop.stop_requested();
  print_findings();
  print_summary(stopped);
  return result(stopped);
}

void Verification::read(const std::vector<TimeWindow>& ranges, std::stop_token stop) {
  PlanOptions options = command_plan_options();
  options.retry_poisoned = true;
  WindowPlan plan(ranges, state_.poisoned, width_, options);
  RateAllowance allowance = wiring_.rate_allowance(Reason::verify);
  Pipeline pipeline(plan, allowance, wiring_.read_options(Reason::verify), surroundings_, telemetry_,
                    state_.load_number);
  AuditOptions audit{repair_, Coverage(state_.coverage.gaps(range_))};
  for (const TimeWindow& window : ledger_.unexplained) audit.reload.add(window);
  {
    const auto progress = show_progress([&] {
      return ProgressReading{pipeline.progress(), telemetry_.totals(), telemetry_.requests(),
                             std::chrono::duration_cast<std::chrono::milliseconds>(surroundings_.steady() - begun_)};
    });
    work_in_parallel(
        wiring_, pipeline, wiring_.config().backfill_workers,
        [&] {
          return make_auditing_warehouse([this] { return wiring_.connect(); }, wiring_.warehouse(), audit, findings_);
        },
        stop);
  }
  poisoned_.insert(poisoned_.end(), plan.poisoned().begin(), plan.poisoned().end());
  for (const TimeWindow& window : plan.unsettled()) unsettled_.add(window);
  if (!plan.stopped_by() || stop.stop_requested()) return;
  print_findings();
  throw CommandError(exit_code_of(plan.stopped_by()->failure),
                     plan.stopped_by()->message + "; the verification is not complete, run it again");
}

void Verification::print_parts(const char* what, const std::vector<TimeWindow>& parts, const char* meaning) const {
  for (const TimeWindow& part : parts) fmt::print("{} {}: {}\n", what, to_text(part), meaning);
}

void Verification::print_findings() const {
  std::vector<Finding> shown = findings_.shown;
  std::sort(shown.begin(), shown.end(), [](const Finding& a, const Finding& b) {
    return std::tie(a.occurred_at, a.user_id, a.interaction_id) < std::tie(b.occurred_at, b.user_id, b.interaction_id);
  });
  for (const Finding& finding : shown) print(finding);
  if (const auto all = findings_.found.sum(); all > shown.size()) {
    fmt::print("and {} more: {} are shown\n", with_commas(all - shown.size()), with_commas(shown.size()));
  }
  print_parts("not covered", state_.coverage.gaps(range_),
              "never loaded, so all that is served there is missing; backfill loads it");
  print_parts("unexplained", ledger_.unexplained, "covered, but no load in window_log says so");
  print_parts("forgotten", ledger_.forgotten, "loaded by window_log, but not covered");
  if (ledger_.purged) fmt::print("window_log was purged: whether it explains all that is covered cannot be told\n");
  print_parts("poisoned", poisoned_, "the server cannot serve it; not compared");
  print_parts("not settled", unsettled_.windows(), "past the server's clock less windows.settle; not compared");
  print_parts("changing", findings_.again.windows(), "loaded, or gone at once, while it was compared; not compared");
}

void Verification::print_summary(bool stopped) const {
  const auto count = [this](Kind kind) { return with_commas(findings_.found[kind]); };
  fmt::print("verify {} [{}, {}): {} interactions compared, {} missing, {} surplus, {} marked, {} differing; {} profiles; "
             "{} in quarantine; {} requests, {:.1f} s\n",
             stopped ? "interrupted in" : "of", to_rfc3339(range_.from), to_rfc3339(range_.to),
             with_commas(findings_.compared), count(Kind::missing), count(Kind::surplus), count(Kind::marked),
             count(Kind::differing), count(Kind::profile), with_commas(findings_.quarantined), telemetry_.requests(),
             std::chrono::duration<double>(surroundings_.steady() - begun_).count());
  if (repair_) {
    fmt::print("repaired {} of {}\n", with_commas(findings_.found.sum() - findings_.left.sum()),
               with_commas(findings_.found.sum()));
  }
  if (repair_ && findings_.left[Kind::surplus] > 0 && wiring_.config().windows.on_missing == OnMissing::keep) {
    fmt::print("what is surplus stays: windows.on_missing is keep\n");
  }
}

ExitCode Verification::result(bool stopped) const {
  const bool complete = !stopped && unsettled_.windows().empty() && findings_.again.windows().empty();
  if (differs()) {
    fmt::print("{}\n", repair_ ? "not equal" : "not equal; --repair loads what differs");
    return ExitCode::no;
  }
  fmt::print("{}\n", complete ? "equal" : "equal as far as it was compared; run the same command again for the rest");
  return complete ? ExitCode::done : ExitCode::temporary;
}

}  // namespace

ExitCode verify(Wiring& wiring, const Invocation& invocation, Telemetry& telemetry, const Surroundings& surroundings,
                std::stop_token stop) {
  return Verification(wiring, invocation, telemetry, surroundings).run(stop);
}

}  // namespace odetl

#include "daemon/rejects.hpp"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <cstdio>
#include <set>

#include "daemon/progress.hpp"
#include "daemon/workers.hpp"
#include "etl/canonical_json.hpp"

namespace odetl {
namespace {

SqlParam chosen_ids(const Invocation& invocation) {
  if (invocation.ids.empty()) return std::nullopt;
  std::string list;
  for (const std::string& id : invocation.ids) list += (list.empty() ? "{" : ",") + id;
  return list + "}";
}

std::uint64_t count(Database& db, const SqlParam& ids, const SqlParam& before) {
  return static_cast<std::uint64_t>(db.run("rejects/count", {kStream, ids, before})->integer(0, 0));
}

std::string records(std::uint64_t count) { return with_commas(count) + (count == 1 ? " record" : " records"); }

// The chosen records that are in quarantine.
struct Chosen {
  std::set<std::string> ids;
  Coverage windows;
};

Chosen choose(DatabaseSession& session, const SqlParam& ids) {
  return session.transaction([&](Database& db) {
    const auto rows = db.run("rejects/windows", {kStream, ids});
    Chosen chosen;
    for (std::size_t row = 0; row < rows->size(); ++row) {
      const auto second = [&](int column) { return sys_seconds(std::chrono::seconds(rows->integer(row, column))); };
      chosen.ids.emplace(rows->text(row, 0));
      chosen.windows.add({second(1), second(2)});
    }
    return chosen;
  });
}

void read(Wiring& wiring, const Coverage& windows, Telemetry& telemetry, const Surroundings& surroundings,
          std::stop_token stop) {
  const StreamState state = wiring.warehouse()->read_state();
  PlanOptions options = command_plan_options();
  options.retry_poisoned = true;
  WindowWidth width(wiring.width_limits());
  WindowPlan plan(windows.windows(), state.poisoned, width, options);
  RateAllowance allowance = wiring.rate_allowance(Reason::recheck);
  Pipeline pipeline(plan, allowance, wiring.read_options(Reason::recheck), surroundings, telemetry, state.load_number);
  work_in_parallel(
      wiring, pipeline, 1, [&wiring] { return wiring.warehouse(); }, stop);
  if (plan.stopped_by() && !stop.stop_requested()) {
    throw CommandError(exit_code_of(plan.stopped_by()->failure),
                       plan.stopped_by()->message + "; not all was retried, run the same command again");
  }
}

// Whether a person at the terminal says yes; without one, nobody does.
bool is_confirmed(const std::string& question) {
  if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0) {
    throw CommandError(ExitCode::usage, "rejects purge: nothing is deleted without --yes; " + question);
  }
  fmt::print("{} [y/N] ", question);
  std::fflush(stdout);
  const int answer = std::getchar();
  return answer == 'y' || answer == 'Y';
}

}  // namespace

ExitCode list_rejects(const Wiring& wiring, const Invocation& invocation) {
  DatabaseSession session([&wiring] { return wiring.connect(); });
  return session.transaction([&](Database& db) {
    const auto rows = db.run("rejects/list", {kStream, std::to_string(invocation.limit)});
    std::string json;
    for (std::size_t row = 0; row < rows->size(); ++row) {
      json += (json.empty() ? "" : ",\n ") + std::string(rows->text(row, 8));
      if (invocation.json) continue;
      fmt::print("{} [{}, {}) user {} first {} last {} attempts {}: {}\n", rows->text(row, 0), rows->text(row, 4),
                 rows->text(row, 5), rows->get(row, 1) ? json_string(rows->text(row, 1)) : "unknown", rows->text(row, 6),
                 rows->text(row, 7), rows->text(row, 3), rows->text(row, 2));
    }
    if (invocation.json) {
      fmt::print("[{}]\n", json);
      return ExitCode::done;
    }
    const std::uint64_t all = count(db, std::nullopt, std::nullopt);
    const bool cut = all > rows->size();
    fmt::print("{} in quarantine{}\n", records(all),
               cut ? fmt::format("; the latest {} are shown, see --limit", rows->size()) : "");
    return ExitCode::done;
  });
}

ExitCode retry_rejects(Wiring& wiring, const Invocation& invocation, Telemetry& telemetry,
                       const Surroundings& surroundings, std::stop_token stop) {
  DatabaseSession session([&wiring] { return wiring.connect(); });
  const SqlParam ids = chosen_ids(invocation);
  const Chosen before = choose(session, ids);
  std::size_t unknown = 0;
  for (const std::string& id : invocation.ids) {
    if (before.ids.contains(id)) continue;
    ++unknown;
    fmt::print("{} is not in quarantine\n", id);
  }
  if (!before.ids.empty()) read(wiring, before.windows, telemetry, surroundings, stop);
  std::size_t left = 0;
  for (const std::string& id : choose(session, ids).ids) left += before.ids.count(id);
  fmt::print("{} retried: {} left the quarantine, {} stay in it; {} interactions inserted, {} requests\n",
             records(before.ids.size()), with_commas(before.ids.size() - left), with_commas(left),
             with_commas(telemetry.totals().inserted), telemetry.requests());
  if (stop.stop_requested()) return ExitCode::done;
  return left + unknown == 0 ? ExitCode::done : ExitCode::no;
}

ExitCode purge_rejects(const Wiring& wiring, const Invocation& invocation) {
  DatabaseSession session([&wiring] { return wiring.connect(); });
  const SqlParam ids = chosen_ids(invocation);
  const SqlParam before = invocation.before ? SqlParam(to_rfc3339(*invocation.before)) : std::nullopt;
  const std::uint64_t all = session.transaction([&](Database& db) { return count(db, ids, before); });
  const bool sure = invocation.yes || all == 0 || is_confirmed("delete " + records(all) + " of the quarantine for good?");
  if (!sure) {
    fmt::print("nothing was deleted\n");
    return ExitCode::no;
  }
  const std::uint64_t deleted =
      session.transaction([&](Database& db) { return db.run("rejects/purge", {kStream, ids, before})->affected(); });
  fmt::print("{} deleted\n", records(deleted));
  return ExitCode::done;
}

}  // namespace odetl

#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <optional>
#include <thread>

#include "tests/bench/scale.hpp"
#include "tests/bench/service_costs.hpp"
#include "tests/bench/stage.hpp"

// Times the built program against psql's \copy of the very same rows, in one run: see README.md beside this file.
namespace odetl::bench {
namespace {

using namespace std::chrono_literals;

// Two parts of one month, so of one partition.
const Range kFew = {"2024-02-01T00:00:00Z", "2024-02-05T00:00:00Z"};
const Range kMany = {"2024-02-05T00:00:00Z", "2024-03-01T00:00:00Z"};

class EndToEnd {
 public:
  explicit EndToEnd(const Options& options) : options_(options), stage_(options.gzip) {}

  void run();
  const Figures& figures() const { return stage_.figures; }

 private:
  void against_raw_copy();
  std::string have_answers_kept(const Tenant& tenant);
  void measure_once(const Tenant& tenant, const std::string& rows);
  void raw_copy(const std::string& file) { note(kRawCopy, stage_.raw_copy(file)); }
  void reread(const std::string& name, const std::string& dsn, const Tenant& tenant);
  void contest(const Tenant& tenant);
  void onto_ten_times_as_much();
  Tenant tenant(const Range& range, std::uint64_t rows, Order order) {
    return {range, rows, order, stage_.tenant_flags()};
  }
  void note(const std::string& what, double value) { stage_.figures.note(what, value); }
  double rows_in(const std::string& dsn) const { return stage_.number(dsn, "SELECT count(*) FROM opendialog.interactions"); }

  const Options options_;
  Stage stage_;
  std::optional<Tenant> shuffled_;
};

void EndToEnd::reread(const std::string& name, const std::string& dsn, const Tenant& tenant) {
  const auto written = [&] {
    std::this_thread::sleep_for(1500ms);  // backends tell what they did when they end, and each second
    return stage_.number(dsn, "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables "
                              "WHERE relname ~ '^(interactions|users)'");
  };
  const double before = written();
  const Cost cost = stage_.load(name, dsn, tenant, {"--reload", "--workers", "1"});
  note(name + ", client CPU s per 100,000 rows", cost.cpu_s / rows_in(dsn) * 1e5);
  note(name + ", row versions", written() - before);
}

// The script reads and writes less than the program does: no identity, no proof that an answer is whole, no ledger.
void EndToEnd::contest(const Tenant& tenant) {
  const std::string dsn = stage_.cluster.create_database("contestant");
  stage_.cluster.query("CHECKPOINT");
  const Cost cost = timed({"python3", ODETL_CONTESTANT, "--url", tenant.url(), "--token-file", stage_.directory / "token",
                           "--dsn", dsn, "--from", tenant.range.from, "--to", tenant.range.to});
  note("plain script, s", cost.wall_s);
  note("plain script, client CPU s", cost.cpu_s);
  note("plain script, peak RSS MiB", static_cast<double>(cost.peak_rss) / 1048576.0);
  note("plain script, rows", stage_.number(dsn, "SELECT count(*) FROM interactions"));
}

// `rows`: a file of what the loads will hold.
void EndToEnd::measure_once(const Tenant& tenant, const std::string& rows) {
  raw_copy(rows);
  const std::string one = stage_.cluster.create_database("one");
  const Cost first = stage_.load("first load, 1 worker", one, tenant, {"--workers", "1"});
  note("rows", rows_in(one));
  note("first load, 1 worker, client CPU s per 100,000 rows", first.cpu_s / rows_in(one) * 1e5);
  raw_copy(rows);
  if (options_.wants("reread")) {
    stage_.vacuum_users("first load, 1 worker", one);
    reread("re-read, same answers", one, tenant);
    reread("re-read, shuffled answers", one, *shuffled_);
  }
  if (options_.wants("two")) {
    stage_.load("first load, 2 workers", stage_.cluster.create_database("two"), tenant, {"--workers", "2"});
  }
  raw_copy(rows);
  if (options_.wants("contestant")) contest(tenant);
}

// Untimed: the tenant computes its answers now, and not while it is measured. Answers the database of that load.
std::string EndToEnd::have_answers_kept(const Tenant& tenant) {
  const std::string dsn = stage_.cluster.create_database("untimed");
  const std::string config = stage_.configure(dsn, tenant);
  timed({ODETL_PROGRAM, "--config", config, "backfill", "--workers", "1", "--from", tenant.range.from, "--to",
         tenant.range.to});
  return dsn;
}

void EndToEnd::against_raw_copy() {
  const Tenant served = tenant(kAll, options_.rows, Order::insertion);
  const std::string rows = stage_.export_rows(have_answers_kept(served));
  if (options_.wants("reread")) {
    shuffled_.emplace(kAll, options_.rows, Order::shuffled, stage_.tenant_flags());
    have_answers_kept(*shuffled_);
  }
  for (int i = 0; i < options_.repeat; ++i) {
    fmt::print(stderr, "run {} of {}\n", i + 1, options_.repeat);
    measure_once(served, rows);
  }
  shuffled_.reset();
}

// A fifth of the rows into an empty warehouse, and into a partition that holds twice all of them.
void EndToEnd::onto_ten_times_as_much() {
  const Tenant few = tenant(kFew, options_.rows / 5, Order::insertion);
  const std::string full = stage_.cluster.create_database("full");
  {
    const Tenant many = tenant(kMany, options_.rows * 2, Order::insertion);
    stage_.load("twice as much, 2 workers", full, many, {"--workers", "2"});
  }
  for (int i = 0; i < options_.repeat; ++i) {
    stage_.load("a fifth into an empty warehouse", stage_.cluster.create_database("few"), few, {"--workers", "1"});
    const std::string copy = stage_.cluster.dsn("copy");
    stage_.cluster.query("DROP DATABASE IF EXISTS copy");
    stage_.cluster.query("CREATE DATABASE copy TEMPLATE \"full\"");
    stage_.load("a fifth onto ten times as much", copy, few, {"--workers", "1"});
  }
}

void EndToEnd::run() {
  if (options_.wants("two") || options_.wants("reread") || options_.wants("contestant")) against_raw_copy();
  if (options_.wants("full")) onto_ten_times_as_much();
  if (options_.wants("idle")) measure_idle(stage_);
  if (options_.wants("scale")) measure_scale(stage_, options_.rows);
  if (options_.wants("latency")) measure_latency(stage_);  // last: it restarts the server with another setting
}

int judge(const Figures& figures) {
  const auto objections = figures.objections();
  for (const std::string& words : objections) fmt::print(stderr, "gate: {}\n", words);
  if (objections.empty()) fmt::print(stderr, "gate: every ratio is within its limit\n");
  return objections.empty() ? 0 : 1;
}

}  // namespace
}  // namespace odetl::bench

int main(int argc, char** argv) {
  odetl::bench::Options options;
  CLI::App app("Times loads end to end against psql's \\copy of the same rows.");
  app.add_option("--rows", options.rows, "rows of the tenant, at least 1000")
      ->check(CLI::Range(std::uint64_t{1000}, std::uint64_t{100'000'000}))
      ->capture_default_str();
  app.add_option("--repeat", options.repeat, "how often; medians are printed")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("!--no-gzip", options.gzip, "the tenant compresses nothing");
  auto* only = app.add_option("--only", options.only, "of: two reread contestant full idle scale latency")
                   ->check(CLI::IsMember({"two", "reread", "contestant", "full", "idle", "scale", "latency"}));
  app.add_flag("--gate", options.gate,
               "the loads alone, and exit 1 where a ratio is past its limit; below 200,000 rows starting up decides")
      ->excludes(only);
  CLI11_PARSE(app, argc, argv);
  if (options.gate) options.only = {"two", "reread"};
  try {
    odetl::bench::EndToEnd bench(options);
    bench.run();
    bench.figures().print();
    return options.gate ? odetl::bench::judge(bench.figures()) : 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench: {}\n", error.what());
    return 2;
  }
}

#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <thread>

#include "tests/bench/timed_process.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/postgres_cluster.hpp"

// Times the built program against psql's \copy of the very same rows, in one run: see README.md beside this file.
namespace odetl::bench {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

struct Range {
  const char* from;
  const char* to;
};
constexpr Range kAll = {"2024-01-01T00:00:00Z", "2024-03-01T00:00:00Z"};
// Two parts of one month, so of one partition.
constexpr Range kFew = {"2024-02-01T00:00:00Z", "2024-02-05T00:00:00Z"};
constexpr Range kMany = {"2024-02-05T00:00:00Z", "2024-03-01T00:00:00Z"};

struct Options {
  std::uint64_t rows = 1'000'000;
  int repeat = 3;
  bool gzip = true;
  std::vector<std::string> only;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

class Tenant {
 public:
  Tenant(const Range& of, std::uint64_t rows, bool gzip)
      : range(of), process_(command(of, rows, gzip)), url_(process_.read_line("http://", test::Stream::out, 120s)) {
    url_ = url_.substr(url_.find("http://"));
    url_ = url_.substr(0, url_.find_first_of(" \t\r\n"));
  }
  const std::string& url() const { return url_; }
  const Range range;

 private:
  static std::vector<std::string> command(const Range& of, std::uint64_t rows, bool gzip) {
    std::vector<std::string> argv = {ODETL_SIMULATOR, "--rows", std::to_string(rows), "--from", of.from, "--to", of.to};
    if (!gzip) argv.push_back("--no-gzip");
    return argv;
  }
  test::ChildProcess process_;
  std::string url_;
};

class EndToEnd {
 public:
  explicit EndToEnd(const Options& options)
      : options_(options), cluster_(cluster_options()), tenant_(kAll, options.rows, options.gzip) {}

  void run();

 private:
  static test::ClusterOptions cluster_options() {
    test::ClusterOptions options;
    options.fsync = true;
    options.settings = {{"shared_buffers", "256MB"}, {"max_wal_size", "8GB"}, {"checkpoint_timeout", "1h"},
                        {"autovacuum", "off"}};
    return options;
  }

  void measure_once();
  void raw_copy();
  Cost load(const std::string& name, const std::string& dsn, const Tenant& tenant, const std::vector<std::string>& flags);
  void reread(const std::string& dsn);
  void onto_ten_times_as_much();
  void idle(const std::string& dsn);
  std::string write_config(const std::string& dsn, const Tenant& tenant, const std::string& more = "");
  double sql(const std::string& dsn, const std::string& query) { return std::stod(cluster_.query_at(dsn, query)); }
  bool wanted(const std::string& name) const {
    return options_.only.empty() || std::find(options_.only.begin(), options_.only.end(), name) != options_.only.end();
  }
  void note(const std::string& what, double value) {
    figures_[what].push_back(value);
    fmt::print(stderr, "  {:<44} {:>12.3f}\n", what, value);
  }
  void report() const;

  Options options_;
  test::PostgresCluster cluster_;
  Tenant tenant_;
  test::TempDirectory directory_{"odetl-bench"};
  int configs_ = 0;
  std::map<std::string, std::vector<double>> figures_;
};

std::string EndToEnd::write_config(const std::string& dsn, const Tenant& tenant, const std::string& more) {
  const auto file = directory_ / fmt::format("{}.yaml", ++configs_);
  test::write_file(directory_ / "token", "simulator-token");
  fs::permissions(directory_ / "token", fs::perms(0600));
  test::write_file(file, fmt::format("api: {{base_url: '{}', token_file: '{}'}}\nwarehouse: {{dsn: \"{}\"}}\n"
                                     "http: {{listen: ''}}\nstate_dir: '{}'\nlog: {{level: warn}}\n{}",
                                     tenant.url(), (directory_ / "token").string(), dsn,
                                     (directory_ / "state").string(), more));
  return file;
}

Cost EndToEnd::load(const std::string& name, const std::string& dsn, const Tenant& tenant,
                    const std::vector<std::string>& flags) {
  const std::string config = write_config(dsn, tenant);
  timed({ODETL_PROGRAM, "--config", config, "migrate"});
  cluster_.query("CHECKPOINT");
  std::vector<std::string> argv = {ODETL_PROGRAM, "--config", config, "backfill", "--from", tenant.range.from,
                                   "--to", tenant.range.to};
  argv.insert(argv.end(), flags.begin(), flags.end());
  const Cost cost = timed(argv);
  note(name + ", s", cost.wall_s);
  note(name + ", client CPU s", cost.cpu_s);
  note(name + ", peak RSS MiB", static_cast<double>(cost.peak_rss) / 1048576.0);
  return cost;
}

// The yardstick: the rows that were loaded last, from a file, into one table with the same columns and indexes.
void EndToEnd::raw_copy() {
  const std::string dsn = cluster_.create_database("raw");
  const std::string file = directory_ / "rows";
  cluster_.query_at(dsn, "CREATE TABLE interactions (interaction_id uuid NOT NULL, user_id text NOT NULL, occurred_at "
                         "timestamptz NOT NULL, type text NOT NULL, text text, value text, callback_id text, data jsonb, "
                         "extra jsonb, occurrence int NOT NULL, loaded_at timestamptz NOT NULL DEFAULT now(), deleted_at "
                         "timestamptz, PRIMARY KEY (user_id, occurred_at, interaction_id));"
                         "CREATE INDEX ON interactions USING brin (occurred_at) WITH (pages_per_range = 32, "
                         "autosummarize = on)");
  cluster_.query("CHECKPOINT");
  const Cost cost = timed({"psql", "-XAtq", "-d", dsn, "-c", "\\copy interactions from '" + file + "'"});
  note("raw \\copy, s", cost.wall_s);
}

void EndToEnd::reread(const std::string& dsn) {
  const std::string written =
      "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables WHERE relname ~ '^(interactions|users)'";
  const auto settled_stats = [&] {
    std::this_thread::sleep_for(1500ms);  // backends tell what they did when they end, and each second
    return sql(dsn, written);
  };
  const double before = settled_stats();
  const double wal = sql(dsn, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')");
  load("re-read, 1 worker", dsn, tenant_, {"--reload", "--workers", "1"});
  note("re-read, WAL bytes", sql(dsn, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')") - wal);
  note("re-read, row versions", settled_stats() - before);
}

void EndToEnd::measure_once() {
  const std::string one = cluster_.create_database("one");
  timed({ODETL_PROGRAM, "--config", write_config(one, tenant_), "migrate"});
  const double wal = sql(one, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')");
  load("first load, 1 worker", one, tenant_, {"--workers", "1"});
  note("first load, WAL bytes", sql(one, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')") - wal);
  note("rows", sql(one, "SELECT count(*) FROM opendialog.interactions"));
  const auto file = directory_ / "rows";
  test::run({"psql", "-XAtq", "-d", one, "-c", "\\copy (SELECT * FROM opendialog.interactions) to '" + file.string() + "'"}, {},
            10min);
  raw_copy();
  if (wanted("reread")) reread(one);
  if (wanted("two")) load("first load, 2 workers", cluster_.create_database("two"), tenant_, {"--workers", "2"});
  raw_copy();
  if (wanted("idle")) idle(one);
}

// A daemon with nothing to do: what a poll costs, and what that is at one a minute.
void EndToEnd::idle(const std::string& dsn) {
  const std::string config =
      write_config(dsn, tenant_, fmt::format("windows: {{start: '{}', poll_interval: 1s, rechecks: []}}", "2024-02-29"));
  timed({ODETL_PROGRAM, "--config", config, "run", "--once"});
  test::ChildProcess daemon({ODETL_PROGRAM, "--config", config, "run"});
  const auto ticks = [&] {
    std::ifstream stat(fmt::format("/proc/{}/stat", daemon.pid()));
    std::string word;
    double sum = 0;
    for (int i = 1; stat >> word && i <= 15; ++i) {
      if (i >= 14) sum += std::stod(word);
    }
    return sum / static_cast<double>(sysconf(_SC_CLK_TCK));
  };
  const auto polls = [&] { return sql(dsn, "SELECT count(*) FROM opendialog.window_log WHERE reason = 'poll'"); };
  std::this_thread::sleep_for(3s);
  const double cpu = ticks();
  const double before = polls();
  std::this_thread::sleep_for(20s);
  const double each = (ticks() - cpu) / (polls() - before);
  note("idle daemon, CPU % at one poll a minute", each / 60 * 100);
  std::ifstream status(fmt::format("/proc/{}/status", daemon.pid()));
  for (std::string word; status >> word;) {
    if (word != "VmRSS:") continue;
    double kib = 0;
    status >> kib;
    note("idle daemon, RSS MiB", kib / 1024);
  }
  daemon.kill(SIGTERM);
  daemon.wait();
}

// A fifth of the rows into an empty warehouse, and into a partition that holds twice all of them.
void EndToEnd::onto_ten_times_as_much() {
  const Tenant few(kFew, options_.rows / 5, options_.gzip);
  const std::string full = cluster_.create_database("full");
  {
    const Tenant many(kMany, options_.rows * 2, options_.gzip);
    load("twice as much, 2 workers", full, many, {"--workers", "2"});
  }
  for (int i = 0; i < options_.repeat; ++i) {
    load("a fifth into an empty warehouse", cluster_.create_database("few"), few, {"--workers", "1"});
    const std::string copy = cluster_.dsn("copy");
    cluster_.query("DROP DATABASE IF EXISTS copy");
    cluster_.query("CREATE DATABASE copy TEMPLATE \"full\"");
    load("a fifth onto ten times as much", copy, few, {"--workers", "1"});
  }
}

void EndToEnd::report() const {
  const auto at = [&](const std::string& what) {
    const auto found = figures_.find(what);
    return found == figures_.end() ? 0.0 : median(found->second);
  };
  fmt::print("\n| figure | median | least | most |\n|---|---|---|---|\n");
  for (const auto& [what, values] : figures_) {
    fmt::print("| {} | {:.3f} | {:.3f} | {:.3f} |\n", what, median(values), *std::min_element(values.begin(), values.end()),
               *std::max_element(values.begin(), values.end()));
  }
  const double raw = at("raw \\copy, s");
  fmt::print("\n| work | measured | target |\n|---|---|---|\n");
  const auto ratio = [&](const char* what, double value, double base, const char* target) {
    if (value > 0 && base > 0) fmt::print("| {} | {:.3f} | {} |\n", what, value / base, target);
  };
  ratio("first load, 1 worker / \\copy", at("first load, 1 worker, s"), raw, "<= 1.1");
  ratio("first load, 2 workers / \\copy", at("first load, 2 workers, s"), raw, "<= 0.75");
  ratio("re-read, 1 worker / \\copy", at("re-read, 1 worker, s"), raw, "<= 0.2");
  ratio("re-read, WAL / first load's", at("re-read, WAL bytes"), at("first load, WAL bytes"), "<= 0.01");
  ratio("onto ten times as much / into nothing", at("a fifth onto ten times as much, s"), at("a fifth into an empty warehouse, s"), "<= 1.2");
  ratio("client CPU s per 100,000 rows", at("first load, 1 worker, client CPU s"), at("rows") / 1e5, "<= 0.2");
}

void EndToEnd::run() {
  for (int i = 0; i < options_.repeat; ++i) {
    fmt::print(stderr, "run {} of {}\n", i + 1, options_.repeat);
    measure_once();
  }
  if (wanted("full")) onto_ten_times_as_much();
  report();
}

}  // namespace
}  // namespace odetl::bench

int main(int argc, char** argv) {
  odetl::bench::Options options;
  CLI::App app("Times loads end to end against psql's \\copy of the same rows.");
  app.add_option("--rows", options.rows, "rows of the tenant")->capture_default_str();
  app.add_option("--repeat", options.repeat, "how often; medians are printed")->capture_default_str();
  app.add_flag("!--no-gzip", options.gzip, "the tenant compresses nothing");
  app.add_option("--only", options.only, "of: two reread full idle");
  CLI11_PARSE(app, argc, argv);
  odetl::bench::EndToEnd(options).run();
}

#include "tests/bench/service_costs.hpp"

#include <spdlog/fmt/chrono.h>
#include <spdlog/fmt/fmt.h>

#include <chrono>
#include <csignal>
#include <thread>

namespace odetl::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kIdleFor = 30s;
constexpr auto kWarmUp = 25s;  // the first polls read what was there before
constexpr auto kListenFor = 60s;
constexpr int kRowsADay = 864'000;

std::string ago(std::chrono::seconds time) {
  const auto then = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now() - time);
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(then)));
}

class Daemon {
 public:
  Daemon(Stage& stage, const std::string& dsn, const Tenant& tenant, const std::string& windows)
      : config_(stage.configure(dsn, tenant, windows)), process_({ODETL_PROGRAM, "--config", config_, "run"}) {}
  ~Daemon() {
    process_.kill(SIGTERM);
    process_.wait();
  }
  pid_t pid() const { return process_.pid(); }

 private:
  std::string config_;
  test::ChildProcess process_;
};

// What polls add up to, at one moment.
struct Totals {
  double polls, requests, transactions, cpu_s;
};

Totals totals(const Stage& stage, const std::string& dsn, const Tenant& tenant, const Daemon& daemon) {
  const auto count = [&](const char* query) { return stage.number(dsn, query); };
  return {count("SELECT count(*) FROM opendialog.window_log WHERE reason = 'poll'"), tenant.requests(),
          count("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"), cpu_so_far(daemon.pid())};
}

}  // namespace

void measure_idle(Stage& stage) {
  const Tenant tenant({ago(48h), ago(24h)}, 20'000, Order::insertion);
  const std::string dsn = stage.cluster.create_database("idle");
  const Daemon daemon(stage, dsn, tenant, fmt::format("windows: {{start: '{}', poll_interval: 1s, rechecks: []}}", ago(1h)));
  std::this_thread::sleep_for(5s);
  const Totals before = totals(stage, dsn, tenant, daemon);
  std::this_thread::sleep_for(kIdleFor);
  const Totals after = totals(stage, dsn, tenant, daemon);
  const double polls = after.polls - before.polls;
  const double own = 2;  // transactions: the two questions
  stage.figures.note("idle, RSS MiB", rss_now(daemon.pid()) / 1048576);
  stage.figures.note("idle, CPU ms a poll", (after.cpu_s - before.cpu_s) / polls * 1000);
  stage.figures.note("idle, CPU % at one poll a minute", (after.cpu_s - before.cpu_s) / polls / 60 * 100);
  stage.figures.note("idle, requests a poll", (after.requests - before.requests) / polls);
  stage.figures.note("idle, transactions a poll", (after.transactions - before.transactions - own) / polls);
}

void measure_latency(Stage& stage) {
  stage.cluster.set_parameter("track_commit_timestamp", "on");
  stage.cluster.restart();
  const Tenant tenant({ago(1h), ago(0s)}, kRowsADay / 24, Order::insertion, {"--live"});
  const std::string dsn = stage.cluster.create_database("latency");
  const Daemon daemon(stage, dsn, tenant, fmt::format("windows: {{start: '{}', poll_interval: 5s}}", ago(10min)));
  std::this_thread::sleep_for(kWarmUp);
  const std::string from = ago(0s);
  std::this_thread::sleep_for(kListenFor);
  const std::string to = ago(0s);
  std::this_thread::sleep_for(kWarmUp);  // until the last of them are there
  const auto seconds = [&](const char* share) {
    return stage.number(dsn, fmt::format("SELECT percentile_cont({}) WITHIN GROUP (ORDER BY extract(epoch FROM "
                                         "pg_xact_commit_timestamp(xmin) - occurred_at)) FROM opendialog.interactions "
                                         "WHERE occurred_at >= '{}' AND occurred_at < '{}'", share, from, to));
  };
  stage.figures.note("latency, rows",
                     stage.number(dsn, fmt::format("SELECT count(*) FROM opendialog.interactions WHERE occurred_at >= "
                                                   "'{}' AND occurred_at < '{}'", from, to)));
  stage.figures.note("latency, median s", seconds("0.5"));
  stage.figures.note("latency, p99 s", seconds("0.99"));
  stage.figures.note("latency, longest s", seconds("1"));
}

}  // namespace odetl::bench
